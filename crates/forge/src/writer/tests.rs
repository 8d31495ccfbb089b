//! Commits that fail, which only a test inside can bring about. What else the writer promises is tried in
//! `tests/generic/writing.rs`.

use super::*;
use crate::db::{Db, Fault, Tx};
use crate::event::Event;
use crate::event::people::UserCreated;
use crate::log::{BlobSink, LogKeys};
use journal::BlobName;
use journal::batch::Batch;
use journal::entry::DataKey;
use journal::note::{KeyKind, SigningKey};
use std::fs::File;
use tokio::sync::watch;
use vault::{JournalSource, Quorum};

struct NoBlobs;

impl BlobSink for NoBlobs {
    fn put(&self, _: &[u8]) -> Result<BlobName, Error> {
        Err(Error::internal("no blobs here"))
    }

    fn sealed(&self, _: &BlobName) -> Result<Option<(File, u64)>, Error> {
        Ok(None)
    }
}

/// Counts how often it was woken.
struct Woken(AtomicUsize);

impl Shipping for Woken {
    fn committed(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn held(&self) -> watch::Receiver<u64> {
        watch::Sender::new(u64::MAX).subscribe()
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    fn quorum_reachable(&self) -> Result<(), Vec<String>> {
        Ok(())
    }

    fn follow(&self, _: Quorum) {}

    fn sizes(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

struct AddUser(&'static str);

impl Command for AddUser {
    type Output = ();

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let name = self.0.to_owned();
        Ok((vec![UserCreated { name, email: None, password: None, officer: false, operator: false }.into()], ()))
    }
}

struct Rig {
    _dir: tempfile::TempDir,
    db: Db,
    log: Arc<Log>,
    woken: Arc<Woken>,
    writer: Writer,
}

/// A journal in a directory of its own.
fn log() -> (tempfile::TempDir, Arc<Log>) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::sqlite(&dir.path().join("db")).expect("a database");
    let origin: journal::Origin = "outlast/test".parse().expect("an origin");
    let log_key = SigningKey::from_seed(origin.as_str(), KeyKind::Ed25519, &[7; 32]).expect("a key");
    let keys = LogKeys { origin, epoch: 1, log_key, data_keys: [(1, DataKey::new([9; 32]))].into() };
    let log = Log::open(db, keys, Arc::new(NoBlobs)).expect("a log");
    (dir, log)
}

/// Something to write to, for other modules' tests.
pub(crate) fn ledger() -> (tempfile::TempDir, Arc<crate::Ledger>) {
    let (dir, log) = log();
    let shipping = Arc::new(Woken(AtomicUsize::new(0)));
    (dir, Arc::new(crate::Ledger::start(log, shipping, &Default::default()).expect("a writer")))
}

impl Rig {
    fn new() -> Self {
        let (dir, log) = log();
        let db = log.db().clone();
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let shipping = Arc::clone(&woken) as Arc<dyn Shipping>;
        let writer = Writer::start(Arc::clone(&log), shipping, &WriterLimits::default()).expect("a writer");
        Self { _dir: dir, db, log, woken, writer }
    }

    fn submit(&self, name: &'static str) -> Result<Committed<()>, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.writer.submit(Submitter::default(), AddUser(name)))
    }

    fn users(&self) -> u64 {
        let count = |tx: &mut Tx| tx.query_one("SELECT count(*) FROM account", &[])?.get(0);
        self.db.read(count).expect("a count")
    }

    fn shipped(&self, first: u64) -> Batch {
        let batches = self.log.batches_from(first, 1).expect("the batch");
        Batch::decode(&batches[0].bytes).expect("it decodes")
    }
}

/// Invariants 1 and 4.
#[test]
fn a_commit_that_did_not_happen_is_told_and_its_number_is_used_again() {
    let rig = Rig::new();
    rig.submit("ann").expect("written");
    rig.db.fail_next_commit(Fault::Lost);
    assert!(matches!(rig.submit("bob"), Err(Error::Db(_))));
    assert_eq!((rig.log.size(), rig.users(), rig.woken.0.load(Ordering::Relaxed)), (1, 1, 1));
    let carol = rig.submit("carol").expect("written");
    assert_eq!((carol.first_seq, rig.log.size(), rig.users()), (1, 2, 2));
    assert_eq!(rig.shipped(1).entries.len(), 1);
}

/// It is not lost, it is not written twice, it is shipped, and who submitted it is told that it was written.
#[test]
fn a_commit_that_happened_though_the_answer_was_lost_counts() {
    let rig = Rig::new();
    rig.submit("ann").expect("written");
    rig.db.fail_next_commit(Fault::Unanswered);
    let bob = rig.submit("bob").expect("it was written");
    assert_eq!((bob.first_seq, bob.next_seq), (1, 2));
    assert_eq!((rig.log.size(), rig.users(), rig.woken.0.load(Ordering::Relaxed)), (2, 2, 2));
    assert_eq!(rig.shipped(1).end(), 2);
    assert_eq!(rig.submit("carol").expect("written").first_seq, 2);
    assert_eq!(rig.shipped(2).end(), 3);
}
