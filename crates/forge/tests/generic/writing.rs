//! The writer's invariants (numbered at the head of `writer.rs`).

use crate::databases::{Databases, on_both};
use crate::rig::{Rig, Spool, Write, founding, keys, replay_into};
use forge::Error;
use forge::db::{Db, DbErrorKind, Tx};
use forge::event::Event;
use forge::event::Oid;
use forge::event::people::{TokenRevoked, UserCreated, UserPasswordSet};
use forge::event::push::{Pushed, RefMove};
use forge::event::repo::{Format, RepoCreated, RepoKind, Visibility};
use forge::ledger::LedgerLimits;
use forge::log::LogKeys;
use forge::writer::{COMMAND_EVENTS_MAX, Command, Decide, Submitter, Urgency, WriterLimits};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use vault::JournalSource;

fn user(name: &str) -> Event {
    UserCreated { name: name.into(), email: None, password: None, officer: false, operator: false }.into()
}

fn rig(databases: &Databases) -> Rig {
    let rig = Rig::new(databases.empty());
    rig.write([founding(), rig.vaults.enrolled()].concat());
    rig
}

fn count(db: &Db, sql: &'static str) -> u64 {
    db.read(|tx| tx.query_one(sql, &[])?.get(0)).unwrap()
}

fn users(rig: &Rig) -> u64 {
    count(rig.site.db(), "SELECT count(*) FROM account")
}

fn quick() -> LedgerLimits {
    let writer = WriterLimits { unheld_wait_max: Duration::from_millis(50), ..WriterLimits::default() };
    LedgerLimits { writer, held_timeout: Duration::from_millis(50), quorum_patience: Duration::from_millis(50) }
}

/// Says that it is on the writer's thread, and waits there until it is told to go on, so that others queue up behind
/// it.
struct Gate {
    entered: tokio::sync::oneshot::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

impl Gate {
    fn new() -> (Self, tokio::sync::oneshot::Receiver<()>, mpsc::Sender<()>) {
        let ((entered, inside), (open, go_on)) = (tokio::sync::oneshot::channel(), mpsc::channel());
        (Self { entered, go_on }, inside, open)
    }
}

impl Command for Gate {
    type Output = ();

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let _ = self.entered.send(());
        let _ = self.go_on.recv();
        Ok((Vec::new(), ()))
    }
}

struct Refused;

impl Command for Refused {
    type Output = ();

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        Err(Error::conflict("the name is taken"))
    }
}

struct Panics;

impl Command for Panics {
    type Output = ();

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        panic!("on purpose")
    }
}

struct WritesItself;

impl Command for WritesItself {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        tx.execute("DELETE FROM account", &[])?;
        Ok((Vec::new(), ()))
    }
}

/// A user of the name with the number that is next, if nobody has it: sees what was applied before it in the same
/// batch.
struct NextUser;

impl Command for NextUser {
    type Output = (u64, String);

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, (u64, String)), Error> {
        let so_far: u64 = tx.query_one("SELECT count(*) FROM account", &[])?.get(0)?;
        let name = format!("user-{so_far}");
        Ok((vec![user(&name)], (ctx.id(0), name)))
    }
}

struct Revoke(u64);

impl Command for Revoke {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        Ok((vec![UserPasswordSet { account: self.0, password: None }.into()], ()))
    }
}

on_both! {
    /// Invariants 1 and 2, and that what queued up is one batch.
    fn commands_that_queue_up_are_one_batch_and_a_refused_one_refuses_no_other(databases) {
        let rig = rig(databases);
        let (gate, inside, open) = Gate::new();
        let before = rig.batch_sizes().len();
        let (site, by) = (&rig.site, Submitter { actor: Some(4), credential: Some(5) });
        let outcomes = rig.runtime.block_on(async {
            let all = async {
                inside.await.unwrap();
                let all = async {
                    tokio::join!(
                        site.submit(by, NextUser),
                        site.submit(by, Refused),
                        site.submit(by, Panics),
                        site.submit(by, NextUser),
                        site.submit(by, Write(vec![])),
                        site.submit(by, NextUser),
                    )
                };
                // The first poll of each queues it; then the gate opens.
                let (outcomes, ()) = tokio::join!(all, async { open.send(()).unwrap() });
                outcomes
            };
            tokio::join!(site.submit(by, gate), all).1
        });
        let (a, refused, panicked, b, nothing, c) = outcomes;
        assert!(matches!(refused, Err(Error::Conflict(_))));
        assert!(matches!(panicked, Err(Error::Internal(_))));
        let (a, b, c, nothing) = (a.unwrap(), b.unwrap(), c.unwrap(), nothing.unwrap());
        assert_eq!((a.output.0, b.output.0, c.output.0), (a.first_seq, a.first_seq + 1, a.first_seq + 2));
        assert_eq!(c.output.1, "user-2");
        assert_eq!(nothing.first_seq, nothing.next_seq);
        assert_eq!(rig.batch_sizes()[before..], [3], "one batch, one checkpoint");
        let entry = rig.site.db().read(|tx| forge::log::entry_fetch(tx, b.first_seq)).unwrap().unwrap();
        assert_eq!((entry.stamp.actor, entry.stamp.credential), (Some(4), Some(5)));
    }
}

on_both! {
    /// Invariants 3 and 4.
    fn an_event_that_cannot_be_applied_takes_its_batch_back_and_the_writer_goes_on(databases) {
        let rig = rig(databases);
        rig.write(vec![user("ann")]);
        let size = rig.log().size();
        let bug = Write(vec![user("bob"), TokenRevoked { token: 4711 }.into()]);
        let e = rig.submit(bug).unwrap_err();
        assert!(matches!(e, Error::Apply(_)), "{e}");
        let twice = Write(vec![user("ANN")]);
        assert!(matches!(rig.submit(twice).unwrap_err(), Error::Apply(_)));
        assert_eq!((rig.log().size(), users(&rig)), (size, 1));
        assert_eq!(rig.write(vec![user("bob")]), size);
        assert_eq!(users(&rig), 2);
        let replayed = databases.empty();
        rig.replay_into(&replayed, 0);
        assert_eq!(crate::rig::hashes(&replayed), rig.hashes());
    }
}

on_both! {
    fn a_command_cannot_write_while_it_decides(databases) {
        let rig = rig(databases);
        rig.write(vec![user("ann")]);
        assert!(rig.submit(WritesItself).is_err());
        assert_eq!(users(&rig), 1);
        rig.write(vec![user("bob")]);
    }
}

on_both! {
    fn a_site_goes_on_where_it_stopped(databases) {
        let db = databases.empty();
        let (spool, limits) = (Spool::new(), LedgerLimits::default());
        let rig = Rig::on(db.clone(), Arc::clone(&spool), &limits);
        rig.write([founding(), rig.vaults.enrolled()].concat());
        (0..300).for_each(|i| { rig.write(vec![user(&format!("u{i}"))]); });
        let (size, batches) = (rig.log().size(), rig.batches(0));
        drop(rig);
        let rig = Rig::on(db, spool, &limits);
        assert_eq!(rig.log().size(), size);
        assert_eq!(rig.batches(0), batches, "made again from the tables, the batches are the same to the byte");
        assert_eq!(rig.write(vec![user("later")]), size);
        replay_into(&databases.empty(), rig.batches(0), &rig.spool).unwrap();
    }
}

#[test]
fn without_a_quorum_writes_are_refused_and_revocations_work() {
    let databases = Databases::sqlite();
    let limits = LedgerLimits { quorum_patience: Duration::from_millis(50), ..LedgerLimits::default() };
    let rig = Rig::on(databases.empty(), Spool::new(), &limits);
    rig.write([founding(), rig.vaults.enrolled()].concat());
    let account = rig.write(vec![user("ann")]);
    rig.vaults.set_away(true);
    let e = rig.submit(NextUser).unwrap_err();
    assert!(matches!(&e, Error::NoQuorum { missing } if missing == &["vault-2", "vault-3"]), "{e}");
    assert!(e.to_string().contains("vault-2"), "{e}");
    let answer = rig.submit(Revoke(account)).unwrap();
    assert!(answer.held.is_empty());
    rig.vaults.set_away(false);
    assert_eq!(rig.submit(NextUser).unwrap().held.len(), 3);
}

/// A site that has just started has not reached its vaults yet: nobody need be told.
#[test]
fn a_quorum_that_comes_soon_is_waited_for() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    rig.vaults.set_away(true);
    let (answer, ()) = rig.runtime.block_on(async {
        tokio::join!(rig.site.submit(Submitter::default(), NextUser), async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            rig.vaults.set_away(false);
        })
    });
    assert_eq!(answer.unwrap().held.len(), 3);
}

/// Vaults that answer and do not cosign.
#[test]
fn what_is_written_and_not_held_is_said_so_and_held_later_once() {
    let databases = Databases::sqlite();
    let rig = Rig::on(databases.empty(), Spool::new(), &quick());
    rig.write([founding(), rig.vaults.enrolled()].concat());
    let size = rig.log().size();
    rig.vaults.stall(true);
    let e = rig.submit(NextUser).unwrap_err();
    assert!(matches!(&e, Error::NotHeldYet { seq, missing, .. } if *seq == size && missing.len() == 3), "{e}");
    assert_eq!(rig.log().size(), size + 1, "it is written");
    std::thread::sleep(Duration::from_millis(60));
    assert!(matches!(rig.submit(NextUser).unwrap_err(), Error::NoQuorum { .. }), "no more piles up behind it");
    assert_eq!(rig.log().size(), size + 1);
    rig.vaults.stall(false);
    rig.runtime.block_on(rig.site.held_until(size + 1)).unwrap();
    assert_eq!(users(&rig), 1);
    rig.submit(NextUser).unwrap();
}

#[test]
fn a_frozen_site_writes_nothing_and_says_why() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    let account = rig.write(vec![user("ann")]);
    *rig.vaults.trouble.lock().unwrap() = Some("vault-1 has more entries than this site: it was rolled back".into());
    for e in [rig.submit(NextUser).unwrap_err(), rig.submit(Revoke(account)).unwrap_err()] {
        assert!(matches!(&e, Error::Frozen { reason } if reason.contains("rolled back")), "{e}");
    }
}

#[test]
fn a_full_queue_is_busy_and_a_stopped_writer_says_so() {
    let databases = Databases::sqlite();
    let writer = WriterLimits { queue_max: 2, ..WriterLimits::default() };
    let rig = Rig::on(databases.empty(), Spool::new(), &LedgerLimits { writer, ..LedgerLimits::default() });
    let (gate, inside, open) = Gate::new();
    let site = &rig.site;
    rig.runtime.block_on(async {
        let by = Submitter::default();
        let many = async {
            inside.await.unwrap();
            let (a, b, c) = tokio::join!(site.submit(by, Refused), site.submit(by, Refused), async {
                let outcome = site.submit(by, Refused).await;
                open.send(()).unwrap();
                outcome
            });
            assert!(matches!((a, b), (Err(Error::Conflict(_)), Err(Error::Conflict(_)))));
            assert!(matches!(c, Err(Error::Busy)));
        };
        let (gated, ()) = tokio::join!(site.submit(by, gate), many);
        gated.unwrap();
    });
    rig.site.stop();
    assert!(matches!(rig.submit(Refused).unwrap_err(), Error::Stopping));
}

on_both! {
    /// A push of thousands of refs: its event is too large for an entry and goes into a blob.
    fn a_large_event_goes_into_a_blob_and_is_replayed_from_it(databases) {
        let rig = rig(databases);
        let owner = rig.write(vec![user("ann")]);
        let repo = rig.write(vec![RepoCreated {
            namespace: owner,
            name: "many".into(),
            kind: RepoKind::Git,
            format: Format::Sha1,
            visibility: Visibility::Public,
            head: "refs/heads/main".into(),
        }.into()]);
        let moved = |i| RefMove { name: format!("refs/heads/branch-{i:05}"), old: None, new: Oid::new(&[1; 20]) };
        let updates = (0..3000).map(moved).collect();
        let seq = rig.write(vec![Pushed { repo, updates, pack: vec![], options: vec![] }.into()]);
        assert_eq!(count(rig.site.db(), "SELECT count(*) FROM ref"), 3000);
        let batch = rig.batches(seq).remove(0);
        assert_eq!(batch.blobs_needed().unwrap().len(), 1, "the envelope names the blob");
        assert_eq!(batch.inline.len(), 1, "which is small enough to travel with it");
        let replayed = databases.empty();
        rig.replay_into(&replayed, 0);
        assert_eq!(crate::rig::hashes(&replayed), rig.hashes());
        let first = batch.first;
        let again = rig.reopened_log().batches_from(first, 1).unwrap();
        assert_eq!(journal::batch::Batch::decode(&again[0].bytes).unwrap(), batch);
    }
}

#[test]
fn too_many_events_and_too_large_ones_are_refused_alone() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    let size = rig.log().size();
    let many = (0..=COMMAND_EVENTS_MAX).map(|i| user(&format!("u{i}"))).collect();
    assert!(matches!(rig.submit(Write(many)).unwrap_err(), Error::Invalid(_)));
    let large = vec![user(&"x".repeat(forge::writer::EVENT_BYTES_MAX + 1))];
    assert!(matches!(rig.submit(Write(large)).unwrap_err(), Error::Invalid(_)));
    assert_eq!(rig.log().size(), size);
    rig.write((0..COMMAND_EVENTS_MAX).map(|i| user(&format!("u{i}"))).collect());
}

on_both! {
    fn a_receipt_verifies_offline_and_for_nothing_else(databases) {
        let rig = rig(databases);
        let seqs: Vec<u64> = (0..40).map(|i| rig.write(vec![user(&format!("u{i}"))])).collect();
        for seq in [0, seqs[0], seqs[17], seqs[39]] {
            let text = rig.runtime.block_on(rig.site.receipt(seq)).unwrap();
            let policy = rig.site.db().read(forge::log::policy).unwrap();
            let verified = journal::receipt::verify(&text, Some(&policy)).unwrap();
            assert_eq!((verified.entry.seq, verified.cosigned.len()), (seq, 3));
            assert!(verified.policy_pinned);
        }
        let later = rig.log().size() + 5;
        assert!(matches!(rig.runtime.block_on(rig.site.receipt(later)), Err(Error::NotFound(_))));
        rig.vaults.stall(true);
        let (site, by) = (&rig.site, Submitter::default());
        let written = rig.runtime.block_on(site.writer().submit(by, NextUser)).unwrap();
        let early = rig.runtime.block_on(rig.site.receipt(written.first_seq));
        assert!(matches!(early, Err(Error::NotHeldYet { .. })));
    }
}

/// Cosignatures reach the database with a later batch, and receipts are made from them after a restart.
#[test]
fn receipts_survive_a_restart() {
    let databases = Databases::sqlite();
    let (db, spool) = (databases.empty(), Spool::new());
    let rig = Rig::on(db.clone(), Arc::clone(&spool), &LedgerLimits::default());
    rig.write([founding(), rig.vaults.enrolled()].concat());
    let seq = rig.write(vec![user("ann")]);
    rig.write(vec![user("bob")]);
    drop(rig);
    let log = forge::log::Log::open(db, keys(), spool).unwrap();
    let verified = journal::receipt::verify(&log.receipt(seq).unwrap(), None).unwrap();
    assert_eq!(verified.entry.seq, seq);
}

#[test]
fn time_never_runs_backwards_in_the_journal() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    (0..50).for_each(|i| {
        rig.write(vec![user(&format!("u{i}"))]);
    });
    let backwards = "SELECT count(*) FROM journal a JOIN journal b ON b.seq = a.seq + 1 WHERE b.time_us < a.time_us";
    assert_eq!(count(rig.site.db(), backwards), 0);
}

/// Somebody wrote to the journal besides the writer: it notices at the next batch and does not write over it.
#[test]
fn a_journal_that_grew_behind_the_writer_is_not_written_over() {
    let databases = Databases::sqlite();
    let (db, spool) = (databases.empty(), Spool::new());
    let rig = Rig::on(db.clone(), Arc::clone(&spool), &LedgerLimits::default());
    rig.write([founding(), rig.vaults.enrolled()].concat());
    let other = Rig::on(db, spool, &LedgerLimits::default());
    let seq = other.write(vec![user("ann")]);
    assert!(rig.submit(Write(vec![user("bob")])).is_err(), "that number is taken");
    assert_eq!(rig.write(vec![user("carol")]), seq + 1, "it has looked again");
    replay_into(&databases.empty(), rig.batches(0), &rig.spool).unwrap();
}

#[test]
fn a_log_whose_tree_is_not_what_was_signed_is_not_opened() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    let db = rig.site.db();
    db.write(|tx| tx.execute("UPDATE journal SET leaf_hash = ?1 WHERE seq = 1", &[(&[0u8; 32]).into()])).unwrap();
    let opened = forge::log::Log::open(db.clone(), keys(), Spool::new());
    assert!(matches!(opened, Err(Error::Damaged(_))));
    let keys = LogKeys { epoch: 2, ..keys() };
    assert!(forge::log::Log::open(databases.empty(), keys, Spool::new()).is_err(), "no data key for the epoch");
}

/// The disk is full, and then it is not.
#[test]
fn a_full_disk_refuses_a_batch_and_loses_nothing() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    let pages = |limit: &'static str| rig.site.db().write(|tx| tx.query(limit, &[])).unwrap();
    // Some pages more than the tables take.
    let taken: u64 = pages("PRAGMA page_count")[0].get(0).unwrap();
    pages(format!("PRAGMA max_page_count = {}", taken + 40).leak());
    let outcomes: Vec<_> =
        (0..200).map(|i| rig.submit(Write(vec![user(&format!("{i}-{}", "x".repeat(2000)))]))).collect();
    let written = outcomes.iter().filter(|o| o.is_ok()).count();
    let full = |o: &Result<_, Error>| matches!(o, Err(Error::Db(e)) if e.kind() == DbErrorKind::Full);
    let first = outcomes.iter().find(|o| o.is_err());
    assert!(written > 5 && outcomes.iter().any(full), "{written} {first:?}");
    assert_eq!(users(&rig), written as u64);
    pages("PRAGMA max_page_count = 1000000");
    rig.write(vec![user("later")]);
    let replayed = databases.empty();
    rig.replay_into(&replayed, 0);
    assert_eq!(crate::rig::hashes(&replayed), rig.hashes());
}

/// The server ends our connections, as when it is restarted: the next batch is written through a new one.
#[test]
fn a_lost_connection_is_replaced() {
    let databases = Databases::postgres();
    let rig = rig(&databases);
    rig.write(vec![user("ann")]);
    let pid = |tx: &mut Tx| tx.query_one("SELECT pg_backend_pid()", &[])?.get::<i64>(0);
    let pids = [rig.site.db().write(pid).unwrap(), rig.site.db().read(pid).unwrap()];
    databases.end_connections(&pids);
    rig.write(vec![user("bob")]);
    assert_eq!(users(&rig), 2);
}

/// Only one process may write to a database on a server; on a file it is the data directory's lock that sees to it.
#[test]
fn a_second_writer_on_a_server_is_refused() {
    let databases = Databases::postgres();
    let (first, url) = databases.empty_with_url();
    let e = Db::postgres(&url).unwrap_err();
    assert!(e.to_string().contains("another Outlast is writing"), "{e}");
    drop(first);
    Db::postgres(&url).unwrap();
}

on_both! {
    /// A recovered site writes in a new epoch, with another key, and still answers for the old one.
    fn epochs_follow_one_another(databases) {
        let (db, spool) = (databases.empty(), Spool::new());
        let rig = Rig::on(db.clone(), Arc::clone(&spool), &LedgerLimits::default());
        rig.write([founding(), rig.vaults.enrolled()].concat());
        let old = rig.write(vec![user("ann")]);
        let (size, before) = (rig.log().size(), rig.batches(0));
        drop(rig);

        let second = crate::rig::second_epoch(&db);
        let rig = Rig::with_keys(db, Arc::clone(&spool), &LedgerLimits::default(), crate::rig::second_keys());
        assert_eq!(rig.write(vec![second]), size);
        let new = rig.write(vec![user("bob")]);
        assert_eq!(rig.batches(0)[..before.len()], before, "what was signed then is shipped as it was");
        assert_eq!(rig.batches(0).last().unwrap().epoch, 2);
        let policy = rig.site.db().read(forge::log::policy).unwrap();
        for seq in [old, new] {
            let text = rig.runtime.block_on(rig.site.receipt(seq)).unwrap();
            assert_eq!(journal::receipt::verify(&text, Some(&policy)).unwrap().entry.seq, seq);
        }
        let replayed = databases.empty();
        let batches = rig.batches(0).into_iter().map(Ok::<_, Error>);
        forge::replay::replay(&replayed, &crate::rig::second_keys(), batches, &|_| unreachable!(), forge::replay::Passing::default(), &mut |_| {}).unwrap();
        assert_eq!(crate::rig::hashes(&replayed), rig.hashes());
        let scratch = tempfile::tempdir().unwrap();
        assert!(forge::replay::check(&replayed, &crate::rig::second_keys(), scratch.path()).unwrap().is_clean());
    }
}
