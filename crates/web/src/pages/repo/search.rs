//! Finding a text or a file.

use super::frame::{Frame, RepoPage, place};
use crate::pages::error::PageError;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Json;
use axum::extract::Query;
use axum::response::Html;
use code::{CodePath, Search, SearchHit};
use serde::Deserialize;

const FILES_MAX: usize = 100;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    /// A branch, a tag, an id; nothing: the default branch.
    #[serde(default)]
    at: String,
}

/// A file in which it was found.
struct HitView {
    path: String,
    href: String,
    /// Number, HTML, address.
    lines: Vec<(u32, String, String)>,
}

#[derive(Template)]
#[template(path = "repo/search.html")]
struct SearchPage {
    shell: Shell,
    frame: Frame,
    q: String,
    at: String,
    hits: Vec<HitView>,
    full: bool,
}

/// `/OWNER/NAME/-/search?q=`
pub(crate) async fn search(page: RepoPage, Query(Wanted { q, at }): Query<Wanted>) -> Result<Html<String>, PageError> {
    let (shell, frame) = (page.shell(), page.frame("code"));
    let at = if at.is_empty() { frame.branch.clone() } else { at };
    let mut hits = Vec::new();
    if !q.trim().is_empty() && !frame.empty {
        let (text, name) = (q.clone(), at.clone());
        hits = page
            .read(move |source| {
                let revision = source.resolve(&name)?;
                source.search(&revision.id, &Search { text, path: CodePath::root(), files_max: FILES_MAX })
            })
            .await?;
    }
    let full = hits.len() >= FILES_MAX;
    let hits = hits.iter().map(|hit| view(&frame, &at, hit)).collect();
    Ok(Html(SearchPage { shell, frame, q, at, hits, full }.render()?))
}

fn view(frame: &Frame, at: &str, hit: &SearchHit) -> HitView {
    let href = format!("{}/file/{}", frame.base(), place(at, &hit.path));
    let line = |line: &code::SearchLine| {
        (line.number, marked(&line.text, &line.ranges), format!("{href}?source#L{}", line.number))
    };
    HitView { path: hit.path.shown(), lines: hit.lines.iter().map(line).collect(), href }
}

/// A line with what was found marked.
fn marked(text: &[u8], ranges: &[(u32, u32)]) -> String {
    let (mut html, mut at) = (String::new(), 0usize);
    for (from, to) in ranges {
        let (from, to) = (*from as usize, *to as usize);
        if from < at || to > text.len() || from > to {
            continue;
        }
        let part = |bytes: &[u8]| render::escape(&String::from_utf8_lossy(bytes));
        html.push_str(&part(&text[at..from]));
        html.push_str(&format!("<mark>{}</mark>", part(&text[from..to])));
        at = to;
    }
    html.push_str(&render::escape(&String::from_utf8_lossy(&text[at..])));
    html
}

/// `/OWNER/NAME/-/paths`: every file of the default branch, shown and as in addresses, for the finder.
pub(crate) async fn paths(
    page: RepoPage,
    Query(Wanted { at, .. }): Query<Wanted>,
) -> Result<Json<Vec<(String, String)>>, PageError> {
    let at = if at.is_empty() { page.frame("code").branch } else { at };
    let paths = page.read(move |source| source.paths(&source.resolve(&at)?.id)).await?;
    Ok(Json(paths.iter().map(|path| (path.shown(), path.in_address())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_marked_and_nothing_else_gets_through() {
        assert_eq!(marked(b"<a> b <a>", &[(0, 3), (6, 9)]), "<mark>&lt;a&gt;</mark> b <mark>&lt;a&gt;</mark>");
        assert_eq!(marked(b"abc", &[(2, 9), (1, 0)]), "abc");
    }
}
