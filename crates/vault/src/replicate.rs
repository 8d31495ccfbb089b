//! The site's side of keeping: one shipper for each vault, and what all of them together make held.
//!
//! ```text
//! writer commits --committed()--> shipper of each vault --append--> vault --cosignature--> held() moves at the quorum
//! ```
//! A vault that is slow or away costs the others nothing: its shipper waits alone and begins again where the vault is.

use crate::client::VaultClient;
use crate::quorum::Quorum;
use crate::shipper;
use crate::source::JournalSource;
use crate::url::VaultUrl;
use journal::epoch::Epoch;
use journal::note::{SignedNote, VerifierKey};
use journal::{BlobName, Origin};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;

/// A vault that has not answered a request for so long counts as one that can't be reached.
pub(crate) const UNANSWERED_MAX: Duration = Duration::from_secs(5);

/// An epoch's statement with the blob that holds its data key: what a vault is given to follow.
#[derive(Debug, Clone)]
pub struct EpochRecord {
    /// The epoch's number.
    pub number: u64,
    /// The signed statement.
    pub statement: String,
    /// The sealed data key.
    pub data_key: Vec<u8>,
    /// Where the recovery keys changed: the data keys of the epochs before, sealed to the new ones.
    pub past: Option<Vec<u8>>,
}

impl EpochRecord {
    /// With how many entries it begins. None: it is no statement.
    fn size(&self) -> Option<u64> {
        let note: SignedNote = self.statement.parse().ok()?;
        Some(note.text().parse::<Epoch>().ok()?.size)
    }
}

/// What the shippers of a site know from the start.
#[derive(Debug, Clone)]
pub struct ReplicatorConfig {
    /// The site's log.
    pub origin: Origin,
    /// Its epochs, oldest first; the last is this site's.
    pub epochs: Vec<EpochRecord>,
    /// The keys that may start an epoch.
    pub recovery_keys: Vec<VerifierKey>,
    /// Whose cosignatures make an entry held, until [`Replicator::follow`] says otherwise.
    pub quorum: Quorum,
    /// The vaults.
    pub vaults: Vec<VaultUrl>,
}

/// Why this site must not write any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A vault holds a checkpoint that this site signed and has no more: its disk is an old copy.
    Rollback {
        /// Which vault.
        vault: String,
        /// How many entries it holds.
        held: u64,
        /// How many this site has.
        ours: u64,
    },
    /// A vault holds a checkpoint that this site's key signed, of a log that is not this site's.
    Fork {
        /// Which vault.
        vault: String,
        /// At which size.
        size: u64,
    },
    /// The holder of the recovery key started another site.
    Superseded {
        /// Which vault said so.
        vault: String,
        /// The epoch.
        epoch: u64,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rollback { vault, held, ours } => write!(
                f,
                "this site was rolled back: it has {ours} entries, and vault {vault} holds {held} that it signed. \
                 Its disk is an old copy; rebuild it with `outlast recover`"
            ),
            Self::Fork { vault, size } => write!(
                f,
                "this site's journal is not the one that vault {vault} holds up to entry {size}: it was changed or forked. \
                 Rebuild it with `outlast recover`"
            ),
            Self::Superseded { vault, epoch } => write!(
                f,
                "this site was recovered elsewhere: vault {vault} is in epoch {epoch}, started by the holder of the recovery key. \
                 This copy only reads; use the recovered site"
            ),
        }
    }
}

/// How a vault is doing, as seen from the site.
#[derive(Debug, Clone)]
pub struct VaultStatus {
    /// Its name.
    pub name: String,
    /// Who could destroy it.
    pub domain: String,
    /// How many entries it has cosigned.
    pub size: u64,
    /// How many more the site has.
    pub lag: u64,
    /// Whether it answers.
    pub connected: bool,
    /// What went wrong last, until it goes well again.
    pub last_error: Option<String>,
    /// Since when it has answered or not answered, in seconds.
    pub since_s: u64,
    /// Bytes that it has free, as it says.
    pub free_bytes: Option<u64>,
    /// Whether it slows this site down, as it says: the day's budget is spent.
    pub slowed_down: bool,
}

/// What a shipper and the rest share about its vault.
pub(crate) struct Remote {
    pub(crate) client: VaultClient,
    pub(crate) live: Mutex<Live>,
    uploads: Mutex<HashMap<BlobName, Arc<OnceCell<()>>>>,
}

pub(crate) struct Live {
    pub(crate) size: u64,
    pub(crate) connected: bool,
    pub(crate) since: Instant,
    pub(crate) asked_at: Option<Instant>,
    pub(crate) last_error: Option<String>,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) slowed_down: bool,
}

pub(crate) struct Shared {
    pub(crate) config: ReplicatorConfig,
    /// Where the newest epoch begins.
    pub(crate) epoch_start: u64,
    pub(crate) source: Arc<dyn JournalSource>,
    quorum: RwLock<Quorum>,
    remotes: RwLock<Vec<Arc<Remote>>>,
    pub(crate) committed: watch::Sender<u64>,
    held: watch::Sender<u64>,
    trouble: watch::Sender<Option<Trouble>>,
}

/// The shippers of a site.
pub struct Replicator {
    shared: Arc<Shared>,
    /// Each vault's shipper, by the vault's name.
    tasks: Mutex<HashMap<String, JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remote {
    pub(crate) fn name(&self) -> &str {
        &self.client.url().name
    }

    fn key(&self) -> &VerifierKey {
        &self.client.url().vkey
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    fn answers(&self) -> bool {
        let live = self.live();
        live.connected && live.asked_at.is_none_or(|asked| asked.elapsed() < UNANSWERED_MAX)
    }

    /// Brings a blob to the vault, once, however many ask for it at the same time.
    pub(crate) async fn ensure_blob(&self, source: &Arc<dyn JournalSource>, name: BlobName) -> Result<(), String> {
        let cell = lock(&self.uploads).entry(name).or_default().clone();
        let put = async {
            let source = source.clone();
            let found =
                tokio::task::spawn_blocking(move || source.blob(&name)).await.map_err(|error| error.to_string())?;
            let Some(blob) = found.map_err(|error| error.to_string())? else {
                let has = self.client.has_blob(&name).await.map_err(|error| error.to_string())?;
                return if has { Ok(()) } else { Err(format!("blob {name} is neither in the spool nor at the vault")) };
            };
            self.client.put_blob(&name, blob.file, blob.len).await.map_err(|error| error.to_string())
        };
        cell.get_or_try_init(|| put).await.copied()
    }

    pub(crate) fn forget_blobs(&self, names: &[BlobName]) {
        let mut uploads = lock(&self.uploads);
        names.iter().for_each(|name| drop(uploads.remove(name)));
    }
}

impl Shared {
    /// A vault has cosigned up to here.
    pub(crate) fn cosigned(&self, remote: &Remote, size: u64, line: &str) {
        self.source.cosigned(remote.name(), size, line);
        {
            let mut live = remote.live();
            live.size = live.size.max(size);
            live.last_error = None;
        }
        self.count();
    }

    /// Finds out what is held as things are.
    fn count(&self) {
        let remotes = self.remotes();
        let sizes: Vec<_> = remotes.iter().map(|remote| (remote.key(), remote.live().size)).collect();
        let quorum = self.quorum.read().unwrap_or_else(PoisonError::into_inner);
        // With the quorum in hand, so that what another one would have found can't come after it.
        let now = quorum.held(&sizes);
        self.held.send_if_modified(|held| {
            let moved = now > *held;
            *held = now.max(*held);
            moved
        });
        drop(quorum);
        self.source.held_by_all(sizes.iter().map(|(_, size)| *size).min().unwrap_or(0));
    }

    fn remotes(&self) -> Vec<Arc<Remote>> {
        self.remotes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn in_trouble(&self, trouble: Trouble) {
        tracing::error!(%trouble, "no more writes");
        self.trouble.send_if_modified(|now| {
            let first = now.is_none();
            if first {
                *now = Some(trouble);
            }
            first
        });
    }
}

impl Replicator {
    /// Starts a shipper for each vault. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn start(config: ReplicatorConfig, source: Arc<dyn JournalSource>) -> Result<Self, crate::ClientError> {
        let committed = watch::Sender::new(source.size());
        let epoch_start = config.epochs.last().and_then(EpochRecord::size).unwrap_or(0);
        let shared = Arc::new(Shared {
            epoch_start,
            quorum: RwLock::new(config.quorum.clone()),
            config,
            source,
            remotes: RwLock::default(),
            committed,
            held: watch::Sender::new(0),
            trouble: watch::Sender::new(None),
        });
        let replicator = Self { shared, tasks: Mutex::default() };
        replicator.connect(&replicator.shared.config.vaults)?;
        Ok(replicator)
    }

    /// From now on these make an entry held: to be called before anything is shipped that the change is about.
    pub fn follow(&self, quorum: Quorum) {
        *self.shared.quorum.write().unwrap_or_else(PoisonError::into_inner) = quorum;
        self.shared.count();
    }

    /// Ships to these vaults and no others from now on. Those that it ships to already are left as they are. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn connect(&self, vaults: &[VaultUrl]) -> Result<(), crate::ClientError> {
        let (before, mut after) = (self.shared.remotes(), Vec::new());
        for url in vaults {
            let there = before.iter().find(|remote| remote.client.url() == url);
            after.push(there.map_or_else(|| remote(url.clone()).map(Arc::new), |there| Ok(there.clone()))?);
        }
        let is_in = |list: &[Arc<Remote>], one: &Arc<Remote>| list.iter().any(|other| Arc::ptr_eq(other, one));
        let mut tasks = lock(&self.tasks);
        for gone in before.iter().filter(|remote| !is_in(&after, remote)) {
            if let Some(task) = tasks.remove(gone.name()) {
                task.abort();
            }
        }
        *self.shared.remotes.write().unwrap_or_else(PoisonError::into_inner) = after.clone();
        for new in after.into_iter().filter(|remote| !is_in(&before, remote)) {
            tasks.insert(new.name().to_owned(), tokio::spawn(shipper::run(self.shared.clone(), new)));
        }
        Ok(())
    }

    /// There are new batches: wakes the shippers.
    pub fn committed(&self) {
        self.shared.committed.send_replace(self.shared.source.size());
    }

    /// The number of entries that a quorum holds, as it moves.
    pub fn held(&self) -> watch::Receiver<u64> {
        self.shared.held.subscribe()
    }

    /// Why nothing may be written any more, once there is a reason.
    pub fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.shared.trouble.subscribe()
    }

    /// How each vault is doing.
    pub fn status(&self) -> Vec<VaultStatus> {
        let ours = self.shared.source.size();
        let of = |remote: &Remote| {
            let connected = remote.answers();
            let live = remote.live();
            VaultStatus {
                name: remote.name().to_owned(),
                domain: remote.client.url().domain.clone(),
                size: live.size,
                lag: ours.saturating_sub(live.size),
                connected,
                last_error: live.last_error.clone(),
                since_s: live.since.elapsed().as_secs(),
                free_bytes: live.free_bytes,
                slowed_down: live.slowed_down,
            }
        };
        self.shared.remotes().iter().map(|remote| of(remote)).collect()
    }

    /// Whether enough vaults for a quorum answer.
    ///
    /// # Errors
    /// The names of those that don't.
    pub fn quorum_reachable(&self) -> Result<(), Vec<String>> {
        let remotes = self.shared.remotes();
        let (up, down): (Vec<_>, Vec<_>) = remotes.iter().partition(|remote| remote.answers());
        let quorum = self.shared.quorum.read().unwrap_or_else(PoisonError::into_inner);
        if quorum.satisfied(&up.iter().map(|remote| remote.key()).collect::<Vec<_>>()) {
            return Ok(());
        }
        // Also those whose address this site was never told.
        let unknown = quorum.names().into_iter().filter(|name| remotes.iter().all(|remote| remote.name() != *name));
        Err(down.iter().map(|remote| remote.name()).chain(unknown).map(str::to_owned).collect())
    }

    /// Starts bringing a spooled blob to all vaults, ahead of the batch that will name it. What goes wrong here is tried
    /// again when the batch is shipped.
    pub fn upload(&self, name: BlobName) {
        for remote in self.shared.remotes() {
            let source = self.shared.source.clone();
            tokio::spawn(async move {
                if let Err(error) = remote.ensure_blob(&source, name).await {
                    tracing::debug!(vault = remote.name(), blob = %name, error, "not uploaded ahead");
                }
            });
        }
    }

    /// A client of a vault whose URL allows reading, if there is one.
    pub fn readers(&self) -> Vec<VaultUrl> {
        let may_read = |url: &&VaultUrl| url.role == crate::Role::Recover;
        self.shared.remotes().iter().map(|remote| remote.client.url()).filter(may_read).cloned().collect()
    }

    /// Ends the shippers. What has not been shipped is shipped after the next start.
    pub async fn stop(&self) {
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks.into_values() {
            task.abort();
            // Cancelled is what it should be.
            let _ = task.await;
        }
    }
}

impl Drop for Replicator {
    fn drop(&mut self) {
        lock(&self.tasks).values().for_each(JoinHandle::abort);
    }
}

fn remote(url: VaultUrl) -> Result<Remote, crate::ClientError> {
    let live = Live {
        size: 0,
        connected: false,
        since: Instant::now(),
        asked_at: None,
        last_error: None,
        free_bytes: None,
        slowed_down: false,
    };
    Ok(Remote { client: VaultClient::new(url)?, live: Mutex::new(live), uploads: Mutex::default() })
}
