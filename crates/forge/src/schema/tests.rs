use super::*;

#[test]
fn the_words_the_databases_differ_in_are_exchanged() {
    let text = "-- a TEXT\nCREATE TABLE a (\n    id BIGINT PRIMARY KEY,\n    b TEXT,\n    c BYTEA\n);\n";
    let sqlite = dialect(Backend::Sqlite, text);
    assert_eq!(sqlite, "CREATE TABLE a (\n    id INTEGER PRIMARY KEY,\n    b TEXT,\n    c BLOB\n) STRICT;\n");
    let text = "CREATE TABLE b (\n    x BIGINT NOT NULL,\n    y TEXT NOT NULL,\n    PRIMARY KEY (x, y)\n);\n";
    assert!(dialect(Backend::Sqlite, text).ends_with("PRIMARY KEY (x, y)\n) STRICT, WITHOUT ROWID;\n"));
    let text = "CREATE TABLE c (\n    b TEXT,\n    c BYTEA\n);\n";
    assert!(dialect(Backend::Postgres, text).contains("b TEXT COLLATE \"C\","));
}

#[test]
fn statements_have_a_place_for_each_column() {
    for table in TABLES {
        let places = format!("?{})", table.columns.len());
        assert!(table.insert.ends_with(&places), "{}: {}", table.name, table.insert);
    }
}
