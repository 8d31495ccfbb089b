//! Every route of the site, called as nobody, a stranger, a reader, a writer, the owner and an operator.
//!
//! The routes are read from the source, so that a new one that is not in [`routes::ROUTES`] fails here.

mod people;
mod routes;
mod sensitive;
mod source;

use people::{People, Person};
use routes::{FALLBACK, ROUTES, Row};
use std::collections::BTreeSet;

/// What a request is about.
#[derive(Clone, Copy)]
struct Subject {
    repo: &'static str,
    org: &'static str,
    /// Whether all that is there.
    there: bool,
}

impl Subject {
    /// What is there, for those who may see it.
    const PRIVATE: Self = Self { repo: "owen/secret", org: "guild", there: true };
    /// Names of the same lengths that are nobody's.
    const MISSING: Self = Self { repo: "owen/nosuch", org: "gnome", there: false };
}

#[test]
fn every_route_of_the_source_is_in_the_list() {
    let written = source::routes();
    let listed: BTreeSet<_> = ROUTES.iter().map(|row| format!("{} {} {}", row.file, row.method, row.pattern)).collect();
    let missing: Vec<_> = written.difference(&listed).collect();
    assert!(missing.is_empty(), "not in tests/e2e/endpoints/routes.rs:\n{missing:#?}");
    let stale: Vec<_> = listed.difference(&written).collect();
    assert!(stale.is_empty(), "in tests/e2e/endpoints/routes.rs and nowhere in the source:\n{stale:#?}");
}

#[test]
fn the_api_describes_each_of_its_routes_and_nothing_else() {
    let written = source::routes().into_iter().filter_map(|route| {
        let [file, method, pattern] = route.split(' ').collect::<Vec<_>>()[..] else { panic!("{route}") };
        let public = file.starts_with("api/") && !pattern.starts_with("/admin/");
        public.then(|| format!("{} {}", method.to_ascii_lowercase(), pattern.replace("{*", "{")))
    });
    let world = crate::common::World::new();
    let document = world.site.get("/api/v1/openapi.json");
    let document: serde_json::Value = serde_json::from_str(&document.text()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let described = paths
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}")));
    let (written, described): (BTreeSet<_>, BTreeSet<_>) = (written.collect(), described.collect());
    let missing: Vec<_> = written.difference(&described).collect();
    assert!(missing.is_empty(), "not in web/src/api/openapi/operations.rs: {missing:#?}");
    let stale: Vec<_> = described.difference(&written).collect();
    assert!(stale.is_empty(), "in web/src/api/openapi/operations.rs and nowhere in the source: {stale:#?}");
}

/// All that can be asked for.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROUTES.iter().chain(FALLBACK)
}

#[test]
fn nobody_does_what_they_may_not() {
    let mut people = People::new();
    let mut wrong = Vec::new();
    for row in rows() {
        for person in Person::ALL {
            let (address, body) = people.example(row, Subject::PRIVATE);
            let before = people.journal();
            let answer = people.send(person, row.method, &address, &body);
            let changed = !people.done(before).is_empty();
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
            if row.ends_credentials() {
                people.renew(person);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_private_looks_like_what_is_not_there() {
    let people = People::new();
    let mut wrong = Vec::new();
    let named = |row: &&Row| ["{repo}", "{org}", "team}"].iter().any(|word| row.address.contains(word));
    for row in rows().filter(named) {
        for person in [Person::Nobody, Person::Stranger] {
            let answer = |about: Subject| {
                let (address, body) = people.example(row, about);
                people::comparable(&people.send(person, row.method, &address, &body), about, &address)
            };
            let (private, missing) = (answer(Subject::PRIVATE), answer(Subject::MISSING));
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

/// What a browser says of a request that a page of another site made it send, or an old browser does not say.
const FROM_ELSEWHERE: [&[(&str, &str)]; 6] = [
    &[],
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://127.0.0.1:1")],
    &[("Origin", "http://evil.example")],
    &[("Origin", "null")],
    &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Origin", "http://evil.example")],
];

#[test]
fn what_another_site_makes_a_browser_send_changes_nothing() {
    let people = People::new();
    let mut wrong = Vec::new();
    for row in rows().filter(|row| row.method != "GET") {
        for person in [Person::Owner, Person::Operator] {
            let (address, body) = people.example(row, Subject::PRIVATE);
            let before = people.journal();
            for headers in FROM_ELSEWHERE {
                let answer = people.browser(person).unwrap().send(row.method, &address, headers, &body);
                let refused = (400..500).contains(&answer.status) && answer.header("set-cookie").is_none();
                if !refused || !people.done(before).is_empty() {
                    wrong.push(format!("{} {address} as {person:?} with {headers:?}: {}", row.method, answer.status));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is a child of somebody's repository, organisation or account is found through that alone: its number, sent to a place
/// where one may look, is no number.
#[test]
fn another_tenants_ids_are_nobodys() {
    let people = People::new();
    people.move_in();
    let mut wrong = Vec::new();
    let mut swapped = 0;
    for row in rows().filter(|row| people::IDS.iter().any(|id| row.address.contains(id) || row.body.contains(id))) {
        let answer = |there: bool| {
            let about = Subject { repo: "sam/things", org: "sams", there };
            let (address, body) = people.example(row, about);
            let address = address.replace("/owen/", "/sam/");
            let answer = people.send(Person::Stranger, row.method, &address, &body);
            (answer.status, people::comparable(&answer, about, &format!("{address}?{body}")))
        };
        let before = people.journal();
        let (theirs, absent) = (answer(true), answer(false));
        swapped += 1;
        // What the two examples made for themselves, and nothing besides.
        let made = people.done(before).len();
        let wants = |word: &str| row.address.contains(word) || row.body.contains(word);
        let spare = ["{spare", "{sshkey}", "{deploykey}"].into_iter().any(wants);
        if theirs != absent || theirs.0 < 400 || made != if spare { 2 } else { 0 } {
            wrong.push(format!(
                "{} {}: {made} entries\n{}\n--- absent:\n{}",
                row.method, row.address, theirs.1, absent.1
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(swapped > 20, "only {swapped}");
}
