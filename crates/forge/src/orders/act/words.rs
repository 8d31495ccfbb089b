//! What officers read before they sign.

use super::Act;
use crate::event::protect::{Allowed, ProtectionSet};
use crate::orders::key::OfficerKey;
use journal::order::RecoveryHalf;

impl Act {
    /// What it does, in one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::RepoDelete { repo, path } => {
                format!("Delete the repository {path} (id {repo}): it goes into the trash.")
            }
            Self::RolesSet { name, officer, operator, account } => {
                let is = |yes: &bool| if *yes { "is" } else { "is not" };
                format!(
                    "From then on {name} (id {account}) {} an officer and {} an operator.",
                    is(officer),
                    is(operator)
                )
            }
            Self::KeyAdd { name, label, public_key, .. } => {
                format!("The officer {name} gets the key {label:?}: {}.", OfficerKey(*public_key))
            }
            Self::KeyRemove { name, key } => format!("Key {key} of the officer {name} no longer counts."),
            Self::LockdownLift { lockdown } => {
                format!("Lift lockdown {lockdown}: everybody may write again. What it ended stays ended.")
            }
            Self::RecoveryKeys { keys } => {
                let key = |key: &RecoveryHalf| format!("{} (signing {})", key.recipient, journal::Hash(key.signing));
                let keys: Vec<_> = keys.iter().map(key).collect();
                format!(
                    "Replace the recovery keys. From the next epoch on each of these opens the site's vaults: {}.",
                    keys.join(", ")
                )
            }
            Self::UserDelete { account, name } => {
                format!("Delete the account {name} (id {account}): it and its repositories go into the trash.")
            }
            Self::OrgDelete { org, path } => {
                format!("Delete the organisation {path} (id {org}): it and its repositories go into the trash.")
            }
            Self::TrashEmpty { repo, path } => format!(
                "Forget the repository {path} (id {repo}) in the trash: it does not come back from there. The vaults keep it."
            ),
            Self::FactorsOptional {} => "From then on nobody needs a second factor to sign in to this site.".to_owned(),
            Self::FactorRemove { factor, account, name, label } => {
                format!("Remove the second factor {label:?} (id {factor}) of {name} (id {account}).")
            }
            Self::Export { subject } => {
                format!("Let private repositories leave in an export of {subject}, for 24 h from then on.")
            }
            Self::RefRewrite { repo, path, name, old, new: None } => {
                format!("Delete {name} of {path} (id {repo}), which is at {old}, whatever protects it.")
            }
            Self::RefRewrite { repo, path, name, old, new: Some(new) } => {
                format!("Move {name} of {path} (id {repo}) from {old} to {new}, whatever protects it.")
            }
            Self::Erase { repo, path, list, blobs, bytes, .. } => format!(
                "Erase the content of the deleted repository {path} (id {repo}), here and from every vault: {blobs} blobs, {bytes} bytes of packs and revisions, those of the list with SHA-256 {}. It never comes back. What entries themselves say (names, paths, messages) stays: they are the log.",
                journal::Hash(*list)
            ),
            Self::VaultEnrol { name, domain, vkey, .. } => format!(
                "Enrol the vault {name} of {domain}: from then on it is one of those that hold what is acknowledged. Its key: {vkey}."
            ),
            Self::VaultRetire { name, domain } => {
                format!("Retire the vault {name} of {domain}: its word counts no longer. It keeps what it has.")
            }
            Self::VaultDomain { name, before, domain } => {
                format!("Count the vault {name} as one of {domain}, and no longer of {before}.")
            }
            Self::OrgFactorsOptional { org, path } => {
                format!("From then on nobody needs a second factor for the organisation {path} (id {org}).")
            }
            Self::ProtectionLoosen { path, repo, id, rule, what, rules } => {
                let words = loosened(path, *repo, *id, rule.as_deref(), what);
                match rules.as_ref().and_then(|rules| rules.last()) {
                    Some(last) => {
                        format!("{words} Only while the rules for these names are as entry {last} left them.")
                    }
                    None => format!("{words} Only while there is no other rule for these names."),
                }
            }
            Self::RuleSet { needed, delay_us } => {
                format!("From then on {needed} officers must sign an order, and it waits {} h.", hours(*delay_us))
            }
        }
    }
}

/// What a rule would be from then on: the site's words, and what the order itself says, which alone is done.
fn loosened(path: &str, repo: u64, id: Option<u64>, rule: Option<&ProtectionSet>, what: &str) -> String {
    let place = format!("Loosen what protects {path} (id {repo}): {what}.");
    let which = id.map_or_else(|| "The new rule".to_owned(), |id| format!("Rule {id}"));
    let Some(rule) = rule else { return format!("{place} {which} is ended.") };
    let may = |allowed: &Allowed| {
        let role = allowed.role.map(|role| format!("{role} and above"));
        let people = allowed.people.iter().map(|id| format!("account {id}"));
        let all: Vec<_> =
            role.into_iter().chain(people).chain(allowed.teams.iter().map(|id| format!("team {id}"))).collect();
        if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
    };
    let paths = rule
        .paths
        .as_ref()
        .map_or_else(String::new, |paths| format!("; {} changed by {}", paths.patterns.join(" "), may(&paths.change)));
    let signed = if rule.signed == Some(true) { "required" } else { "not required" };
    format!(
        "{place} {which}, from then on: {} {}; pushed by {}; rewritten by {}; deleted by {}; signatures {signed}{paths}.",
        rule.kind.as_str(),
        rule.pattern,
        may(&rule.push),
        may(&rule.force),
        may(&rule.delete)
    )
}

/// Hours, with a tenth where it is not a whole number.
fn hours(us: i64) -> String {
    let tenths = us / 360_000_000;
    if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}
