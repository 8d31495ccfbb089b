//! How a repository is held.

use super::frame::{Frame, RepoPage};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::site::VaultRow;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "repo/safety.html")]
struct SafetyPage {
    shell: Shell,
    frame: Frame,
    /// The entry that last changed what the refs show.
    entry: u64,
    held: bool,
    pushed: String,
    /// Vaults that have that entry, and all there are.
    holders: Vec<VaultRow>,
    all: usize,
    address: String,
}

/// `/OWNER/NAME/-/safety`
pub(crate) async fn safety(State(app): State<App>, page: RepoPage) -> Result<Html<String>, PageError> {
    let (shell, frame) = (page.shell(), page.frame("safety"));
    let repo = page.code.repo();
    let vaults = crate::pages::site::vault_rows(&app);
    let all = vaults.len();
    let page = SafetyPage {
        shell,
        frame,
        address: format!("{}/{}", app.site.base_url(), repo.path),
        entry: repo.seq,
        held: app.site.held() > repo.seq,
        pushed: show::time_us(repo.pushed_us.unwrap_or(repo.created_us)),
        holders: vaults.into_iter().filter(|vault| vault.size > repo.seq).collect(),
        all,
    };
    Ok(Html(page.render()?))
}
