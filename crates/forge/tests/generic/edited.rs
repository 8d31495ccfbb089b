//! A database edited behind the journal's back is found, and the row is named.

use crate::databases::{Databases, on_both};
use crate::generate::{History, history};
use crate::replayed::write_history;
use crate::rig::{Rig, keys};
use forge::db::{Db, Value};
use forge::replay::{Findings, check};
use forge::schema::TABLES;
use vault::JournalSource;

fn findings(db: &Db) -> Findings {
    let scratch = tempfile::tempdir().unwrap();
    check(db, &keys(), scratch.path()).unwrap()
}

/// SQL made in a test; the product takes only text that was there when it was compiled.
fn run(db: &Db, sql: String) -> u64 {
    let sql: &'static str = Box::leak(sql.into_boxed_str());
    db.write(|tx| tx.execute(sql, &[])).unwrap()
}

fn rig(databases: &Databases) -> Rig {
    let rig = Rig::new(databases.empty());
    let (mut history, mut events) = History::begin(21);
    events.extend(history.more(300));
    events.extend(history.each_that_adds());
    write_history(&rig, events, 21);
    assert!(findings(rig.site.db()).is_clean());
    rig
}

on_both! {
    fn a_changed_column_is_found_in_every_table(databases) {
        let rig = rig(databases);
        for table in TABLES {
            let (key, column) = (table.columns[0], table.columns[table.columns.len() - 1]);
            let typed = match column {
                "access" | "pin" | "site_recipient" | "kind" => "'edited'",
                "bytes" if table.name == "snapshot_part" => "7",
                "consolidated" if databases_is_sqlite(databases) => "1 - consolidated",
                "consolidated" => "NOT consolidated",
                "new_place" if databases_is_sqlite(databases) => "1 - new_place",
                "new_place" => "NOT new_place",
                _ => "12345",
            };
            let name = table.name;
            let before = format!("CREATE TABLE saved AS SELECT * FROM {name}");
            run(rig.site.db(), before);
            let changed = run(
                rig.site.db(),
                format!("UPDATE {name} SET {column} = {typed} WHERE {key} = (SELECT {key} FROM {name} ORDER BY {key} LIMIT 1)"),
            );
            assert!(changed >= 1, "{name}");
            let found = findings(rig.site.db());
            assert!(!found.is_clean(), "{name}.{column}");
            assert!(found.rows.iter().all(|d| d.table == name && d.what.contains(column)), "{:?}", found.rows);
            run(rig.site.db(), format!("DELETE FROM {name}"));
            run(rig.site.db(), format!("INSERT INTO {name} SELECT * FROM saved"));
            run(rig.site.db(), "DROP TABLE saved".to_owned());
        }
        assert!(findings(rig.site.db()).is_clean());
    }
}

fn databases_is_sqlite(databases: &Databases) -> bool {
    matches!(databases, Databases::Sqlite { .. })
}

on_both! {
    /// The attack this is for: a token nobody made through the site.
    fn a_planted_or_removed_row_is_found(databases) {
        let rig = rig(databases);
        let hash = if databases_is_sqlite(databases) { "x'00ff'" } else { "'\\x00ff'" };
        run(rig.site.db(), format!(
            "INSERT INTO token (id, account, name, hash, scopes, created_us) VALUES (99999, 2, 'mine', {hash}, 'admin', 1)"
        ));
        let found = findings(rig.site.db());
        assert_eq!(found.rows.len(), 1);
        assert_eq!(found.rows[0].to_string(), "token id=99999: a row that no journal entry explains");
        run(rig.site.db(), "DELETE FROM token WHERE id = 99999".to_owned());
        run(rig.site.db(), "DELETE FROM collaborator WHERE repo = (SELECT min(repo) FROM collaborator)".to_owned());
        let found = findings(rig.site.db());
        assert!(found.rows[0].to_string().contains("a row that the journal explains is missing"), "{:?}", found.rows);
    }
}

on_both! {
    fn an_edited_journal_is_found_and_the_entry_is_named(databases) {
        let rig = rig(databases);
        let db = rig.site.db();
        let restore = |set: &str| {
            run(db, format!("UPDATE journal SET {set} WHERE seq = 20"));
        };
        let named = |what: &str| {
            let text = findings(db).journal.unwrap_or_else(|| panic!("{what} is not found"));
            assert!(text.contains("entry 20 ") || text.contains("entry 20:"), "{what}: {text}");
        };
        let time = "time_us = time_us + 1";
        restore(time);
        named("a changed time");
        restore("time_us = time_us - 1");
        run(db, "CREATE TABLE saved AS SELECT * FROM journal WHERE seq = 20".to_owned());
        restore("entry = (SELECT entry FROM journal WHERE seq = 21)");
        named("another entry's bytes");
        restore("entry = (SELECT entry FROM saved)");
        restore("leaf_hash = (SELECT leaf_hash FROM journal WHERE seq = 21)");
        named("another hash");
        restore("leaf_hash = (SELECT leaf_hash FROM saved)");
        assert!(findings(db).is_clean());
        run(db, "DELETE FROM journal WHERE seq = 20".to_owned());
        named("a removed entry");
    }
}

on_both! {
    fn an_edited_checkpoint_or_tile_is_found(databases) {
        let rig = Rig::new(databases.empty());
        write_history(&rig, history(22, 300), 22);
        let db = rig.site.db();
        assert!(findings(db).is_clean());
        run(db, "CREATE TABLE saved AS SELECT * FROM checkpoint".to_owned());
        let second = "(SELECT min(size) FROM checkpoint WHERE size > 8)";
        run(db, format!("UPDATE checkpoint SET note = (SELECT max(note) FROM saved WHERE size > 100) WHERE size = {second}"));
        assert!(findings(db).journal.is_some(), "another note");
        run(db, "DELETE FROM checkpoint".to_owned());
        run(db, "INSERT INTO checkpoint SELECT * FROM saved".to_owned());
        assert!(findings(db).is_clean());
        let zeros = Value::from(vec![0u8; 8192]);
        db.write(|tx| tx.execute("UPDATE tile SET hashes = ?1 WHERE level = 0", &[zeros])).unwrap();
        let text = findings(db).journal.unwrap();
        assert!(text.contains("tile 0 of level 0"), "{text}");
    }
}

/// What a vault is sent is never what an editor of the database made of it.
#[test]
fn an_edited_entry_is_not_shipped() {
    let databases = Databases::sqlite();
    let rig = rig(&databases);
    run(
        rig.site.db(),
        "UPDATE journal SET entry = (SELECT entry FROM journal WHERE seq = 21) WHERE seq = 20".to_owned(),
    );
    // Not from memory but from the tables, as for a vault that was away.
    let again = rig.reopened_log();
    let first = rig.batches(0).iter().find(|b| b.end() > 20).unwrap().first;
    let e = again.batches_from(first, 1 << 20).unwrap_err();
    assert!(e.to_string().contains("entry 20"), "{e}");
}
