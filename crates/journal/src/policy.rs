//! Policies (c2sp.org/tlog-policy): which keys are a log's, which are its vaults', and which vaults together are enough.
//!
//! # Invariants
//! 1. No key and no name is in a policy twice, and no name is a member twice: nobody's word counts for two.
//! 2. Nobody satisfies a policy without a quorum.

use crate::note::{KeyKind, VerifierKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The most lines of a policy.
pub const POLICY_LINES_MAX: usize = 1024;

/// How many of a group's members must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// One.
    Any,
    /// Every one.
    All,
    /// At least so many.
    AtLeast(usize),
}

/// Members of which enough must hold: witnesses or groups named before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's name.
    pub name: String,
    /// How many.
    pub threshold: Threshold,
    /// Of whom.
    pub members: Vec<String>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    groups: Vec<Group>,
    quorum: Option<String>,
}

/// A line of a policy that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy line {line}: {what}")]
pub struct PolicyError {
    line: usize,
    what: String,
}

impl Policy {
    /// The policy of a site: one group for each trust domain, of which the majority of vaults must hold, and a quorum of the
    /// majority of domains. Copies that one person could destroy count as one.
    ///
    /// A majority within the domain, and not any of its vaults, because two quorums must share a vault: it is what refuses
    /// the second of two logs. With any one of a1 and a2 enough, {a1, b} and {a2, c} are both a quorum and share none. Two
    /// majorities of domains share a domain, and two majorities of its vaults a vault.
    ///
    /// A vault whose name or key was in a domain before (a copied vault, say) counts for nothing, but it still counts
    /// towards what a majority of its domain is, and its domain towards what a majority of domains is. When no majority is
    /// left, nobody satisfies the policy.
    pub fn majority(logs: Vec<VerifierKey>, domains: &[(String, Vec<VerifierKey>)]) -> Self {
        let mut policy = Self::default();
        for key in logs {
            // One that is there already is no error: a site may have restarted an epoch with its key.
            let _known = policy.add_log(key);
        }
        let listed = domains.iter().map(|(domain, keys)| (domain, distinct(keys)));
        let listed = listed.filter(|(_, keys)| !keys.is_empty()).collect::<Vec<_>>();
        let mut counted = Vec::new();
        for (domain, keys) in &listed {
            let add = |key: &&&VerifierKey| policy.add_witness(key.name(), (**key).clone()).is_ok();
            counted.push((
                domain,
                keys.iter().filter(add).map(|key| key.name().to_owned()).collect::<Vec<_>>(),
                keys.len(),
            ));
        }
        let mut groups = Vec::new();
        for (domain, members, vaults) in counted {
            let threshold = if vaults == 1 { Threshold::Any } else { Threshold::AtLeast(most_of(vaults)) };
            if members.len() < most_of(vaults) {
                continue;
            }
            let name = policy.free_name(&format!("domain-{domain}"));
            groups.push(name.clone());
            policy.groups.push(Group { name, threshold, members });
        }
        let most = most_of(listed.len());
        if groups.len() >= most {
            let name = policy.free_name("majority");
            policy.quorum = Some(name.clone());
            policy.groups.push(Group { name, threshold: Threshold::AtLeast(most), members: groups });
        }
        policy
    }

    /// The policy that also knows these witnesses, whose word counts towards no quorum. One whose name or key is there already
    /// stays what it is.
    #[must_use]
    pub fn with_witnesses(mut self, keys: &[VerifierKey]) -> Self {
        for key in keys {
            let _known = self.add_witness(key.name(), key.clone());
        }
        self
    }

    /// Whether somebody's word counts: it is the quorum, or a member of a group.
    #[must_use]
    pub fn counts(&self, name: &str) -> bool {
        self.quorum.as_deref() == Some(name) || self.groups.iter().any(|group| group.members.iter().any(|m| m == name))
    }

    /// A name for a group that no vault and no other group has.
    fn free_name(&self, wanted: &str) -> String {
        let mut name = wanted.replace(|c: char| !c.is_ascii_graphic(), "-");
        while self.new_name(&name).is_err() {
            name.push('_');
        }
        name
    }

    /// The keys that may sign the log's checkpoints, one for each epoch.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The vaults' and witnesses' keys by their names in this policy.
    pub fn witnesses(&self) -> &[(String, VerifierKey)] {
        &self.witnesses
    }

    /// The groups, in order.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Whether these witnesses together are the quorum. A policy without one is satisfied by nobody: a log that no vault
    /// holds is not held.
    pub fn satisfied(&self, holding: &BTreeSet<&str>) -> bool {
        let Some(quorum) = &self.quorum else { return false };
        let mut value: BTreeMap<&str, bool> =
            self.witnesses.iter().map(|(name, _)| (name.as_str(), holding.contains(name.as_str()))).collect();
        for group in &self.groups {
            let count = group.members.iter().filter(|member| value.get(member.as_str()) == Some(&true)).count();
            let met = match group.threshold {
                Threshold::Any => count >= 1,
                Threshold::All => count == group.members.len(),
                Threshold::AtLeast(k) => count >= k,
            };
            value.insert(&group.name, met);
        }
        value.get(quorum.as_str()) == Some(&true)
    }

    fn knows(&self, name: &str) -> bool {
        self.witnesses.iter().any(|(witness, _)| witness == name) || self.groups.iter().any(|group| group.name == name)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.contains(|c: char| c.is_ascii_control() && c != '\t') {
            return Err("there is a control character in it".to_owned());
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let Some(keyword) = words.next().filter(|word| !word.starts_with('#')) else { return Ok(()) };
        let words = words.collect::<Vec<_>>();
        match (keyword, words.as_slice()) {
            ("log", [key] | [key, _]) => self.add_log(parse_key(key, KeyKind::Ed25519)?)?,
            ("witness", [name, key] | [name, key, _]) => {
                self.add_witness(name, parse_key(key, KeyKind::Cosignature)?)?;
            }
            ("group", [name, threshold, members @ ..]) if !members.is_empty() => {
                self.group(name, threshold, members)?
            }
            ("quorum", ["none"]) => {}
            ("quorum", [name]) if self.knows(name) => self.quorum = Some((*name).to_owned()),
            ("quorum", [name]) => return Err(format!("{name} is not a witness or group named before")),
            _ => return Err(format!("`{keyword}` can't stand here like this")),
        }
        Ok(())
    }

    fn add_log(&mut self, key: VerifierKey) -> Result<(), String> {
        if self.logs.iter().any(|other| other.same_key(&key)) {
            return Err("its key is there already".to_owned());
        }
        self.logs.push(key);
        Ok(())
    }

    fn add_witness(&mut self, name: &str, key: VerifierKey) -> Result<(), String> {
        self.new_name(name)?;
        if self.witnesses.iter().any(|(_, other)| other.same_key(&key)) {
            return Err("its key is there already".to_owned());
        }
        self.witnesses.push((name.to_owned(), key));
        Ok(())
    }

    fn new_name(&self, name: &str) -> Result<(), String> {
        if name == "none" || self.knows(name) { Err(format!("the name {name} is taken")) } else { Ok(()) }
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        self.new_name(name)?;
        if let Some(unknown) = members.iter().find(|member| !self.knows(member)) {
            return Err(format!("{unknown} is not a witness or group named before"));
        }
        let grouped = self.groups.iter().flat_map(|group| &group.members).map(String::as_str);
        let mut taken = grouped.collect::<BTreeSet<_>>();
        if let Some(twice) = members.iter().find(|member| !taken.insert(member)) {
            return Err(format!("{twice} is a member already; nobody counts twice"));
        }
        let threshold = match threshold {
            "any" => Threshold::Any,
            "all" => Threshold::All,
            number => {
                let k = number.parse().ok().filter(|k| (1..=members.len()).contains(k));
                Threshold::AtLeast(k.ok_or("a threshold is any, all or a number from 1 to that of the members")?)
            }
        };
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.groups.push(Group { name: name.to_owned(), threshold, members });
        Ok(())
    }
}

/// More than half.
fn most_of(all: usize) -> usize {
    all / 2 + 1
}

/// Each key once: one that a domain lists twice is one vault.
fn distinct(keys: &[VerifierKey]) -> Vec<&VerifierKey> {
    let mut once: Vec<&VerifierKey> = Vec::new();
    for key in keys {
        if !once.iter().any(|other| other.same_key(key)) {
            once.push(key);
        }
    }
    once
}

fn parse_key(text: &str, kind: KeyKind) -> Result<VerifierKey, String> {
    let key: VerifierKey = text.parse().map_err(|error| format!("{error}"))?;
    if key.kind() == kind { Ok(key) } else { Err("the key is of another kind".to_owned()) }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let (mut policy, mut quorums, mut last) = (Self::default(), 0, 0);
        for (line, content) in (1..).zip(text.split_terminator('\n')) {
            let wrong = |what: String| PolicyError { line, what };
            if line > POLICY_LINES_MAX {
                return Err(wrong("there are too many lines".to_owned()));
            }
            policy.line(content).map_err(wrong)?;
            quorums += usize::from(content.split([' ', '\t']).find(|word| !word.is_empty()) == Some("quorum"));
            if quorums > 1 {
                return Err(wrong("there is a quorum already".to_owned()));
            }
            last = line;
        }
        let none = || PolicyError { line: last, what: "there is no quorum line after it".to_owned() };
        if quorums == 1 { Ok(policy) } else { Err(none()) }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.logs.iter().try_for_each(|key| writeln!(f, "log {key}"))?;
        self.witnesses.iter().try_for_each(|(name, key)| writeln!(f, "witness {name} {key}"))?;
        for group in &self.groups {
            let threshold = match group.threshold {
                Threshold::Any => "any".to_owned(),
                Threshold::All => "all".to_owned(),
                Threshold::AtLeast(k) => k.to_string(),
            };
            writeln!(f, "group {} {threshold} {}", group.name, group.members.join(" "))?;
        }
        match &self.quorum {
            Some(name) => writeln!(f, "quorum {name}"),
            None => writeln!(f, "quorum none"),
        }
    }
}
