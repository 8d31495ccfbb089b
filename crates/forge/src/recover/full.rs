//! `--full`: every repository filled and checked before anybody is told that all is well.

use super::erased::Erased;
use super::report::Progress;
use super::survey::Survey;
use crate::db::Db;
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::keys::Keys;
use crate::log;
use crate::projector::all_repos;
use crate::repo::{BlobSource, Opened, Repositories, query, refs_as_of};
use crate::site::{Readers, SiteLimits};
use crate::spool::Spool;
use crate::svn::SvnStore;
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use svn::SvnPrint;
use tokio::sync::watch;

/// What the check of all repositories found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullReport {
    /// Repositories filled and checked.
    pub repositories: u64,
    /// Repositories whose content was erased later than what a view shows, and is in no vault that was read.
    pub erased: u64,
    /// Refs compared with the journal.
    pub refs: u64,
    /// What is wrong, each with its repository. Empty: nothing.
    pub problems: Vec<String>,
    /// What each repository of Subversion is that could be read, by its number.
    pub prints: BTreeMap<u64, SvnPrint>,
}

impl fmt::Display for FullReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} repositories filled and checked (git fsck, svnadmin verify), {} refs as the journal has them",
            self.repositories, self.refs
        )?;
        if self.erased > 0 {
            write!(f, "; the content of {} more was erased by order", self.erased)?;
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\nproblem: {problem}"))
    }
}

/// Where repositories are filled, and with what.
pub(super) struct Place<'a> {
    pub(super) dir: &'a Path,
    pub(super) limits: &'a SiteLimits,
    pub(super) keys: &'a Keys,
    pub(super) erased: Erased,
}

pub(super) async fn fill_and_check(
    survey: &Survey,
    place: &Place<'_>,
    database: &Db,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<FullReport, Error> {
    let size = database.read(log::checkpoint_last)?.map_or(0, |checkpoint| checkpoint.size);
    let (keys, dir) = (place.keys, place.dir.join("spool"));
    let spool = Arc::new(Spool::open(&dir, keys.recipients()?, place.limits.spool_bytes_max, size)?);
    let urls: Vec<_> = survey.sources.iter().map(|source| source.client.url().clone()).collect();
    let blobs = BlobSource::new(spool, keys.identities()?, Arc::new(Readers::new(&urls)?), dir);
    let git = git::Git::find(place.limits.git).map_err(|e| Error::internal(e.to_string()))?;
    let held = watch::Sender::new(size);
    let store = SvnStore {
        dir: place.dir.join("svn"),
        db: database.clone(),
        blobs: blobs.clone(),
        held: held.subscribe(),
        erased: place.erased.clone(),
    };
    let (db, erased) = (database.clone(), place.erased.clone());
    let repositories = Repositories::new(&place.dir.join("git"), git, db, blobs, held.subscribe(), erased)?;
    let ids = all_repos(database).await?;
    let mut report = FullReport { repositories: 0, erased: 0, refs: 0, problems: Vec::new(), prints: BTreeMap::new() };
    // As many at once as there are processors: each is mostly a git that hashes.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let (repositories, store) = (&repositories, &store);
    let of = ids.len() as u64;
    let checks = ids.into_iter().map(|(id, kind)| async move {
        let repo = database.read_async(move |tx| query::repo_by_id(tx, id)).await;
        let path = repo.ok().flatten().map_or_else(|| id.to_string(), |repo| repo.path);
        let checked = match kind {
            RepoKind::Git => check(repositories, database, id, size).await.map(|(refs, found)| (refs, found, None)),
            RepoKind::Svn => check_svn(store, id).await.map(|(print, found)| (0, found, Some((id, print)))),
        };
        (path, checked)
    });
    let mut checks = stream::iter(checks).buffer_unordered(at_once);
    while let Some((path, checked)) = checks.next().await {
        progress(Progress::Repository { path: path.clone(), done: report.repositories + report.erased + 1, of });
        match checked {
            Ok((refs, problems, print)) => {
                report.refs += refs;
                report.prints.extend(print);
                report.problems.extend(problems.iter().map(|problem| format!("{path}: {problem}")));
            }
            Err(Error::Erased(_)) => {
                report.erased += 1;
                continue;
            }
            Err(error) => report.problems.push(format!("{path}: {error}")),
        }
        report.repositories += 1;
    }
    Ok(report)
}

async fn check(repositories: &Repositories, database: &Db, id: u64, size: u64) -> Result<(u64, Vec<String>), Error> {
    let opened: Opened = loop {
        match repositories.open_id(id).await {
            // A large one: it goes on being filled, and there is nothing else to do here.
            Err(Error::Filling(_)) => {}
            other => break other?,
        }
    };
    let expected = database.read_async(move |tx| refs_as_of(tx, id, size)).await?;
    let mut problems = opened.git.fsck().await.map_err(|e| Error::internal(e.to_string()))?;
    let there = opened.refs.refs();
    for there in there.iter().filter(|there| !expected.contains_key(there.name.as_str())) {
        problems.push(format!("the ref {} is in no entry", there.name));
    }
    for (name, oid) in &expected {
        let found = there.iter().find(|there| there.name.as_str() == name.as_str());
        if found.is_none_or(|found| found.id.as_bytes() != oid.as_bytes()) {
            problems.push(format!("the ref {name} is not at {oid}"));
        }
    }
    Ok((expected.len() as u64, problems))
}

/// Filled, every content read here, and looked through by Subversion's own program where that is installed.
async fn check_svn(store: &SvnStore, id: u64) -> Result<(SvnPrint, Vec<String>), Error> {
    let repository = store.fill_only(id).await?;
    let root = repository.root();
    let reading = tokio::task::spawn_blocking(move || SvnPrint::read(&root, None));
    let print = reading.await.map_err(|e| Error::internal(format!("reading broke off: {e}")))??;
    let Ok(programs) = svn::Programs::find() else { return Ok((print, Vec::new())) };
    let found = repository.verify(&programs).await.map_err(|e| Error::internal(e.to_string()))?;
    Ok((print, found.into_iter().collect()))
}
