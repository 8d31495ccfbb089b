//! What is held: the largest size that a quorum of trust domains has cosigned.
//!
//! ```text
//!   policy alone --an order at entry e--> policy and next --e, then its confirmation, is held by both--> next alone
//!        ^------------an officer, before the confirmation--------'
//! ```
//! Entries before e need the one quorum, e and all after it both. So nothing after e is held unless e is held by a quorum of
//! those before it, whom a log without e can't have too: there is never a second log that is held, whatever the two have in common.
//! Taken back, the policy alone counts as before: no log with the confirmation and no log that takes e back can both have a quorum of
//! those before. (With e held and no confirmation they could: next alone would go on in the one, the policy alone in the other.)

use journal::note::VerifierKey;
use journal::policy::Policy;
use std::collections::BTreeSet;

/// Whose cosignatures make an entry held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Those whose word counts.
    pub policy: Policy,
    /// While the vaults change: from this entry on, these too.
    pub next: Option<(u64, Policy)>,
}

impl Quorum {
    /// One quorum, that does not change.
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        Self { policy, next: None }
    }

    /// The number of entries that are held, given what has been cosigned with which key.
    #[must_use]
    pub fn held(&self, cosigned: &[(&VerifierKey, u64)]) -> u64 {
        let of = |policy: &Policy| {
            let sizes = cosigned.iter().filter_map(|(key, size)| Some((name_of(policy, key)?, *size)));
            held(policy, sizes)
        };
        match &self.next {
            Some((entry, next)) => of(&self.policy).min(of(next).max(*entry)),
            None => of(&self.policy),
        }
    }

    /// Whether those with these keys together are enough for what is written now.
    #[must_use]
    pub fn satisfied(&self, keys: &[&VerifierKey]) -> bool {
        let enough = |policy: &Policy| {
            policy.satisfied(&keys.iter().filter_map(|key| name_of(policy, key)).collect::<BTreeSet<_>>())
        };
        enough(&self.policy) && self.next.as_ref().is_none_or(|(_, next)| enough(next))
    }

    /// The names of those whose word counts now, each once.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let policies = std::iter::once(&self.policy).chain(self.next.iter().map(|(_, next)| next));
        policies.flat_map(|policy| policy.witnesses()).map(|(name, _)| name.as_str()).collect()
    }
}

/// What a policy calls a key: a vault that has the name of another, and not its key, is another.
fn name_of<'a>(policy: &'a Policy, key: &VerifierKey) -> Option<&'a str> {
    policy.witnesses().iter().find(|(_, known)| known == key).map(|(name, _)| name.as_str())
}

/// The number of entries that a quorum holds, given the size that each vault has cosigned. Entries below it are held.
pub fn held<'a>(policy: &Policy, cosigned: impl Iterator<Item = (&'a str, u64)>) -> u64 {
    let sizes = cosigned.collect::<Vec<_>>();
    let mut candidates = sizes.iter().map(|(_, size)| *size).collect::<Vec<_>>();
    candidates.sort_unstable();
    let enough = |size: u64| {
        let names = sizes.iter().filter(|(_, has)| *has >= size).map(|(name, _)| *name).collect::<BTreeSet<_>>();
        policy.satisfied(&names)
    };
    candidates.into_iter().rev().find(|size| enough(*size)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::note::{KeyKind, SigningKey};

    fn key(name: &str) -> VerifierKey {
        let seed = journal::Hash::of(name.as_bytes()).0;
        SigningKey::from_seed(name, KeyKind::Cosignature, &seed).unwrap().verifier().clone()
    }

    fn policy(domains: &[(&str, &[&str])]) -> Policy {
        let keys = |names: &[&str]| names.iter().map(|name| key(name)).collect();
        let domains: Vec<_> = domains.iter().map(|(d, names)| ((*d).to_owned(), keys(names))).collect();
        Policy::majority(vec![], &domains)
    }

    fn each(names: &[&str]) -> Policy {
        policy(&names.iter().map(|name| (*name, std::slice::from_ref(name))).collect::<Vec<_>>())
    }

    fn held_by(quorum: &Quorum, sizes: &[(&str, u64)]) -> u64 {
        let keys: Vec<_> = sizes.iter().map(|(name, size)| (key(name), *size)).collect();
        quorum.held(&keys.iter().map(|(key, size)| (key, *size)).collect::<Vec<_>>())
    }

    #[test]
    fn two_of_three_hold() {
        let policy = policy(&[("a", &["a"]), ("b", &["b"]), ("c", &["c"])]);
        assert_eq!(held(&policy, [("a", 9), ("b", 5), ("c", 2)].into_iter()), 5);
        assert_eq!(held(&policy, [("a", 9), ("b", 0), ("c", 0)].into_iter()), 0);
        assert_eq!(held(&policy, std::iter::empty()), 0);
    }

    #[test]
    fn a_domain_counts_when_most_of_its_vaults_have_it() {
        let policy = policy(&[("one", &["a", "b"]), ("two", &["c"]), ("three", &["d"])]);
        assert_eq!(held(&policy, [("a", 9), ("b", 9), ("c", 3), ("d", 1)].into_iter()), 3);
        assert_eq!(held(&policy, [("a", 9), ("b", 2), ("c", 9), ("d", 1)].into_iter()), 2);
        assert_eq!(held(&policy, [("a", 0), ("b", 0), ("c", 9), ("d", 7)].into_iter()), 7);
    }

    #[test]
    fn while_vaults_change_both_quorums_hold() {
        let grows = Quorum { policy: each(&["a"]), next: Some((10, each(&["a", "b", "c"]))) };
        // What came before needs those before alone.
        assert_eq!(held_by(&grows, &[("a", 7), ("b", 0), ("c", 0)]), 7);
        assert_eq!(held_by(&grows, &[("a", 20), ("b", 0), ("c", 0)]), 10);
        assert_eq!(held_by(&grows, &[("a", 20), ("b", 12), ("c", 0)]), 12);
        // Two of the new ones are a quorum of theirs, and share nobody with the old.
        assert_eq!(held_by(&grows, &[("a", 9), ("b", 20), ("c", 20)]), 9);
        assert!(!grows.satisfied(&[&key("b"), &key("c")]));
        assert!(!grows.satisfied(&[&key("a")]));
        assert!(grows.satisfied(&[&key("a"), &key("c")]));

        let shrinks = Quorum { policy: each(&["a", "b", "c"]), next: Some((10, each(&["a", "b"]))) };
        assert_eq!(held_by(&shrinks, &[("a", 20), ("b", 20), ("c", 0)]), 20);
        assert_eq!(held_by(&shrinks, &[("a", 20), ("b", 9), ("c", 20)]), 10);
    }

    #[test]
    fn a_name_without_the_key_is_another_vault() {
        let quorum = Quorum::of(each(&["a", "b"]));
        let (a, b, other) = (key("a"), key("b"), SigningKey::from_seed("b", KeyKind::Cosignature, &[7; 32]).unwrap());
        assert_eq!(quorum.held(&[(&a, 5), (other.verifier(), 5)]), 0);
        assert_eq!(quorum.held(&[(&a, 5), (&b, 4)]), 4);
    }
}
