//! Branches and tags.

mod make;
mod remove;

pub(crate) use make::{branch_do, branch_new, tag_do, tag_new};
pub(crate) use remove::{branch_gone, branch_remove, tag_gone, tag_remove};

use super::frame::{Frame, RepoPage, RevisionRow, place};
use crate::app::App;
use crate::pages::error::{PageError, form_urlencoded};
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use code::{CodePath, NameKind, Named};
use forge::event::protect::Protected;
use forge::protect::Protection;
use forge::protect::query::deciding;
use serde::Deserialize;

const PAGE: usize = 30;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    skip: usize,
    /// The push that made or deleted one just now.
    entry: Option<u64>,
}

/// A branch or tag in the list.
struct NameRow {
    name: String,
    is_default: bool,
    /// The rule that protects it.
    rule: String,
    tree: String,
    log: String,
    compare: String,
    /// For archives: without the ending.
    archive: String,
    /// The page that asks whether it shall go; empty: it can't, or not by who looks.
    remove: String,
    revision: RevisionRow,
    ahead_behind: Option<(u32, u32)>,
    annotation: String,
}

#[derive(Template)]
#[template(path = "repo/names.html")]
struct NamesPage {
    shell: Shell,
    frame: Frame,
    branches: bool,
    /// What was just done, and its entry.
    done: Option<(String, u64)>,
    q: String,
    count: String,
    names: Vec<NameRow>,
    before: Option<String>,
    after: Option<String>,
}

/// `/OWNER/NAME/-/branches`
pub(crate) async fn branches(
    State(app): State<App>,
    page: RepoPage,
    Query(wanted): Query<Wanted>,
) -> Result<Html<String>, PageError> {
    names(&app, page, NameKind::Branch, wanted).await
}

/// `/OWNER/NAME/-/tags`
pub(crate) async fn tags(
    State(app): State<App>,
    page: RepoPage,
    Query(wanted): Query<Wanted>,
) -> Result<Html<String>, PageError> {
    names(&app, page, NameKind::Tag, wanted).await
}

async fn names(
    app: &App,
    page: RepoPage,
    kind: NameKind,
    Wanted { q, skip, entry }: Wanted,
) -> Result<Html<String>, PageError> {
    let is_branches = kind == NameKind::Branch;
    let (shell, frame) = (page.shell(), page.frame(if is_branches { "branches" } else { "tags" }));
    let rules = app.site.protections_seen(page.code.proof()).await?;
    let filter = q.clone();
    let (found, count) = page.read(move |source| source.names(kind, &filter, skip, PAGE, is_branches)).await?;
    let done = match entry {
        Some(entry) => done(app, &page, kind, entry).await?,
        None => None,
    };
    let link = |skip: usize| format!("?q={}&skip={skip}", form_urlencoded(&q));
    let page = NamesPage {
        names: found.iter().map(|named| row(&frame, named, &rules)).collect(),
        count: if is_branches {
            show::counted(count as u64, "branch", "branches")
        } else {
            show::counted(count as u64, "tag", "tags")
        },
        before: (skip > 0).then(|| link(skip.saturating_sub(PAGE))),
        after: (skip + found.len() < count).then(|| link(skip + PAGE)),
        branches: is_branches,
        done,
        shell,
        frame,
        q,
    };
    Ok(Html(page.render()?))
}

/// What an entry did to one branch or tag, in words; nothing, unless it is such a push.
async fn done(app: &App, page: &RepoPage, kind: NameKind, entry: u64) -> Result<Option<(String, u64)>, PageError> {
    let Some(moves) = app.site.push_at(&page.code, entry).await? else { return Ok(None) };
    let [moved] = moves.as_slice() else { return Ok(None) };
    let prefix = if kind == NameKind::Tag { "refs/tags/" } else { "refs/heads/" };
    let Some(name) = moved.name.strip_prefix(prefix) else { return Ok(None) };
    let what = match (&moved.old, &moved.new) {
        (None, Some(_)) => "is made",
        (Some(_), None) => "is deleted",
        _ => return Ok(None),
    };
    Ok(Some((format!("{} {what}.", code::visible(name.as_bytes())), entry)))
}

fn row(frame: &Frame, named: &Named, rules: &[Protection]) -> NameRow {
    let (base, name) = (frame.base(), place(&named.name, &CodePath::root()));
    let default = place(&frame.branch, &CodePath::root());
    let kind = if named.kind == NameKind::Tag { Protected::Tag } else { Protected::Branch };
    let rule = deciding(rules, kind, &named.name).map(|rule| rule.pattern.to_string()).unwrap_or_default();
    let is_default = named.kind == NameKind::Branch && named.name == frame.branch;
    let pages = if named.kind == NameKind::Tag { "tags" } else { "branches" };
    NameRow {
        rule,
        remove: if frame.can_edit() && !is_default { format!("{base}/{pages}/delete/{name}") } else { String::new() },
        name: code::visible(named.name.as_bytes()),
        is_default,
        tree: format!("{base}/tree/{name}"),
        log: format!("{base}/log/{name}"),
        compare: format!("{base}/compare/{default}...{name}"),
        archive: format!("{base}/archive/{name}"),
        revision: RevisionRow::from(&named.revision),
        ahead_behind: named.ahead_behind,
        annotation: code::visible(named.annotation.as_deref().unwrap_or_default().as_bytes()),
    }
}
