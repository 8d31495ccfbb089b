//! A snapshot and the rest of the journal give what the whole journal gives.

use crate::databases::on_both;
use crate::generate::{History, history};
use crate::replayed::{for_seeds, write_history};
use crate::rig::{Rig, Spool, hashes, keys, replay_into};
use forge::Error;
use forge::event::site::SnapshotTaken;
use forge::ledger::LedgerLimits;
use forge::log::{self, BlobSink as _, Head};
use forge::replay::check;
use forge::snapshot;
use journal::batch::Batch;
use std::sync::Arc;
use vault::JournalSource;

fn taken(rig: &Rig) -> SnapshotTaken {
    snapshot::take(rig.site.db(), |part| rig.spool.put(part)).unwrap()
}

fn opened(spool: &Spool, taken: &SnapshotTaken) -> Vec<u8> {
    spool.read(&taken.parts.iter().map(|p| p.blob).collect::<Vec<_>>())
}

on_both! {
    fn a_snapshot_and_the_rest_are_the_whole(databases) {
        for_seeds(4, |seed, more| {
            let rig = Rig::new(databases.empty());
            let (mut history, beginning) = History::begin(seed);
            write_history(&rig, [beginning, history.more(more)].concat(), seed);
            let taken = taken(&rig);
            rig.write(vec![taken.clone().into()]);
            history.skip_one();
            write_history(&rig, history.more(more), seed);

            let loaded = databases.empty();
            let header = snapshot::load(&loaded, &opened(&rig.spool, &taken)[..]).unwrap();
            assert_eq!(header.through(), taken.through);
            let done = rig.replay_into(&loaded, taken.through);
            assert_eq!(done.size, rig.log().size());
            assert_eq!(hashes(&loaded), rig.hashes());
            let head = |db| forge::db::Db::read(db, Head::load).unwrap();
            assert_eq!(head(&loaded).root(), head(rig.site.db()).root());
            assert_eq!(head(&loaded).edges(), head(rig.site.db()).edges());
        });
    }
}

on_both! {
    /// Past full tiles on two levels; the loaded database goes on appending, and fills the tile the snapshot brought in
    /// part.
    fn writing_goes_on_after_a_snapshot_was_loaded(databases) {
        let rig = Rig::new(databases.empty());
        write_history(&rig, history(2, 600), 2);
        let taken = taken(&rig);
        let loaded = databases.empty();
        snapshot::load(&loaded, &opened(&rig.spool, &taken)[..]).unwrap();
        let again = Rig::on(loaded, Arc::clone(&rig.spool), &LedgerLimits::default());
        assert_eq!(again.log().size(), rig.log().size());
        for round in 0..300u64 {
            let event = forge::event::people::UserCreated {
                name: format!("later-{round}"),
                email: None,
                password: None,
                officer: false,
                operator: false,
            };
            assert_eq!(again.write(vec![event.into()]), taken.through + round);
        }
        let db = again.site.db().clone();
        assert_eq!(db.read(Head::load).unwrap().size(), taken.through + 300);
        fill_in(&again, &rig.batches(0), taken.through);
    }
}

/// What was missing comes from a vault while the site runs; afterwards the database is as good as any.
fn fill_in(again: &Rig, batches: &[Batch], through: u64) {
    let db = again.site.db();
    assert_eq!(db.read(log::unfilled).unwrap(), Some(0..through));
    let e = again.reopened_log().batches_from(0, 1).unwrap_err();
    assert!(e.to_string().contains("only the vaults have them"), "{e}");
    let scratch = tempfile::tempdir().unwrap();
    assert!(check(db, &keys(), scratch.path()).is_err());

    let half = batches.len() / 2;
    let fill = |batches: &[Batch]| {
        let batches = batches.iter().cloned().map(Ok::<_, Error>);
        forge::replay::fill(db, &keys(), batches, &|names| Ok(again.spool.read(names)), &mut |_| {})
    };
    assert!(fill(&batches[..half]).is_err(), "it says that more is wanted");
    assert_eq!(db.read(log::unfilled).unwrap(), Some(batches[half].first..through));
    assert!(fill(&batches[half + 1..]).is_err(), "not with a gap");
    fill(&batches[half..]).unwrap();
    assert_eq!(db.read(log::unfilled).unwrap(), None);
    fill(&[]).unwrap();

    let scratch = tempfile::tempdir().unwrap();
    let findings = check(db, &keys(), scratch.path()).unwrap();
    assert!(findings.is_clean(), "{findings:?}");
    let again_batches: Vec<Batch> = again.batches(0);
    assert_eq!(again_batches[..batches.len()], *batches);
}

#[test]
fn a_snapshot_cut_short_or_changed_is_refused_and_leaves_nothing() {
    let databases = crate::databases::Databases::sqlite();
    let rig = Rig::new(databases.empty());
    write_history(&rig, history(4, 80), 4);
    let bytes = opened(&rig.spool, &taken(&rig));
    let mut plain = Vec::new();
    std::io::copy(&mut zstd::Decoder::new(&bytes[..]).unwrap(), &mut plain).unwrap();
    let text = String::from_utf8(plain).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let short = lines[..lines.len() - 1].join("\n") + "\n";
    let missing_row = text.replacen(lines.iter().find(|l| l.starts_with('[')).unwrap(), "", 1).replace("\n\n", "\n");
    let wrong_root = text.replacen("\"size\":", "\"size\":1", 1);
    for broken in
        [short, missing_row, wrong_root, String::new(), "{}\n".into(), text.replace("outlast-snapshot/1", "x")]
    {
        let db = databases.empty();
        let packed = zstd::encode_all(broken.as_bytes(), 1).unwrap();
        assert!(snapshot::load(&db, &packed[..]).is_err(), "{broken:.80}");
        assert!(!db.read(forge::schema::installed).unwrap());
    }
    assert!(snapshot::load(&databases.empty(), &bytes[..bytes.len() - 9]).is_err());
    let full = databases.empty();
    replay_into(&full, rig.batches(0), &rig.spool).unwrap();
    assert!(snapshot::load(&full, &bytes[..]).is_err(), "only an empty database");
}
