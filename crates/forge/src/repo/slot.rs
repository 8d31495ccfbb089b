//! One repository while it is in use: its directory, its refs in memory, and how far it is.
//!
//! ```text
//! absent --catch_up (create, import packs, set refs)--> open, applied = H
//! on disk --open: read marker; behind? catch_up-------> open, applied = H
//! on disk --the first open in a process---------------> swept, laid out, its refs compared with the journal's: open
//!    '-- objects are missing, or Git can't list refs--> put aside, filled as if absent; put back where that fails
//! open --apply (next held entries)--------------------> open, applied = H'
//! open --an error while applying----------------------> closed: the next touch opens it again and catches up
//! ```
//! All arrows are taken under the slot's lock, with H read after the lock was: an entry that is held is either below H, or its
//! projector comes later and finds the slot open.

use super::as_of::{PackRow, packs_between, refs_as_of};
use super::marker;
use super::packs::BlobSource;
use super::query::{self, Repo};
use super::store::remove_dir;
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::event::Oid;
use crate::event::repo::Format;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;

/// A repository that can be read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// On the disk.
    pub git: Arc<git::Repository>,
    /// Its refs, as of [`Opened::applied`].
    pub refs: Arc<git::RefSnapshot>,
    /// All its entries below this number are in it.
    pub applied: u64,
}

/// What happened to a repository in one held entry.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) seq: u64,
    pub(crate) moves: Vec<(git::RefName, Option<git::ObjectId>)>,
    pub(crate) head: Option<git::RefName>,
    pub(crate) objects: Objects,
}

/// How an entry's objects come into the repository.
#[derive(Debug)]
pub(crate) enum Objects {
    /// It brought none.
    None,
    /// They lie in the quarantine they were received in.
    Quarantine(git::Quarantine),
    /// They must be imported from blobs.
    Blobs(Vec<journal::BlobName>),
}

/// What opening repositories takes.
pub(super) struct Tools {
    pub(super) git: git::Git,
    pub(super) db: Db,
    pub(super) blobs: BlobSource,
    pub(super) in_order: InOrder,
}

/// The repositories in which nothing is any more that a kill or a power cut left: this process has opened them. Slots come and go
/// while children work on a repository; what is swept again then would be theirs.
#[derive(Default)]
pub(super) struct InOrder(Mutex<HashSet<u64>>);

impl InOrder {
    fn has(&self, repo: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&repo)
    }

    fn put(&self, repo: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(repo);
    }
}

pub(crate) struct Slot {
    id: u64,
    dir: PathBuf,
    pub(super) lock: tokio::sync::Mutex<()>,
    state: watch::Sender<Option<Opened>>,
}

/// What lies on the disk once it was brought up.
struct OnDisk {
    git: Arc<git::Repository>,
    /// HEAD and the refs whose objects are here; None: Git can't tell.
    listed: Option<(git::RefName, Vec<git::Ref>)>,
    /// How many refs there should be.
    refs: usize,
}

impl OnDisk {
    fn is_whole(&self) -> bool {
        self.listed.as_ref().is_some_and(|(_, refs)| refs.len() == self.refs)
    }
}

impl Slot {
    pub(super) fn new(id: u64, git_dir: &Path) -> Self {
        let dir = git_dir.join(format!("{id}.git"));
        let (lock, state) = (tokio::sync::Mutex::new(()), watch::Sender::new(None));
        Self { id, dir, lock, state }
    }

    /// As it is now, if it is open.
    pub(super) fn opened(&self) -> Option<Opened> {
        self.state.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Opened>> {
        self.state.subscribe()
    }

    fn publish(&self, git: Arc<git::Repository>, refs: git::RefSnapshot, applied: u64) -> Opened {
        let opened = Opened { git, refs: Arc::new(refs), applied };
        self.state.send_replace(Some(opened.clone()));
        opened
    }

    /// From the disk.
    async fn publish_from_disk(&self, git: Arc<git::Repository>, marked: u64, applied: u64) -> Result<Opened, Error> {
        let (head, refs) = git.refs().await.map_err(|e| self.failed(&e))?;
        // The marker moves when the refs do: the same refs have the same generation, also after a restart.
        let snapshot = git::RefSnapshot::new(marked, git.format(), head, refs);
        Ok(self.publish(git, snapshot, applied))
    }

    /// The next touch looks at the disk again.
    pub(super) fn close(&self) {
        self.state.send_replace(None);
    }

    fn failed(&self, e: &dyn std::fmt::Display) -> Error {
        Error::internal(format!("repository {}: {e}", self.id))
    }

    /// Opens it, and brings it up to the held journal. The lock is the caller's.
    pub(super) async fn open(&self, tools: &Tools, held: u64) -> Result<Opened, Error> {
        let (id, marked) = (self.id, marker::read(&self.dir).unwrap_or(0));
        let repo = tools.db.read_async(move |tx| Ok::<_, Error>(query::repo_by_id(tx, id)?)).await?;
        let repo = repo.ok_or_else(|| Error::not_found(format!("repository {id}")))?;
        let (first, through) = (!tools.in_order.has(id), marked.max(held));
        let is_current = marked > 0 && (repo.seq < marked || held <= marked);
        if is_current && !first {
            let git = Arc::new(self.open_dir(tools)?);
            return self.publish_from_disk(git, marked, through).await;
        }
        if marked == 0 && repo.id >= held {
            return Err(Error::NotHeldYet { seq: repo.id, waited_s: 0, missing: Vec::new() });
        }
        let was_there = self.dir.is_dir();
        let mut there = self.catch_up(tools, &repo, marked, through).await?;
        if first && was_there && !there.is_whole() {
            there = self.fill_anew(tools, &repo, through).await?;
        }
        let (head, refs) = there.listed.ok_or_else(|| self.failed(&"git cannot list its refs"))?;
        // The marker moves when the refs do: the same refs have the same generation, also after a restart.
        let generation = if is_current { marked } else { through };
        if marker::read(&self.dir) != Some(generation) {
            marker::write(&self.dir, generation)?;
        }
        if first {
            remove_dir(&aside(&self.dir))?;
            tools.in_order.put(id);
        }
        let snapshot = git::RefSnapshot::new(generation, there.git.format(), head, refs);
        Ok(self.publish(there.git, snapshot, through))
    }

    /// Fills a damaged repository from the journal alone. What lies there goes only once that is done: without vaults it may be all
    /// there is.
    async fn fill_anew(&self, tools: &Tools, repo: &Repo, through: u64) -> Result<OnDisk, Error> {
        tracing::error!(repository = %repo.path, "damaged on the disk, as by a power cut: it is filled anew");
        let aside = aside(&self.dir);
        remove_dir(&aside)?;
        std::fs::rename(&self.dir, &aside).map_err(|e| self.failed(&e))?;
        let filled = self.catch_up(tools, repo, 0, through).await;
        if filled.as_ref().is_ok_and(|there| there.listed.is_some()) {
            return filled;
        }
        remove_dir(&self.dir)?;
        std::fs::rename(&aside, &self.dir).map_err(|e| self.failed(&e))?;
        filled.map_err(|e| self.failed(&format!("damaged on the disk, and it cannot be filled anew: {e}")))
    }

    /// Imports the packs it lacks and sets its refs as of `through`.
    async fn catch_up(&self, tools: &Tools, repo: &Repo, from: u64, through: u64) -> Result<OnDisk, Error> {
        let id = self.id;
        let read =
            move |tx: &mut Tx| Ok::<_, Error>((packs_between(tx, id, from, through)?, refs_as_of(tx, id, through)?));
        let (packs, refs) = tools.db.read_async(read).await?;
        if !packs.is_empty() {
            tracing::info!(repository = %repo.path, packs = packs.len(), from, to = through, "filling a repository");
        }
        let git = Arc::new(self.create_or_open(tools, repo)?);
        for pack in packs {
            self.import(&git, &tools.blobs, pack).await?;
        }
        let listed = self.set_all(&git, &refs, &repo.head).await?;
        Ok(OnDisk { git, listed, refs: refs.len() })
    }

    async fn import(&self, git: &git::Repository, blobs: &BlobSource, pack: PackRow) -> Result<(), Error> {
        let seq = pack.seq;
        let imported = feed(git, blobs.concatenated(pack.parts)).await;
        imported.map_err(|e| self.failed(&format!("the pack of entry {seq}: {e}")))
    }

    fn open_dir(&self, tools: &Tools) -> Result<git::Repository, Error> {
        let git = git::Repository::open(&tools.git, &self.dir).map_err(|e| self.failed(&e))?;
        if !tools.in_order.has(self.id) {
            git.sweep_unfinished().map_err(|e| self.failed(&e))?;
        }
        // Pushes of an earlier process were cut off; those of this one are at work.
        git.sweep_quarantines(git::quarantine::is_ours).map_err(|e| self.failed(&e))?;
        Ok(git)
    }

    fn create_or_open(&self, tools: &Tools, repo: &Repo) -> Result<git::Repository, Error> {
        let head = ref_name(&repo.head)?;
        let format = match repo.format {
            Format::Sha1 => git::ObjectFormat::Sha1,
            Format::Sha256 => git::ObjectFormat::Sha256,
        };
        if self.dir.is_dir() {
            git::Repository::lay_out_again(&self.dir, format, &head).map_err(|e| self.failed(&e))?;
            return self.open_dir(tools);
        }
        git::Repository::create(&tools.git, &self.dir, format, &head).map_err(|e| self.failed(&e))
    }

    /// Makes the refs on the disk exactly these, and gives those whose objects are here; None: Git can't list them.
    async fn set_all(
        &self,
        git: &git::Repository,
        refs: &BTreeMap<String, Oid>,
        head: &str,
    ) -> Result<Option<(git::RefName, Vec<git::Ref>)>, Error> {
        let Some(listed) = self.listed(git).await? else { return Ok(None) };
        let there: BTreeMap<_, _> = listed.1.iter().map(|r| (&r.name, r.id)).collect();
        let gone = there.keys().filter(|name| !refs.contains_key(name.as_str())).map(|name| ((*name).clone(), None));
        let mut moves: Vec<_> = gone.collect();
        for (name, oid) in refs {
            let (name, id) = (ref_name(name)?, object_id(oid)?);
            if there.get(&name) != Some(&id) {
                moves.push((name, Some(id)));
            }
        }
        let head = ref_name(head)?;
        if moves.is_empty() && listed.0 == head {
            return Ok(Some(listed));
        }
        git.set_refs(&moves).and_then(|()| git.set_head(&head)).map_err(|e| self.failed(&e))?;
        self.listed(git).await
    }

    async fn listed(&self, git: &git::Repository) -> Result<Option<(git::RefName, Vec<git::Ref>)>, Error> {
        match git.refs().await {
            Ok(listed) => Ok(Some(listed)),
            Err(error) if error.is_damage() => {
                tracing::error!(repository = self.id, %error, "its refs cannot be listed");
                Ok(None)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Takes in the next held entries, in order. `through`: all its entries below are among them or before them. The lock is
    /// the caller's. A repository that is not open is left alone: who opens it catches up.
    pub(super) async fn apply(&self, blobs: &BlobSource, steps: Vec<Step>, through: u64) -> Result<(), Error> {
        let Some(opened) = self.opened() else { return Ok(()) };
        let applied = self.apply_open(&opened, blobs, steps, through).await;
        if applied.is_err() {
            self.close();
        }
        applied
    }

    async fn apply_open(
        &self,
        opened: &Opened,
        blobs: &BlobSource,
        steps: Vec<Step>,
        through: u64,
    ) -> Result<(), Error> {
        let (mut moves, mut head) = (BTreeMap::new(), None);
        for step in steps.into_iter().filter(|step| step.seq >= opened.applied) {
            match step.objects {
                Objects::None => {}
                Objects::Quarantine(quarantine) => quarantine.migrate().map_err(|e| self.failed(&e))?,
                Objects::Blobs(parts) => {
                    let pack = PackRow { seq: step.seq, parts, bytes: 0, consolidated: false };
                    self.import(&opened.git, blobs, pack).await?;
                }
            }
            moves.extend(step.moves);
            head = step.head.or(head);
        }
        if moves.is_empty() && head.is_none() {
            return Ok(());
        }
        let refs = self.next_refs(opened, &moves, head.as_ref(), through).await?;
        let moves: Vec<_> = moves.into_iter().collect();
        opened.git.set_refs(&moves).map_err(|e| self.failed(&e))?;
        if let Some(head) = &head {
            opened.git.set_head(head).map_err(|e| self.failed(&e))?;
        }
        marker::write(&self.dir, through)?;
        self.publish(opened.git.clone(), refs, through);
        Ok(())
    }

    /// The refs in memory after these moves: the disk is asked only what new tags point to.
    async fn next_refs(
        &self,
        opened: &Opened,
        moves: &BTreeMap<git::RefName, Option<git::ObjectId>>,
        head: Option<&git::RefName>,
        generation: u64,
    ) -> Result<git::RefSnapshot, Error> {
        let tags: Vec<_> = moves.iter().filter(|(name, _)| name.branch().is_none()).filter_map(|(_, id)| *id).collect();
        let peeled = opened.git.peel(&tags).await.map_err(|e| self.failed(&e))?;
        let peeled: BTreeMap<_, _> = tags.into_iter().zip(peeled).collect();
        let kept = opened.refs.refs().iter().filter(|r| !moves.contains_key(&r.name)).cloned();
        let new = moves.iter().filter_map(|(name, id)| {
            let id = (*id)?;
            Some(git::Ref { name: name.clone(), id, peeled: peeled.get(&id).copied().flatten() })
        });
        let head = head.unwrap_or_else(|| opened.refs.head()).clone();
        Ok(git::RefSnapshot::new(generation, opened.git.format(), head, kept.chain(new).collect()))
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Where a damaged repository lies while it is filled anew.
pub(super) fn aside(dir: &Path) -> PathBuf {
    dir.with_extension("damaged")
}

/// Bytes of a pack on their way from a blob to git.
const PIPE_BYTES: usize = 256 * 1024;

/// Feeds a pack that is read by blocking calls to git.
async fn feed(git: &git::Repository, mut pack: impl io::Read + Send + 'static) -> Result<(), Error> {
    let (mut writer, reader) = tokio::io::duplex(PIPE_BYTES);
    let runtime = tokio::runtime::Handle::current();
    let reading = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; PIPE_BYTES];
        loop {
            let n = pack.read(&mut buffer)?;
            if n == 0 {
                return Ok::<_, io::Error>(());
            }
            if runtime.block_on(writer.write_all(&buffer[..n])).is_err() {
                // Git has stopped reading, and says why itself.
                return Ok(());
            }
        }
    });
    let imported = git.import_pack(reader).await;
    // What went wrong while reading is the cause of what git then says.
    reading.await.map_err(|e| Error::internal(e.to_string()))?.map_err(|e| Error::internal(e.to_string()))?;
    imported.map_err(|e| Error::internal(e.to_string()))
}

/// A name from the journal: it was checked when it was pushed.
pub(crate) fn ref_name(name: &str) -> Result<git::RefName, Error> {
    name.parse().map_err(|e: git::NameError| Error::damaged(format!("a ref's name in the journal: {e}")))
}

/// An object id from the journal.
pub(crate) fn object_id(oid: &Oid) -> Result<git::ObjectId, Error> {
    git::ObjectId::from_bytes(oid.as_bytes()).ok_or_else(|| Error::damaged("an object id in the journal"))
}
