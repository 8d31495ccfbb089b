//! `/OWNER/NAME/-/locks`: who has locked what in a repository of Subversion, and breaking a lock.

use super::frame::{Frame, RepoPage, place};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::CodePath;
use forge::Error;
use forge::svn::SvnLockInfo;
use serde::Deserialize;

/// A lock as pages show it.
pub(crate) struct LockRow {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) href: String,
    pub(crate) owner: String,
    pub(crate) comment: String,
    /// The day it was made.
    pub(crate) since: String,
}

impl LockRow {
    fn new(base: &str, lock: &SvnLockInfo) -> Self {
        let path = CodePath::parse(lock.path.as_bytes()).unwrap_or_default();
        Self {
            name: lock.name.clone(),
            href: format!("{base}/file/{}", place("HEAD", &path)),
            path: path.shown(),
            owner: code::visible(lock.owner.as_bytes()),
            comment: code::visible(lock.comment.as_bytes()),
            since: code::visible(lock.created.split('T').next().unwrap_or_default().as_bytes()),
        }
    }
}

/// The lock on a path, if there is one.
pub(crate) async fn lock_on(app: &App, page: &RepoPage, path: &CodePath) -> Result<Option<LockRow>, PageError> {
    let frame = page.frame("code");
    if !frame.is_svn {
        return Ok(None);
    }
    let locks = app.site.svn_locks(&page.code).await?;
    let found = locks.iter().find(|lock| lock.path.as_bytes() == path.as_bytes());
    Ok(found.map(|lock| LockRow::new(&frame.base(), lock)))
}

#[derive(Template)]
#[template(path = "repo/locks.html")]
struct LocksPage {
    shell: Shell,
    frame: Frame,
    locks: Vec<LockRow>,
}

/// Who has locked what.
pub(crate) async fn locks(State(app): State<App>, page: RepoPage) -> Result<Html<String>, PageError> {
    let (shell, frame) = (page.shell(), page.frame("locks"));
    let locks = app.site.svn_locks(&page.code).await?;
    let locks = locks.iter().map(|lock| LockRow::new(&frame.base(), lock)).collect();
    Ok(Html(LocksPage { shell, frame, locks }.render()?))
}

#[derive(Deserialize)]
pub(crate) struct Which {
    name: String,
}

/// Breaks a lock.
pub(crate) async fn break_lock(
    State(app): State<App>,
    page: RepoPage,
    Form(Which { name }): Form<Which>,
) -> Result<Response, PageError> {
    let who = page.visitor.who.clone().ok_or_else(|| Error::Unauthenticated("sign in to break a lock".into()))?;
    app.site.svn_break_lock(&who, &page.address, name).await?;
    Ok(Redirect::to(&format!("{}/locks", page.frame("locks").base())).into_response())
}
