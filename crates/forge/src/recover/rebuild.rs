//! The database, from the log.

use super::erased::ErasedLater;
use super::log_source::{self, Batches, Ended};
use super::report::Progress;
use super::survey::{Source, Survey};
use super::{At, Opener};
use crate::db::Db;
use crate::error::Error;
use crate::event::Event;
use crate::event::site::SnapshotTaken;
use crate::keys::{Keys, ViewKeys};
use crate::log::{Head, LogKeys};
use crate::replay;
use crate::snapshot;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::epoch::Epoch;
use journal::merkle::Frontier;
use journal::note::SignedNote;
use journal::{BlobName, Hash};
use std::io::{self, Read};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// What there is now in the database.
pub(super) struct Rebuilt {
    /// Entries.
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) last_time_us: i64,
    /// The snapshot it began with.
    pub(super) snapshot: Option<u64>,
    /// What was read and verified; for a view more than `size`.
    pub(super) read: Ended,
    /// Besides those of the reading.
    pub(super) warnings: Vec<String>,
    /// For a view: what of its content was erased later.
    pub(super) erased: Vec<ErasedLater>,
    /// What it was opened with: a further epoch that exists here alone.
    pub(super) temporary: Keys,
}

/// How far, and from what.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Where to stop; None: at the end.
    pub(super) at: Option<At>,
    /// Whether the newest snapshot may spare the replay of what is before it.
    pub(super) from_snapshot: bool,
}

pub(super) async fn rebuild(
    survey: &Survey,
    opener: &Opener,
    wanted: Wanted,
    database: &Db,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Rebuilt, Error> {
    let earlier = survey.epochs.values().cloned().collect();
    let recovery = opener.recovery(&survey.origin);
    let temporary = Keys::view(ViewKeys { origin: survey.origin.clone(), earlier, recovery })?;
    let keys = Arc::new(temporary.log_keys()?);
    let blobs = Arc::new(Blobs::new(survey, opener.clone().with(temporary.identities()?)));
    let mut warnings = Vec::new();
    let newest = if wanted.from_snapshot {
        load_newest(survey, wanted.at, database, &keys, &blobs, progress).await
    } else {
        Ok(None)
    };
    let loaded = match newest {
        Ok(loaded) => loaded,
        Err(error) => {
            warnings.push(format!("the newest snapshot could not be used, everything was replayed instead: {error}"));
            None
        }
    };
    let frontier = loaded.clone().unwrap_or_default();
    let snapshot = loaded.as_ref().map(Frontier::size);
    let of = survey.sources.iter().map(|source| source.size).max().unwrap_or(0);
    let (batches, reading) = log_source::read(&survey.sources, &survey.recovery_keys, frontier);
    let replaying = Replaying { database: database.clone(), keys: keys.clone(), blobs, at: wanted.at };
    let (told, mut tells) = mpsc::unbounded_channel();
    let replayed = tokio::task::spawn_blocking(move || {
        replaying.run(batches, &mut |entries| {
            // Nobody listening is no reason to stop.
            let _ = told.send(entries);
        })
    });
    while let Some(entries) = tells.recv().await {
        progress(Progress::Replay { entries, of });
    }
    let later = replayed.await.map_err(|e| Error::internal(e.to_string()))??;
    let erased = later.unwrap_or_else(|error| {
        warnings.push(format!("whether content was erased later could not be read: {error}"));
        Vec::new()
    });
    let read = reading.await.map_err(|e| Error::internal(e.to_string()))?;
    let head = database.read(Head::load)?;
    if head.size() == 0 {
        warnings.extend(read.warnings);
        return Err(Error::damaged(format!("no entry could be recovered: {}", warnings.join("; "))));
    }
    Ok(Rebuilt {
        size: head.size(),
        root: head.root(),
        last_time_us: head.last_time_us,
        snapshot,
        read,
        warnings,
        erased,
        temporary,
    })
}

/// Loads the newest snapshot that is not beyond what is wanted; the frontier it ends with. None: there is none.
async fn load_newest(
    survey: &Survey,
    at: Option<At>,
    database: &Db,
    keys: &Arc<LogKeys>,
    blobs: &Arc<Blobs>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Option<Frontier>, Error> {
    let Some(source) = survey.sources.first().filter(|source| source.size > 0) else { return Ok(None) };
    let last = match at {
        None => source.size - 1,
        Some(At::Entry(entry)) => entry.min(source.size - 1),
        // Which entry that is, only reading all will show.
        Some(At::Time(_)) => return Ok(None),
    };
    let Some(seq) = batch_of(source, last).await?.snapshot_entry.filter(|seq| *seq <= last) else { return Ok(None) };
    let batch = batch_of(source, seq).await?;
    let index = usize::try_from(seq - batch.first).unwrap_or(usize::MAX);
    let envelope =
        batch.entries.get(index).ok_or_else(|| Error::damaged(format!("entry {seq} is not in its batch")))?;
    let opened = keys.open(batch.epoch, seq, envelope, &|_| Err(Error::damaged("a snapshot's entry has no blobs")))?;
    let Event::SnapshotTaken(taken) = opened.event else {
        return Err(Error::damaged(format!("entry {seq} is no snapshot")));
    };
    progress(Progress::Snapshot { through: taken.through });
    let (database, blobs) = (database.clone(), blobs.clone());
    let load = move || {
        let SnapshotTaken { parts, .. } = taken;
        snapshot::load(&database, blobs.concatenated(parts.iter().map(|part| part.blob).collect()))
    };
    let header = tokio::task::spawn_blocking(load).await.map_err(|e| Error::internal(e.to_string()))??;
    verify_signed(survey, &header)?;
    header.frontier().map(Some)
}

/// The snapshot must begin where the site once signed that it was.
fn verify_signed(survey: &Survey, header: &snapshot::Header) -> Result<(), Error> {
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("the snapshot's checkpoint: {e}"));
    let checkpoint = &header.checkpoint;
    let (record, _) = survey.epochs.get(&checkpoint.epoch).ok_or_else(|| bad(&"it is of no known epoch"))?;
    let statement: SignedNote = record.statement.parse().map_err(|e| bad(&e))?;
    // It was verified with all others when the vaults were asked.
    let epoch: Epoch = statement.text().parse().map_err(|e| bad(&e))?;
    let note: SignedNote = checkpoint.note.parse().map_err(|e| bad(&e))?;
    let signed = Checkpoint::verify(&note, &epoch.log_key).map_err(|e| bad(&e))?;
    if (signed.size, signed.root) == (checkpoint.size, checkpoint.root) {
        Ok(())
    } else {
        Err(bad(&"another tree was signed"))
    }
}

async fn batch_of(source: &Source, seq: u64) -> Result<Batch, Error> {
    let name = &source.client.url().name;
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("entry {seq} at vault {name}: {e}"));
    let batches = source.client.batches(seq).await.map_err(|e| bad(&e))?;
    Batch::decode(batches.first().ok_or_else(|| bad(&"not there"))?).map_err(|e| bad(&e))
}

/// Blobs from any vault, opened. For threads that may block.
pub(super) struct Blobs {
    runtime: Handle,
    sources: Vec<Source>,
    opener: Opener,
}

impl Blobs {
    fn new(survey: &Survey, opener: Opener) -> Self {
        let (runtime, sources) = (Handle::current(), survey.sources.clone());
        Self { runtime, sources, opener }
    }

    fn fetch(&self, names: &[BlobName]) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::new();
        for name in names {
            plain.extend(self.fetch_one(name)?);
        }
        Ok(plain)
    }

    fn fetch_one(&self, name: &BlobName) -> Result<Vec<u8>, Error> {
        let mut problems = Vec::new();
        for source in &self.sources {
            let (vault, mut sealed) = (&source.client.url().name, Vec::new());
            match self.runtime.block_on(source.client.blob(name, &mut sealed)) {
                Ok(true) => {
                    return self.opener.open(&sealed).map_err(|e| Error::damaged(format!("blob {name}: {e}")));
                }
                Ok(false) => problems.push(format!("{vault} has it not")),
                Err(error) => problems.push(format!("{vault}: {error}")),
            }
        }
        Err(Error::damaged(format!("blob {name} could not be had: {}", problems.join("; "))))
    }

    fn concatenated(self: Arc<Self>, names: Vec<BlobName>) -> impl Read {
        Concatenated { blobs: self, rest: names.into_iter(), current: io::Cursor::new(Vec::new()) }
    }
}

struct Concatenated {
    blobs: Arc<Blobs>,
    rest: std::vec::IntoIter<BlobName>,
    current: io::Cursor<Vec<u8>>,
}

impl Read for Concatenated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.current.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.current = io::Cursor::new(self.blobs.fetch_one(&next).map_err(io::Error::other)?);
        }
    }
}

/// What was erased after a view's moment; a view is one without knowing it, too.
type Later = Result<Vec<ErasedLater>, Error>;

struct Replaying {
    database: Db,
    keys: Arc<LogKeys>,
    blobs: Arc<Blobs>,
    at: Option<At>,
}

impl Replaying {
    fn run(self, batches: Batches, progress: &mut dyn FnMut(u64)) -> Result<Later, Error> {
        let fetch = |names: &[BlobName]| self.blobs.fetch(names);
        let Some(at) = self.at else {
            return replay::replay(&self.database, &self.keys, batches, &fetch, progress).map(|_| Ok(Vec::new()));
        };
        let mut cut = super::view::Cut::new(at, &self.keys, batches);
        replay::replay(&self.database, &self.keys, &mut cut, &fetch, progress)?;
        cut.apply_rest(&self.database, &fetch)?;
        Ok(cut.erased_later(&self.database, &fetch))
    }
}
