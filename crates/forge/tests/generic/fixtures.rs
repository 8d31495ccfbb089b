//! Journals that earlier releases wrote: they must replay to the same tables for ever.
//!
//! `tests/fixtures/journal-v1/` holds `batches.cbor` (each batch as a vault stores it, after its length in 4 bytes,
//! big-endian), `blobs/` (what its entries name) and `tables.txt` (each table's rows, hash, and how many columns it had). It is never written again:
//! a change of the format gets a fixture of its own, made by `cargo test -p forge --test generic -- --ignored
//! write_a_fixture`.

use crate::databases::on_both;
use crate::generate::history;
use crate::replayed::write_history;
use crate::rig::{Rig, Spool, replay_into};
use forge::db::Db;
use forge::log::BlobSink;
use forge::replay::table_hash_through;
use forge::schema::{TABLES, Table};
use journal::batch::Batch;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The kinds of the first journal.
const KINDS: [u32; 17] = [1, 2, 3, 20, 40, 41, 42, 43, 44, 60, 61, 62, 63, 64, 65, 80, 81];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-v1")
}

fn batches(dir: &Path) -> Vec<Batch> {
    let bytes = std::fs::read(dir.join("batches.cbor")).unwrap();
    let (mut rest, mut batches) = (&bytes[..], Vec::new());
    while let Some((len, more)) = rest.split_first_chunk::<4>() {
        let (batch, more) = more.split_at(u32::from_be_bytes(*len) as usize);
        batches.push(Batch::decode(batch).unwrap());
        rest = more;
    }
    batches
}

/// A line for each table: name, rows, the hash over its first columns, and how many those are.
fn tables(db: &Db, columns: impl Fn(&Table) -> Option<usize>) -> String {
    let mut text = String::new();
    for table in TABLES {
        let Some(columns) = columns(table) else { continue };
        let hash = db.read(|tx| table_hash_through(tx, table, columns)).unwrap();
        writeln!(text, "{} {} {} {columns}", hash.table, hash.rows, hash.hash).unwrap();
    }
    text
}

on_both! {
    fn the_first_releases_journal_replays_to_the_same_tables(databases) {
        let (dir, spool, db) = (fixture(), Spool::new(), databases.empty());
        for blob in std::fs::read_dir(dir.join("blobs")).unwrap() {
            spool.put(&std::fs::read(blob.unwrap().path()).unwrap()).unwrap();
        }
        replay_into(&db, batches(&dir), &spool).unwrap();
        let kinds = db.read(|tx| tx.query("SELECT DISTINCT kind FROM journal ORDER BY kind", &[])).unwrap();
        let kinds: Vec<u32> = kinds.iter().map(|row| row.get(0).unwrap()).collect();
        assert_eq!(kinds, KINDS, "it has an event of every kind of its time");
        // A table that a later release adds is not in the fixture, and a column that it adds comes after the others.
        let expected = std::fs::read_to_string(dir.join("tables.txt")).unwrap();
        let columns = |table: &Table| {
            let line = expected.lines().find(|line| line.split(' ').next() == Some(table.name))?;
            line.rsplit(' ').next()?.parse().ok()
        };
        assert_eq!(tables(&db, columns), expected);
    }
}

#[test]
#[ignore = "writes a fixture: only for a new format"]
fn write_a_fixture() {
    let databases = crate::databases::Databases::sqlite();
    let (dir, rig) = (fixture(), Rig::new(databases.empty()));
    write_history(&rig, history(2026, 400), 2026);
    let moved = |i| forge::event::push::RefMove {
        name: format!("refs/tags/v{i}"),
        old: None,
        new: forge::event::Oid::new(&[i as u8; 20]),
    };
    let repo = rig.site.db().read(|tx| tx.query_one("SELECT min(id) FROM repository", &[])?.get(0)).unwrap();
    let updates = (0..2000).map(moved).collect();
    rig.write(vec![forge::event::push::Pushed { repo, updates, pack: vec![], options: vec![] }.into()]);
    std::fs::create_dir_all(dir.join("blobs")).unwrap();
    let mut out = Vec::new();
    for batch in rig.batches(0) {
        for blob in &batch.inline {
            std::fs::write(dir.join("blobs").join(journal::BlobName::of(blob).to_string()), blob).unwrap();
        }
        let bytes = batch.encode().unwrap();
        out.extend((bytes.len() as u32).to_be_bytes());
        out.extend(bytes);
    }
    std::fs::write(dir.join("batches.cbor"), out).unwrap();
    std::fs::write(dir.join("tables.txt"), tables(rig.site.db(), |table| Some(table.columns.len()))).unwrap();
}
