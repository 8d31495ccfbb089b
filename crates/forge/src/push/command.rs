//! The one entry a push becomes.

use super::judge::{is_there, judge, known_refs};
use crate::access::{self, Authorized, Write};
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::push::{Pushed, RefMove};
use crate::event::site::Part;
use crate::people::authenticate::still_good;
use crate::protect;
use crate::protect::judge::Looked;
use crate::repo::query;
use crate::spool::LeasedPart;
use crate::writer::{Command, Decide};

/// Moves refs, with the pack they need.
#[derive(Debug)]
pub struct PushRefs {
    /// The right to.
    pub proof: Authorized<Write>,
    /// The moves; each ref once.
    pub moves: Vec<RefMove>,
    /// What was seen of each, as far as a protection is about it.
    pub looked: Vec<Looked>,
    /// The pack's parts, in the spool.
    pub parts: Vec<LeasedPart>,
    /// What the pusher said with `git push -o`.
    pub options: Vec<String>,
    /// All or none.
    pub atomic: bool,
}

/// What came of it: for each ref, in their order, why it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushing {
    /// `None`: it is moved.
    pub refused: Vec<Option<String>>,
    /// Whether a protection refused one of them.
    pub protected: bool,
    /// The last entry that brought a ref to where it was to be moved now; None: each had still to be moved. It may be not held yet.
    pub there: Option<u64>,
}

impl Command for PushRefs {
    type Output = Pushing;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Pushing), Error> {
        let repo = query::repo_by_id(tx, self.proof.repo().id)?;
        let repo = repo.ok_or_else(|| Error::not_found(&self.proof.repo().path))?;
        if let Some(who) = self.proof.by() {
            if !still_good(tx, who.credential(), ctx.now_us)? {
                return Err(Error::Unauthenticated("the access token was revoked while the push came in".into()));
            }
            access::authorize_repo::<Write>(tx, Some(who), repo.clone())?;
        }
        let known = known_refs(tx, repo.id, &self.moves)?;
        let protections = protect::judge::judge(tx, &repo, self.proof.by(), &self.moves, &self.looked)?;
        let protected = protections.iter().any(Option::is_some);
        let there: Vec<_> = self.moves.iter().map(|m| is_there(&known, m)).collect();
        let judged = judge(known, &repo.head, &self.moves);
        // A ref that moved meanwhile is told first: what was looked at is not what would be moved.
        let mut refused: Vec<_> = judged.into_iter().zip(protections).map(|(moved, rule)| moved.or(rule)).collect();
        if self.atomic && refused.iter().any(Option::is_some) {
            let others = "atomic push failed: another of its refs was refused";
            refused.iter_mut().filter(|r| r.is_none()).for_each(|r| *r = Some(others.to_owned()));
        }
        let (again, updates) = split(self.moves, &refused, &there);
        let pushing = Pushing { refused, protected, there: last_entry(tx, repo.id, &again)? };
        if updates.is_empty() {
            // The leases are dropped, and with them the blobs.
            return Ok((Vec::new(), pushing));
        }
        let pack = self.parts.iter().map(|(lease, bytes)| Part { blob: lease.name(), bytes: *bytes }).collect();
        // Here and not by who submitted it: that one may be gone when it is committed.
        self.parts.into_iter().for_each(|(lease, _)| lease.named(ctx.next_seq + 1));
        Ok((vec![Pushed { repo: repo.id, updates, pack, options: self.options }.into()], pushing))
    }
}

/// Those not refused: what is there already, which is not written again, and what moves.
fn split(moves: Vec<RefMove>, refused: &[Option<String>], there: &[bool]) -> (Vec<RefMove>, Vec<RefMove>) {
    let (mut again, mut moved) = (Vec::new(), Vec::new());
    for ((update, refused), there) in moves.into_iter().zip(refused).zip(there) {
        match refused {
            None if *there => again.push(update),
            None if update.old != update.new => moved.push(update),
            _ => {}
        }
    }
    (again, moved)
}

/// The last entry that moved one of these refs.
fn last_entry(tx: &mut Tx, repo: u64, moves: &[RefMove]) -> Result<Option<u64>, DbError> {
    let mut last = None;
    for update in moves {
        let sql = "SELECT seq FROM ref WHERE repo = ?1 AND name = ?2";
        last = last.max(Some(tx.query_one(sql, &[repo.into(), (&update.name).into()])?.get(0)?));
    }
    Ok(last)
}
