//! How fast a journal is replayed: `cargo run --release -p forge --example replay_speed [EVENTS] [EVENTS-A-BATCH]`.
//!
//! The journal is made in memory first: for every 50 pushes one new repository, each push moves one of 20 refs and
//! brings a pack of one part. Then sealed batches are replayed into a new SQLite database, which is what `recover` does
//! after reading them from a vault; then the tables are rebuilt from that database's own journal, as `doctor` does.

use forge::db::Db;
use forge::event::people::UserCreated;
use forge::event::push::{Pushed, RefMove};
use forge::event::repo::{Format, RepoCreated, RepoKind, Visibility};
use forge::event::site::{Part, SiteStarted};
use forge::event::{Event, Oid};
use forge::log::LogKeys;
use forge::replay::{Passing, differences, rebuild, replay};
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::entry::{Body, DataKey, Entry, seal};
use journal::merkle::{Frontier, leaf_hash};
use journal::note::{KeyKind, SigningKey};
use journal::{BlobName, Hash};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

fn event(seq: u64) -> Event {
    if seq == 0 {
        return SiteStarted { origin: "outlast/x".into(), recovery_recipient: "age1".into(), recovery_key: "k".into() }
            .into();
    }
    if seq == 1 {
        return UserCreated { name: "ann".into(), email: None, password: None, officer: false, operator: true }.into();
    }
    let repo = 2 + (seq - 2) / 51 * 51;
    if seq == repo {
        return RepoCreated {
            namespace: 1,
            name: format!("repo-{seq}"),
            kind: RepoKind::Git,
            format: Format::Sha1,
            visibility: Visibility::Private,
            head: "refs/heads/main".into(),
        }
        .into();
    }
    let id = Hash::of(&seq.to_be_bytes());
    let name = format!("refs/heads/topic-{}", seq % 20);
    let update = RefMove { name, old: Oid::new(&id.0[12..]), new: Oid::new(&id.0[..20]) };
    Pushed { repo, updates: vec![update], pack: vec![Part { blob: BlobName(id), bytes: 4321 }], options: vec![] }.into()
}

fn keys() -> Result<LogKeys, Box<dyn Error>> {
    let origin: journal::Origin = "outlast/0123456789abcdef0123456789abcdef".parse()?;
    let log_key = SigningKey::from_seed(origin.as_str(), KeyKind::Ed25519, &[7; 32])?;
    Ok(LogKeys { origin, epoch: 1, log_key, data_keys: BTreeMap::from([(1, DataKey::new([9; 32]))]) })
}

fn sealed(keys: &LogKeys, events: u64, a_batch: u64) -> Result<Vec<Batch>, Box<dyn Error>> {
    let (mut frontier, mut batches) = (Frontier::new(), Vec::new());
    while frontier.size() < events {
        let first = frontier.size();
        let mut entries = Vec::new();
        for seq in first..events.min(first + a_batch) {
            let event = event(seq);
            let (time_us, kind) = (1_800_000_000_000_000 + seq as i64, event.kind());
            let entry =
                Entry { seq, time_us, actor: Some(1), credential: None, kind, body: Body::Inline(event.encode()) };
            let envelope = seal(&keys.data_keys[&1], &keys.origin, &entry, &event.blobs())?;
            frontier.push(leaf_hash(&envelope));
            entries.push(envelope);
        }
        let checkpoint =
            Checkpoint::new(keys.origin.clone(), 1, frontier.size(), frontier.root()).sign(&keys.log_key)?;
        let (origin, checkpoint) = (keys.origin.clone(), checkpoint.to_string());
        batches.push(Batch { origin, epoch: 1, first, entries, checkpoint, snapshot_entry: None, inline: vec![] });
    }
    Ok(batches)
}

fn say(what: &str, events: u64, took: Duration) {
    println!(
        "{what}: {events} events in {:.2} s, {:.0} events/s",
        took.as_secs_f64(),
        events as f64 / took.as_secs_f64()
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let events = arguments.next().transpose()?.unwrap_or(300_000);
    let a_batch = arguments.next().transpose()?.unwrap_or(4).min(1024);
    let keys = keys()?;
    let batches = sealed(&keys, events, a_batch)?;
    let dir = tempfile::tempdir()?;
    let db = Db::sqlite(&dir.path().join("live.db"))?;
    let start = Instant::now();
    let none = |_: &[BlobName]| Err(forge::Error::internal("no event here is in a blob"));
    replay(&db, &keys, batches.into_iter().map(Ok::<_, String>), &none, Passing::default(), &mut |_| {})?;
    say("replay of sealed batches, durable", events, start.elapsed());
    let rebuilt = Db::sqlite_scratch(&dir.path().join("rebuilt.db"))?;
    let start = Instant::now();
    rebuild(&db, &keys, events, &rebuilt)?;
    say("rebuild from the database's own journal", events, start.elapsed());
    let start = Instant::now();
    assert!(differences(&db, &rebuilt)?.is_empty(), "the two must be equal");
    say("comparison", events, start.elapsed());
    let start = Instant::now();
    let mut packed = Vec::new();
    forge::snapshot::write(&db, &mut packed)?;
    say("snapshot", events, start.elapsed());
    let loaded = Db::sqlite(&dir.path().join("loaded.db"))?;
    let start = Instant::now();
    forge::snapshot::load(&loaded, &packed[..])?;
    say(&format!("loading it ({} bytes)", packed.len()), events, start.elapsed());
    Ok(())
}
