//! A site without a disk or a network: a log on a test database, a spool in a temporary directory, vaults that only
//! sign.

use forge::db::{Db, Tx};
use forge::event::Event;
use forge::event::site::{EpochStarted, SiteStarted};
use forge::event::vault::VaultEnrolled;
use forge::ledger::LedgerLimits;
use forge::log::{BlobSink, Log, LogKeys};
use forge::replay::{TableHash, table_hashes};
use forge::writer::{Command, Decide, Shipping, Submitter};
use forge::{Error, Ledger};
use journal::batch::Batch;
use journal::entry::DataKey;
use journal::epoch::{Epoch, recovery_signing_key};
use journal::merkle::Frontier;
use journal::note::{KeyKind, SignedNote, SigningKey};
use journal::{BlobName, Hash, Origin, cosignature};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::watch;
use vault::{JournalSource, Quorum};

/// Blobs as files, sealed with nothing.
pub(crate) struct Spool {
    dir: tempfile::TempDir,
}

impl Spool {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { dir: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        self.dir.path().join(name.to_string())
    }

    pub(crate) fn read(&self, names: &[BlobName]) -> Vec<u8> {
        names.iter().flat_map(|name| std::fs::read(self.path(name)).unwrap()).collect()
    }
}

impl BlobSink for Spool {
    fn put(&self, plaintext: &[u8]) -> Result<BlobName, Error> {
        let name = BlobName::of(plaintext);
        std::fs::write(self.path(&name), plaintext).unwrap();
        Ok(name)
    }

    fn sealed(&self, name: &BlobName) -> Result<Option<(File, u64)>, Error> {
        Ok(File::open(self.path(name)).ok().map(|f| (f.try_clone().unwrap(), f.metadata().unwrap().len())))
    }
}

/// Three vaults that cosign whatever is committed, at once, unless they are told not to.
pub(crate) struct Vaults {
    log: OnceLock<Arc<Log>>,
    keys: Vec<SigningKey>,
    held: watch::Sender<u64>,
    /// They do not answer.
    pub(crate) away: Mutex<bool>,
    /// They answer, and cosign nothing.
    stalled: Mutex<bool>,
    pub(crate) trouble: Mutex<Option<String>>,
}

impl Vaults {
    pub(crate) fn new() -> Arc<Self> {
        let key = |i| SigningKey::from_seed(&format!("vault-{i}"), KeyKind::Cosignature, &[i; 32]).unwrap();
        let keys = (1..=3).map(key).collect();
        let (held, _) = watch::channel(0);
        Arc::new(Self {
            log: OnceLock::new(),
            keys,
            held,
            away: Mutex::new(false),
            stalled: Mutex::new(false),
            trouble: Mutex::new(None),
        })
    }

    pub(crate) fn enrolled(&self) -> Vec<Event> {
        let event = |key: &SigningKey| {
            let vkey = key.verifier();
            VaultEnrolled {
                name: vkey.name().into(),
                domain: vkey.name().into(),
                vkey: vkey.to_string(),
                pin: "00".into(),
            }
        };
        self.keys.iter().map(|key| event(key).into()).collect()
    }

    pub(crate) fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
        if !away {
            self.committed();
        }
    }

    pub(crate) fn stall(&self, stalled: bool) {
        *self.stalled.lock().unwrap() = stalled;
        self.committed();
    }

    fn cosign_from(&self, log: &Log, first: u64) -> u64 {
        let mut next = first;
        while next < log.size() {
            for batch in log.batches_from(next, 1 << 20).unwrap() {
                let batch = Batch::decode(&batch.bytes).unwrap();
                let note: SignedNote = batch.checkpoint.parse().unwrap();
                for key in &self.keys {
                    let line = cosignature::cosign(key, note.text(), 1_800_000_000).to_string();
                    log.cosigned(key.verifier().name(), batch.end(), &line);
                }
                next = batch.end();
            }
        }
        next
    }
}

impl Shipping for Vaults {
    fn committed(&self) {
        if *self.away.lock().unwrap() || *self.stalled.lock().unwrap() {
            return;
        }
        let Some(log) = self.log.get() else { return };
        let next = self.cosign_from(log, *self.held.borrow());
        self.held.send_replace(next);
    }

    fn held(&self) -> watch::Receiver<u64> {
        self.held.subscribe()
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap().clone()
    }

    fn quorum_reachable(&self) -> Result<(), Vec<String>> {
        if *self.away.lock().unwrap() { Err(vec!["vault-2".into(), "vault-3".into()]) } else { Ok(()) }
    }

    fn follow(&self, _: Quorum) {}

    fn sizes(&self) -> Vec<(String, u64)> {
        let held = *self.held.borrow();
        self.keys.iter().map(|key| (key.verifier().name().to_owned(), held)).collect()
    }
}

pub(crate) fn origin() -> Origin {
    "outlast/0123456789abcdef0123456789abcdef".parse().unwrap()
}

pub(crate) fn keys() -> LogKeys {
    let log_key = SigningKey::from_seed(origin().as_str(), KeyKind::Ed25519, &[7; 32]).unwrap();
    let data_keys = BTreeMap::from([(1, DataKey::new([9; 32]))]);
    LogKeys { origin: origin(), epoch: 1, log_key, data_keys }
}

/// Those of the site that was recovered from it.
pub(crate) fn second_keys() -> LogKeys {
    let log_key = SigningKey::from_seed(origin().as_str(), KeyKind::Ed25519, &[8; 32]).unwrap();
    let data_keys = BTreeMap::from([(1, DataKey::new([9; 32])), (2, DataKey::new([10; 32]))]);
    LogKeys { origin: origin(), epoch: 2, log_key, data_keys }
}

fn epoch_started(keys: &LogKeys, size: u64, root: Hash) -> Event {
    let recovery = recovery_signing_key(&[5; 32], &origin());
    let (log_key, data_key) = (keys.log_key.verifier().clone(), BlobName::of(b"the sealed data key"));
    let (origin, epoch, recovery_keys) = (origin(), keys.epoch, vec![recovery.verifier().clone().into()]);
    let (past, order) = (None, None);
    let statement = Epoch { origin, epoch, size, root, log_key, data_key, recovery: recovery_keys, past, order };
    let statement = statement.sign(&recovery).unwrap();
    EpochStarted { epoch, statement: statement.to_string(), data_key, site_recipient: "age1site".to_owned() }.into()
}

/// What every journal begins with.
pub(crate) fn founding() -> Vec<Event> {
    let recovery_key = recovery_signing_key(&[5; 32], &origin()).verifier().to_string();
    let started = SiteStarted { origin: origin().to_string(), recovery_recipient: "age1recovery".into(), recovery_key };
    vec![started.into(), epoch_started(&keys(), 0, Frontier::new().root())]
}

/// The event that begins the second epoch where this database ends.
pub(crate) fn second_epoch(db: &Db) -> Event {
    let head = db.read(forge::log::Head::load).unwrap();
    epoch_started(&second_keys(), head.size(), head.root())
}

/// Does what it is told.
pub(crate) struct Write(pub(crate) Vec<Event>);

impl Command for Write {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        Ok((self.0, ()))
    }
}

pub(crate) struct Rig {
    pub(crate) site: Ledger,
    pub(crate) vaults: Arc<Vaults>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Rig {
    /// On an empty database, or on one that a rig was on before.
    pub(crate) fn on(db: Db, spool: Arc<Spool>, limits: &LedgerLimits) -> Self {
        Self::with_keys(db, spool, limits, keys())
    }

    pub(crate) fn with_keys(db: Db, spool: Arc<Spool>, limits: &LedgerLimits, keys: LogKeys) -> Self {
        let vaults = Vaults::new();
        let log = Log::open(db, keys, Arc::clone(&spool) as Arc<dyn BlobSink>).unwrap();
        assert!(vaults.log.set(Arc::clone(&log)).is_ok());
        // After a snapshot was loaded the vaults have what is not here yet.
        let gap = log.db().read(forge::log::unfilled).unwrap();
        vaults.held.send_replace(gap.map_or(0, |gap| gap.end));
        vaults.committed();
        let site = Ledger::start(log, Arc::clone(&vaults) as Arc<dyn Shipping>, limits).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { site, vaults, spool, runtime }
    }

    pub(crate) fn new(db: Db) -> Self {
        Self::on(db, Spool::new(), &LedgerLimits::default())
    }

    pub(crate) fn submit<C: Command>(&self, command: C) -> Result<forge::ledger::Answer<C::Output>, Error> {
        self.runtime.block_on(self.site.submit(Submitter::default(), command))
    }

    /// Writes events in one command and gives the number of the first.
    pub(crate) fn write(&self, events: Vec<Event>) -> u64 {
        // By somebody, with something: what follows from that is to be seen too.
        let by = Submitter { actor: Some(4), credential: Some(5) };
        self.runtime.block_on(self.site.submit(by, Write(events))).unwrap().first_seq
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        self.site.log()
    }

    pub(crate) fn hashes(&self) -> Vec<TableHash> {
        hashes(self.site.db())
    }

    /// The batches from an entry on, as a vault has them.
    pub(crate) fn batches(&self, first: u64) -> Vec<Batch> {
        let (log, mut next, mut batches) = (self.log(), first, Vec::new());
        while next < log.size() {
            for batch in log.batches_from(next, 1 << 20).unwrap() {
                batches.push(Batch::decode(&batch.bytes).unwrap());
                next = batches.last().unwrap().end();
            }
        }
        batches
    }

    /// Replays its batches from `first` on into another database.
    pub(crate) fn replay_into(&self, db: &Db, first: u64) -> forge::replay::Replayed {
        replay_into(db, self.batches(first), &self.spool).unwrap()
    }

    /// The same log without what is kept in memory.
    pub(crate) fn reopened_log(&self) -> Arc<Log> {
        Log::open(self.site.db().clone(), keys(), Arc::clone(&self.spool) as Arc<dyn BlobSink>).unwrap()
    }

    /// The size of each batch there is.
    pub(crate) fn batch_sizes(&self) -> Vec<u64> {
        let checkpoints = self.site.db().read(|tx| forge::log::checkpoint_list(tx, 0, 100_000)).unwrap();
        checkpoints.iter().map(|c| c.size - c.first).collect()
    }
}

pub(crate) fn replay_into(db: &Db, batches: Vec<Batch>, spool: &Spool) -> Result<forge::replay::Replayed, Error> {
    let batches = batches.into_iter().map(Ok::<_, Error>);
    forge::replay::replay(
        db,
        &keys(),
        batches,
        &|names| Ok(spool.read(names)),
        forge::replay::Passing::default(),
        &mut |_| {},
    )
}

pub(crate) fn hashes(db: &Db) -> Vec<TableHash> {
    db.read(table_hashes).unwrap()
}
