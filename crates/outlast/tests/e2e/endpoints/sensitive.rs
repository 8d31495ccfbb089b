//! What signs people in is made, changed and shown only by who has proved lately that it is them: a stolen cookie is not enough.

use super::people::{PASSWORD, People, Person};
use super::routes::{HARMLESS, May, ROUTES, Row, SENSITIVE};

fn name(row: &Row) -> String {
    format!("{} {}", row.method, row.pattern)
}

/// Addresses where something lies that signs people in, or gives them a right.
fn looks_sensitive(row: &Row) -> bool {
    let words = [
        "/-/settings",
        "/people",
        "/-/admin",
        "token",
        "key",
        "session",
        "credential",
        "webhook",
        "export",
        "factor",
        "certificate",
    ];
    let over_the_network = row.file != "api/admin";
    row.method != "GET" && over_the_network && words.iter().any(|word| row.pattern.contains(word))
}

#[test]
fn every_route_that_looks_sensitive_is_judged() {
    let judged =
        |name: &String| SENSITIVE.contains(&name.as_str()) || HARMLESS.iter().any(|(harmless, _)| harmless == name);
    let unjudged: Vec<_> = ROUTES.iter().filter(|row| looks_sensitive(row)).map(name).filter(|n| !judged(n)).collect();
    assert!(unjudged.is_empty(), "neither in SENSITIVE nor in HARMLESS of endpoints/routes.rs: {unjudged:#?}");
    let all: Vec<_> = ROUTES.iter().map(name).collect();
    let listed = SENSITIVE.iter().chain(HARMLESS.iter().map(|(name, _)| name));
    let stale: Vec<_> = listed.filter(|listed| !all.iter().any(|name| name == *listed)).collect();
    assert!(stale.is_empty(), "no route any more: {stale:#?}");
}

#[test]
fn a_cookie_alone_changes_nothing_that_signs_people_in() {
    let mut people = People::new();
    people.restart();
    let mut wrong = Vec::new();
    for row in ROUTES.iter().filter(|row| SENSITIVE.contains(&name(row).as_str())) {
        let person = if row.may == May::Operator { Person::Operator } else { Person::Owner };
        let (address, body) = people.example(row, super::Subject::PRIVATE);
        let before = people.journal();
        let answer = people.send(person, row.method, &address, &body);
        let text = answer.text();
        let asks = if address.starts_with("/api/") {
            text.contains("\"error\":\"reauth_required\"")
        } else {
            let waits = format!("name=\"prove-next\" value=\"{address}\"");
            let fields = body.split('&').filter_map(|field| field.split('=').next()).filter(|field| !field.is_empty());
            text.contains(&waits) && fields.into_iter().all(|field| text.contains(&format!("name=\"{field}\"")))
        };
        if answer.status != 403 || !asks || !people.done(before).is_empty() {
            wrong.push(format!("{} asks for no proof: {} {text}", name(row), answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The proof, and the form that waited, sent again with it.
#[test]
fn a_proof_opens_what_waited_for_a_while() {
    let mut people = People::new();
    people.restart();
    let owner = people.browser(Person::Owner).unwrap().clone();
    let token = "name=laptop&days=1&rights=read";
    assert_eq!(owner.post("/-/settings/tokens", token).status, 403);
    let prove = |password: &str| {
        let password = crate::common::encoded(password);
        let body = format!("{token}&prove-next=%2F-%2Fsettings%2Ftokens&prove-posts=yes&prove-password={password}");
        owner.post("/-/prove", &body)
    };
    let wrong = prove("not the password");
    assert_eq!(wrong.status, 403);
    assert!(wrong.text().contains("name=\"rights\" value=\"read\""), "the form waits on: {}", wrong.text());
    assert!(!wrong.text().contains("not the password"), "the password comes back");
    assert_eq!(owner.post("/-/settings/tokens", token).status, 403);
    let right = prove(PASSWORD);
    assert_eq!((right.status, right.header("location")), (307, Some("/-/settings/tokens")));
    let made = owner.post("/-/settings/tokens", token);
    assert_eq!(made.status, 200);
    assert!(made.text().contains("olp_"), "{}", made.text());
    let other = people.browser(Person::Reader).unwrap();
    assert_eq!(other.post("/-/settings/tokens", token).status, 403, "a proof is one session's");
    let elsewhere = owner.post("/-/prove", "prove-next=%2F%2Fevil.test&prove-password=correct+horse+battery+staple");
    assert_eq!(elsewhere.header("location"), Some("/"));
}
