//! What operators set for the whole site: on a page, at the command line. In force at once, and again after a recovery.
//!
//! Invariants:
//! 1. What is set is in the journal. What nobody has set is the default of [`SETTINGS`], which a later release may change.
//! 2. A value is checked when it is set, by its [`Kind`]. One that a release can't read (a later one wrote it) is the default.
//! 3. Every owner's quota is among the settings and has an event of its own ([`QuotaSet`](crate::event::role::QuotaSet)): it is
//!    kept in one place.

pub mod command;
mod kind;
mod list;

pub use kind::Kind;
pub use list::{Group, Name, SETTINGS, Setting};

use crate::db::{DbError, Tx};
use std::collections::BTreeMap;

/// The settings in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    set: BTreeMap<Name, String>,
}

impl Settings {
    /// What is set, now.
    pub fn load(tx: &mut Tx) -> Result<Self, DbError> {
        let mut set = BTreeMap::new();
        for row in tx.query("SELECT name, value FROM setting", &[])? {
            let (word, value): (String, String) = (row.get(0)?, row.get(1)?);
            let name = Name::from_word(&word);
            set.extend(name.and_then(|name| Some((name, name.setting().kind.parse(&value).ok()?))));
        }
        let all = crate::quota::quota_of_everybody(tx)?;
        let quotas = [(Name::OwnerRepos, all.repos), (Name::OwnerBytes, all.bytes), (Name::RepoBytes, all.repo_bytes)];
        set.extend(quotas.into_iter().filter_map(|(name, value)| Some((name, value?.to_string()))));
        Ok(Self { set })
    }

    /// A setting's value.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        self.set.get(&name).map_or(name.setting().default, String::as_str)
    }

    /// The value of a setting that is a number, in its unit; 0 for any other.
    #[must_use]
    pub fn number(&self, name: Name) -> u64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// Whether somebody has set it.
    #[must_use]
    pub fn is_set(&self, name: Name) -> bool {
        self.set.contains_key(&name)
    }
}

/// A setting's value, for what the writer decides.
pub(crate) fn text(tx: &mut Tx, name: Name) -> Result<String, DbError> {
    let setting = name.setting();
    let row = tx.query_opt("SELECT value FROM setting WHERE name = ?1", &[setting.word.into()])?;
    let value: Option<String> = row.map(|row| row.get(0)).transpose()?;
    Ok(value.and_then(|value| setting.kind.parse(&value).ok()).unwrap_or_else(|| setting.default.to_owned()))
}

/// The same, of a number.
pub(crate) fn number(tx: &mut Tx, name: Name) -> Result<u64, DbError> {
    Ok(text(tx, name)?.parse().unwrap_or_default())
}

/// A time that is set in days, in microseconds.
pub(crate) fn days_us(tx: &mut Tx, name: Name) -> Result<i64, DbError> {
    let days = i64::try_from(number(tx, name)?).unwrap_or(i64::MAX);
    Ok(days.saturating_mul(24 * 60 * 60 * 1_000_000))
}

#[cfg(test)]
mod tests;
