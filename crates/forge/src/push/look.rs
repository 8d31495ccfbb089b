//! What the moves of a push do, as far as protections ask: looked at before the writer decides, because that one reads no files.

use super::acceptor::PushContext;
use crate::access::{Authorized, Write};
use crate::error::Error;
use crate::event::push::RefMove;
use crate::protect::judge::{Changed, Concern, Looked, Move, Signatures, concerns};
use git::receive::{RefUpdate, VerifiedPush};
use git::{ObjectId, Repository};

fn lost(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the histories could not be compared: {error}"))
}

impl PushContext {
    /// What each move does; empty: no protection is about any of them.
    pub(super) async fn look(
        &self,
        proof: &Authorized<Write>,
        moves: &[RefMove],
        push: &VerifiedPush,
    ) -> Result<Vec<Looked>, Error> {
        let (repo, asked) = (proof.repo().id, moves.to_vec());
        let concerned = self.ledger.db().read_async(move |tx| Ok::<_, Error>(concerns(tx, repo, &asked)?)).await?;
        if concerned.iter().all(Option::is_none) {
            return Ok(Vec::new());
        }
        let git = self.repositories.open(proof).await?.git;
        let mut looked = Vec::with_capacity(moves.len());
        for (update, concern) in push.updates.iter().zip(concerned) {
            looked.push(match concern {
                None => Looked { kind: Move::Unknown, ..Looked::default() },
                Some(concern) => self.look_at(&git, update, push, concern).await?,
            });
        }
        Ok(looked)
    }

    async fn look_at(
        &self,
        git: &Repository,
        update: &RefUpdate,
        push: &VerifiedPush,
        concern: Concern,
    ) -> Result<Looked, Error> {
        let mut looked = Looked { kind: Move::Forward, ..Looked::default() };
        let (Some(new), Some(_)) = (update.new, update.name.branch()) else { return Ok(looked) };
        let quarantine = push.quarantine.as_ref();
        if let Some(old) = update.old
            && git.leaves_behind(old, new, quarantine).await.map_err(lost)?
        {
            looked.kind = Move::Rewind;
        }
        // A branch that begins is compared with the one that the repository shows first, if that is there.
        let head = async || {
            let head = git.head().ok()?;
            let (_, refs) = git.refs().await.ok()?;
            refs.into_iter().find(|found| found.name == head).map(|found| found.id)
        };
        let base = match update.old {
            Some(old) => Some(old),
            None => head().await,
        };
        if concern.signatures {
            looked.signatures = self.signatures(git, new, base, push).await?;
        }
        if concern.paths {
            let changed = git.changed_paths(base, new, quarantine).await.map_err(lost)?;
            looked.changed = changed.map_or(Changed::TooMany, Changed::Paths);
        }
        Ok(looked)
    }

    async fn signatures(
        &self,
        git: &Repository,
        new: ObjectId,
        base: Option<ObjectId>,
        push: &VerifiedPush,
    ) -> Result<Signatures, Error> {
        let (known, quarantine) = (base.into_iter().collect::<Vec<_>>(), push.quarantine.as_ref());
        let Some(commits) = git.brought(new, &known, quarantine).await.map_err(lost)? else {
            return Ok(Signatures::Wrong(format!("more than {} commits come at once", git::BROUGHT_COMMITS_MAX)));
        };
        let Some(signed) = git.signatures_of(&commits, quarantine).await.map_err(lost)? else {
            return Ok(Signatures::Wrong("one is too large to be looked at".to_owned()));
        };
        for brought in signed {
            let fault = match brought.signature {
                None => Some("is not signed".to_owned()),
                Some((signature, carried)) => {
                    self.signers.whose(&brought.email, signature, async || Ok(Some(carried))).await?.fault()
                }
            };
            if let Some(fault) = fault {
                let id = brought.id.to_string();
                return Ok(Signatures::Wrong(format!("commit {} {fault}", &id[..12])));
            }
        }
        Ok(Signatures::Right)
    }
}
