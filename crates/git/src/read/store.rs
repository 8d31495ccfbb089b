//! A repository that is open: gix's handle on it, its commit-graph, and thread-local handles that wait for work.

use super::bloom::Bloom;
use super::caches::lock;
use super::damaged;
use super::handle::{Handle, PackEntries};
use crate::{ObjectFormat, Repository};
use code::ReadError;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The most packs that a repository may have at once; maintenance comes long before.
const PACKS_MAX: u16 = 1024;
/// So many handles wait for work at most; each keeps a cache of objects.
const HANDLES_IDLE_MAX: usize = 2;
/// Bytes of objects that a handle keeps.
const HANDLE_OBJECT_BYTES: usize = 4 << 20;
/// The most memory that one object of a repository may take when it is decoded.
const OBJECT_BYTES_MAX: u64 = 1 << 30;

/// A commit-graph that changes each time while it is read is done without, till the next time.
const GRAPH_TRIES_MAX: usize = 4;

/// What a file was when it was looked at.
type Stamp = (u64, u64, i64, i64);

/// A repository that is open.
pub(crate) struct Store {
    /// Differs from that of every other store of this process.
    pub(super) number: u64,
    format: ObjectFormat,
    repository: Repository,
    path: PathBuf,
    place: (u64, u64),
    shared: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
    graph: Mutex<GraphState>,
}

#[derive(Default)]
struct GraphState {
    stamps: [Option<Stamp>; 2],
    graph: Option<Arc<CommitGraph>>,
}

/// The commit-graph as it was written last.
pub(crate) struct CommitGraph {
    /// Parents, times and trees.
    pub(crate) graph: gix::commitgraph::Graph,
    /// Which paths each commit changed, perhaps.
    pub(crate) bloom: Option<Bloom>,
}

impl Store {
    /// Which directory is at a path now: another repository that takes its place has another.
    pub(super) fn place(path: &Path) -> Result<(u64, u64), ReadError> {
        let meta = fs::metadata(path.join("objects"))?;
        Ok((meta.dev(), meta.ino()))
    }

    pub(super) fn is_at(&self, place: (u64, u64)) -> bool {
        self.place == place
    }

    pub(super) fn open(repository: &Repository, place: (u64, u64)) -> Result<Self, ReadError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let overrides = [
            "core.useReplaceRefs=false".to_owned(),
            "core.commitGraph=true".to_owned(),
            format!("gitoxide.objects.allocLimit={OBJECT_BYTES_MAX}"),
        ];
        let shared = gix::open::Options::isolated()
            .open_path_as_is(true)
            .object_store_slots(gix::odb::store::init::Slots::Given(PACKS_MAX))
            .config_overrides(overrides)
            .open(repository.path())
            .map_err(damaged)?;
        let store = Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            format: repository.format(),
            repository: repository.clone(),
            path: repository.path().to_owned(),
            place,
            shared,
            idle: Mutex::default(),
            graph: Mutex::default(),
        };
        store.refresh();
        Ok(store)
    }

    /// Takes notice of a commit-graph that was written since. New packs need no notice: gix looks for them itself when
    /// it misses an object.
    pub(super) fn refresh(&self) {
        let info = self.path.join("objects/info");
        let mut state = lock(&self.graph);
        // What is written meanwhile must not be taken half from before and half from after.
        for _ in 0..GRAPH_TRIES_MAX {
            let stamps = graph_stamps(&info);
            if state.stamps == stamps {
                return;
            }
            let graph = stamps.iter().any(Option::is_some).then(|| self.load_graph(&info)).flatten();
            *state = GraphState { graph: graph.map(Arc::new), stamps };
        }
        *state = GraphState::default();
    }

    /// None when there is none that can be used: everything works without, slower.
    fn load_graph(&self, info: &Path) -> Option<CommitGraph> {
        let loaded = gix::commitgraph::Graph::at(info, self.hash_kind(), usize::try_from(OBJECT_BYTES_MAX).ok());
        let graph = loaded
            .inspect_err(|error| tracing::warn!(path = %self.path.display(), %error, "the commit-graph can't be used"))
            .ok()?;
        let bloom = Bloom::load(info, self.hash_kind()).filter(|bloom| bloom.len() == graph.num_commits());
        Some(CommitGraph { graph, bloom })
    }

    /// The commit-graph.
    pub(crate) fn graph(&self) -> Option<Arc<CommitGraph>> {
        lock(&self.graph).graph.clone()
    }

    /// What starts a child on it.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How objects are named, in gix's words.
    pub(crate) fn hash_kind(&self) -> gix::hash::Kind {
        match self.format {
            ObjectFormat::Sha1 => gix::hash::Kind::Sha1,
            ObjectFormat::Sha256 => gix::hash::Kind::Sha256,
        }
    }

    /// A handle for one thread.
    pub(crate) fn handle(&self) -> Handle<'_> {
        let idle = lock(&self.idle).pop();
        Handle::new(self, idle.unwrap_or_else(|| self.new_handle()))
    }

    fn new_handle(&self) -> gix::Repository {
        let mut handle = self.shared.to_thread_local();
        handle.objects.ignore_replacements = true;
        handle.object_cache_size(HANDLE_OBJECT_BYTES);
        handle.objects.set_pack_cache(|| Box::<PackEntries>::default());
        handle
    }

    /// Lets go of the handles that wait.
    pub(super) fn cool_down(&self) {
        lock(&self.idle).clear();
    }

    pub(super) fn put_back(&self, handle: gix::Repository) {
        let mut idle = lock(&self.idle);
        if idle.len() < HANDLES_IDLE_MAX {
            idle.push(handle);
        }
    }
}

fn graph_stamps(info: &Path) -> [Option<Stamp>; 2] {
    [stamp(&info.join("commit-graphs/commit-graph-chain")), stamp(&info.join("commit-graph"))]
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}
