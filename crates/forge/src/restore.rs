//! Putting back what one account did since a time: every ref and setting as it was before, as new entries.
//!
//! Invariants:
//! 1. Nothing is taken out of the journal: what was done and that it was put back are both in it.
//! 2. What somebody else changed afterwards is left as it is, and named.
//! 3. Doing it twice changes nothing.

use crate::db::Tx;
use crate::error::Error;
use crate::event::guard::RepoRestored;
use crate::event::push::{Pushed, RefMove};
use crate::event::repo::{
    Access, CollaboratorRemoved, CollaboratorSet, HeadSet, RepoDescribed, RepoRenamed, RepoVisibilitySet, Visibility,
};
use crate::event::{Event, Oid};
use crate::log::{entry_fetch, read_row};
use crate::orders::is_officer;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::repo::query::{namespace_path, repo_by_id};
use crate::writer::{COMMAND_EVENTS_MAX, Command, Decide};
use std::collections::{BTreeMap, BTreeSet};

/// What was put back, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// In words, a line each.
    pub done: Vec<String>,
    /// What others built on it: left as it is.
    pub kept: Vec<String>,
    /// There is more: do it again.
    pub more: bool,
}

/// What stands behind a plan.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) events: Vec<Event>,
    pub(crate) report: Restored,
}

/// A setting of a repository: what its events set as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Setting {
    Visibility,
    Head,
    Words,
    Place,
    Collaborator(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Visibility(Visibility),
    Head(String),
    Words(Option<String>, Option<String>),
    Place(u64, String),
    Collaborator(Option<Access>),
}

/// What an event sets.
fn settings(seq: u64, event: &Event) -> Vec<(u64, Setting, Value)> {
    match event {
        Event::RepoCreated(e) => vec![
            (seq, Setting::Visibility, Value::Visibility(e.visibility)),
            (seq, Setting::Head, Value::Head(e.head.clone())),
            (seq, Setting::Words, Value::Words(None, None)),
            (seq, Setting::Place, Value::Place(e.namespace, e.name.clone())),
        ],
        Event::RepoVisibilitySet(e) => vec![(e.repo, Setting::Visibility, Value::Visibility(e.visibility))],
        Event::HeadSet(e) => vec![(e.repo, Setting::Head, Value::Head(e.target.clone()))],
        Event::RepoDescribed(e) => {
            vec![(e.repo, Setting::Words, Value::Words(e.description.clone(), e.website.clone()))]
        }
        Event::RepoRenamed(e) => vec![(e.repo, Setting::Place, Value::Place(e.namespace, e.name.clone()))],
        Event::CollaboratorSet(e) => {
            vec![(e.repo, Setting::Collaborator(e.account), Value::Collaborator(Some(e.access)))]
        }
        Event::CollaboratorRemoved(e) => vec![(e.repo, Setting::Collaborator(e.account), Value::Collaborator(None))],
        _ => Vec::new(),
    }
}

fn event_of(repo: u64, setting: &Setting, value: Value) -> Event {
    match (value, setting) {
        (Value::Visibility(visibility), _) => RepoVisibilitySet { repo, visibility }.into(),
        (Value::Head(target), _) => HeadSet { repo, target }.into(),
        (Value::Words(description, website), _) => RepoDescribed { repo, description, website }.into(),
        (Value::Place(namespace, name), _) => RepoRenamed { repo, namespace, name }.into(),
        (Value::Collaborator(Some(access)), Setting::Collaborator(account)) => {
            CollaboratorSet { repo, account: *account, access }.into()
        }
        (Value::Collaborator(_), Setting::Collaborator(account)) => {
            CollaboratorRemoved { repo, account: *account }.into()
        }
        // A collaborator's value has a collaborator's setting.
        (Value::Collaborator(_), _) => RepoDescribed { repo, description: None, website: None }.into(),
    }
}

/// How one ref or setting went: what it was before the actor first touched it, what the actor left, and what it is at last.
struct Course<T> {
    before: Option<T>,
    left: Option<T>,
    last: Option<T>,
    touched: bool,
}

impl<T> Default for Course<T> {
    fn default() -> Self {
        Self { before: None, left: None, last: None, touched: false }
    }
}

impl<T: Clone + PartialEq> Course<T> {
    fn step(&mut self, value: Option<T>, by_actor: bool) {
        if by_actor {
            if !self.touched {
                self.before = self.last.take();
            }
            self.touched = true;
            self.left = value.clone();
        }
        self.last = value;
    }

    /// To what it must be set; None: it stays.
    fn put_back(&self) -> Option<&Option<T>> {
        (self.touched && self.last == self.left && self.last != self.before).then_some(&self.before)
    }

    fn is_built_on(&self) -> bool {
        self.touched && self.last != self.left && self.last != self.before
    }
}

/// What it takes to put back what `actor` did since `since_us`.
pub(crate) fn plan(tx: &mut Tx, actor: u64, since_us: i64) -> Result<Plan, Error> {
    let mut refs: BTreeMap<(u64, String), Course<Oid>> = BTreeMap::new();
    let mut rows: BTreeMap<(u64, Setting), Course<Value>> = BTreeMap::new();
    let (mut trashed, mut made) = (BTreeSet::new(), BTreeSet::new());
    let sql = "SELECT seq FROM journal WHERE kind = 80 OR (kind >= 60 AND kind < 80) OR kind = 189 OR kind = 190
               ORDER BY seq";
    for row in tx.query(sql, &[])? {
        let seq: u64 = row.get(0)?;
        let Some(entry) = entry_fetch(tx, seq)? else { continue };
        let event = read_row(&entry)?.1;
        let by_actor = entry.stamp.actor == Some(actor) && entry.stamp.time_us >= since_us;
        match &event {
            Event::Pushed(push) => {
                for update in &push.updates {
                    let course = refs.entry((push.repo, update.name.clone())).or_default();
                    course.step(update.new.clone(), by_actor);
                }
            }
            Event::RepoTrashed(e) if e.by == Some(actor) && entry.stamp.time_us >= since_us => {
                trashed.insert(e.repo);
            }
            Event::RepoRestored(e) => {
                trashed.remove(&e.repo);
            }
            Event::RepoCreated(_) if by_actor => {
                made.insert(seq);
            }
            event => {
                for (repo, setting, value) in settings(seq, event) {
                    rows.entry((repo, setting)).or_default().step(Some(value), by_actor);
                }
            }
        }
    }
    let mut plan = Plan::default();
    plan.trash(tx, &trashed)?;
    plan.refs(tx, refs, &made)?;
    plan.rows(tx, rows, &made)?;
    plan.report.more = plan.events.len() > COMMAND_EVENTS_MAX;
    plan.events.truncate(COMMAND_EVENTS_MAX);
    Ok(plan)
}

impl Plan {
    fn trash(&mut self, tx: &mut Tx, trashed: &BTreeSet<u64>) -> Result<(), Error> {
        for repo in trashed {
            let sql = "SELECT namespace, name FROM trashed_repository WHERE id = ?1";
            let Some(row) = tx.query_opt(sql, &[(*repo).into()])? else { continue };
            let (namespace, name): (u64, String) = (row.get(0)?, row.get(1)?);
            let path = format!("{}/{name}", namespace_path(tx, namespace)?);
            let sql = "SELECT id FROM repository WHERE namespace = ?1 AND lower(name) = ?2";
            if tx.query_opt(sql, &[namespace.into(), name.to_ascii_lowercase().into()])?.is_some() {
                self.report.kept.push(format!(
                    "{path} is in the trash, and its name is another's: outlast trash restore {repo} --name NAME"
                ));
                continue;
            }
            self.report.done.push(format!("{path}: back from the trash"));
            self.events.push(RepoRestored { repo: *repo, namespace, name }.into());
        }
        Ok(())
    }

    fn refs(
        &mut self,
        tx: &mut Tx,
        refs: BTreeMap<(u64, String), Course<Oid>>,
        made: &BTreeSet<u64>,
    ) -> Result<(), Error> {
        let mut by_repo: BTreeMap<u64, Vec<RefMove>> = BTreeMap::new();
        for ((repo, name), course) in refs {
            if made.contains(&repo) {
                continue;
            }
            let Some(place) = path(tx, repo)? else { continue };
            if course.is_built_on() {
                self.report.kept.push(format!("{place} {name}: somebody else moved it afterwards"));
            }
            let Some(before) = course.put_back() else { continue };
            let shown = |oid: &Option<Oid>| oid.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            self.report.done.push(format!("{place} {name}: from {} back to {}", shown(&course.last), shown(before)));
            by_repo.entry(repo).or_default().push(RefMove { name, old: course.last.clone(), new: before.clone() });
        }
        for (repo, updates) in by_repo {
            self.events.push(Pushed { repo, updates, pack: Vec::new(), options: Vec::new() }.into());
        }
        Ok(())
    }

    fn rows(
        &mut self,
        tx: &mut Tx,
        rows: BTreeMap<(u64, Setting), Course<Value>>,
        made: &BTreeSet<u64>,
    ) -> Result<(), Error> {
        for ((repo, setting), course) in rows {
            if made.contains(&repo) {
                continue;
            }
            let Some(place) = path(tx, repo)? else { continue };
            if course.is_built_on() {
                self.report.kept.push(format!("{place} {setting:?}: somebody else changed it afterwards"));
            }
            let Some(before) = course.put_back() else { continue };
            // A collaborator that there was not is one that is removed.
            let value = before.clone().unwrap_or(Value::Collaborator(None));
            if value == Value::Collaborator(None) && course.last == Some(Value::Collaborator(None)) {
                continue;
            }
            self.report.done.push(format!("{place}: {setting:?} as it was"));
            self.events.push(event_of(repo, &setting, value));
        }
        Ok(())
    }
}

/// A repository's path, also of one in the trash; None: there is none.
fn path(tx: &mut Tx, repo: u64) -> Result<Option<String>, Error> {
    Ok(repo_by_id(tx, repo)?.map(|repo| repo.path))
}

/// Puts back what an account did since a time, at most so much as one command may.
#[derive(Debug)]
pub struct Restore {
    /// The account.
    pub actor: u64,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
    /// The officer; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for Restore {
    type Output = Restored;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Restored), Error> {
        if let Some(who) = &self.by
            && (!still_good(tx, who.credential(), ctx.now_us)? || !is_officer(tx, who.user())?)
        {
            return Err(Error::forbidden("only an officer puts back what another did"));
        }
        let Plan { events, report } = plan(tx, self.actor, self.since_us)?;
        Ok((events, report))
    }
}
