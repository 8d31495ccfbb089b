//! The journal for who checks it: receipts, the newest checkpoint, tiles.

use super::Site;
use crate::access::Read;
use crate::error::Error;
use crate::event::Event;
use crate::log;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::witness::WitnessStatus;
use journal::policy::Policy;
use journal::tile::TileId;

impl Site {
    /// The receipt of an entry, for the site's operator.
    pub async fn receipt(&self, seq: u64) -> Result<String, Error> {
        self.ledger.receipt(seq).await
    }

    /// The receipt of an entry about a repository, for who may read the repository.
    pub async fn receipt_of_repository(
        &self,
        who: Option<&Principal>,
        path: &RepoPath,
        seq: u64,
    ) -> Result<String, Error> {
        let proof = self.authorize::<Read>(who, path).await?;
        // An entry names what a commit was about.
        self.must_read_all(who, &proof).await?;
        let repo = proof.repo().id;
        let about = self.db().read_async(move |tx| match log::entry_fetch(tx, seq)? {
            Some(row) => Ok::<_, Error>(repository_of(&log::read_row(&row)?.1, seq)),
            None => Ok(None),
        });
        if about.await? != Some(repo) {
            return Err(Error::not_found(format!("entry {seq} of {path}")));
        }
        self.ledger.receipt(seq).await
    }

    /// The newest checkpoint that a quorum has cosigned, with their signatures; None: there is none yet.
    pub async fn cosigned_checkpoint(&self) -> Result<Option<String>, Error> {
        let Some(newest) = self.held().checked_sub(1) else { return Ok(None) };
        let log = self.ledger.log().clone();
        let made = tokio::task::spawn_blocking(move || log.cosigned_checkpoint(newest)).await;
        made.unwrap_or_else(|e| Err(Error::internal(e.to_string())))
    }

    /// Whose signatures make an entry held, and who besides is shown what is held.
    pub async fn policy(&self) -> Result<Policy, Error> {
        let log = self.ledger.log().clone();
        self.db().read_async(move |tx| log.policy(tx)).await
    }

    /// How it stands with the witnesses.
    #[must_use]
    pub fn witness_list(&self) -> Vec<WitnessStatus> {
        self.witnesses.statuses()
    }

    /// Whose signatures made this entry held, when it was written.
    pub async fn policy_at(&self, entry: u64) -> Result<Policy, Error> {
        let log = self.ledger.log().clone();
        self.db().read_async(move |tx| log.policy_at(tx, entry)).await
    }

    /// A tile of the log by its path (c2sp.org/tlog-tiles: `tile/0/000`, `tile/0/000.p/5`); None: not there, or not that full yet.
    pub async fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(id) = TileId::parse(path) else { return Ok(None) };
        let held = self.held();
        let read = move |tx: &mut crate::db::Tx| {
            // A tile's last hash stands for the leaves below this number.
            let width = u64::from(id.width);
            let end = id.index.checked_mul(256).and_then(|i| i.checked_add(width));
            let end = end.and_then(|end| end.checked_mul(1u64.checked_shl(8 * u32::from(id.level))?));
            if end.is_none_or(|end| end > held) {
                return Ok::<_, Error>(None);
            }
            let hashes = log::tile_fetch(tx, id.level, id.index, width)?;
            Ok(hashes.map(|hashes| hashes.iter().flat_map(|hash| hash.0).collect()))
        };
        self.db().read_async(read).await
    }
}

/// The repository an event is about.
fn repository_of(event: &Event, seq: u64) -> Option<u64> {
    match event {
        Event::RepoCreated(_) => Some(seq),
        Event::RepoVisibilitySet(e) => Some(e.repo),
        Event::ProtectionSet(e) => Some(e.repo),
        Event::RepoDescribed(e) => Some(e.repo),
        Event::TeamRepoAdded(e) => Some(e.repo),
        Event::TeamRepoRemoved(e) => Some(e.repo),
        Event::RepoRenamed(e) => Some(e.repo),
        Event::HeadSet(e) => Some(e.repo),
        Event::CollaboratorSet(e) => Some(e.repo),
        Event::CollaboratorRemoved(e) => Some(e.repo),
        Event::Pushed(e) => Some(e.repo),
        Event::PackConsolidated(e) => Some(e.repo),
        Event::SvnBegun(e) => Some(e.repo),
        Event::SvnCommitted(e) => Some(e.repo),
        Event::SvnLoaded(e) => Some(e.repo),
        Event::SvnRevpropsSet(e) => Some(e.repo),
        Event::SvnLocked(e) => Some(e.repo),
        Event::SvnUnlocked(e) => Some(e.repo),
        _ => None,
    }
}
