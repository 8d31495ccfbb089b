//! Policies (c2sp.org/tlog-policy): which keys are a log's, which are its vaults', and which vaults together are enough.

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
    /// The policy of a site: one group for each trust domain, in which any vault will do, and a quorum of the majority of
    /// domains. Copies that one person could destroy count as one.
    pub fn majority(logs: Vec<VerifierKey>, domains: &[(String, Vec<VerifierKey>)]) -> Self {
        let mut policy = Self { logs, ..Self::default() };
        let mut members = Vec::new();
        for (domain, keys) in domains.iter().filter(|(_, keys)| !keys.is_empty()) {
            let names = keys.iter().map(|key| key.name().to_owned()).collect::<Vec<_>>();
            policy.witnesses.extend(keys.iter().map(|key| (key.name().to_owned(), key.clone())));
            let name = format!("domain-{domain}");
            members.push(name.clone());
            policy.groups.push(Group { name, threshold: Threshold::Any, members: names });
        }
        if !members.is_empty() {
            let threshold = Threshold::AtLeast(members.len() / 2 + 1);
            policy.groups.push(Group { name: "majority".to_owned(), threshold, members });
            policy.quorum = Some("majority".to_owned());
        }
        policy
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
        let mut words = line.split_ascii_whitespace();
        let Some(keyword) = words.next().filter(|word| !word.starts_with('#')) else { return Ok(()) };
        let words = words.collect::<Vec<_>>();
        match (keyword, words.as_slice()) {
            ("log", [key] | [key, _]) => self.logs.push(parse_key(key, KeyKind::Ed25519)?),
            ("witness", [name, key] | [name, key, _]) => {
                self.new_name(name)?;
                self.witnesses.push(((*name).to_owned(), parse_key(key, KeyKind::Cosignature)?));
            }
            ("group", [name, threshold, members @ ..]) if !members.is_empty() => {
                self.group(name, threshold, members)?
            }
            ("quorum", [name]) if self.quorum.is_none() => {
                if *name != "none" && !self.knows(name) {
                    return Err(format!("{name} is not a witness or group named before"));
                }
                self.quorum = Some((*name).to_owned());
            }
            _ => return Err(format!("`{keyword}` can't stand here like this")),
        }
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

fn parse_key(text: &str, kind: KeyKind) -> Result<VerifierKey, String> {
    let key: VerifierKey = text.parse().map_err(|error| format!("{error}"))?;
    if key.kind() == kind { Ok(key) } else { Err("the key is of another kind".to_owned()) }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let what =
                if number > POLICY_LINES_MAX { Err("there are too many lines".to_owned()) } else { policy.line(line) };
            what.map_err(|what| PolicyError { line: number, what })?;
        }
        Ok(policy)
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
