//! What the writer does: `cargo run --release -p forge --example writer_speed [POSTGRES-URL]`.
//!
//! Many submitters at once, each with one push after another, on a durable database; nobody ships anything, so this is
//! the journal's own share of a push. Prints commands and batches (that is, syncs) a second, and the mean wait of a
//! command.

use forge::db::{Db, Tx};
use forge::event::people::UserCreated;
use forge::event::push::{Pushed, RefMove};
use forge::event::repo::{Format, RepoCreated, RepoKind, Visibility};
use forge::event::site::Part;
use forge::event::{Event, Oid};
use forge::ledger::{Ledger, LedgerLimits};
use forge::log::{BlobSink, Log, LogKeys};
use forge::writer::{Command, Decide, Shipping, Submitter};
use journal::entry::DataKey;
use journal::note::{KeyKind, SigningKey};
use journal::{BlobName, Hash};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use vault::Quorum;

struct NoBlobs;

impl BlobSink for NoBlobs {
    fn put(&self, _: &[u8]) -> Result<BlobName, forge::Error> {
        Err(forge::Error::internal("nothing here is that large"))
    }

    fn sealed(&self, _: &BlobName) -> Result<Option<(File, u64)>, forge::Error> {
        Ok(None)
    }
}

/// Everything is held at once.
struct Nobody(watch::Sender<u64>);

impl Shipping for Nobody {
    fn committed(&self) {}

    fn held(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
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

struct Write(Event);

impl Command for Write {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), forge::Error> {
        // What a push looks at: whether the ref is where the pusher thinks.
        if let Event::Pushed(push) = &self.0 {
            let sql = "SELECT oid FROM ref WHERE repo = ?1 AND name = ?2";
            tx.query_opt(sql, &[push.repo.into(), (&push.updates[0].name).into()])?;
        }
        Ok((vec![self.0], ()))
    }
}

fn push(repo: u64, n: u64) -> Event {
    let id = Hash::of(&[repo.to_be_bytes(), n.to_be_bytes()].concat());
    let update = RefMove { name: "refs/heads/main".into(), old: None, new: Oid::new(&id.0[..20]) };
    Pushed { repo, updates: vec![update], pack: vec![Part { blob: BlobName(id), bytes: 999 }], options: vec![] }.into()
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = match std::env::args().nth(1) {
        Some(url) => Db::postgres(&url)?,
        None => Db::sqlite(&dir.path().join("live.db"))?,
    };
    let origin: journal::Origin = "outlast/0123456789abcdef0123456789abcdef".parse()?;
    let log_key = SigningKey::from_seed(origin.as_str(), KeyKind::Ed25519, &[7; 32])?;
    let keys = LogKeys { origin, epoch: 1, log_key, data_keys: BTreeMap::from([(1, DataKey::new([9; 32]))]) };
    let log = Log::open(db, keys, Arc::new(NoBlobs))?;
    let everything = Arc::new(Nobody(watch::Sender::new(u64::MAX)));
    let ledger = Arc::new(Ledger::start(log, everything, &LedgerLimits::default())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let user = UserCreated { name: "ann".into(), email: None, password: None, officer: false, operator: true };
        ledger.submit(Submitter::default(), Write(user.into())).await?;
        for submitters in [1u64, 8, 32, 128] {
            measure(&ledger, submitters).await?;
        }
        Ok::<_, forge::Error>(())
    })?;
    ledger.stop();
    Ok(())
}

async fn measure(ledger: &Arc<Ledger>, submitters: u64) -> Result<(), forge::Error> {
    let each = 4000 / submitters.max(4);
    let before = ledger.db().read_async(batches).await?;
    let mut repos = Vec::new();
    for n in 0..submitters {
        let name = format!("repo-{submitters}-{n}");
        let (kind, format, visibility) = (RepoKind::Git, Format::Sha1, Visibility::Public);
        let head = "refs/heads/main".into();
        let repo = RepoCreated { namespace: 0, name, kind, format, visibility, head };
        repos.push(ledger.submit(Submitter::default(), Write(repo.into())).await?.first_seq);
    }
    let start = Instant::now();
    let tasks: Vec<_> = repos.into_iter().map(|repo| tokio::spawn(pushes(Arc::clone(ledger), repo, each))).collect();
    for task in tasks {
        task.await.map_err(|e| forge::Error::internal(e.to_string()))??;
    }
    let took = start.elapsed().as_secs_f64();
    let done = (submitters * each) as f64;
    let batches = (ledger.db().read_async(batches).await? - before - submitters) as f64;
    let wait_ms = took * 1000.0 * submitters as f64 / done;
    println!(
        "{submitters} at once: {:.0} pushes/s, {:.0} batches/s, {wait_ms:.2} ms each",
        done / took,
        batches / took
    );
    Ok(())
}

async fn pushes(ledger: Arc<Ledger>, repo: u64, count: u64) -> Result<(), forge::Error> {
    for n in 0..count {
        ledger.submit(Submitter::default(), Write(push(repo, n))).await?;
    }
    Ok(())
}

fn batches(tx: &mut Tx) -> Result<u64, forge::Error> {
    Ok(tx.query_one("SELECT count(*) FROM checkpoint", &[])?.get(0)?)
}
