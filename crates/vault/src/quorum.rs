//! What is held: the largest size that a quorum of trust domains has cosigned.

use journal::policy::Policy;
use std::collections::BTreeSet;

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

    fn policy(domains: &[(&str, &[&str])]) -> Policy {
        let seed = |name: &str| journal::Hash::of(name.as_bytes()).0;
        let key =
            |name: &&str| SigningKey::from_seed(name, KeyKind::Cosignature, &seed(name)).unwrap().verifier().clone();
        let domains: Vec<_> =
            domains.iter().map(|(d, names)| ((*d).to_owned(), names.iter().map(key).collect())).collect();
        Policy::majority(vec![], &domains)
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
}
