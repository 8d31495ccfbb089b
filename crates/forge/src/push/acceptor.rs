//! The domain's side of `git receive-pack`.

use super::command::{PushRefs, Pushing};
use super::fuse::{Fuse, REWRITES_LOOKED_AT_MAX};
use super::pack::{IncomingPack, Uploading};
use super::report;
use crate::access::{self, Authorized, Write};
use crate::error::Error;
use crate::event::Oid;
use crate::event::push::RefMove;
use crate::ledger::Ledger;
use crate::quota;
use crate::repo::{Repositories, query};
use crate::signer::Signers;
use crate::spool::{LeasedPart, Spool};
use bytes::Bytes;
use git::ObjectId;
use git::receive::{Accepted, Acceptor, RefUpdate, VerifiedPush};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a push waits for vaults to be reachable before its pack is read.
const QUORUM_WAIT: Duration = Duration::from_secs(3);
const QUORUM_LOOK_EVERY: Duration = Duration::from_millis(100);

/// What all pushes share.
#[derive(Clone)]
pub(crate) struct PushContext {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) repositories: Repositories,
    pub(crate) spool: Arc<Spool>,
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) signers: Signers,
    pub(crate) upload: Uploading,
    pub(crate) base_url: Arc<str>,
    /// How long a push waits for the repository to take it in once it is held.
    pub(crate) applied_timeout: Duration,
}

/// A push that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldPush {
    /// Its entry.
    pub(crate) entry: u64,
}

/// One push into one repository.
pub struct PushAcceptor {
    context: PushContext,
    proof: Authorized<Write>,
    pack: IncomingPack,
    tell: Option<oneshot::Sender<Result<HeldPush, Error>>>,
    /// How many bytes it may still bring, and what to say when it brings more.
    room: (u64, String),
}

impl PushAcceptor {
    pub(crate) fn new(context: PushContext, proof: Authorized<Write>) -> Self {
        let pack = IncomingPack::new(context.spool.clone(), context.upload.clone());
        Self { context, proof, pack, tell: None, room: (0, String::new()) }
    }

    /// As [`PushAcceptor::new`]; what becomes of it is told besides the words for the pusher. Nothing is told of refs that are
    /// refused.
    pub(crate) fn telling(
        context: PushContext,
        proof: Authorized<Write>,
    ) -> (Self, oneshot::Receiver<Result<HeldPush, Error>>) {
        let (tell, told) = oneshot::channel();
        (Self { tell: Some(tell), ..Self::new(context, proof) }, told)
    }

    /// Whether anything could be written now: asked before the pack is read, so that nobody uploads for nothing.
    async fn writable(&self) -> Result<(), Error> {
        let shipping = self.context.ledger.shipping();
        let mut waited = Duration::ZERO;
        loop {
            if let Some(reason) = shipping.trouble() {
                return Err(Error::Frozen { reason });
            }
            match shipping.quorum_reachable() {
                Ok(()) => return Ok(()),
                Err(missing) if waited >= QUORUM_WAIT => return Err(Error::NoQuorum { missing }),
                Err(_) => tokio::time::sleep(QUORUM_LOOK_EVERY).await,
            }
            waited += QUORUM_LOOK_EVERY;
        }
    }

    /// How many bytes the pack may have.
    async fn room(&self) -> Result<(u64, String), Error> {
        let repo = self.proof.repo().clone();
        self.context.ledger.db().read_async(move |tx| Ok(quota::room(tx, &repo)?)).await
    }

    /// Rights may have changed since the request began.
    async fn still_allowed(&self) -> Result<(), Error> {
        let (id, by) = (self.proof.repo().id, self.proof.by().cloned());
        let path = self.proof.repo().path.clone();
        let check = move |tx: &mut crate::db::Tx| {
            let repo = query::repo_by_id(tx, id)?.ok_or_else(|| Error::not_found(path))?;
            match by {
                Some(by) => access::authorize_repo::<Write>(tx, Some(&by), repo).map(drop),
                None => Ok(()),
            }
        };
        self.context.ledger.db().read_async(check).await
    }
}

impl Acceptor for PushAcceptor {
    async fn authorize(&mut self, updates: &[RefUpdate]) -> Result<Vec<Result<(), String>>, String> {
        self.still_allowed().await.map_err(|e| report::refusal(&e))?;
        self.writable().await.map_err(|e| report::refusal(&e))?;
        self.room = self.room().await.map_err(|e| report::refusal(&e))?;
        Ok(updates.iter().map(|_| Ok(())).collect())
    }

    async fn pack_bytes(&mut self, bytes: &Bytes) -> io::Result<()> {
        let (room, text) = &mut self.room;
        // A push that only deletes has a pack without objects, if any: it may go on when there is no room at all.
        match room.checked_sub(bytes.len() as u64) {
            Some(left) => *room = left,
            None => return Err(io::Error::other(std::mem::take(text))),
        }
        self.pack.write(bytes).await.map_err(io::Error::other)
    }

    async fn accept(self, push: VerifiedPush) -> Accepted {
        let Self { context, proof, pack, tell, .. } = self;
        let count = push.updates.len();
        // A task of its own: once the entry is submitted the push goes on, whether or not anybody waits for it.
        let accepting = tokio::spawn(async move {
            let (accepted, became) = context.accept(proof, pack, push).await;
            if let (Some(tell), Some(became)) = (tell, became) {
                // Who asked may be gone.
                let _ = tell.send(became);
            }
            accepted
        });
        accepting.await.unwrap_or_else(|e| refused_all(count, &Error::internal(format!("the push broke off: {e}"))))
    }
}

impl PushContext {
    async fn accept(self, proof: Authorized<Write>, pack: IncomingPack, push: VerifiedPush) -> (Accepted, Became) {
        let count = push.updates.len();
        match self.try_accept(proof, pack, push).await {
            Ok(done) => done,
            Err(error) => (refused_all(count, &error), Some(Err(error))),
        }
    }

    async fn try_accept(
        &self,
        proof: Authorized<Write>,
        pack: IncomingPack,
        push: VerifiedPush,
    ) -> Result<(Accepted, Became), Error> {
        let (repo, path, by, count) =
            (proof.repo().id, proof.repo().path.clone(), proof.submitter(), push.updates.len());
        let parts = pack.finish().await?;
        self.pass_fuse(&proof, &push).await?;
        let first = parts.first().map(|(lease, _)| lease.name());
        let moves: Vec<RefMove> = push.updates.iter().map(ref_move).collect::<Result<_, _>>()?;
        let looked = self.look(&proof, &moves, &push).await?;
        self.hold_objects(&parts, push.quarantine);
        let command = PushRefs { proof, moves, looked, parts, options: push.push_options, atomic: push.atomic };
        let committed = self.ledger.writer().submit(by, command).await;
        let committed = committed.inspect_err(|_| drop(first.and_then(|f| self.repositories.take_quarantine(&f))))?;
        let Pushing { refused, protected, there } = committed.output;
        let rules = protected.then(|| report::rules_line(&self.base_url, &path));
        let results: Vec<_> = refused.into_iter().map(|refused| refused.map_or(Ok(()), Err)).collect();
        // What was there already is answered as what is written now: when it is held, and with its entry.
        let mut told = there.map(|seq| (seq, seq + 1));
        if committed.first_seq < committed.next_seq {
            told = Some((committed.first_seq, committed.next_seq));
        } else {
            drop(first.and_then(|f| self.repositories.take_quarantine(&f)));
        }
        let Some((entry, next_seq)) = told else {
            return Ok((Accepted { results, messages: rules.into_iter().collect() }, None));
        };
        let waited = self.until_visible(repo, next_seq).await;
        Ok(match waited {
            Ok(held) => {
                let vaults = self.ledger.shipping().sizes().len();
                let receipt = report::receipt_line(&self.base_url, &path, entry);
                let messages = rules.into_iter().chain([report::held_line(&held, vaults, entry), receipt]).collect();
                (Accepted { results, messages }, Some(Ok(HeldPush { entry })))
            }
            // It is written: only what was not refused for another reason is told so.
            Err(error) => {
                let unheld = refused_all(count, &error);
                let results = results.into_iter().zip(unheld.results).map(|(was, now)| was.and(now)).collect();
                (Accepted { results, messages: unheld.messages }, Some(Err(error)))
            }
        })
    }

    /// Asked before anything is written: deletions, and moves that lose history.
    async fn pass_fuse(&self, proof: &Authorized<Write>, push: &VerifiedPush) -> Result<(), Error> {
        let deleted = push.updates.iter().filter(|update| update.new.is_none()).count() as u64;
        let moves: Vec<_> = push.updates.iter().filter_map(|update| Some((update.old?, update.new?))).collect();
        let rewrites = match moves.is_empty() {
            true => 0,
            false => {
                let git = &self.repositories.open(proof).await?.git;
                git.rewrites(push.quarantine.as_ref(), &moves, REWRITES_LOOKED_AT_MAX).await
            }
        };
        self.fuse.pass(proof.submitter(), u64::from(deleted > 0), deleted + rewrites).await
    }

    async fn until_visible(&self, repo: u64, next_seq: u64) -> Result<Vec<String>, Error> {
        let held = self.ledger.held_until(next_seq).await?;
        self.repositories.wait_applied(repo, next_seq, self.applied_timeout).await?;
        Ok(held)
    }

    /// The projector finds the objects by the first blob of the pack. A pack without objects has no blob and needs none.
    fn hold_objects(&self, parts: &[LeasedPart], quarantine: Option<git::Quarantine>) {
        if let (Some((lease, _)), Some(quarantine)) = (parts.first(), quarantine) {
            self.repositories.keep_quarantine(lease.name(), quarantine);
        }
    }
}

/// What became of a push, unless all of it was refused.
type Became = Option<Result<HeldPush, Error>>;

impl std::fmt::Debug for PushContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushContext").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

fn refused_all(count: usize, error: &Error) -> Accepted {
    if error.is_ours() {
        tracing::warn!(%error, "a push was refused");
    }
    let results = std::iter::repeat_n(Err(report::refusal(error)), count).collect();
    Accepted { results, messages: report::explanation(error).into_iter().collect() }
}

fn ref_move(update: &RefUpdate) -> Result<RefMove, Error> {
    let oid =
        |id: &ObjectId| Oid::new(id.as_bytes()).ok_or_else(|| Error::internal("an object id of an unknown length"));
    let (old, new) = (update.old.as_ref().map(oid).transpose()?, update.new.as_ref().map(oid).transpose()?);
    Ok(RefMove { name: update.name.as_str().to_owned(), old, new })
}
