//! Replaying the journal gives the tables, for every history.

use crate::databases::{Databases, on_both};
use crate::generate::{GENERATORS, History, Rng, history};
use crate::rig::{Rig, hashes, keys, replay_into};
use forge::db::Value;
use forge::event::{Event, KINDS};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Histories tried on each database. A failing one is shrunk to a short one.
const CASES: u32 = 8;

fn histories() -> impl Strategy<Value = (u64, usize)> {
    (any::<u64>(), 0usize..120)
}

/// Runs `test` on generated histories.
pub(crate) fn for_histories(cases: u32, test: impl Fn(Vec<Event>, u64)) {
    for_seeds(cases, |seed, more| test(history(seed, more), seed));
}

/// The same, for who makes the history step by step.
pub(crate) fn for_seeds(cases: u32, test: impl Fn(u64, usize)) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&histories(), |(seed, more)| {
        test(seed, more);
        Ok(())
    });
    outcome.unwrap();
}

/// Writes a history in commands of a few events.
pub(crate) fn write_history(rig: &Rig, events: Vec<Event>, seed: u64) {
    let (mut rng, mut events) = (Rng(seed), events.into_iter().peekable());
    while events.peek().is_some() {
        let count = 1 + rng.below(5);
        rig.write(events.by_ref().take(count).collect());
    }
}

#[test]
fn every_kind_has_a_generator() {
    let kinds: Vec<u32> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let generated: Vec<u32> = GENERATORS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, generated, "each kind of event needs a generator in generate.rs");
}

#[test]
fn what_is_generated_decodes_to_itself() {
    for event in (0..40).flat_map(|seed| history(seed, 100)) {
        let bytes = event.encode();
        assert_eq!(Event::decode(event.kind(), &bytes).unwrap(), event);
    }
}

/// Decoding is total: a valid event with a byte changed, cut or added is another event or an error, never a panic.
#[test]
fn damaged_events_decode_to_something_or_are_refused() {
    let mut rng = Rng(11);
    for event in history(3, 400) {
        let mut bytes = event.encode();
        for _ in 0..20 {
            let at = rng.below(bytes.len());
            match rng.below(3) {
                0 => bytes[at] ^= 1 << rng.below(8),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.next() as u8),
            }
            let _ = Event::decode(event.kind(), &bytes);
        }
    }
}

on_both! {
    fn a_replayed_journal_gives_the_same_tables(databases) {
        for_histories(CASES, |events, seed| {
            let rig = Rig::new(databases.empty());
            write_history(&rig, events, seed);
            let replayed = databases.empty();
            let done = rig.replay_into(&replayed, 0);
            assert_eq!(done.size, rig.log().size());
            assert_eq!(hashes(&replayed), rig.hashes());
        });
    }
}

/// The tables' hashes are the journal's, not the database's.
#[test]
fn both_databases_give_the_same_tables() {
    let (sqlite, postgres) = (Databases::sqlite(), Databases::postgres());
    for_histories(CASES / 2, |events, seed| {
        let rig = Rig::new(sqlite.empty());
        write_history(&rig, events, seed);
        let replayed = postgres.empty();
        rig.replay_into(&replayed, 0);
        assert_eq!(hashes(&replayed), rig.hashes());
        assert!(forge::replay::differences(rig.site.db(), &replayed).unwrap().is_empty());
    });
}

on_both! {
    fn a_live_database_is_what_its_journal_says(databases) {
        let rig = Rig::new(databases.empty());
        write_history(&rig, history(5, 300), 5);
        let scratch = tempfile::tempdir().unwrap();
        let findings = forge::replay::check(rig.site.db(), &keys(), scratch.path()).unwrap();
        assert!(findings.is_clean(), "{findings:?}");
        assert_eq!(findings.size, rig.log().size());
        assert_eq!(findings.tables, rig.hashes());
    }
}

on_both! {
    /// What is compared is one state, whatever is written meanwhile.
    fn a_check_of_a_busy_site_finds_nothing(databases) {
        let rig = Rig::new(databases.empty());
        let (mut history, beginning) = History::begin(31);
        rig.write(beginning);
        let scratch = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let checking = scope.spawn(|| {
                let check = |round: u32| {
                    let dir = scratch.path().join(round.to_string());
                    std::fs::create_dir(&dir).unwrap();
                    forge::replay::check(rig.site.db(), &keys(), &dir).unwrap()
                };
                (0..5).map(check).collect::<Vec<_>>()
            });
            while !checking.is_finished() {
                rig.write(history.more(1));
            }
            for findings in checking.join().unwrap() {
                assert!(findings.is_clean(), "{findings:?}");
            }
        });
    }
}

on_both! {
    /// Several epochs, small batches and large, and a replay that goes on where another stopped.
    fn a_replay_goes_on_where_it_stopped(databases) {
        let rig = Rig::new(databases.empty());
        write_history(&rig, history(6, 150), 6);
        let replayed = databases.empty();
        let batches = rig.batches(0);
        let (before, after) = batches.split_at(batches.len() / 2);
        replay_into(&replayed, before.to_vec(), &rig.spool).unwrap();
        let done = replay_into(&replayed, after.to_vec(), &rig.spool).unwrap();
        assert_eq!(done.first, after[0].first);
        assert_eq!(hashes(&replayed), rig.hashes());
    }
}

on_both! {
    /// As after an update whose tables have other columns: here one that lacks a table, has one too many, and a column
    /// less.
    fn another_releases_tables_are_made_again(databases) {
        let rig = Rig::new(databases.empty());
        write_history(&rig, history(41, 200), 41);
        let (db, before) = (rig.site.db().clone(), rig.hashes());
        let statements = [
            "DROP TABLE pack",
            "CREATE TABLE forgotten (id BIGINT PRIMARY KEY)",
            "ALTER TABLE token DROP COLUMN scopes",
            "UPDATE layout SET hash = ?1 WHERE id = 0",
        ];
        for sql in statements {
            let another = Value::from(vec![7u8; 32]);
            let params = if sql.contains("?1") { vec![another] } else { vec![] };
            db.write(|tx| tx.execute(sql, &params)).unwrap();
        }
        assert!(forge::replay::rebuild_in_place(&db).unwrap());
        assert!(!forge::replay::rebuild_in_place(&db).unwrap(), "once is enough");
        assert_eq!(hashes(&db), before);
        let names = db.read(forge::schema::table_names).unwrap();
        assert!(!names.contains(&"forgotten".to_owned()));
        let scratch = tempfile::tempdir().unwrap();
        assert!(forge::replay::check(&db, &keys(), scratch.path()).unwrap().is_clean());
    }
}

#[test]
fn a_gap_or_a_repetition_is_an_error_that_names_the_entry() {
    let databases = Databases::sqlite();
    let rig = Rig::new(databases.empty());
    write_history(&rig, history(8, 60), 8);
    let batches = rig.batches(0);
    let gap: Vec<_> = batches[..3].iter().chain(&batches[4..]).cloned().collect();
    let e = replay_into(&databases.empty(), gap, &rig.spool).unwrap_err();
    assert!(e.to_string().contains(&format!("entry {}", batches[3].first)), "{e}");
    let twice: Vec<_> = batches[..3].iter().chain(&batches[2..]).cloned().collect();
    assert!(replay_into(&databases.empty(), twice, &rig.spool).is_err());
}

#[test]
fn entries_of_another_log_do_not_open() {
    let databases = Databases::sqlite();
    let rig = Rig::new(databases.empty());
    write_history(&rig, history(9, 20), 9);
    let mut batches = rig.batches(0);
    let last = batches[1].entries[0].len() - 1;
    batches[1].entries[0][last] ^= 1;
    let first = batches[1].first;
    let e = replay_into(&databases.empty(), batches, &rig.spool).unwrap_err();
    assert!(e.to_string().contains(&format!("entry {first}")), "{e}");
}
