//! The log with real vaults: servers in this process, on loopback, with their disks.

use crate::databases::Databases;
use crate::rig::{Spool, Write, founding, hashes, keys, origin, replay_into};
use forge::Error;
use forge::db::Db;
use forge::event::Event;
use forge::event::people::UserCreated;
use forge::event::vault::VaultEnrolled;
use forge::ledger::{Ledger, LedgerLimits};
use forge::log::{BlobSink, Log};
use forge::writer::{Shipping, Submitter};
use journal::batch::Batch;
use journal::epoch::recovery_signing_key;
use journal::merkle::Frontier;
use journal::policy::Policy;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vault::{
    EpochRecord, LogReader, Quorum, Replicator, ReplicatorConfig, VaultClient, VaultServeConfig, VaultUrl, bind,
};

const NAMES: [&str; 3] = ["eu", "us", "asia"];

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    url: VaultUrl,
}

async fn serve(dir: &Path, name: &str, listen: &str) -> Running {
    let dir = dir.join(name);
    let config = VaultServeConfig::new(&dir, listen, name);
    let running = bind(config).await.unwrap();
    let url = VaultUrl::from_arg(dir.join("site.url").to_str().unwrap()).unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        running.run(stopped).await.unwrap();
    });
    Running { stop, task, url }
}

async fn stop(vault: Running) -> String {
    vault.stop.send(()).unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), vault.task).await;
    vault.url.address
}

fn user(name: String) -> Event {
    UserCreated { name, email: None, password: None, officer: false, operator: false }.into()
}

fn statement() -> EpochRecord {
    let Event::EpochStarted(epoch) = founding().remove(1) else { panic!("the second event") };
    EpochRecord { number: 1, statement: epoch.statement, data_key: b"the sealed data key".to_vec(), past: None }
}

struct Started {
    ledger: Ledger,
    replicator: Arc<Replicator>,
}

/// A site on this database, with these vaults.
async fn site(db: Db, spool: &Arc<Spool>, urls: &[VaultUrl]) -> Started {
    let log = Log::open(db, keys(), Arc::clone(spool) as Arc<dyn BlobSink>).unwrap();
    let domains: Vec<_> = urls.iter().map(|url| (url.domain.clone(), vec![url.vkey.clone()])).collect();
    let config = ReplicatorConfig {
        origin: origin(),
        epochs: vec![statement()],
        recovery_keys: vec![recovery_signing_key(&[5; 32], &origin()).verifier().clone()],
        quorum: Quorum::of(Policy::majority(vec![keys().log_key.verifier().clone()], &domains)),
        vaults: urls.to_vec(),
    };
    let replicator = Arc::new(Replicator::start(config, Arc::clone(&log) as _).unwrap());
    let ledger = Ledger::start(log, Arc::clone(&replicator) as Arc<dyn Shipping>, &LedgerLimits::default()).unwrap();
    Started { ledger, replicator }
}

impl Started {
    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            if done(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} did not happen in 20 s: {:?}", self.replicator.status());
    }

    async fn quorum(&self) {
        self.until("a quorum", |s| s.replicator.quorum_reachable().is_ok()).await;
    }

    fn size_at(&self, name: &str) -> u64 {
        self.replicator.status().iter().find(|v| v.name == name).unwrap().size
    }

    async fn write(&self, events: Vec<Event>) -> forge::ledger::Answer<()> {
        self.ledger.submit(Submitter::default(), Write(events)).await.unwrap()
    }

    async fn end(self) {
        let Self { ledger, replicator } = self;
        tokio::task::spawn_blocking(move || ledger.stop()).await.unwrap();
        replicator.stop().await;
    }
}

/// Everything the vault has, as recovery reads it.
async fn read(dir: &Path, name: &str) -> Vec<Batch> {
    let url = VaultUrl::from_arg(dir.join(name).join("recover.url").to_str().unwrap()).unwrap();
    let client = Arc::new(VaultClient::new(url).unwrap());
    let mut reader = LogReader::open(client, Frontier::new(), &[]).await.unwrap();
    let mut batches = Vec::new();
    while let Some(verified) = reader.next().await.unwrap() {
        batches.push(verified.batch);
    }
    batches
}

async fn story() {
    let (databases, spool, dir) = (Databases::sqlite(), Spool::new(), tempfile::tempdir().unwrap());
    let mut vaults = Vec::new();
    for name in NAMES {
        vaults.push(serve(dir.path(), name, "127.0.0.1:0").await);
    }
    let urls: Vec<VaultUrl> = vaults.iter().map(|v| v.url.clone()).collect();
    let db = databases.empty();
    let running = site(db.clone(), &spool, &urls).await;
    running.quorum().await;
    let pin = |url: &VaultUrl| url.pin.to_string();
    let enrolled = |url: &VaultUrl| VaultEnrolled {
        name: url.name.clone(),
        domain: url.domain.clone(),
        vkey: url.vkey.to_string(),
        pin: pin(url),
    };
    running.write([founding(), urls.iter().map(|url| enrolled(url).into()).collect()].concat()).await;
    for i in 0..30 {
        let answer = running.write(vec![user(format!("early-{i}"))]).await;
        assert!(answer.held.len() >= 2, "{:?}", answer.held);
    }

    // One vault goes away: two still hold everything.
    running.until("asia has all", |s| s.size_at("asia") == s.ledger.log().size()).await;
    let lagging = running.ledger.log().size();
    let address = stop(vaults.pop().unwrap()).await;
    for i in 0..30 {
        assert_eq!(running.write(vec![user(format!("late-{i}"))]).await.held, ["eu", "us"]);
    }
    let receipt = running.ledger.receipt(lagging + 3).await.unwrap();
    assert_eq!(journal::receipt::verify(&receipt, None).unwrap().entry.seq, lagging + 3);
    running.end().await;

    // It comes back after the site was restarted: what it lacks is made again from the tables.
    vaults.push(serve(dir.path(), "asia", &address).await);
    let running = site(db.clone(), &spool, &urls).await;
    running.until("asia has caught up", |s| s.size_at("asia") == s.ledger.log().size()).await;
    let from_asia = read(dir.path(), "asia").await;
    assert_eq!(from_asia, read(dir.path(), "eu").await);
    let replayed = databases.empty();
    replay_into(&replayed, from_asia.clone(), &spool).unwrap();
    assert_eq!(hashes(&replayed), hashes(&db));
    running.end().await;

    // A database made from a snapshot feeds a vault that is far behind once it is filled in from another.
    let mut snapshot = Vec::new();
    forge::snapshot::write(&db, &mut snapshot).unwrap();
    let loaded = databases.empty();
    forge::snapshot::load(&loaded, &snapshot[..]).unwrap();
    let late = serve(dir.path(), "africa", "127.0.0.1:0").await;
    let with_late: Vec<VaultUrl> = urls.iter().cloned().chain([late.url.clone()]).collect();
    let running = site(loaded, &spool, &with_late).await;
    let reading = VaultUrl::from_arg(dir.path().join("us/recover.url").to_str().unwrap()).unwrap();
    let blobs = Arc::clone(&spool);
    let fetch = move |names: &[journal::BlobName]| Ok(blobs.read(names));
    let log = Arc::clone(running.ledger.log());
    assert!(forge::replay::fill_from(Arc::clone(&log), reading.clone(), fetch.clone()).await.unwrap());
    assert!(!forge::replay::fill_from(log, reading, fetch).await.unwrap());
    running.until("africa has all", |s| s.size_at("africa") == s.ledger.log().size()).await;
    assert_eq!(read(dir.path(), "africa").await, from_asia);
    running.end().await;
    stop(late).await;

    // An old copy of the disk: the vaults have more than it, so it writes nothing any more.
    let old = databases.empty();
    replay_into(&old, from_asia[..from_asia.len() - 5].to_vec(), &spool).unwrap();
    let running = site(old, &spool, &urls).await;
    running.until("the rollback is found", |s| s.replicator.trouble().borrow().is_some()).await;
    let refused = running.ledger.submit(Submitter::default(), Write(vec![user("x".into())])).await.unwrap_err();
    assert!(matches!(&refused, Error::Frozen { reason } if reason.contains("rolled back")), "{refused}");
    running.end().await;
    for vault in vaults {
        stop(vault).await;
    }
}

#[test]
fn a_vault_that_was_away_catches_up_and_an_old_copy_of_the_disk_is_found_out() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story());
}
