//! Activity: what happened in repositories, as a projection of the journal.
//!
//! Invariants:
//! 1. Which entries are told follows from the events alone ([`record`] is part of applying them), so a recovered site tells the same.
//! 2. Whether somebody sees one is asked when it is read, of the function that opens repositories: what was public and is private
//!    now is gone from everybody's list at once.
//! 3. Who may use a repository is told to those who administer it.
//! 4. What is not held by a quorum is not told.

use crate::access::{Administer, Read, authorize_repo};
use crate::db::Tx;
use crate::error::Error;
use crate::event::{ApplyError, Event, Stamp};
use crate::log;
use crate::people::Principal;
use crate::repo::query::{Repo, repo_by_id};
use std::collections::BTreeMap;

/// Rows looked at for one page of a list: those that one may not see count too.
pub const ACTIVITY_LOOKED_AT_MAX: usize = 1_000;
/// Entries of one page at most.
pub const ACTIVITY_PAGE_MAX: u32 = 100;

/// The repository whose activity an event is; None: it is not told.
fn subject(event: &Event, seq: u64) -> Option<u64> {
    match event {
        Event::RepoCreated(_) => Some(seq),
        Event::RepoVisibilitySet(e) => Some(e.repo),
        Event::RepoRenamed(e) => Some(e.repo),
        Event::RepoDescribed(e) => Some(e.repo),
        Event::HeadSet(e) => Some(e.repo),
        Event::CollaboratorSet(e) => Some(e.repo),
        Event::CollaboratorRemoved(e) => Some(e.repo),
        Event::Pushed(e) => Some(e.repo),
        _ => None,
    }
}

/// Puts an event into the activity, when it is applied.
pub(crate) fn record(tx: &mut Tx, event: &Event, at: &Stamp) -> Result<(), ApplyError> {
    let Some(repo) = subject(event, at.seq) else { return Ok(()) };
    let sql = "INSERT INTO activity (seq, repo, actor) VALUES (?1, ?2, ?3)";
    tx.execute(sql, &[at.seq.into(), repo.into(), at.actor.unwrap_or(0).into()])?;
    Ok(())
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Its entry.
    pub seq: u64,
    /// Microseconds since 1970.
    pub time_us: i64,
    /// Who did it; None: the site itself, or its operator at the machine.
    pub actor: Option<String>,
    /// Where, as it is now.
    pub repo: Repo,
    /// What.
    pub event: Event,
    /// The account that it is about besides.
    pub about: Option<String>,
}

/// A page of a list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct ActivityPage {
    /// What happened.
    pub rows: Vec<Activity>,
    /// Where the next page begins ([`ActivityFilter::before`]); None: there is no more.
    pub next: Option<u64>,
}

/// Which activity.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivityFilter {
    /// In this repository.
    pub repo: Option<u64>,
    /// Of this account.
    pub actor: Option<u64>,
    /// In repositories that whoever looks has a part in, or by them.
    pub own: bool,
    /// Entries below this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// The activity that somebody may see.
pub(crate) fn activity_list(
    tx: &mut Tx,
    who: Option<&Principal>,
    held: u64,
    filter: &ActivityFilter,
) -> Result<ActivityPage, Error> {
    let mut reader = Reader { who, own: filter.own, repos: BTreeMap::new(), names: BTreeMap::new() };
    let mut page = ActivityPage::default();
    let found = rows(tx, filter, held.min(filter.before.unwrap_or(held)))?;
    let full = found.len() == ACTIVITY_LOOKED_AT_MAX;
    let last = found.last().copied();
    for (seq, repo) in found {
        if page.rows.len() == filter.limit.clamp(1, ACTIVITY_PAGE_MAX) as usize {
            page.next = page.rows.last().map(|row| row.seq);
            return Ok(page);
        }
        page.rows.extend(reader.read(tx, seq, repo)?);
    }
    page.next = last.filter(|_| full).map(|(seq, _)| seq);
    Ok(page)
}

/// Entries and their repositories, whoever may see them.
fn rows(tx: &mut Tx, filter: &ActivityFilter, before: u64) -> Result<Vec<(u64, u64)>, Error> {
    let limit = ACTIVITY_LOOKED_AT_MAX as u64;
    let rows = match (filter.repo, filter.actor) {
        (Some(repo), _) => {
            let sql = "SELECT seq, repo FROM activity WHERE repo = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
            tx.query(sql, &[repo.into(), before.into(), limit.into()])?
        }
        (None, Some(actor)) => {
            let sql = "SELECT seq, repo FROM activity WHERE actor = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
            tx.query(sql, &[actor.into(), before.into(), limit.into()])?
        }
        (None, None) => {
            let sql = "SELECT seq, repo FROM activity WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
            tx.query(sql, &[before.into(), limit.into()])?
        }
    };
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// What somebody may see of a repository.
#[derive(Clone)]
struct Seen {
    repo: Repo,
    administers: bool,
    takes_part: bool,
}

/// Reads rows for one who looks; asks about each repository once.
struct Reader<'a> {
    who: Option<&'a Principal>,
    own: bool,
    repos: BTreeMap<u64, Option<Seen>>,
    names: BTreeMap<u64, Option<String>>,
}

impl Reader<'_> {
    fn read(&mut self, tx: &mut Tx, seq: u64, repo: u64) -> Result<Option<Activity>, Error> {
        let Some(seen) = self.seen(tx, repo)? else { return Ok(None) };
        // A database that came from a snapshot lacks the oldest entries until they are filled in.
        let Some(row) = log::entry_fetch(tx, seq)? else { return Ok(None) };
        let (_, event) = log::read_row(&row)?;
        let is_mine = row.stamp.actor.is_some() && row.stamp.actor == self.who.map(Principal::user);
        if self.own && !seen.takes_part && !is_mine {
            return Ok(None);
        }
        let about = match &event {
            Event::CollaboratorSet(e) => Some(e.account),
            Event::CollaboratorRemoved(e) => Some(e.account),
            _ => None,
        };
        if about.is_some() && !seen.administers {
            return Ok(None);
        }
        let actor = row.stamp.actor.map_or(Ok(None), |id| self.name(tx, id))?;
        let about = about.map_or(Ok(None), |id| self.name(tx, id))?;
        Ok(Some(Activity { seq, time_us: row.stamp.time_us, actor, repo: seen.repo, event, about }))
    }

    fn seen(&mut self, tx: &mut Tx, id: u64) -> Result<Option<Seen>, Error> {
        if let Some(known) = self.repos.get(&id) {
            return Ok(known.clone());
        }
        let seen = match repo_by_id(tx, id)? {
            Some(repo) => self.ask(tx, repo)?,
            None => None,
        };
        self.repos.insert(id, seen.clone());
        Ok(seen)
    }

    fn ask(&self, tx: &mut Tx, repo: Repo) -> Result<Option<Seen>, Error> {
        let proof = match authorize_repo::<Read>(tx, self.who, repo) {
            Err(Error::NotFound(_) | Error::FactorRequired { .. }) => return Ok(None),
            proof => proof?,
        };
        let repo = proof.repo().clone();
        let administers = match authorize_repo::<Administer>(tx, self.who, repo.clone()) {
            Ok(_) => true,
            Err(error) if !error.is_ours() => false,
            Err(error) => return Err(error),
        };
        let role = self.who.map_or(Ok(None), |who| crate::access::role(tx, who.user(), &repo))?;
        Ok(Some(Seen { repo, administers, takes_part: role.is_some() }))
    }

    fn name(&mut self, tx: &mut Tx, id: u64) -> Result<Option<String>, Error> {
        if let Some(known) = self.names.get(&id) {
            return Ok(known.clone());
        }
        let name = crate::people::query::user_by_id(tx, id)?.map(|user| user.name);
        self.names.insert(id, name.clone());
        Ok(name)
    }
}
