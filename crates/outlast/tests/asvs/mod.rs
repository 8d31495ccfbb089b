//! `docs/asvs.csv` says of each requirement of the OWASP ASVS where it is kept and which tests show it. Here it is held to what the
//! tree has: who renames a file or a test that it names hears of it.

use super::root;
use std::fs;

/// Level, and how many requirements of it there are in the standard's release 5.0.0.
const REQUIREMENTS: [(&str, usize); 2] = [("1", 70), ("2", 183)];
const COLUMNS: [&str; 8] = ["id", "level", "chapter", "asks", "status", "where", "shown_by", "remark"];
const STATUSES: [&str; 4] = ["kept", "partly", "not kept", "not applicable"];

/// The fields of a CSV file (RFC 4180), line by line.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            letter => field.push(letter),
        }
    }
    records
}

/// `V1.2.10` as its numbers, which have an order.
fn number(id: &str) -> Option<[u32; 3]> {
    let parts: Option<Vec<u32>> = id.strip_prefix('V')?.split('.').map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

/// The parts of a field that holds several.
fn several(field: &str) -> impl Iterator<Item = &str> {
    field.split("; ").filter(|part| !part.is_empty())
}

/// Whether there is a test, named as `PATH: NAME`; those of the browser are named by their words.
fn is_test(named: &str) -> bool {
    let Some((path, name)) = named.split_once(": ") else { return false };
    let text = fs::read_to_string(root().join(path)).unwrap_or_default();
    let written = if path.ends_with(".mjs") { format!("test(\"{name}\"") } else { format!("fn {name}(") };
    text.contains(&written)
}

/// What is wrong with a line of the list.
fn wrong(fields: &[String]) -> Vec<String> {
    let [id, _, chapter, asks, status, places, shown_by, remark] = fields else {
        return vec![format!("{} fields in place of {}: {fields:?}", fields.len(), COLUMNS.len())];
    };
    let mut wrong = Vec::new();
    let mut must = |is: bool, what: &str| {
        if !is {
            wrong.push(format!("{id}: {what}"));
        }
    };
    must(number(id).is_some_and(|[first, ..]| chapter.starts_with(&format!("V{first} "))), "no id of its chapter");
    must(STATUSES.contains(&status.as_str()), "no status of the four");
    must(!asks.is_empty(), "what does it ask?");
    must(status == "kept" || !remark.is_empty(), "what is missing, or why does it not apply?");
    must(status != "kept" || !(places.is_empty() || shown_by.is_empty()), "kept where, and shown by which test?");
    for place in several(places) {
        must(root().join(place).exists(), &format!("there is no {place}"));
    }
    for test in several(shown_by) {
        must(is_test(test), &format!("there is no test {test}"));
    }
    wrong
}

#[test]
fn what_is_said_of_the_security_standard_names_what_is_there() {
    let text = fs::read_to_string(root().join("docs/asvs.csv")).unwrap();
    let records = records(&text);
    let (head, records) = records.split_first().unwrap();
    assert_eq!(*head, COLUMNS);
    let wrong: Vec<_> = records.iter().flat_map(|fields| wrong(fields)).collect();
    assert!(wrong.is_empty(), "docs/asvs.csv\n{}", wrong.join("\n"));
    let ids: Vec<_> = records.iter().map(|fields| number(&fields[0])).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "each requirement once, in order");
    for (level, count) in REQUIREMENTS {
        let found = records.iter().filter(|fields| fields[1] == level).count();
        assert_eq!(found, count, "requirements of level {level}");
    }
}
