//! Commits that are told by mail: to whoever asked for it and may still read all of the repository.

use super::paths::reads_all;
use crate::access::{Authorized, Read, role};
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::repo::Visibility;
use crate::event::svn::SvnCommitted;
use crate::event::svn_mail::SvnMailSet;
use crate::people::query::user_by_id;
use crate::repo::Repo;
use crate::repo::command::recheck;
use crate::repo::query::repo_by_id;
use crate::writer::{Command, Decide};
use std::path::Path;
use svn::Properties;
use svn::incoming::{Action, Incoming};

/// Accounts that are told of one repository's commits.
pub const COMMIT_MAIL_READERS_MAX: u64 = 500;
/// Changed paths that a letter lists.
pub const COMMIT_MAIL_PATHS_MAX: usize = 200;
/// Characters of a log message in a letter's subject.
const SUBJECT_CHARS_MAX: usize = 80;

/// Says whether somebody is told of a repository's commits.
#[derive(Debug)]
pub(crate) struct SvnMailPut {
    pub(crate) proof: Authorized<Read>,
    pub(crate) account: u64,
    pub(crate) on: bool,
}

impl Command for SvnMailPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        if !repo.is_svn() {
            return Err(Error::invalid("only commits to Subversion are told by mail"));
        }
        if is_told(tx, repo.id, self.account)? == self.on {
            return Ok((Vec::new(), ()));
        }
        let sql = "SELECT count(*) FROM svn_mail WHERE repo = ?1";
        let readers: u64 = tx.query_one(sql, &[repo.id.into()])?.get(0)?;
        if self.on && readers >= COMMIT_MAIL_READERS_MAX {
            return Err(Error::invalid(format!(
                "{readers} people are told of its commits already, and no more can be"
            )));
        }
        Ok((vec![SvnMailSet { repo: repo.id, account: self.account, on: self.on }.into()], ()))
    }
}

/// Whether an account asked to be told of a repository's commits.
pub(crate) fn is_told(tx: &mut Tx, repo: u64, account: u64) -> Result<bool, DbError> {
    let sql = "SELECT seq FROM svn_mail WHERE repo = ?1 AND account = ?2";
    Ok(tx.query_opt(sql, &[repo.into(), account.into()])?.is_some())
}

/// The addresses that are told of a commit.
pub(crate) fn mail_readers(tx: &mut Tx, commit: &SvnCommitted) -> Result<Vec<String>, DbError> {
    let Some(repo) = repo_by_id(tx, commit.repo)? else { return Ok(Vec::new()) };
    let rows = tx.query("SELECT account FROM svn_mail WHERE repo = ?1 ORDER BY account", &[repo.id.into()])?;
    let mut to = Vec::new();
    for row in rows {
        let account = row.get(0)?;
        if may_read(tx, account, &repo)? {
            to.extend(user_by_id(tx, account)?.and_then(|user| user.email));
        }
    }
    Ok(to)
}

fn may_read(tx: &mut Tx, account: u64, repo: &Repo) -> Result<bool, DbError> {
    let reads = repo.visibility != Visibility::Private || role(tx, account, repo)?.is_some();
    Ok(reads && reads_all(tx, Some(account), repo)?)
}

/// Subject and text for somebody; None: they may not be told any more. `repositories`: where they lie, for what has changed.
pub(crate) fn letter(
    tx: &mut Tx,
    site: &str,
    host: &str,
    to: &str,
    commit: &SvnCommitted,
    repositories: Option<&Path>,
) -> Result<Option<(String, String)>, DbError> {
    let Some(repo) = repo_by_id(tx, commit.repo)? else { return Ok(None) };
    if !mail_readers(tx, commit)?.iter().any(|reader| reader == to) {
        return Ok(None);
    }
    let properties = Properties::parse(&commit.properties).unwrap_or_default();
    let of = |name| properties.text(name).unwrap_or_default();
    let (rev, path, message) = (commit.rev, &repo.path, of("svn:log"));
    let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(no message)");
    let first: String = first.chars().filter(|c| !c.is_control()).take(SUBJECT_CHARS_MAX).collect();
    let changed = repositories.map(|dir| changed(&dir.join(repo.id.to_string()).join("repo"), rev)).unwrap_or_default();
    let text = format!(
        "Revision {rev} of {path}, by {}, {}\n\n{}\n\n{changed}{site}/{path}/-/commit/r{rev}\n\n\
         You asked to be told of commits; {site}/{path}/-/activity ends it.\n",
        of("svn:author"),
        of("svn:date"),
        message.trim_end(),
    );
    Ok(Some((format!("[{host}] {path} r{rev}: {first}"), text)))
}

/// What a revision changed, a line each; nothing when its files are not there to be read.
fn changed(root: &Path, rev: u64) -> String {
    let Ok(incoming) = Incoming::open(root, rev) else { return String::new() };
    let changes = incoming.changes();
    let line = |change: &svn::incoming::ChangedPath| {
        let letter = match change.action {
            Action::Add => 'A',
            Action::Delete => 'D',
            Action::Replace => 'R',
            _ => 'M',
        };
        format!("   {letter} {}\n", String::from_utf8_lossy(&change.path).replace(char::is_control, "?"))
    };
    let mut text: String = changes.iter().take(COMMIT_MAIL_PATHS_MAX).map(line).collect();
    if changes.len() > COMMIT_MAIL_PATHS_MAX {
        text.push_str(&format!("   and {} more\n", changes.len() - COMMIT_MAIL_PATHS_MAX));
    }
    format!("Changed paths:\n{text}\n")
}
