//! What answers the commit gate: seals, submits, waits until it is held.

use super::command::{SvnCommit, SvnLock, SvnRevpropsChange, SvnTakeBack, SvnUnlock};
use super::paths::path_rules_fetch;
use super::rules::{Judge, commit_rules_fetch};
use super::subversion::Shared;
use crate::access::{Authorized, Write};
use crate::error::Error;
use crate::people::Principal;
use crate::quota;
use crate::spool::{LeasedPart, PartWriter};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use svn::{CommitGate, Properties, Record};

/// Revisions up to this size are sealed in one piece.
const SMALL_BYTES_MAX: u64 = 200 << 10;
const PIECE_BYTES: usize = 256 << 10;

/// A request that may make something visible, while it is under way.
#[derive(Debug)]
pub struct Finishing {
    pub(super) proof: Authorized<Write>,
    /// Of what the site does itself: the officer whose act it is.
    pub(super) officer: Option<Principal>,
    refusal: Mutex<Option<String>>,
    unheld: OnceLock<u64>,
}

impl Finishing {
    pub(super) fn new(proof: Authorized<Write>) -> Self {
        Self { proof, officer: None, refusal: Mutex::default(), unheld: OnceLock::new() }
    }

    pub(super) fn of_officer(self, officer: Option<Principal>) -> Self {
        Self { officer, ..self }
    }

    /// Why it was held back; None: it was not.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`Finishing::refusal`], and it is forgotten: the next act is another.
    pub(super) fn take_refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The entry that it wrote, if that is not held yet: what it changes becomes visible by itself.
    pub(super) fn unheld(&self) -> Option<u64> {
        self.unheld.get().copied()
    }

    fn refuse(&self, error: &Error, why: &str) {
        if let Error::NotHeldYet { seq, .. } = error {
            let _ = self.unheld.set(*seq);
        }
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }
}

/// The site's answer to the gate.
pub(super) struct Gate(pub(super) Weak<Shared>);

impl CommitGate for Gate {
    async fn capture(&self, repo: u64, session: Option<u64>, record: Record) -> Result<(), String> {
        let shared = self.0.upgrade().ok_or("the site is stopping")?;
        let finishing = session.map_or_else(|| shared.finishing(repo), |id| shared.session(id));
        let finishing = finishing.filter(|finishing| finishing.proof.repo().id == repo);
        let finishing = finishing.ok_or("nobody who may asked for a change just now")?;
        let captured = shared.capture(finishing.proof.clone(), finishing.officer.clone(), record).await;
        captured.map_err(|error| {
            if error.is_ours() {
                tracing::warn!(repository = repo, %error, "a change was held back");
            }
            let why = refusal(&error);
            finishing.refuse(&error, &why);
            why
        })
    }

    fn unsure(&self, repo: u64) {
        if let Some(shared) = self.0.upgrade() {
            drop(shared.catch_up_later(repo, 0));
        }
    }
}

fn refusal(error: &Error) -> String {
    match error {
        Error::NotHeldYet { seq, missing, .. } => format!(
            "your change is written as entry {seq}, but NOT YET HELD by enough vaults (missing: {}). It becomes visible by itself \
             when they hold it: do not commit it again; update later to see it",
            missing.join(", ")
        ),
        other => other.to_string(),
    }
}

impl Shared {
    /// Holds what is about to become visible. `officer`: whose act it is, of what the site does itself. When it returns an error
    /// nothing may become visible now.
    pub(super) async fn capture(
        self: &Arc<Self>,
        proof: Authorized<Write>,
        officer: Option<Principal>,
        record: Record,
    ) -> Result<(), Error> {
        let repo = proof.repo().id;
        let by = officer.as_ref().map_or_else(|| proof.submitter(), Principal::submitter);
        let submitted = match record {
            Record::Revision { rev, file, bytes, properties } => {
                must_be_the_author(&proof, &properties)?;
                // Sealed while it is judged: what is refused is dropped with its lease.
                let judging = self.must_be_in_order(&proof, rev, bytes, &properties);
                let ((), (parts, hash)) = tokio::try_join!(judging, self.seal(file, bytes))?;
                let by_somebody = proof.by().is_some();
                let commit = SvnCommit { proof, rev, parts, hash, properties };
                match by_somebody {
                    true => self.ledger.submit(by, commit).await.map(drop),
                    false => self.ledger.submit(by, SvnTakeBack { commit, officer }).await.map(drop),
                }
            }
            Record::RevisionProperties { rev, properties, .. } => {
                self.ledger.submit(by, SvnRevpropsChange { proof, rev, properties }).await.map(drop)
            }
            Record::Lock { name, lock } => self.ledger.submit(by, SvnLock { proof, name, lock }).await.map(drop),
            Record::Unlock { name } => self.ledger.submit(by, SvnUnlock { proof, name }).await.map(drop),
        };
        match &submitted {
            Err(Error::NotHeldYet { seq, .. }) => drop(self.catch_up_later(repo, *seq + 1)),
            Err(Error::Conflict(_)) => drop(self.catch_up_later(repo, 0)),
            _ => {}
        }
        submitted
    }

    /// A repository's rules and its quota, asked of a revision. What the site captures by itself is taken as it is.
    async fn must_be_in_order(
        &self,
        proof: &Authorized<Write>,
        rev: u64,
        bytes: u64,
        properties: &[u8],
    ) -> Result<(), Error> {
        let (Some(who), repo) = (proof.by(), proof.repo().clone()) else { return Ok(()) };
        let (id, account) = (repo.id, who.user());
        let asked = self.ledger.db().read_async(move |tx| {
            let (left, over) = quota::room(tx, &repo)?;
            if bytes > left {
                return Err(Error::NoRoom(over));
            }
            Ok(Judge { rules: commit_rules_fetch(tx, id)?, paths: path_rules_fetch(tx, id)?, account })
        });
        let (judge, root, properties) = (asked.await?, self.repository(id).root(), properties.to_vec());
        let looking = tokio::task::spawn_blocking(move || judge.look(&root, rev, &properties));
        let looked = looking.await.map_err(|e| Error::internal(format!("the commit could not be looked at: {e}")))?;
        looked.map_err(Error::Forbidden)
    }

    /// Seals a revision's file into the spool.
    pub(super) async fn seal(&self, file: File, bytes: u64) -> Result<(Vec<LeasedPart>, [u8; 32]), Error> {
        let (spool, upload) = (self.spool.clone(), self.upload.clone());
        let sealing = tokio::task::spawn_blocking(move || {
            let failed = |e: std::io::Error| Error::internal(format!("the revision's file: {e}"));
            let (mut file, mut hash) = (file.take(bytes), Sha256::new());
            if bytes <= SMALL_BYTES_MAX {
                let mut content = Vec::new();
                file.read_to_end(&mut content).map_err(failed)?;
                hash.update(&content);
                return Ok((vec![(spool.seal(&content)?, content.len() as u64)], hash.finalize().into()));
            }
            let (mut writer, mut parts, mut piece) = (PartWriter::new(spool), Vec::new(), vec![0; PIECE_BYTES]);
            loop {
                let n = file.read(&mut piece).map_err(failed)?;
                if n == 0 {
                    break;
                }
                hash.update(&piece[..n]);
                let full = writer.write(&piece[..n])?;
                full.iter().for_each(|(lease, _)| upload(lease.name()));
                parts.extend(full);
            }
            parts.extend(writer.finish()?);
            if let Some((last, _)) = parts.last() {
                upload(last.name());
            }
            Ok((parts, hash.finalize().into()))
        });
        sealing.await.map_err(|e| Error::internal(format!("the revision could not be sealed: {e}")))?
    }
}

/// Invariant 3. What the site captures by itself has nobody to compare with.
fn must_be_the_author(proof: &Authorized<Write>, properties: &[u8]) -> Result<(), Error> {
    let Some(who) = proof.by() else { return Ok(()) };
    let properties = Properties::parse(properties).map_err(|e| Error::invalid(e.to_string()))?;
    match properties.text("svn:author") {
        Some(author) if author == who.name() => Ok(()),
        _ => Err(Error::forbidden(format!("a revision's author is the account that commits it: {}", who.name()))),
    }
}
