//! Activity: what happened in repositories and organisations, as a projection of the journal.
//!
//! Invariants:
//! 1. Which entries are told follows from the events alone ([`record`] is part of applying them), so a recovered site tells the same.
//! 2. Whether somebody sees one is asked when it is read, of the function that opens repositories: what was public and is private
//!    now is gone from everybody's list at once.
//! 3. Who may use a repository is told to those who administer it; who is in an organisation and its teams, to those who belong to it.
//! 4. A commit to Subversion is told to those who may read all of the repository: its message may be about what rules hide.
//! 5. What is not held by a quorum is not told.

use crate::access::{Administer, Know, Read, See, authorize_found, authorize_repo};
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::svn::SvnCommitted;
use crate::event::{ApplyError, Event, Stamp};
use crate::log;
use crate::org::query::{Org, org_by_id};
use crate::people::Principal;
use crate::repo::query::{Repo, repo_by_id};
use std::collections::BTreeMap;

/// Rows looked at for one page of a list: those that one may not see count too.
pub const ACTIVITY_LOOKED_AT_MAX: usize = 1_000;
/// Entries of one page at most.
pub const ACTIVITY_PAGE_MAX: u32 = 100;

/// The repository or organisation whose activity an event is; None: it is not told. Asked before the event is applied, which may take
/// away what it is about.
pub(crate) fn subject(tx: &mut Tx, event: &Event, seq: u64) -> Result<Option<u64>, DbError> {
    Ok(match event {
        Event::RepoCreated(_) | Event::OrgCreated(_) => Some(seq),
        Event::RepoVisibilitySet(e) => Some(e.repo),
        Event::RepoRenamed(e) => Some(e.repo),
        Event::RepoDescribed(e) => Some(e.repo),
        Event::RepoRestored(e) => Some(e.repo),
        Event::HeadSet(e) => Some(e.repo),
        Event::CollaboratorSet(e) => Some(e.repo),
        Event::CollaboratorRemoved(e) => Some(e.repo),
        Event::ProtectionSet(e) => Some(e.repo),
        Event::ProtectionRemoved(e) => one(tx, "SELECT repo FROM protection WHERE id = ?1", e.id)?,
        Event::Pushed(e) => Some(e.repo),
        Event::SvnCommitted(e) => Some(e.repo),
        Event::SvnLoaded(e) => Some(e.repo),
        Event::OrgSet(e) => Some(e.org),
        Event::OrgRenamed(e) => Some(e.org),
        Event::OrgMemberSet(e) => Some(e.org),
        Event::OrgMemberRemoved(e) => Some(e.org),
        Event::TeamCreated(e) => Some(e.org),
        Event::TeamSet(e) => one(tx, "SELECT organisation FROM team WHERE id = ?1", e.team)?,
        Event::TeamRemoved(e) => one(tx, "SELECT organisation FROM team WHERE id = ?1", e.team)?,
        _ => None,
    })
}

fn one(tx: &mut Tx, sql: &'static str, id: u64) -> Result<Option<u64>, DbError> {
    tx.query_opt(sql, &[id.into()])?.map(|row| row.get(0)).transpose()
}

/// Puts an event into the activity of its subject, when it is applied.
pub(crate) fn record(tx: &mut Tx, subject: Option<u64>, at: &Stamp) -> Result<(), ApplyError> {
    let Some(subject) = subject else { return Ok(()) };
    let sql = "INSERT INTO activity (seq, subject, actor) VALUES (?1, ?2, ?3)";
    tx.execute(sql, &[at.seq.into(), subject.into(), at.actor.unwrap_or(0).into()])?;
    Ok(())
}

/// What something happened to, as it is now.
#[derive(Clone, Debug)]
pub enum Place {
    /// A repository.
    Repo(Repo),
    /// An organisation.
    Org(Org),
}

impl Place {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Repo(repo) => &repo.path,
            Self::Org(org) => &org.path,
        }
    }
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
    /// Where.
    pub place: Place,
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
    /// In this repository or organisation.
    pub subject: Option<u64>,
    /// Of this account.
    pub actor: Option<u64>,
    /// In what whoever looks has a part in, or by them.
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
    let mut reader = Reader { who, own: filter.own, places: BTreeMap::new(), names: BTreeMap::new() };
    let mut page = ActivityPage::default();
    let found = rows(tx, filter, held.min(filter.before.unwrap_or(held)))?;
    let full = found.len() == ACTIVITY_LOOKED_AT_MAX;
    let last = found.last().copied();
    for (seq, subject) in found {
        if page.rows.len() == filter.limit.clamp(1, ACTIVITY_PAGE_MAX) as usize {
            page.next = page.rows.last().map(|row| row.seq);
            return Ok(page);
        }
        page.rows.extend(reader.read(tx, seq, subject)?);
    }
    page.next = last.filter(|_| full).map(|(seq, _)| seq);
    Ok(page)
}

/// Entries and what they are about, whoever may see them.
fn rows(tx: &mut Tx, filter: &ActivityFilter, before: u64) -> Result<Vec<(u64, u64)>, Error> {
    let limit = ACTIVITY_LOOKED_AT_MAX as u64;
    let rows = match (filter.subject, filter.actor) {
        (Some(subject), _) => {
            let sql = "SELECT seq, subject FROM activity WHERE subject = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
            tx.query(sql, &[subject.into(), before.into(), limit.into()])?
        }
        (None, Some(actor)) => {
            let sql = "SELECT seq, subject FROM activity WHERE actor = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
            tx.query(sql, &[actor.into(), before.into(), limit.into()])?
        }
        (None, None) => {
            let sql = "SELECT seq, subject FROM activity WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
            tx.query(sql, &[before.into(), limit.into()])?
        }
    };
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// What somebody may see of a place.
#[derive(Clone)]
struct Seen {
    place: Place,
    /// They administer the repository, or belong to the organisation: they are told of people.
    is_within: bool,
    /// No rule of paths hides anything of the repository from them.
    reads_all: bool,
    takes_part: bool,
}

/// Reads rows for one who looks; asks about each place once.
struct Reader<'a> {
    who: Option<&'a Principal>,
    own: bool,
    places: BTreeMap<u64, Option<Seen>>,
    names: BTreeMap<u64, Option<String>>,
}

impl Reader<'_> {
    fn read(&mut self, tx: &mut Tx, seq: u64, subject: u64) -> Result<Option<Activity>, Error> {
        let Some(seen) = self.seen(tx, subject)? else { return Ok(None) };
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
            Event::OrgMemberSet(e) => Some(e.account),
            Event::OrgMemberRemoved(e) => Some(e.account),
            _ => None,
        };
        let of_teams = matches!(event, Event::TeamCreated(_) | Event::TeamSet(_) | Event::TeamRemoved(_));
        if (about.is_some() || of_teams) && !seen.is_within {
            return Ok(None);
        }
        if matches!(event, Event::SvnCommitted(_)) && !seen.reads_all {
            return Ok(None);
        }
        let actor = row.stamp.actor.map_or(Ok(None), |id| self.name(tx, id))?;
        let about = about.map_or(Ok(None), |id| self.name(tx, id))?;
        Ok(Some(Activity { seq, time_us: row.stamp.time_us, actor, place: seen.place, event, about }))
    }

    fn seen(&mut self, tx: &mut Tx, id: u64) -> Result<Option<Seen>, Error> {
        if let Some(known) = self.places.get(&id) {
            return Ok(known.clone());
        }
        let seen = match repo_by_id(tx, id)? {
            Some(repo) => self.ask_repo(tx, repo)?,
            None => org_by_id(tx, id)?.map_or(Ok(None), |org| self.ask_org(tx, org))?,
        };
        self.places.insert(id, seen.clone());
        Ok(seen)
    }

    fn ask_repo(&self, tx: &mut Tx, repo: Repo) -> Result<Option<Seen>, Error> {
        let Some(proof) = unless_refused(authorize_repo::<Read>(tx, self.who, repo))? else { return Ok(None) };
        let repo = proof.repo().clone();
        let administers = unless_refused(authorize_repo::<Administer>(tx, self.who, repo.clone()))?.is_some();
        let role = self.who.map_or(Ok(None), |who| crate::access::role(tx, who.user(), &repo))?;
        let reads_all = crate::svn::reads_all(tx, self.who.map(Principal::user), &repo)?;
        Ok(Some(Seen { place: Place::Repo(repo), is_within: administers, reads_all, takes_part: role.is_some() }))
    }

    fn ask_org(&self, tx: &mut Tx, org: Org) -> Result<Option<Seen>, Error> {
        let Some(proof) = unless_refused(authorize_found::<See>(tx, self.who, org))? else { return Ok(None) };
        let (org, takes_part) = (proof.org().clone(), proof.role().is_some());
        let is_within = unless_refused(authorize_found::<Know>(tx, self.who, org.clone()))?.is_some();
        Ok(Some(Seen { place: Place::Org(org), is_within, reads_all: true, takes_part }))
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

/// The first line of what is said of a revision of Subversion.
#[must_use]
pub fn revision_subject(commit: &SvnCommitted) -> Option<String> {
    let log = svn::Properties::parse(&commit.properties).ok()?.text("svn:log")?;
    log.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// What may not be is no error here.
fn unless_refused<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if !error.is_ours() => Ok(None),
        answer => answer.map(Some),
    }
}
