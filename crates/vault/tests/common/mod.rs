//! A site's log in memory, and vaults to send it to.
#![expect(dead_code, reason = "each test file uses its own part of this")]

pub mod radosgw;
pub mod s3;
mod tile;

use self::tile::tile;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::entry::{Body, DataKey, Entry, Envelope, seal};
use journal::epoch::{Epoch, RecoveryPublic, recovery_signing_key};
use journal::merkle::Frontier;
use journal::note::{KeyKind, SigningKey};
use journal::policy::Policy;
use journal::tile::{TileId, prove_consistency};
use journal::{BlobName, Hash, Origin};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use vault::seal::{Identity, Recipients, seal_blob};
use vault::{
    BlobReader, EncodedBatch, EpochRecord, JournalSource, Quorum, Replicator, ReplicatorConfig, SourceError, StoreKind,
    VaultServeConfig, VaultUrl, WatchConfig,
};

/// A site's log: what `forge` does with a database, with vectors.
pub struct TestLog {
    pub origin: Origin,
    pub recovery: [u8; 32],
    pub identity: Identity,
    pub data_key: DataKey,
    pub epochs: Vec<EpochRecord>,
    epoch_seed: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default, Clone)]
struct State {
    frontier: Frontier,
    batches: Vec<Arc<EncodedBatch>>,
    roots: HashMap<u64, Hash>,
    blobs: HashMap<BlobName, Vec<u8>>,
    cosigned: Vec<(String, u64)>,
    drill: Option<(u64, String)>,
    incidents: Option<(u64, String)>,
}

impl TestLog {
    pub fn new(seed: u8) -> Arc<Self> {
        let origin: Origin = format!("outlast/test-{seed}").parse().unwrap();
        let identity = Identity::generate();
        let recovery = identity.secret_bytes();
        let mut log = Self {
            origin,
            recovery,
            identity,
            data_key: DataKey::new([seed; 32]),
            epochs: Vec::new(),
            epoch_seed: [seed; 32],
            state: Mutex::default(),
        };
        log.begin_epoch(1, [seed; 32]);
        Arc::new(log)
    }

    /// The same log as another machine would have it that was restored from a copy of the first.
    pub fn copy(&self) -> Arc<Self> {
        Arc::new(Self {
            origin: self.origin.clone(),
            recovery: self.recovery,
            identity: self.identity.clone(),
            data_key: self.data_key.clone(),
            epochs: self.epochs.clone(),
            epoch_seed: self.epoch_seed,
            state: Mutex::new(self.state.lock().unwrap().clone()),
        })
    }

    /// A copy that goes on in a new epoch, as a recovered site does.
    pub fn recovered(&self, number: u64) -> Arc<Self> {
        let mut copy = Arc::into_inner(self.copy()).unwrap();
        copy.begin_epoch(number, [number as u8 + 100; 32]);
        Arc::new(copy)
    }

    /// A copy that goes on with another recovery key, which this order named.
    pub fn rotated(&self, number: u64, key: [u8; 32], order: Hash) -> Arc<Self> {
        let mut copy = Arc::into_inner(self.copy()).unwrap();
        copy.recovery = key;
        copy.begin_epoch_by(number, [number as u8 + 100; 32], Some(order));
        Arc::new(copy)
    }

    fn begin_epoch(&mut self, number: u64, seed: [u8; 32]) {
        self.begin_epoch_by(number, seed, None);
    }

    fn begin_epoch_by(&mut self, number: u64, seed: [u8; 32], order: Option<Hash>) {
        self.epoch_seed = seed;
        let recipients = Recipients::parse(&self.identity.recipient(), &self.identity.recipient()).unwrap();
        let (name, data_key) = seal_blob(&recipients, self.data_key.bytes()).unwrap();
        let state = self.state.lock().unwrap();
        let key = recovery_signing_key(&self.recovery, &self.origin);
        let epoch = Epoch {
            origin: self.origin.clone(),
            epoch: number,
            size: state.frontier.size(),
            root: state.frontier.root(),
            log_key: self.log_key().verifier().clone(),
            data_key: name,
            recovery: vec![RecoveryPublic {
                verifier: key.verifier().clone(),
                recipient: order.map(|_| self.identity.recipient()),
            }],
            past: None,
            order,
        };
        let statement = epoch.sign(&key).unwrap().to_string();
        self.epochs.push(EpochRecord { number, statement, data_key, past: None });
    }

    pub fn log_key(&self) -> SigningKey {
        SigningKey::from_seed(self.origin.as_str(), KeyKind::Ed25519, &self.epoch_seed).unwrap()
    }

    fn verifiers(&self) -> Vec<journal::note::VerifierKey> {
        let verify = |record: &EpochRecord| {
            let note: journal::note::SignedNote = record.statement.parse().unwrap();
            note.text().parse::<Epoch>().unwrap().log_key
        };
        self.epochs.iter().map(verify).collect()
    }

    /// A batch of entries that say `text`, not committed.
    pub fn batch(&self, count: usize, text: &str, needs: &[BlobName], inline: Vec<Vec<u8>>) -> (Batch, Frontier) {
        let state = self.state.lock().unwrap();
        let (first, mut frontier) = (state.frontier.size(), state.frontier.clone());
        let entry = |seq| Entry {
            seq,
            time_us: 0,
            actor: None,
            credential: None,
            kind: 1,
            body: Body::Inline(text.as_bytes().to_vec()),
        };
        let entries: Vec<_> = (first..first + count as u64)
            .map(|seq| seal(&self.data_key, &self.origin, &entry(seq), needs).unwrap())
            .collect();
        entries.iter().for_each(|bytes| frontier.push(Envelope::leaf(bytes)));
        let epoch = self.epochs.last().unwrap().number;
        let checkpoint = Checkpoint::new(self.origin.clone(), epoch, frontier.size(), frontier.root());
        let checkpoint = checkpoint.sign(&self.log_key()).unwrap().to_string();
        (
            Batch { origin: self.origin.clone(), epoch, first, entries, checkpoint, snapshot_entry: None, inline },
            frontier,
        )
    }

    /// Commits a batch.
    pub fn write(&self, count: usize, text: &str) {
        self.write_with(count, text, &[], vec![]);
    }

    pub fn write_with(&self, count: usize, text: &str, needs: &[BlobName], inline: Vec<Vec<u8>>) {
        let (batch, frontier) = self.batch(count, text, needs, inline);
        let mut state = self.state.lock().unwrap();
        state.roots.insert(frontier.size(), frontier.root());
        state.frontier = frontier;
        state.batches.push(Arc::new(EncodedBatch::new(&batch).unwrap()));
    }

    /// Puts a blob into the spool.
    pub fn spool(&self, bytes: &[u8]) -> BlobName {
        let name = BlobName::of(bytes);
        self.state.lock().unwrap().blobs.insert(name, bytes.to_vec());
        name
    }

    /// A blob is not in the spool any more.
    pub fn forget(&self, name: &BlobName) {
        self.state.lock().unwrap().blobs.remove(name);
    }

    pub fn root(&self) -> Hash {
        self.state.lock().unwrap().frontier.root()
    }

    /// A full drill was done, and found so many differences.
    pub fn drilled(&self, started_us: u64, differences: u64) {
        let text = format!(
            "outlast/drill/v1\n{}\nkind full\nthrough 1\nstarted-us {started_us}\nanswers-ms 1250\nwhole-ms 9000\n\
             data-age-ms 0\nrepositories 3\ndifferences {differences}\n",
            self.origin
        );
        let note = self.log_key().sign(&text).unwrap().to_string();
        self.state.lock().unwrap().drill = Some((started_us, note));
    }

    /// Operators told of an incident at this time.
    pub fn told(&self, as_of_us: u64, title: &str) {
        let line = format!("{{\"title\":\"{title}\",\"opened_us\":{as_of_us},\"resolved_us\":null,\"notes\":[]}}");
        let text = format!("outlast/incidents/v1\n{}\nas-of-us {as_of_us}\n{line}\n", self.origin);
        let note = self.log_key().sign(&text).unwrap().to_string();
        self.state.lock().unwrap().incidents = Some((as_of_us, note));
    }

    pub fn cosigned(&self) -> Vec<(String, u64)> {
        self.state.lock().unwrap().cosigned.clone()
    }

    pub fn encoded(&self) -> Vec<bytes::Bytes> {
        self.state.lock().unwrap().batches.iter().map(|batch| batch.bytes.clone()).collect()
    }

    pub fn config(&self, vaults: &[VaultUrl]) -> ReplicatorConfig {
        let domains: Vec<_> = vaults.iter().map(|url| (url.domain.clone(), vec![url.vkey.clone()])).collect();
        ReplicatorConfig {
            origin: self.origin.clone(),
            epochs: self.epochs.clone(),
            recovery_keys: vec![recovery_signing_key(&self.recovery, &self.origin).verifier().clone()],
            quorum: Quorum::of(Policy::majority(self.verifiers(), &domains)),
            vaults: vaults.to_vec(),
        }
    }

    pub fn replicate(self: &Arc<Self>, vaults: &[VaultUrl]) -> Replicator {
        Replicator::start(self.config(vaults), self.clone()).unwrap()
    }
}

impl JournalSource for TestLog {
    fn drill(&self) -> Option<(u64, String)> {
        self.state.lock().unwrap().drill.clone()
    }

    fn incidents(&self) -> Option<(u64, String)> {
        self.state.lock().unwrap().incidents.clone()
    }

    fn size(&self) -> u64 {
        self.state.lock().unwrap().frontier.size()
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, SourceError> {
        let batches = self.encoded();
        let batches = batches.iter().map(|bytes| Batch::decode(bytes).unwrap());
        let leaves: Vec<_> = batches.flat_map(|batch| batch.entries).map(|bytes| Envelope::leaf(&bytes)).collect();
        prove_consistency(old, new, &|id: &TileId| tile(&leaves, id)).map_err(|e| SourceError::new(e.to_string()))
    }

    fn batches_from(&self, first: u64, bytes_max: usize) -> Result<Vec<Arc<EncodedBatch>>, SourceError> {
        let state = self.state.lock().unwrap();
        let mut bytes = 0;
        let batches = state.batches.iter().filter(|batch| batch.first >= first).cloned();
        Ok(batches
            .take_while(|batch| {
                let take = bytes < bytes_max;
                bytes += batch.bytes.len();
                take
            })
            .collect())
    }

    fn root_at(&self, size: u64) -> Result<Option<Hash>, SourceError> {
        Ok(self.state.lock().unwrap().roots.get(&size).copied())
    }

    fn blob(&self, name: &BlobName) -> Result<Option<BlobReader>, SourceError> {
        let Some(bytes) = self.state.lock().unwrap().blobs.get(name).cloned() else { return Ok(None) };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        Ok(Some(BlobReader::new(file, bytes.len() as u64)))
    }

    fn cosigned(&self, vault: &str, size: u64, _: &str) {
        self.state.lock().unwrap().cosigned.push((vault.to_owned(), size));
    }
}

/// A vault server in this process.
pub struct TestVault {
    pub dir: PathBuf,
    pub name: String,
    pub store: StoreKind,
    pub watch: WatchConfig,
    pub status: Option<String>,
    task: Option<(tokio::sync::oneshot::Sender<()>, JoinHandle<()>)>,
}

impl TestVault {
    pub async fn start(parent: &Path, name: &str) -> Self {
        Self::start_with(parent, name, StoreKind::Dir).await
    }

    pub async fn start_with(parent: &Path, name: &str, store: StoreKind) -> Self {
        Self::start_watching(parent, name, store, WatchConfig::default()).await
    }

    pub async fn start_watching(parent: &Path, name: &str, store: StoreKind, watch: WatchConfig) -> Self {
        let mut vault = Self { dir: parent.join(name), name: name.to_owned(), store, watch, status: None, task: None };
        vault.up().await;
        vault
    }

    pub async fn up(&mut self) {
        let listen = self.last_address().unwrap_or("127.0.0.1:0".to_owned());
        let (dir, name) = (self.dir.clone(), self.name.clone());
        let config = VaultServeConfig {
            store: self.store.clone(),
            watch: self.watch.clone(),
            ..VaultServeConfig::new(dir, listen, name)
        };
        let running = vault::bind(config).await.unwrap();
        self.status = running.status_address().map(|address| address.to_string());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stop = async {
                stopped.await.ok();
            };
            running.run(stop).await.unwrap();
        });
        self.task = Some((stop, task));
    }

    fn last_address(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join("listening.json")).ok()?;
        Some(text.split('"').nth(3)?.to_owned())
    }

    /// Ends it as a crash does: connections are cut.
    pub async fn down(&mut self) {
        if let Some((stop, task)) = self.task.take() {
            drop(stop);
            tokio::time::timeout(Duration::from_secs(30), task).await.expect("the vault does not end").unwrap();
        }
    }

    pub fn url(&self) -> VaultUrl {
        VaultUrl::from_arg(self.dir.join("site.url").to_str().unwrap()).unwrap()
    }

    pub fn recover_url(&self) -> VaultUrl {
        VaultUrl::from_arg(self.dir.join("recover.url").to_str().unwrap()).unwrap()
    }
}

/// Waits until something is so. For what happens at an unknown time but must happen; fails after a minute.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not after a minute: {what}");
}

/// Every file under a directory, with its bytes.
pub fn tree(dir: &Path) -> HashMap<PathBuf, Vec<u8>> {
    let mut files = HashMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
