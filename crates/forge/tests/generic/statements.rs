//! Every SQL text in the sources is understood by both databases: what a compile-time check would give, without its
//! price.

use crate::databases::on_both;
use crate::rig::Rig;
use std::path::Path;

const VERBS: &[&str] = &["SELECT ", "WITH ", "INSERT ", "UPDATE ", "DELETE "];

/// What only one database understands, and is only run on it.
const OWN_WORDS: &[&str] = &["sqlite_schema", "pragma_", "information_schema", "pg_try_advisory_lock"];

fn sources(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_none_or(|s| s != "tests") {
            let text = std::fs::read_to_string(path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

/// What the macro `up_from!` puts before its literal.
const CHAIN: &str = "WITH RECURSIVE chain(id, parent) AS (SELECT id, parent FROM namespace WHERE id = ?1
                     UNION SELECT n.id, n.parent FROM namespace n JOIN chain c ON n.id = c.parent) ";

/// The string literals in a source that begin as SQL does. Text made by `concat!` or `format!` is not one literal.
fn statements(source: &str) -> Vec<String> {
    let starts =
        VERBS.iter().flat_map(|verb| source.match_indices(&format!("\"{verb}")).map(|(i, _)| i).collect::<Vec<_>>());
    let whole = |i: usize| {
        let before = if source[..i].trim_end().ends_with("up_from!(") { CHAIN } else { "" };
        Some(format!("{before}{}", literal(&source[i + 1..])?))
    };
    starts.filter_map(whole).filter(|text| !text.ends_with(' ')).collect()
}

fn literal(rest: &str) -> Option<String> {
    let (mut text, mut chars) = (String::new(), rest.chars().peekable());
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                '\n' => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                c => text.push(c),
            },
            c => text.push(c),
        }
    }
}

fn all() -> Vec<&'static str> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let texts = found.iter().flat_map(|source| statements(source));
    let common = texts.filter(|text| !OWN_WORDS.iter().any(|word| text.contains(word)));
    let listed = forge::schema::TABLES.iter().flat_map(|t| [t.select, t.insert]);
    common.map(|text| &*Box::leak(text.into_boxed_str())).chain(listed).collect()
}

on_both! {
    fn every_statement_is_understood(databases) {
        let rig = Rig::new(databases.empty());
        let all = all();
        assert!(all.len() > 50, "the sources have many statements; only {} were found", all.len());
        let wrong: Vec<String> = all
            .iter()
            .filter_map(|sql| rig.site.db().read(|tx| tx.prepare(sql)).err().map(|e| e.to_string()))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
