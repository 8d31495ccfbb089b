use super::*;

fn database() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = Db::sqlite(&dir.path().join("db")).expect("a database");
    db.write(|tx| tx.batch("CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)")).expect("a table");
    (dir, db)
}

fn count(db: &Db) -> i64 {
    db.read(|tx| tx.query_one("SELECT count(*) FROM t", &[])?.get(0)).expect("a count")
}

#[test]
fn an_error_rolls_back_and_ok_commits() {
    let (_dir, db) = database();
    let insert = "INSERT INTO t (a, b) VALUES (?1, ?2)";
    let failed: Result<(), DbError> = db.write(|tx| {
        tx.execute(insert, &[1.into(), "x".into()])?;
        Err(DbError::mistake("on purpose"))
    });
    assert!(failed.is_err());
    assert_eq!(count(&db), 0);
    db.write(|tx| tx.execute(insert, &[1.into(), None::<&str>.into()])).expect("a write");
    assert_eq!(count(&db), 1);
}

/// Invariant 3.
#[test]
fn a_reading_transaction_cannot_write() {
    let (_dir, db) = database();
    let insert = "INSERT INTO t (a) VALUES (?1)";
    let e = db.read(|tx| tx.execute(insert, &[1.into()])).expect_err("refused");
    assert_eq!(e.kind(), DbErrorKind::Mistake);
    let e = db.write(|tx| tx.read_only().execute(insert, &[1.into()])).expect_err("refused");
    assert_eq!(e.kind(), DbErrorKind::Mistake);
    assert_eq!(count(&db), 0);
}

#[test]
fn a_wrong_number_of_parameters_is_an_error() {
    let (_dir, db) = database();
    let e = db.read(|tx| tx.query("SELECT a FROM t WHERE a = ?1", &[])).expect_err("refused");
    assert_eq!(e.kind(), DbErrorKind::Mistake);
}

#[test]
fn a_constraint_is_told_from_other_failures() {
    let (_dir, db) = database();
    let insert = "INSERT INTO t (a) VALUES (?1)";
    db.write(|tx| tx.execute(insert, &[1.into()])).expect("a write");
    let e = db.write(|tx| tx.execute(insert, &[1.into()])).expect_err("refused");
    assert_eq!(e.kind(), DbErrorKind::Constraint);
}

#[test]
fn a_column_of_another_type_is_an_error() {
    let (_dir, db) = database();
    let row = db.read(|tx| tx.query_one("SELECT 'x', NULL, 7", &[])).expect("a row");
    assert!(row.get::<i64>(0).is_err());
    assert!(row.get::<u64>(1).is_err());
    assert_eq!(row.get::<Option<u64>>(1).expect("a NULL"), None);
    assert_eq!(row.get::<Option<u64>>(2).expect("a number"), Some(7));
    assert!(row.get::<i64>(3).is_err());
}

#[test]
fn a_reader_sees_one_state_while_a_writer_goes_on() {
    let (_dir, db) = database();
    let insert = "INSERT INTO t (a) VALUES (?1)";
    let seen = db.read(|tx| {
        let before: i64 = tx.query_one("SELECT count(*) FROM t", &[])?.get(0)?;
        db.write(|tx| tx.execute(insert, &[1.into()]))?;
        let after: i64 = tx.query_one("SELECT count(*) FROM t", &[])?.get(0)?;
        Ok::<_, DbError>((before, after))
    });
    assert_eq!(seen.expect("a read"), (0, 0));
    assert_eq!(count(&db), 1);
}

#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, db) = database();
    db.write(|tx| tx.execute("INSERT INTO t (a) VALUES (?1)", &[1.into()])).expect("a write");
    for entry in std::fs::read_dir(dir.path()).expect("a directory") {
        let mode = entry.and_then(|e| e.metadata()).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let e = Db::sqlite(Path::new("/nonexistent/site.db")).expect_err("refused");
    assert!(e.to_string().contains("/nonexistent/site.db"), "{e}");
}
