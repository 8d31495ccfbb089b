//! Whether a change of rules loosens what protects a ref: that is for officers to order once there are any, or the guard on rewriting
//! protected refs could be passed by changing the rule first.
//!
//! Loosening is: who may rewind or delete is more people than before, signatures are required no longer, paths are everybody's again;
//! by changing a rule, by ending it, or by a more exact one that decides instead. Who may push forward is nobody's loss.

use super::Pattern;
use super::query::{Protection, Rights};
use crate::event::protect::{Allowed, ProtectionSet};

/// What a rule that there is would no longer hold back, if this were set.
pub(crate) fn by_setting(rules: &[Protection], set: &ProtectionSet) -> Option<String> {
    if let Some(before) = set.id.and_then(|id| rules.iter().find(|rule| rule.id == id)) {
        if before.kind != set.kind || before.pattern.as_str() != set.pattern {
            return Some(format!("the rule for {} would be one for {}", before.pattern, set.pattern));
        }
        return weaker(before, set).map(|what| format!("for {}, {what}", before.pattern));
    }
    let pattern: Pattern = set.pattern.parse().ok()?;
    let decides_instead = |rule: &&Protection| {
        rule.kind == set.kind && pattern.weight() > rule.pattern.weight() && rule.pattern.may_share(&pattern)
    };
    let found = rules.iter().filter(decides_instead).find_map(|rule| Some((rule, weaker(rule, set)?)));
    found.map(|(rule, what)| format!("for what fits {} and {} both, {what}", rule.pattern, set.pattern))
}

/// The rules that an order to loosen one is about, as they are: the entries that set them. They are those that decide about names which
/// the rule `id` stands for, or would by `set`. A rule that is changed, made or ended meanwhile makes it another list.
pub(crate) fn concerned(rules: &[Protection], id: Option<u64>, set: Option<&ProtectionSet>) -> Vec<u64> {
    let before = rules.iter().find(|rule| Some(rule.id) == id);
    let after = set.and_then(|set| Some((set.kind, set.pattern.parse::<Pattern>().ok()?)));
    let names: Vec<_> = before.map(|rule| (rule.kind, rule.pattern.clone())).into_iter().chain(after).collect();
    let shares =
        |rule: &&Protection| names.iter().any(|(kind, pattern)| *kind == rule.kind && rule.pattern.may_share(pattern));
    let mut entries: Vec<_> = rules.iter().filter(shares).map(|rule| rule.set_by).collect();
    entries.sort_unstable();
    entries
}

/// In what a rule is weaker than the one that it takes the place of.
fn weaker(before: &Protection, after: &ProtectionSet) -> Option<&'static str> {
    let open = |pattern: &String| !after.paths.iter().any(|paths| paths.patterns.contains(pattern));
    let nobody = Allowed::default();
    let change = after.paths.as_ref().map_or(&nobody, |paths| &paths.change);
    if wider(&before.force, &after.force) {
        Some("more may rewrite")
    } else if wider(&before.delete, &after.delete) {
        Some("more may delete")
    } else if before.signed && after.signed != Some(true) {
        Some("signatures would be required no longer")
    } else if before.paths.iter().any(|path| open(&path.to_string())) {
        Some("paths would be protected no longer")
    } else if !before.paths.is_empty() && wider(&before.path, change) {
        Some("more may change protected paths")
    } else {
        None
    }
}

/// Whether somebody may who might not before.
fn wider(before: &Rights, after: &Allowed) -> bool {
    let is_new = |known: &[(u64, String)], id: &u64| !known.iter().any(|(known, _)| known == id);
    let role = match (before.role, after.role) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before,
    };
    role || after.people.iter().any(|id| is_new(&before.people, id))
        || after.teams.iter().any(|id| is_new(&before.teams, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::protect::{PathsProtected, Protected};
    use crate::event::repo::Access;

    fn rule(id: u64, pattern: &str) -> Protection {
        Protection {
            id,
            repo: 1,
            kind: Protected::Branch,
            pattern: pattern.parse().unwrap(),
            push: Rights { role: Some(Access::Maintain), ..Rights::default() },
            force: Rights { people: vec![(5, "ann".into())], ..Rights::default() },
            delete: Rights { role: Some(Access::Admin), ..Rights::default() },
            signed: true,
            paths: vec!["ci/".parse().unwrap()],
            path: Rights { teams: vec![(9, "ops".into())], ..Rights::default() },
            created_us: 0,
            set_by: 10 + id,
        }
    }

    fn set(id: Option<u64>, pattern: &str) -> ProtectionSet {
        ProtectionSet {
            id,
            repo: 1,
            kind: Protected::Branch,
            pattern: pattern.into(),
            push: Allowed { role: Some(Access::Write), ..Allowed::default() },
            force: Allowed { people: vec![5], ..Allowed::default() },
            delete: Allowed { role: Some(Access::Admin), ..Allowed::default() },
            signed: Some(true),
            paths: Some(PathsProtected {
                patterns: vec!["ci/".into(), "docs/".into()],
                change: Allowed { teams: vec![9], ..Allowed::default() },
            }),
        }
    }

    #[test]
    fn who_pushes_is_no_loosening_and_what_is_stricter_is_none() {
        assert_eq!(by_setting(&[rule(1, "main")], &set(Some(1), "main")), None);
        let mut strict = set(Some(1), "main");
        (strict.force, strict.delete) = (Allowed::default(), Allowed::default());
        assert_eq!(by_setting(&[rule(1, "main")], &strict), None);
    }

    #[test]
    fn each_part_of_a_rule_can_be_loosened() {
        type Change = fn(&mut ProtectionSet);
        let changes: [(&str, Change); 9] = [
            ("rewrite", |set| set.force.people.push(6)),
            ("rewrite", |set| set.force.role = Some(Access::Admin)),
            ("delete", |set| set.delete.role = Some(Access::Maintain)),
            ("delete", |set| set.delete.teams.push(9)),
            ("signatures", |set| set.signed = None),
            ("paths", |set| set.paths = None),
            ("paths", |set| set.paths.as_mut().unwrap().patterns.retain(|path| path != "ci/")),
            ("protected paths", |set| set.paths.as_mut().unwrap().change.people.push(5)),
            ("one for side", |set| set.pattern = "side".into()),
        ];
        for (what, change) in changes {
            let mut new = set(Some(1), "main");
            change(&mut new);
            let said = by_setting(&[rule(1, "main")], &new).unwrap_or_default();
            assert!(said.contains(what), "{what}: {said:?}");
        }
    }

    #[test]
    fn an_order_is_about_every_rule_that_decides_about_its_names() {
        let rules = [rule(1, "main"), rule(2, "m*"), rule(3, "release/*"), rule(4, "release/1")];
        assert_eq!(concerned(&rules, Some(1), None), [11, 12]);
        assert_eq!(concerned(&rules, Some(3), Some(&set(Some(3), "release/*"))), [13, 14]);
        assert_eq!(concerned(&rules, None, Some(&set(None, "release/2"))), [13]);
        assert_eq!(concerned(&rules, Some(4), Some(&set(Some(4), "master"))), [12, 13, 14]);
        let tags = ProtectionSet { kind: Protected::Tag, ..set(None, "main") };
        assert!(concerned(&rules, None, Some(&tags)).is_empty());
    }

    #[test]
    fn a_more_exact_rule_is_as_strict_as_the_one_it_takes_the_place_of() {
        let free = |pattern: &str| ProtectionSet { signed: None, ..set(None, pattern) };
        let rules = [rule(1, "release/*"), rule(2, "main")];
        assert!(by_setting(&rules, &free("release/1")).is_some());
        assert!(by_setting(&rules, &free("release/1*")).is_some());
        assert_eq!(by_setting(&rules, &free("topic/1")), None);
        // What is less exact decides about neither.
        assert_eq!(by_setting(&rules, &free("**")), None);
        assert_eq!(by_setting(&rules, &set(None, "release/1")), None);
    }
}
