//! Policies: the specification's rules (c2sp.org/tlog-policy), and that nobody's word counts for two.

use crate::common::{log_key, vault_key};
use journal::Hash;
use journal::note::{KeyKind, SigningKey};
use journal::policy::{POLICY_LINES_MAX, Policy};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn key(name: &str) -> String {
    vault_key(name).verifier().to_string()
}

fn satisfied(policy: &Policy, names: &[&str]) -> bool {
    policy.satisfied(&names.iter().copied().collect::<BTreeSet<_>>())
}

/// The example of the specification, with keys.
fn example() -> String {
    let mut text = format!("# An example.\nlog {} https://log.example/\n\n", log_key().verifier());
    for name in ["X1", "X2", "X3", "Y1", "Y2", "Y3"] {
        text += &format!(" witness\t{name}  {} https://{name}.example/\n", key(name));
    }
    text + "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n\
        group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
}

#[test]
fn the_specifications_example() {
    let policy: Policy = example().parse().unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len(), policy.groups().len()), (1, 6, 3));
    assert!(satisfied(&policy, &["X1", "X3", "Y2"]));
    assert!(!satisfied(&policy, &["X1", "X2", "X3"]));
    assert!(!satisfied(&policy, &["X1", "Y1", "Y2", "Y3"]));
    assert!(!satisfied(&policy, &["X-and-Y"]), "a group's name is nobody's word");
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
}

#[test]
fn a_single_witness_may_be_the_quorum() {
    let policy: Policy = format!("witness W {}\nquorum W\n", key("w")).parse().unwrap();
    assert!(satisfied(&policy, &["W"]) && !satisfied(&policy, &["w"]));
}

#[test]
fn without_a_quorum_nobody_holds_anything() {
    let none: Policy = "quorum none\n".parse().unwrap();
    assert!(!satisfied(&none, &[]) && !satisfied(&none, &["none"]));
    assert_eq!(none.to_string().parse::<Policy>().unwrap(), none);
    assert_eq!(Policy::majority(vec![], &[]), none);
}

#[test]
fn what_the_specification_forbids_is_refused_with_the_line() {
    let (a, b) = (key("a"), key("b"));
    // The same key under another name.
    let renamed =
        SigningKey::from_seed("renamed", KeyKind::Cosignature, &Hash::of(b"a").0).unwrap().verifier().to_string();
    let log = log_key().verifier().to_string();
    for (line, text) in [
        (1, "wuorum none\n".to_owned()),
        (1, "quorum A\n".to_owned()),
        (1, "quorum none A\n".to_owned()),
        (2, "quorum none\nquorum none\n".to_owned()),
        (1, "# no quorum\n".to_owned()),
        (1, format!("log {a}\nquorum none\n")),
        (2, format!("log {log}\nlog {log}\nquorum none\n")),
        (1, format!("witness A {log}\nquorum none\n")),
        (1, format!("witness none {a}\nquorum none\n")),
        (2, format!("witness A {a}\nwitness A {b}\nquorum A\n")),
        (2, format!("witness A {a}\nwitness B {renamed}\nquorum A\n")),
        (2, format!("witness A {a}\ngroup A any A\nquorum A\n")),
        (2, format!("witness A {a}\ngroup G any\nquorum A\n")),
        (2, format!("witness A {a}\ngroup G 0 A\nquorum A\n")),
        (2, format!("witness A {a}\ngroup G 2 A\nquorum A\n")),
        (2, format!("witness A {a}\ngroup G any A A\nquorum A\n")),
        (2, format!("witness A {a}\ngroup G any none\nquorum A\n")),
        (2, format!("witness A {a}\ngroup G any H\ngroup H any A\nquorum G\n")),
        (3, format!("witness A {a}\ngroup G any A\ngroup H any A\nquorum G\n")),
        (1, format!("witness A {a}\r\nquorum A\r\n")),
        (1, format!("witness A\u{b}{a}\nquorum A\n")),
        (POLICY_LINES_MAX + 1, "\n".repeat(POLICY_LINES_MAX) + "quorum none\n"),
    ] {
        let error = text.parse::<Policy>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("policy line {line}:")), "{error}\n{text}");
    }
}

/// Domains of vaults; a vault's key is that of its name.
fn majority(domains: &[(&str, &[&str])]) -> Policy {
    let keys = |names: &[&str]| names.iter().map(|name| vault_key(name).verifier().clone()).collect();
    let domains: Vec<_> = domains.iter().map(|(domain, names)| ((*domain).to_owned(), keys(names))).collect();
    Policy::majority(vec![log_key().verifier().clone()], &domains)
}

#[test]
fn domains_count_and_not_copies() {
    let policy = majority(&[("same", &["a", "b"]), ("other", &["c"])]);
    assert!(!satisfied(&policy, &["a", "b"]) && !satisfied(&policy, &["a", "c"]));
    assert!(satisfied(&policy, &["a", "b", "c"]));
    let three = majority(&[("same", &["a", "b", "c"]), ("other", &["d"])]);
    assert!(satisfied(&three, &["a", "c", "d"]) && !satisfied(&three, &["c", "d"]));
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
}

#[test]
fn a_vault_listed_in_two_domains_counts_once() {
    let two = majority(&[("one", &["a"]), ("two", &["a"])]);
    assert!(!satisfied(&two, &["a"]));
    let three = majority(&[("one", &["a"]), ("two", &["a"]), ("three", &["c"])]);
    assert!(!satisfied(&three, &["a"]) && satisfied(&three, &["a", "c"]));
    assert_eq!(three.to_string().parse::<Policy>().unwrap(), three);
    // Here a copy that counts for nothing still makes the majority of its domain harder to reach.
    let copied = majority(&[("one", &["a"]), ("two", &["a", "b"]), ("three", &["c"])]);
    assert!(!satisfied(&copied, &["a", "b"]) && satisfied(&copied, &["a", "b", "c"]));
    let twice = majority(&[("one", &["a", "a"]), ("two", &["b"])]);
    assert!(satisfied(&twice, &["a", "b"]), "listed twice in its own domain it is one vault");
}

#[test]
fn names_of_vaults_and_domains_do_not_clash_with_groups() {
    let policy = majority(&[("eu", &["majority"]), ("us", &["domain-eu"]), ("a b\n", &["none"])]);
    assert!(!satisfied(&policy, &["majority"]) && !satisfied(&policy, &["domain-eu"]));
    assert!(satisfied(&policy, &["majority", "domain-eu"]));
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
}

proptest! {
    /// Whatever the domains are, the text says the same as the value, and fewer than a majority is not enough.
    #[test]
    fn a_majority_is_more_than_half(domains in prop::collection::vec(prop::collection::vec(0u8..12, 0..3), 0..7), who in prop::collection::btree_set(0u8..12, 0..12)) {
        let names: Vec<Vec<String>> = domains.iter().map(|d| d.iter().map(|n| format!("v{n}")).collect()).collect();
        let names: Vec<Vec<&str>> = names.iter().map(|d| d.iter().map(String::as_str).collect()).collect();
        let labels: Vec<String> = (0..names.len()).map(|n| format!("d{n}")).collect();
        let policy = majority(&labels.iter().zip(&names).map(|(l, n)| (l.as_str(), n.as_slice())).collect::<Vec<_>>());
        let text = policy.to_string();
        prop_assert_eq!(&text.parse::<Policy>().unwrap(), &policy);
        let who: Vec<String> = who.into_iter().map(|n| format!("v{n}")).collect();
        let who: Vec<&str> = who.iter().map(String::as_str).collect();
        if satisfied(&policy, &who) {
            let real = domains.iter().filter(|d| !d.is_empty()).count();
            let reached = names.iter().filter(|d| d.iter().any(|n| who.contains(n))).count();
            prop_assert!(reached * 2 > real && who.len() * 2 > real);
        }
    }

    /// Two quorums share a vault, whatever the domains are: nobody can have two logs held.
    #[test]
    fn two_quorums_share_a_vault(domains in prop::collection::vec(prop::collection::vec(0u8..9, 1..4), 1..6), one in prop::collection::btree_set(0u8..9, 0..9)) {
        let names: Vec<Vec<String>> = domains.iter().map(|d| d.iter().map(|n| format!("v{n}")).collect()).collect();
        let names: Vec<Vec<&str>> = names.iter().map(|d| d.iter().map(String::as_str).collect()).collect();
        let labels: Vec<String> = (0..names.len()).map(|n| format!("d{n}")).collect();
        let policy = majority(&labels.iter().zip(&names).map(|(l, n)| (l.as_str(), n.as_slice())).collect::<Vec<_>>());
        let (mine, others): (Vec<u8>, Vec<u8>) = (0u8..9).partition(|n| one.contains(n));
        let say = |who: Vec<u8>| who.into_iter().map(|n| format!("v{n}")).collect::<Vec<_>>();
        let (mine, others) = (say(mine), say(others));
        let of = |who: &[String]| satisfied(&policy, &who.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(!(of(&mine) && of(&others)), "{}", policy);
    }
}
