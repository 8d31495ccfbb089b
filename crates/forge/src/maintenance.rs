//! What keeps a site fast and its recovery short: git's own maintenance, consolidated packs, snapshots of the database.
//!
//! All of it follows the volume of pushes, not a clock, and none of it removes anything from a vault.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::push::PackConsolidated;
use crate::event::site::{Part, SnapshotTaken};
use crate::jobs::{Job, Jobs};
use crate::ledger::Ledger;
use crate::repo::{Repositories, query};
use crate::site::SiteLimits;
use crate::snapshot;
use crate::spool::{Lease, LeasedPart, PartWriter, Spool};
use crate::writer::{Command, Decide, Submitter};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

/// Bytes pushed to a repository after which git's maintenance runs.
const MAINTAIN_BYTES: u64 = 8 << 20;
/// Or pushes.
const MAINTAIN_PUSHES: u64 = 50;
/// How often it is asked whether a snapshot is due.
const SNAPSHOT_LOOK_EVERY: Duration = Duration::from_secs(10);
/// Bytes read from git at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Runs until the site stops. One thing is done at a time.
pub(crate) struct Maintenance {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) repositories: Repositories,
    pub(crate) spool: Arc<Spool>,
    pub(crate) limits: SiteLimits,
    pub(crate) jobs: Jobs,
}

#[derive(Default)]
struct Volume {
    pushes: u64,
    bytes: u64,
}

impl Maintenance {
    pub(crate) async fn run(self, mut pushes: mpsc::UnboundedReceiver<(u64, u64)>) {
        let mut since: HashMap<u64, Volume> = HashMap::new();
        let mut look = tokio::time::interval(SNAPSHOT_LOOK_EVERY);
        loop {
            tokio::select! {
                push = pushes.recv() => match push {
                    Some((repo, bytes)) => self.after_push(since.entry(repo).or_default(), repo, bytes).await,
                    None => return,
                },
                _ = look.tick() => self.snapshot_if_due().await,
            }
        }
    }

    async fn after_push(&self, volume: &mut Volume, repo: u64, bytes: u64) {
        volume.pushes += 1;
        volume.bytes += bytes;
        if volume.pushes < MAINTAIN_PUSHES && volume.bytes < MAINTAIN_BYTES {
            return;
        }
        *volume = Volume::default();
        match self.jobs.run(Job::Maintain, self.maintain(repo)).await {
            Ok(()) => tracing::debug!(repository = repo, "maintained"),
            Err(error) => {
                tracing::warn!(repository = repo, %error, "maintenance failed; the repository is as good as before")
            }
        }
    }

    pub(crate) async fn maintain(&self, repo: u64) -> Result<(), Error> {
        let opened = self.repositories.open_id(repo).await?;
        opened.git.maintain().await.map_err(|e| Error::internal(e.to_string()))?;
        let (packs, bytes) = self.ledger.db().read_async(move |tx| unconsolidated(tx, repo)).await?;
        if packs > self.limits.consolidate_packs || (packs > 1 && bytes > self.limits.consolidate_bytes) {
            self.consolidate(repo).await?;
        }
        Ok(())
    }

    /// Puts one pack of everything a repository has into the vaults, so that filling it anew takes one pack and not all.
    pub(crate) async fn consolidate(&self, repo: u64) -> Result<(), Error> {
        let opened = self.repositories.open_id(repo).await?;
        let Some(through_seq) = opened.applied.checked_sub(1) else { return Ok(()) };
        let last = self.ledger.db().read_async(move |tx| last_pack(tx, repo, through_seq)).await?;
        let Some(through_seq) = last else { return Ok(()) };
        let parts = self.seal_everything(&opened.git).await?;
        let answer = self.ledger.submit(Submitter::default(), Consolidate { repo, through_seq, parts }).await?;
        tracing::info!(repository = repo, through = through_seq, entry = answer.first_seq, "packs consolidated");
        Ok(())
    }

    async fn seal_everything(&self, git: &git::Repository) -> Result<Vec<LeasedPart>, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::internal(format!("packing everything: {e}"));
        let mut child = git.pack_everything().await.map_err(|e| failed(&e))?;
        let mut output = child.stdout.take().ok_or_else(|| failed(&"no output"))?;
        let (pieces, mut incoming) = mpsc::channel::<Vec<u8>>(4);
        let spool = self.spool.clone();
        let sealing = tokio::task::spawn_blocking(move || {
            let (mut writer, mut parts) = (PartWriter::new(spool), Vec::new());
            while let Some(piece) = incoming.blocking_recv() {
                parts.extend(writer.write(&piece)?);
            }
            parts.extend(writer.finish()?);
            Ok::<_, Error>(parts)
        });
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let n = output.read_buf(&mut piece).await.map_err(|e| failed(&e))?;
            if n == 0 || pieces.send(piece).await.is_err() {
                break;
            }
        }
        drop(pieces);
        let parts = sealing.await.map_err(|e| failed(&e))??;
        // A pack that was cut short must not stand for everything: its leases are dropped here.
        child.wait().await.map_err(|e| failed(&e))?;
        Ok(parts)
    }

    async fn snapshot_if_due(&self) {
        let shipping = self.ledger.shipping();
        // It could not be written that it was taken.
        if shipping.trouble().is_some() || shipping.quorum_reachable().is_err() {
            return;
        }
        let every = self.limits.snapshot_every_entries;
        let due = self.ledger.db().read_async(move |tx| snapshot_due(tx, every)).await;
        let taken = match due {
            Ok(false) => return,
            Ok(true) => {
                let taking = take_snapshot(&self.ledger, &self.spool, Submitter::default());
                self.jobs.run(Job::Snapshot, taking).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "no snapshot of the database was taken; it is tried again");
        }
    }
}

/// Takes a snapshot of the database into the vaults. Gives its entry.
pub(crate) async fn take_snapshot(ledger: &Arc<Ledger>, spool: &Arc<Spool>, by: Submitter) -> Result<u64, Error> {
    let (db, spool) = (ledger.db().clone(), Arc::clone(spool));
    let taking = tokio::task::spawn_blocking(move || {
        let mut leases = Vec::new();
        let taken = snapshot::take(&db, |part| {
            let lease = spool.seal(part)?;
            let name = lease.name();
            leases.push(lease);
            Ok(name)
        });
        Ok::<_, Error>(KeepSnapshot { taken: taken?, leases })
    });
    let keep = taking.await.map_err(|e| Error::internal(e.to_string()))??;
    let parts = keep.leases.len();
    let answer = ledger.submit(by, keep).await?;
    tracing::info!(entry = answer.first_seq, parts, "snapshot taken");
    Ok(answer.first_seq)
}

/// Packs since the last consolidated one, and their bytes.
fn unconsolidated(tx: &mut Tx, repo: u64) -> Result<(u64, u64), Error> {
    let sql =
        "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pack WHERE repo = ?1 AND consolidated = ?2";
    let row = tx.query_one(sql, &[repo.into(), false.into()])?;
    Ok((row.get(0)?, row.get(1)?))
}

/// The newest push with a pack, up to an entry.
fn last_pack(tx: &mut Tx, repo: u64, through: u64) -> Result<Option<u64>, Error> {
    let sql = "SELECT max(seq) FROM pack WHERE repo = ?1 AND seq <= ?2";
    Ok(tx.query_one(sql, &[repo.into(), through.into()])?.get(0)?)
}

fn snapshot_due(tx: &mut Tx, every: u64) -> Result<bool, Error> {
    let newest: Option<u64> = tx.query_one("SELECT max(through) FROM snapshot", &[])?.get(0)?;
    let size = crate::log::checkpoint_last(tx)?.map_or(0, |checkpoint| checkpoint.size);
    Ok(size >= newest.unwrap_or(0) + every)
}

#[derive(Debug)]
struct Consolidate {
    repo: u64,
    through_seq: u64,
    parts: Vec<LeasedPart>,
}

impl Command for Consolidate {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        if query::repo_by_id(tx, self.repo)?.is_none() || self.parts.is_empty() {
            return Ok((Vec::new(), ()));
        }
        let pack = self.parts.iter().map(|(lease, bytes)| Part { blob: lease.name(), bytes: *bytes }).collect();
        self.parts.into_iter().for_each(|(lease, _)| lease.named(ctx.next_seq + 1));
        Ok((vec![PackConsolidated { repo: self.repo, through_seq: self.through_seq, pack }.into()], ()))
    }
}

/// Its parts stay in the spool once an entry says that they are there; one that is not taken in leaves nothing.
#[derive(Debug)]
struct KeepSnapshot {
    taken: SnapshotTaken,
    leases: Vec<Lease>,
}

impl Command for KeepSnapshot {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, _: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        self.leases.into_iter().for_each(|lease| lease.named(ctx.next_seq + 1));
        Ok((vec![self.taken.into()], ()))
    }
}
