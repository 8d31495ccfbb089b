//! What protects a ref is its administrator's to loosen while it is young, and the officers' from then on; a clock that is moved on.

use crate::rig::{SiteRig, config, new_user, vaults};
use forge::event::protect::Protected;
use forge::event::repo::Access;
use forge::orders::{OfficerRule, OfficerSecret, State, Verb};
use forge::people::Principal;
use forge::protect::command::ProtectionSpec;
use forge::site::{Asked, NewRepo};
use forge::writer::Clock;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_secs(72 * 3600);

/// Who administers `ada/code`, and asks for rules.
struct Ada<'a> {
    rig: &'a SiteRig,
    who: Principal,
}

impl Ada<'_> {
    /// A rule for branches that fit `pattern`, which those with this role may rewrite; its number, or the order's.
    async fn put(&self, id: Option<u64>, pattern: &str, rewrites: Option<Access>) -> Result<u64, u64> {
        let mut rule = ProtectionSpec::new(Protected::Branch, pattern.parse().unwrap());
        rule.force.role = rewrites;
        let path = "ada/code".parse().unwrap();
        match self.rig.site.protection_put(Some(&self.who), &path, id, rule).await.unwrap() {
            Asked::Done(rule) => Ok(rule.id),
            Asked::Ordered(order) => Err(order),
        }
    }

    async fn remove(&self, id: u64) -> Result<(), u64> {
        match self.rig.site.protection_remove(Some(&self.who), &"ada/code".parse().unwrap(), id).await.unwrap() {
            Asked::Done(()) => Ok(()),
            Asked::Ordered(order) => Err(order),
        }
    }

    /// Who may rewrite by the rule for this pattern; None: there is no such rule.
    async fn rewrites(&self, pattern: &str) -> Option<Option<Access>> {
        let rules = self.rig.site.protections(Some(&self.who), &"ada/code".parse().unwrap()).await.unwrap();
        rules.iter().find(|rule| rule.pattern.as_str() == pattern).map(|rule| rule.force.role)
    }
}

/// Two officers sign it and its delay passes: what became of it, and why.
async fn carried_out(rig: &SiteRig, secrets: &[OfficerSecret], clock: &Clock, order: u64) -> (State, String) {
    let filed = rig.site.order_fetch(None, order).await.unwrap();
    for secret in &secrets[..2] {
        rig.site.order_line(None, order, &secret.sign(Verb::Approve, filed.hash).to_string(), "").await.unwrap();
    }
    clock.advance(DELAY);
    rig.site.orders_settle().await.unwrap();
    let now = rig.site.order_fetch(None, order).await.unwrap();
    (now.state, now.reason.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_loosened_freely_until_it_is_as_old_as_an_orders_delay() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let config = config(&dir.path().join("site"), &vaults);
    let clock = config.limits.ledger.writer.clock.clone();
    let rig = SiteRig::open(config).await;
    let token = rig.user("ada", "repo").await;
    let who = rig.site.authenticate(&format!("Bearer {token}")).await.unwrap();
    rig.site.repo_create(Some(&who), NewRepo::new("ada/code".parse().unwrap())).await.unwrap();
    let ada = Ada { rig: &rig, who };
    let admin = Some(Access::Admin);

    // Without officers every rule is the administrator's, however old.
    let old = ada.put(None, "old/*", None).await.unwrap();
    clock.advance(DELAY + HOUR);
    ada.put(Some(old), "old/*", admin).await.unwrap();
    ada.put(Some(old), "old/*", None).await.unwrap();
    let secrets: Vec<_> = (0..3).map(|_| OfficerSecret::generate().unwrap()).collect();
    let mut officers = Vec::new();
    for (name, secret) in ["olga", "omar", "otto"].into_iter().zip(&secrets) {
        rig.site.user_create(None, new_user(name)).await.unwrap();
        officers.push((name.parse().unwrap(), secret.public()));
    }
    let delay_us = i64::try_from(DELAY.as_micros()).unwrap();
    rig.site.officers_found(officers, OfficerRule { needed: 2, delay_us }).await.unwrap();

    // A minute before: a mistake of just now.
    let main = ada.put(None, "main", None).await.unwrap();
    let gone = ada.put(None, "gone", None).await.unwrap();
    clock.advance(DELAY - MINUTE);
    ada.remove(gone).await.unwrap();
    assert_eq!(ada.put(Some(main), "main", admin).await, Ok(main));
    assert_eq!(ada.rewrites("main").await, Some(admin));
    // The old one was settled all the while: neither it nor a young one in front of it lets more people rewrite.
    ada.put(Some(old), "old/*", admin).await.unwrap_err();
    ada.put(None, "old/1", admin).await.unwrap_err();
    let front = ada.put(None, "old/2", None).await.unwrap();
    ada.put(Some(front), "old/2", admin).await.unwrap_err();
    ada.remove(front).await.unwrap();

    // Made stricter, a rule is no younger than it was.
    ada.put(Some(main), "main", None).await.unwrap();
    clock.advance(MINUTE);
    let order = ada.put(Some(main), "main", admin).await.unwrap_err();
    ada.remove(main).await.unwrap_err();
    assert_eq!(ada.rewrites("main").await, Some(None), "nothing happened yet");
    let filed = rig.site.order_fetch(None, order).await.unwrap();
    assert!(filed.order.words()[0].contains("Only while the rules for these names are as entry"));
    assert_eq!(carried_out(&rig, &secrets, &clock, order).await.0, State::Executed);
    assert_eq!(ada.rewrites("main").await, Some(admin));

    // What is made stricter meanwhile stays so: the order was for the rules as they were, and nobody signed to undo that.
    for (id, pattern, then) in [(Some(main), "main", None), (None, "ma*", admin)] {
        if ada.rewrites("main").await != Some(admin) {
            let order = ada.put(Some(main), "main", admin).await.unwrap_err();
            assert_eq!(carried_out(&rig, &secrets, &clock, order).await.0, State::Executed);
        }
        let order = ada.put(Some(main), "main", Some(Access::Maintain)).await.unwrap_err();
        ada.put(id, pattern, None).await.unwrap();
        let (state, why) = carried_out(&rig, &secrets, &clock, order).await;
        assert_eq!(state, State::Expired);
        assert!(why.contains("changed since it was asked for"), "{why}");
        assert_eq!(ada.rewrites("main").await, Some(then));
    }
    // Another branch's rules are no matter.
    let order = ada.put(Some(main), "main", Some(Access::Maintain)).await.unwrap_err();
    ada.put(None, "other", None).await.unwrap();
    assert_eq!(carried_out(&rig, &secrets, &clock, order).await.0, State::Executed);
    assert_eq!(ada.rewrites("main").await, Some(Some(Access::Maintain)));
    rig.stop().await;
}
