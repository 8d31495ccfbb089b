//! The database, from the log.

use super::erased::ErasedLater;
use super::log_source::{self, Batches, Ended};
use super::report::Progress;
use super::skipped::Believed;
use super::survey::{Source, Survey};
use super::{At, Opener};
use crate::db::Db;
use crate::error::Error;
use crate::event::Event;
use crate::event::site::SnapshotTaken;
use crate::keys::{Keys, ViewKeys};
use crate::log::{Head, LogKeys, Opened};
use crate::replay::{self, BadEntry, Passing, Skips};
use crate::snapshot::{self, SNAPSHOT_PART_BYTES_MAX};
use crate::writer::EVENT_BYTES_MAX;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::entry::DataKey;
use journal::epoch::Epoch;
use journal::merkle::Frontier;
use journal::note::SignedNote;
use journal::{BlobName, Hash};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use vault::EpochRecord;

/// By how much a sealed blob is larger than what is in it, at most: age's header, and 16 bytes for each 64 KiB.
const SEALING_BYTES_MAX: usize = 1024 * 1024;

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
    /// Entries of which nothing was applied.
    pub(super) skipped: Skips,
    /// Those of them that no recovery before has passed over.
    pub(super) skipped_first: Skips,
    /// Where bad entries are looked for: those that do not replay.
    pub(super) bad: Vec<BadEntry>,
    /// What it was opened with: a further epoch that exists here alone.
    pub(super) temporary: Keys,
}

/// How far, and from what.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    /// Where to stop; None: at the end.
    pub(super) at: Option<At>,
    /// Whether the newest snapshot may spare the replay of what is before it.
    pub(super) from_snapshot: bool,
    /// Entries that are passed over, besides those that earlier recoveries have passed over.
    pub(super) skip: Skips,
    /// Bad entries are passed over and told, so many at most; 0: the first ends it.
    pub(super) bad_max: usize,
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
    let believed = Believed::read(survey, &keys).await?;
    let newest = if wanted.from_snapshot && wanted.skip.ranges().is_empty() {
        load_newest(survey, &believed, wanted.at, database, &keys, &blobs, progress).await
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
    wanted.skip.are_below(of)?;
    let (batches, reading) = log_source::read(&survey.sources, &survey.recovery_keys, frontier);
    let known = believed.skips();
    let (skipped, skipped_first) = (known.with(&wanted.skip), wanted.skip.without(&known));
    let (database_too, keys, skips) = (database.clone(), keys.clone(), skipped.clone());
    let replaying =
        Replaying { database: database_too, keys, blobs, at: wanted.at, believed, skips, bad_max: wanted.bad_max };
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
    let (bad, later) = replayed.await.map_err(|e| Error::internal(e.to_string()))??;
    let erased = later.unwrap_or_else(|error| {
        warnings.push(format!("whether content was erased later could not be read: {error}"));
        Vec::new()
    });
    let read = reading.await.map_err(|e| Error::internal(e.to_string()))?;
    let head = database.read(Head::load)?;
    skipped_first.are_below(head.size())?;
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
        skipped,
        skipped_first,
        bad,
        temporary,
    })
}

/// Loads the newest snapshot that is not beyond what is wanted; the frontier it ends with. None: there is none.
async fn load_newest(
    survey: &Survey,
    believed: &Believed,
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
    if believed.outdates(seq, taken.through) || believed.skips().contains(seq) {
        return Ok(None);
    }
    progress(Progress::Snapshot { through: taken.through });
    let (database, blobs, epochs) = (database.clone(), blobs.clone(), survey.epochs.clone());
    let load = move || {
        let SnapshotTaken { parts, through } = taken;
        let parts = blobs.concatenated(parts.iter().map(|part| part.blob).collect());
        // What is refused leaves the database empty: then everything is replayed.
        snapshot::load_if(&database, parts, |header| {
            if header.through() != through {
                return Err(Error::damaged("the snapshot is of other entries than its entry says"));
            }
            header.frontier()?;
            verify_signed(&epochs, header)
        })
    };
    let header = tokio::task::spawn_blocking(load).await.map_err(|e| Error::internal(e.to_string()))??;
    header.frontier().map(Some)
}

type Epochs = BTreeMap<u64, (EpochRecord, DataKey)>;

/// The snapshot must begin where the site once signed that it was.
fn verify_signed(epochs: &Epochs, header: &snapshot::Header) -> Result<(), Error> {
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("the snapshot's checkpoint: {e}"));
    let checkpoint = &header.checkpoint;
    let (record, _) = epochs.get(&checkpoint.epoch).ok_or_else(|| bad(&"it is of no known epoch"))?;
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

pub(super) async fn batch_of(source: &Source, seq: u64) -> Result<Batch, Error> {
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
            let room = EVENT_BYTES_MAX - plain.len();
            let more = self.fetch_one(name, room + SEALING_BYTES_MAX)?;
            if more.len() > room {
                return Err(too_large());
            }
            plain.extend(more);
        }
        Ok(plain)
    }

    /// `bytes_max`: of the sealed blob.
    fn fetch_one(&self, name: &BlobName, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let mut problems = Vec::new();
        for source in &self.sources {
            let (vault, mut sealed) = (&source.client.url().name, AtMost { bytes: Vec::new(), bytes_max });
            match self.runtime.block_on(source.client.blob(name, &mut sealed)) {
                Ok(true) => {
                    return self.opener.open(&sealed.bytes).map_err(|e| Error::damaged(format!("blob {name}: {e}")));
                }
                // The name is the hash of the bytes: no other vault has fewer.
                Err(_) if sealed.is_over() => return Err(too_large()),
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
            self.current = io::Cursor::new(
                self.blobs.fetch_one(&next, SNAPSHOT_PART_BYTES_MAX + SEALING_BYTES_MAX).map_err(io::Error::other)?,
            );
        }
    }
}

fn too_large() -> Error {
    Error::damaged(format!("its event is in blobs of more than {EVENT_BYTES_MAX} bytes, which no event has"))
}

/// Bytes of a blob, counted before they are kept.
struct AtMost {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl AtMost {
    /// More came.
    fn is_over(&self) -> bool {
        self.bytes_max == 0
    }
}

impl io::Write for AtMost {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.bytes_max.saturating_sub(self.bytes.len()) {
            self.bytes_max = 0;
            return Err(io::Error::other("the blob is larger than it may be here"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was erased after a view's moment; a view is one without knowing it, too.
type Later = Result<Vec<ErasedLater>, Error>;

struct Replaying {
    database: Db,
    keys: Arc<LogKeys>,
    blobs: Arc<Blobs>,
    at: Option<At>,
    believed: Believed,
    skips: Skips,
    bad_max: usize,
}

impl Replaying {
    fn run(self, batches: Batches, progress: &mut dyn FnMut(u64)) -> Result<(Vec<BadEntry>, Later), Error> {
        let fetch = |names: &[BlobName]| self.blobs.fetch(names);
        let vet = |opened: &Opened| self.believed.vet(opened);
        let passing = Passing { skips: Some(&self.skips), vet: Some(&vet), bad_max: self.bad_max };
        let (database, keys) = (&self.database, &self.keys);
        let Some(at) = self.at else {
            let replayed = replay::replay(database, keys, batches, &fetch, passing, progress)?;
            return Ok((replayed.bad, Ok(Vec::new())));
        };
        let mut cut = super::view::Cut::new(at, keys, &self.skips, batches);
        let replayed = replay::replay(database, keys, &mut cut, &fetch, passing, progress)?;
        cut.apply_rest(database, &fetch, &vet)?;
        Ok((replayed.bad, cut.erased_later(database, &fetch)))
    }
}
