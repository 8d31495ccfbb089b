//! The entries that Subversion's acts become.

use super::query;
use super::rules::commit_rules_fetch;
use crate::access::{self, Authorized, Write};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::repo::Access;
use crate::event::site::Part;
use crate::event::svn::{SvnCommitted, SvnLoaded, SvnLocked, SvnRevision, SvnRevpropsSet, SvnUnlocked};
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::repo::Repo;
use crate::repo::command::RepoCreate;
use crate::repo::query::repo_by_id;
use crate::restore::may_put_back;
use crate::spool::LeasedPart;
use crate::writer::{COMMAND_EVENTS_MAX, Command, Decide};

/// Asks again whether it may be done.
fn recheck(tx: &mut Tx, ctx: &Decide, proof: &Authorized<Write>) -> Result<(), Error> {
    let repo = repo_by_id(tx, proof.repo().id)?.ok_or_else(|| Error::not_found(&proof.repo().path))?;
    let Some(who) = proof.by() else { return Ok(()) };
    if !still_good(tx, who.credential(), ctx.now_us)? {
        return Err(Error::Unauthenticated("the access token was revoked meanwhile".into()));
    }
    access::authorize_repo::<Write>(tx, Some(who), repo).map(drop)
}

/// A revision becomes the newest.
#[derive(Debug)]
pub(crate) struct SvnCommit {
    pub(crate) proof: Authorized<Write>,
    pub(crate) rev: u64,
    pub(crate) parts: Vec<LeasedPart>,
    pub(crate) hash: [u8; 32],
    pub(crate) properties: Vec<u8>,
}

impl Command for SvnCommit {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        recheck(tx, ctx, &self.proof)?;
        let repo = self.proof.repo().id;
        let state = query::state_fetch(tx, repo)?.ok_or_else(|| Error::not_found(&self.proof.repo().path))?;
        if state.youngest + 1 != self.rev {
            return Err(Error::conflict(format!(
                "revision {} is not the next one: an earlier commit is being taken in; update and commit again",
                self.rev
            )));
        }
        let file = self.parts.iter().map(|(lease, bytes)| Part { blob: lease.name(), bytes: *bytes }).collect();
        self.parts.into_iter().for_each(|(lease, _)| lease.named(ctx.next_seq + 1));
        let event = SvnCommitted { repo, rev: self.rev, file, hash: self.hash, properties: self.properties };
        Ok((vec![event.into()], ()))
    }
}

/// As [`SvnCommit`], of the site itself: a revision that takes others back.
#[derive(Debug)]
pub(crate) struct SvnTakeBack {
    pub(crate) commit: SvnCommit,
    /// The officer; None: the operator at the machine.
    pub(crate) officer: Option<Principal>,
}

impl Command for SvnTakeBack {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        may_put_back(tx, ctx, self.officer.as_ref())?;
        self.commit.decide(tx, ctx)
    }
}

/// A revision that others made, sealed.
#[derive(Debug)]
pub(crate) struct TakenRevision {
    pub(crate) parts: Vec<LeasedPart>,
    pub(crate) hash: [u8; 32],
    pub(crate) properties: Vec<u8>,
}

/// Blobs that one entry names, unless one revision has more: their names stand in the entry's envelope, beside its event, and
/// there is room for about 1,900.
const TAKEN_BLOBS_MAX: usize = 1_800;
/// The same in bytes of their properties.
const TAKEN_BYTES_MAX: usize = 4 << 20;

/// The entries that take revisions into a repository, the first of which has this number.
fn taken(ctx: &Decide, before: usize, repo: u64, mut first: u64, revisions: Vec<TakenRevision>) -> Vec<Event> {
    let mut loads: Vec<SvnLoaded> = Vec::new();
    let (mut bytes, mut blobs) = (0, 0);
    for TakenRevision { parts, hash, properties } in revisions {
        (bytes, blobs) = (bytes + properties.len(), blobs + parts.len());
        if loads.is_empty() || blobs > TAKEN_BLOBS_MAX || bytes > TAKEN_BYTES_MAX {
            loads.push(SvnLoaded { repo, first, revisions: Vec::new() });
            (bytes, blobs) = (properties.len(), parts.len());
        }
        let file = parts.iter().map(|(lease, bytes)| Part { blob: lease.name(), bytes: *bytes }).collect();
        let seq = ctx.next_seq + (before + loads.len()) as u64;
        parts.into_iter().for_each(|(lease, _)| lease.named(seq));
        if let Some(load) = loads.last_mut() {
            load.revisions.push(SvnRevision { file, hash, properties });
        }
        first += 1;
    }
    loads.into_iter().map(Event::from).collect()
}

/// What reached a repository past us is taken in.
#[derive(Debug)]
pub(crate) struct SvnTakeIn {
    pub(crate) proof: Authorized<Write>,
    pub(crate) first: u64,
    pub(crate) revisions: Vec<TakenRevision>,
}

impl Command for SvnTakeIn {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        recheck(tx, ctx, &self.proof)?;
        let repo = self.proof.repo().id;
        let state = query::state_fetch(tx, repo)?.ok_or_else(|| Error::not_found(&self.proof.repo().path))?;
        if state.youngest + 1 != self.first {
            return Err(Error::conflict(format!("revision {} is not the next one", self.first)));
        }
        Ok((taken(ctx, 0, repo, self.first, self.revisions), ()))
    }
}

/// A repository is made of what was loaded from a dump: with all its revisions, or not at all.
#[derive(Debug)]
pub(crate) struct SvnImport {
    pub(crate) create: RepoCreate,
    /// From 1 on.
    pub(crate) revisions: Vec<TakenRevision>,
}

impl Command for SvnImport {
    type Output = Repo;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Repo), Error> {
        let (mut events, repo) = self.create.decide(tx, ctx)?;
        let revisions = self.revisions.len();
        events.extend(taken(ctx, events.len(), repo.id, 1, self.revisions));
        if events.len() > COMMAND_EVENTS_MAX {
            return Err(Error::invalid(format!(
                "these {revisions} revisions are too large to come in as one: bring them in with svnsync"
            )));
        }
        Ok((events, repo))
    }
}

/// A revision gets other properties.
#[derive(Debug)]
pub(crate) struct SvnRevpropsChange {
    pub(crate) proof: Authorized<Write>,
    pub(crate) rev: u64,
    pub(crate) properties: Vec<u8>,
}

impl Command for SvnRevpropsChange {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        recheck(tx, ctx, &self.proof)?;
        let repo = self.proof.repo().clone();
        let was = query::properties_fetch(tx, repo.id, self.rev)?;
        let was = was.ok_or_else(|| Error::not_found(format!("revision {}", self.rev)))?;
        if was == self.properties {
            return Ok((Vec::new(), ()));
        }
        if let Some(who) = self.proof.by() {
            may_change(tx, who, &repo, &was, &self.properties)?;
        }
        Ok((vec![SvnRevpropsSet { repo: repo.id, rev: self.rev, properties: self.properties }.into()], ()))
    }
}

/// The log message is for whom the repository's rules say, who and when for nobody unless they say otherwise, the rest for
/// administrators.
fn may_change(tx: &mut Tx, who: &Principal, repo: &Repo, was: &[u8], is: &[u8]) -> Result<(), Error> {
    let invalid = |_| Error::invalid("these are no properties of a revision");
    let (was, is) = (svn::Properties::parse(was).map_err(invalid)?, svn::Properties::parse(is).map_err(invalid)?);
    let rules = commit_rules_fetch(tx, repo.id)?;
    let role = access::role(tx, who.user(), repo)?;
    let changed = |name: &str| was.get(name) != is.get(name);
    if changed("svn:log") {
        if rules.message_by.is_none_or(|needed| role < Some(needed)) {
            return Err(Error::forbidden(
                "you may not change a log message here: the repository's settings say who may",
            ));
        }
        rules.message(&is.text("svn:log").unwrap_or_default()).map_err(Error::Invalid)?;
    }
    const WHO_AND_WHEN: [&str; 2] = ["svn:author", "svn:date"];
    if WHO_AND_WHEN.iter().any(|name| changed(name)) && !rules.author_changes {
        return Err(Error::forbidden(
            "a revision's author and date are not changed here; an administrator can allow it in the repository's settings",
        ));
    }
    let rest = |of: &svn::Properties| -> Vec<_> {
        of.iter().filter(|(name, _)| *name != b"svn:log").map(|(n, v)| (n.to_vec(), v.to_vec())).collect()
    };
    if rest(&was) != rest(&is) && role < Some(Access::Admin) {
        return Err(Error::forbidden(
            "only an administrator of the repository may change more of a revision than its log message",
        ));
    }
    Ok(())
}

/// A path is locked.
#[derive(Debug)]
pub(crate) struct SvnLock {
    pub(crate) proof: Authorized<Write>,
    pub(crate) name: String,
    pub(crate) lock: Vec<u8>,
}

impl Command for SvnLock {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        recheck(tx, ctx, &self.proof)?;
        Ok((vec![SvnLocked { repo: self.proof.repo().id, name: self.name, lock: self.lock }.into()], ()))
    }
}

/// A lock ends. One that the journal does not know ends without an entry.
#[derive(Debug)]
pub(crate) struct SvnUnlock {
    pub(crate) proof: Authorized<Write>,
    pub(crate) name: String,
}

impl Command for SvnUnlock {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        recheck(tx, ctx, &self.proof)?;
        let repo = self.proof.repo().id;
        let there = query::lock_exists(tx, repo, &self.name)?;
        Ok((there.then(|| SvnUnlocked { repo, name: self.name }.into()).into_iter().collect(), ()))
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use journal::BlobName;
    use journal::entry::{Body, DataKey, Entry, seal};

    #[test]
    fn an_entry_has_room_for_the_blobs_that_are_taken_in_with_it() {
        let name = |n: usize| BlobName::of(&n.to_be_bytes());
        // As large as it gets: everything has its longest form.
        let overflow = Body::Blob(vec![name(0); 4]);
        let (actor, credential) = (Some(u64::MAX), Some(u64::MAX));
        let entry = Entry { seq: u64::MAX - 1, time_us: i64::MAX, actor, credential, kind: u32::MAX, body: overflow };
        let needs = (0..TAKEN_BLOBS_MAX + 4).map(name).collect::<Vec<_>>();
        seal(&DataKey::new([9; 32]), &"code.example.org".parse().unwrap(), &entry, &needs).unwrap();
    }
}
