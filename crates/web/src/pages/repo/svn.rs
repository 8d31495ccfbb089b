//! The front page of a repository of Subversion: how to work in it, its newest revisions, who has locked what.

use super::frame::{Frame, RepoPage};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use forge::svn::{SvnLockInfo, SvnRevision};

/// Revisions and locks that the page shows.
const SHOWN_MAX: u32 = 50;

struct Row {
    rev: u64,
    author: String,
    /// HTML.
    time: String,
    subject: String,
    rest: String,
}

#[derive(Template)]
#[template(path = "repo/svn.html")]
struct SvnPage {
    shell: Shell,
    frame: Frame,
    youngest: u64,
    rows: Vec<Row>,
    locks: Vec<SvnLockInfo>,
    missing: String,
}

/// `/OWNER/NAME`
pub(super) async fn home(app: &App, page: RepoPage) -> Result<Response, PageError> {
    let overview = app.site.svn_overview(&page.code, SHOWN_MAX).await?;
    let page = SvnPage {
        shell: page.shell(),
        frame: page.frame("code"),
        youngest: overview.youngest,
        rows: overview.revisions.iter().map(row).collect(),
        locks: overview.locks,
        missing: app.site.subversion().missing().unwrap_or_default().to_owned(),
    };
    Ok(Html(page.render()?).into_response())
}

fn row(revision: &SvnRevision) -> Row {
    let (subject, rest) = revision.message.trim().split_once('\n').unwrap_or((revision.message.trim(), ""));
    Row {
        rev: revision.rev,
        author: if revision.author.is_empty() { "nobody known".to_owned() } else { revision.author.clone() },
        time: show::time_us(revision.time_us),
        subject: if subject.is_empty() { "(no message)".to_owned() } else { subject.to_owned() },
        rest: rest.trim().to_owned(),
    }
}
