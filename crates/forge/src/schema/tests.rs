use super::*;

#[test]
fn the_words_the_databases_differ_in_are_exchanged() {
    let text = "-- a TEXT\nCREATE TABLE a (\n    id BIGINT PRIMARY KEY,\n    b TEXT,\n    c BYTEA\n);\n";
    let sqlite = dialect(Backend::Sqlite, text);
    assert_eq!(sqlite, "CREATE TABLE a (\n    id INTEGER PRIMARY KEY,\n    b TEXT,\n    c BLOB\n) STRICT;\n");
    assert!(dialect(Backend::Postgres, text).contains("b TEXT COLLATE \"C\","));
}

#[test]
fn statements_have_a_place_for_each_column() {
    for table in TABLES {
        let places = format!("?{})", table.columns.len());
        assert!(table.insert.ends_with(&places), "{}: {}", table.name, table.insert);
    }
}
