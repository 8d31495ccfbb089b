//! Every route of the site, called as nobody, a stranger, a reader, a writer, the owner and an operator.
//!
//! The routes are read from the source, so that a new one that is not in [`routes::ROUTES`] fails here.

mod people;
mod routes;
mod source;

use people::{People, Person};
use routes::{FALLBACK, ROUTES, Row};
use std::collections::BTreeSet;

/// Two names of one length: a private repository, and one that does not exist.
const PRIVATE: &str = "ann/secret";
const MISSING: &str = "ann/nosuch";

#[test]
fn every_route_of_the_source_is_in_the_list() {
    let written = source::routes();
    let listed: BTreeSet<_> = ROUTES.iter().map(|row| format!("{} {} {}", row.file, row.method, row.pattern)).collect();
    let missing: Vec<_> = written.difference(&listed).collect();
    assert!(missing.is_empty(), "not in tests/e2e/endpoints/routes.rs:\n{missing:#?}");
    let stale: Vec<_> = listed.difference(&written).collect();
    assert!(stale.is_empty(), "in tests/e2e/endpoints/routes.rs and nowhere in the source:\n{stale:#?}");
}

/// All that can be asked for.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROUTES.iter().chain(FALLBACK)
}

#[test]
fn nobody_does_what_they_may_not() {
    let people = People::new();
    let mut wrong = Vec::new();
    for row in rows() {
        for person in Person::ALL {
            let address = people.address(row, PRIVATE);
            let before = people.journal();
            let answer = people.send(person, row.method, &address, row.body);
            let changed = people.journal() != before;
            let refused = people::refuses(&answer);
            let what = || format!("{} {} as {person:?}: {}", row.method, row.address, answer.status);
            if answer.status >= 500 {
                wrong.push(format!("{}: failed", what()));
            }
            if !row.may.allows(person) && (!refused || changed) {
                wrong.push(format!("{}: should be refused and change nothing", what()));
            }
            if row.method == "GET" && changed {
                wrong.push(format!("{}: a GET changed the journal", what()));
            }
            if row.method == "GET" && row.may.allows(person) && answer.status >= 400 {
                wrong.push(format!("{}: should be answered: {}", what(), answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_private_looks_like_what_is_not_there() {
    let people = People::new();
    let mut wrong = Vec::new();
    for row in rows().filter(|row| row.address.contains("{repo}")) {
        for person in [Person::Nobody, Person::Stranger] {
            let private =
                people::comparable(&people.send(person, row.method, &people.address(row, PRIVATE), row.body), PRIVATE);
            let missing =
                people::comparable(&people.send(person, row.method, &people.address(row, MISSING), row.body), MISSING);
            if private != missing {
                wrong.push(format!(
                    "{} {} as {person:?}:\n{private}\n--- and what is not there:\n{missing}",
                    row.method, row.address
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
