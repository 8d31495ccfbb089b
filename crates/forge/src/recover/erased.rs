//! Content that a past moment had and that officers ordered to be erased later: a view says so where it is missing, by the journal's
//! word, which goes on beyond what the view shows.

use crate::db::Db;
use crate::error::Error;
use crate::event::Event;
use crate::log::{FetchEvent, LogKeys};
use crate::replay::Skips;
use crate::repo::query::repo_by_id;
use journal::batch::Batch;
use std::fmt;
use std::sync::Arc;

/// Kinds of the events that say it: `OrderExecuted`, and `RepoErased` after it.
const KINDS: [u32; 2] = [187, 260];

/// A repository of a view whose content was erased after the moment that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedLater {
    /// The repository.
    pub repo: u64,
    /// The order's number.
    pub order: u64,
    /// The entry with which the site carried it out.
    pub entry: u64,
    /// Where the repository was at that moment.
    pub path: String,
}

impl fmt::Display for ErasedLater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the content of {} was erased by order {} (entry {})", self.path, self.order, self.entry)
    }
}

impl ErasedLater {
    /// One line of a view's file; the path comes last.
    pub(super) fn to_line(&self) -> String {
        format!("erased {} {} {} {}\n", self.repo, self.order, self.entry, self.path)
    }

    pub(super) fn of_line(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("erased ")?.splitn(4, ' ');
        let (repo, order, entry) = (words.next()?, words.next()?, words.next()?);
        let path = words.next()?.to_owned();
        Some(Self { repo: repo.parse().ok()?, order: order.parse().ok()?, entry: entry.parse().ok()?, path })
    }
}

/// What says why a repository can't be filled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Erased(Arc<[ErasedLater]>);

impl Erased {
    pub(crate) fn new(later: &[ErasedLater]) -> Self {
        Self(later.into())
    }

    /// The reason in place of what filling a repository failed with, where there is one.
    pub(crate) fn explain(&self, repo: u64, error: Error) -> Error {
        match self.0.iter().find(|erased| erased.repo == repo) {
            Some(erased) => Error::Erased(format!(
                "{erased}, and the vaults that are read here have carried that out; all other repositories can be read"
            )),
            None => error,
        }
    }
}

/// Goes through the log beyond what a view shows.
pub(super) struct Search<'a> {
    keys: &'a LogKeys,
    skips: &'a Skips,
    fetch: &'a FetchEvent<'a>,
    order: u64,
    found: Vec<ErasedLater>,
}

impl<'a> Search<'a> {
    pub(super) fn new(keys: &'a LogKeys, skips: &'a Skips, fetch: &'a FetchEvent<'a>) -> Self {
        Self { keys, skips, fetch, order: 0, found: Vec::new() }
    }

    /// The entries of a batch from `first` on.
    pub(super) fn look(&mut self, batch: &Batch, first: u64) -> Result<(), Error> {
        for (envelope, seq) in batch.entries.iter().zip(batch.first..) {
            if seq < first || self.skips.contains(seq) {
                continue;
            }
            let Some(opened) = self.keys.open_of_kinds(batch.epoch, seq, envelope, &KINDS, self.fetch)? else {
                continue;
            };
            match opened.event {
                Event::OrderExecuted(e) => self.order = e.order,
                Event::RepoErased(e) => {
                    let (order, path) = (self.order, String::new());
                    self.found.push(ErasedLater { repo: e.repo, order, entry: seq, path });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Those of the repositories that the view has, with where they are in it.
    pub(super) fn end(self, database: &Db) -> Result<Vec<ErasedLater>, Error> {
        let mut found = self.found;
        database.read(|tx| {
            for erased in &mut found {
                erased.path = repo_by_id(tx, erased.repo)?.map(|repo| repo.path).unwrap_or_default();
            }
            Ok::<_, Error>(())
        })?;
        found.retain(|erased| !erased.path.is_empty());
        Ok(found)
    }
}
