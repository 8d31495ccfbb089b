//! Putting back what one account, one credential or some entries did: every ref and setting as it was before, as new entries.
//!
//! Invariants:
//! 1. Nothing is taken out of the journal: what was done and that it was put back are both in it.
//! 2. What somebody else changed afterwards is left as it is, and named.
//! 3. Doing it twice changes nothing.
//! 4. Nothing selected is passed over in silence: what is not put back is named.
//! 5. Once there is an officers' rule one officer alone does by this nothing that orders hold back ([`reserved`]). Who works at the
//!    machine does all of it. Each is an alarm.

mod acts;
mod course;
mod reserved;
mod slot;
mod subversion;

pub use acts::{Acts, Selection};
pub use subversion::SvnRevisions;

use crate::db::Tx;
use crate::error::Error;
use crate::event::alarm::{AlarmRaised, AlarmRule};
use crate::event::guard::RepoRestored;
use crate::event::org::OrgMemberRemoved;
use crate::event::protect::ProtectionSet;
use crate::event::push::{Pushed, RefMove};
use crate::event::trash::{OrgRestored, UserRestored};
use crate::event::{Event, Oid};
use crate::log::{entry_each, read_row};
use crate::orders::{acts_as_officer, in_trash, rule_fetch};
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::people::query::user_by_id;
use crate::repo::query::{namespace_path, repo_by_id};
use crate::writer::{COMMAND_EVENTS_MAX, Command, Decide};
use course::Course;
use slot::{Slot, leaves_nothing, slots};
use std::collections::{BTreeMap, BTreeSet};

/// What one command puts back: with its alarm, what a command may.
const EVENTS_MAX: usize = COMMAND_EVENTS_MAX - 1;

/// What was put back, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// In words, a line each.
    pub done: Vec<String>,
    /// What others built on it: left as it is.
    pub kept: Vec<String>,
    /// What was done and is not put back by this, with its entry: for somebody to look at.
    pub by_hand: Vec<String>,
    /// Revisions of Subversion that the selected acts made. A plan takes none of them back: for that a revision has to be committed.
    pub revisions: Vec<SvnRevisions>,
    /// Repositories of Subversion whose properties of revisions, or locks, the selected acts changed: their disks follow what is put
    /// back, now or by an earlier restore.
    pub touched: BTreeSet<u64>,
    /// There is more: do it again.
    pub more: bool,
}

impl Restored {
    /// A further step, which has seen the whole journal again.
    pub(crate) fn add(&mut self, said: Self) {
        let Self { done, kept, by_hand, revisions, touched, more } = said;
        self.done.extend(done);
        self.touched.extend(touched);
        (self.kept, self.by_hand, self.revisions, self.more) = (kept, by_hand, revisions, more);
    }

    /// For who commits nothing: says of revisions what to do by hand.
    pub(crate) fn name_revisions(&mut self) {
        let why = "as a recovery commits nothing (outlast restore in the recovered site does)";
        self.by_hand.extend(std::mem::take(&mut self.revisions).iter().map(|made| made.by_hand(why)));
    }
}

/// What stands behind a plan.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) events: Vec<Event>,
    pub(crate) report: Restored,
    /// One officer does it: what is reserved is left out.
    alone: bool,
}

/// What the journal says, up to its end.
#[derive(Default)]
struct Read {
    refs: BTreeMap<(u64, String), Course<Oid>>,
    rows: BTreeMap<Slot, Course<Event>>,
    trashed: BTreeSet<u64>,
    owners: BTreeMap<u64, Event>,
    /// The organisation of each team.
    teams: BTreeMap<u64, u64>,
    made: BTreeSet<u64>,
    /// Revisions that the selected acts made, by repository.
    revisions: BTreeMap<u64, BTreeSet<u64>>,
    /// Revisions whose properties they changed.
    properties: BTreeSet<(u64, u64)>,
}

impl Read {
    /// An account or organisation went into the trash, and this would bring it back.
    fn gone(&mut self, id: u64, back: Event) -> bool {
        self.owners.insert(id, back);
        true
    }

    fn revised(&mut self, repo: u64, first: u64, last: u64) -> bool {
        self.revisions.entry(repo).or_default().extend(first..=last);
        true
    }

    /// Who leaves an organisation leaves its teams, without an entry for each.
    fn leave_teams(&mut self, left: &OrgMemberRemoved, selected: bool) {
        for (slot, course) in &mut self.rows {
            if let Slot::TeamMember(team, account) = slot
                && *account == left.account
                && self.teams.get(team) == Some(&left.org)
            {
                course.step(None, selected);
            }
        }
    }

    /// A protection that was taken away comes back under a number of its own: what was there is there again.
    fn made_again(&mut self, made: &ProtectionSet) {
        for course in self.rows.values_mut().filter(|course| course.last.is_none()) {
            if let Some(Event::ProtectionSet(before)) = &course.before
                && before.is_same_rule(made)
            {
                course.step(course.before.clone(), false);
            }
        }
    }

    fn entry(&mut self, seq: u64, event: &Event, selected: bool, report: &mut Restored) {
        if selected {
            report.touched.extend(subversion::touches(event));
        }
        match event {
            Event::TeamCreated(e) => drop(self.teams.insert(seq, e.org)),
            Event::OrgMemberRemoved(e) => self.leave_teams(e, selected),
            Event::ProtectionSet(e) if e.id.is_none() && !selected => self.made_again(e),
            _ => {}
        }
        // An organisation that the selected acts made is named and left: somebody must own it.
        let set = if selected && matches!(event, Event::OrgCreated(_)) { Vec::new() } else { slots(seq, event) };
        let known = match event {
            Event::Pushed(push) => {
                for update in &push.updates {
                    let course = self.refs.entry((push.repo, update.name.clone())).or_default();
                    course.step(update.new.clone(), selected);
                }
                true
            }
            Event::RepoTrashed(e) if selected => self.trashed.insert(e.repo) || selected,
            Event::RepoRestored(e) => self.trashed.remove(&e.repo),
            Event::UserTrashed(e) if selected => self.gone(e.account, UserRestored { account: e.account }.into()),
            Event::OrgTrashed(e) if selected => self.gone(e.org, OrgRestored { org: e.org }.into()),
            Event::UserRestored(e) => self.owners.remove(&e.account).is_some(),
            Event::OrgRestored(e) => self.owners.remove(&e.org).is_some(),
            Event::RepoCreated(_) if selected => self.made.insert(seq),
            Event::SvnCommitted(e) if selected => self.revised(e.repo, e.rev, e.rev),
            Event::SvnLoaded(e) if selected => self.revised(e.repo, e.first, e.last()),
            Event::SvnRevpropsSet(e) if selected => self.properties.insert((e.repo, e.rev)) || selected,
            _ => !set.is_empty(),
        };
        if selected && !known && !leaves_nothing(event) {
            report.by_hand.push(format!("entry {seq}, {}: not put back by this", event.name()));
        }
        for (slot, value) in set {
            self.rows.entry(slot).or_default().step(value, selected);
        }
    }
}

/// What it takes to put back the selected acts. `by_officer`: for an officer, and not for who works at the machine.
pub(crate) fn plan(tx: &mut Tx, selection: &Selection, by_officer: bool) -> Result<Plan, Error> {
    let alone = by_officer && rule_fetch(tx)?.is_some();
    let (mut read, mut plan) = (Read::default(), Plan { alone, ..Plan::default() });
    entry_each(tx, 0, u64::MAX >> 1, |entry| {
        let event = read_row(&entry)?.1;
        let by = match &event {
            Event::RepoTrashed(e) => e.by,
            Event::UserTrashed(e) => e.by,
            Event::OrgTrashed(e) => e.by,
            _ => None,
        };
        read.entry(entry.stamp.seq, &event, selection.has(&entry.stamp, by), &mut plan.report);
        Ok::<_, Error>(())
    })?;
    if !read.properties.is_empty() {
        subversion::properties(tx, selection, &read.properties, &mut read.rows)?;
    }
    plan.owners(tx, read.owners)?;
    plan.trash(tx, &read.trashed)?;
    for repo in &read.made {
        if let Some(place) = path(tx, *repo)? {
            plan.report.by_hand.push(format!("{place} was made by it, and is left with all that is in it"));
        }
    }
    plan.refs(tx, read.refs, &read.made)?;
    plan.rows(tx, read.rows, &read.made)?;
    for (repo, revisions) in read.revisions.into_iter().filter(|(repo, _)| !read.made.contains(repo)) {
        if let Some(path) = plan.place(tx, repo)? {
            plan.report.revisions.push(SvnRevisions { repo, path, revisions });
        }
    }
    plan.report.more = plan.events.len() > EVENTS_MAX;
    plan.events.truncate(EVENTS_MAX);
    Ok(plan)
}

impl Plan {
    /// The path of a repository that is there, or that this brings back.
    fn place(&self, tx: &mut Tx, repo: u64) -> Result<Option<String>, Error> {
        let back = self.events.iter().find_map(|event| match event {
            Event::RepoRestored(back) if back.repo == repo => Some(back),
            _ => None,
        });
        match back {
            Some(back) => Ok(Some(format!("{}/{}", namespace_path(tx, back.namespace)?, back.name))),
            None => path(tx, repo),
        }
    }

    /// Whether an organisation is there, or brought back by this.
    fn has_org(&self, tx: &mut Tx, org: u64) -> Result<bool, Error> {
        let back = |event: &Event| matches!(event, Event::OrgRestored(back) if back.org == org);
        Ok(self.events.iter().any(back) || Slot::OrgSettings(org).is_there(tx)?)
    }

    fn owners(&mut self, tx: &mut Tx, owners: BTreeMap<u64, Event>) -> Result<(), Error> {
        for (id, back) in owners {
            if in_trash(tx, id)? {
                self.report.done.push(format!("{}: back from the trash", namespace_path(tx, id)?));
                self.events.push(back);
            }
        }
        Ok(())
    }

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
            let Some(place) = self.place(tx, repo)? else { continue };
            if course.is_built_on() {
                self.report.kept.push(format!("{place} {name}: somebody else moved it afterwards"));
            }
            let Some(before) = course.put_back() else { continue };
            let update = RefMove { name, old: course.last.clone(), new: before.clone() };
            let name = &update.name;
            if self.alone
                && let Some(why) = reserved::of_ref(tx, repo, &place, &update)?
            {
                self.report.by_hand.push(format!("{place} {name}: one officer alone does not put it back: {why}"));
                continue;
            }
            let shown = |oid: &Option<Oid>| oid.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            self.report.done.push(format!("{place} {name}: from {} back to {}", shown(&course.last), shown(before)));
            by_repo.entry(repo).or_default().push(update);
        }
        for (repo, updates) in by_repo {
            self.events.push(Pushed { repo, updates, pack: Vec::new(), options: Vec::new() }.into());
        }
        Ok(())
    }

    fn rows(&mut self, tx: &mut Tx, rows: BTreeMap<Slot, Course<Event>>, made: &BTreeSet<u64>) -> Result<(), Error> {
        let (mut taken, mut given) = (Vec::new(), Vec::new());
        for (slot, course) in rows {
            let shown = match slot.repo() {
                Some(repo) if made.contains(&repo) => continue,
                Some(repo) => match self.place(tx, repo)? {
                    Some(place) => format!("{place}: {slot}"),
                    None => continue,
                },
                None => slot.to_string(),
            };
            if let Slot::OrgSettings(org) = slot
                && !self.has_org(tx, org)?
            {
                continue;
            }
            if course.is_built_on() {
                self.report.kept.push(format!("{shown}: somebody else changed it afterwards"));
            }
            let Some(before) = course.put_back() else { continue };
            let there = slot.is_there(tx)?;
            let shown = match slot {
                Slot::SvnLock(..) => subversion::lock_shown(&shown, &course),
                _ => shown,
            };
            let event = match before.clone() {
                Some(before) => {
                    let again = slot.again(before, there);
                    if again.is_none() {
                        self.report.by_hand.push(format!("{shown} was taken away, and is not given back by this"));
                    }
                    again
                }
                None if there => slot.absence(),
                None => None,
            };
            if let Some(event) = event {
                if self.alone
                    && let Some(why) = reserved::of_row(tx, &slot, course.last.as_ref(), &event)?
                {
                    self.report.by_hand.push(format!("{shown}: one officer alone does not put it back: {why}"));
                    continue;
                }
                let how = if before.is_some() { "as it was" } else { "taken away again" };
                self.report.done.push(format!("{shown}: {how}"));
                if before.is_some() { given.push(event) } else { taken.push(event) }
            }
        }
        // What lies in something else is taken away before it, and given back after it.
        self.events.extend(taken.into_iter().rev().chain(given));
        Ok(())
    }
}

/// A repository's path; None: there is none, or it is in the trash.
fn path(tx: &mut Tx, repo: u64) -> Result<Option<String>, Error> {
    Ok(repo_by_id(tx, repo)?.map(|repo| repo.path))
}

/// Whether somebody puts back what another did; None: the operator at the machine.
pub(crate) fn may_put_back(tx: &mut Tx, ctx: &Decide, by: Option<&Principal>) -> Result<(), Error> {
    match by {
        Some(who) if !still_good(tx, who.credential(), ctx.now_us)? || !acts_as_officer(tx, who)? => {
            Err(Error::forbidden("only an officer puts back what another did"))
        }
        _ => Ok(()),
    }
}

/// Puts back selected acts, at most so much as one command may.
#[derive(Debug)]
pub struct Restore {
    /// Which.
    pub selection: Selection,
    /// The officer; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for Restore {
    type Output = Restored;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Restored), Error> {
        may_put_back(tx, ctx, self.by.as_ref())?;
        let Plan { mut events, report, .. } = plan(tx, &self.selection, self.by.is_some())?;
        if !events.is_empty() {
            events.push(alarm(tx, &self.selection, report.done.len())?.into());
        }
        Ok((events, report))
    }
}

/// What officers are told of it.
fn alarm(tx: &mut Tx, selection: &Selection, done: usize) -> Result<AlarmRaised, Error> {
    let mut whose = Vec::new();
    for acts in &selection.acts {
        let user = if let Acts::Account(account) = acts { user_by_id(tx, *account)? } else { None };
        whose.push(user.map_or_else(|| acts.to_string(), |user| user.name));
    }
    let subject = format!("acts of {}", whose.join(", "));
    let about = format!("{subject} are put back: {done} refs and settings");
    Ok(AlarmRaised { rule: AlarmRule::PutBack, subject, about })
}
