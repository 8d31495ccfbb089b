//! `/-/help/keys`: what the keyboard can do.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::response::Html;
use axum::routing::get;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/help/keys", get(keys))
}

#[derive(Template)]
#[template(path = "site/keys.html")]
struct KeysPage {
    shell: Shell,
    groups: [(&'static str, &'static [(&'static str, &'static str)]); 3],
}

async fn keys(visitor: Visitor) -> Result<Html<String>, PageError> {
    let groups: [(_, &[_]); 3] = [
        (
            "Everywhere",
            &[
                ("Ctrl K", "Go to a page or a repository"),
                ("/", "Find a repository"),
                ("g e", "Explore"),
                ("g s", "Safety of the site"),
                ("?", "This list"),
                ("Esc", "Close what is open"),
            ],
        ),
        (
            "In a repository",
            &[("g c", "Code"), ("g h", "History"), ("g b", "Branches"), ("g a", "Activity"), ("t", "Find a file")],
        ),
        (
            "In a file",
            &[
                ("y", "The address of this very revision"),
                ("b", "Who wrote each line"),
                ("e", "Edit it"),
                ("Shift click", "On a second line number: mark a range"),
            ],
        ),
    ];
    Ok(Html(KeysPage { shell: visitor.shell, groups }.render()?))
}
