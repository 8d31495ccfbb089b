//! A part of a list: what comes after an id, and how much of it.

use serde::Deserialize;

/// A page of a list in the order of ids.
#[derive(Deserialize)]
pub(super) struct Page {
    /// The last id of the page before.
    #[serde(default)]
    pub(super) after: u64,
    /// How many at most; what serves the list has a bound of its own.
    #[serde(default = "limit_default")]
    pub(super) limit: u32,
}

/// How many come when nobody says.
pub(super) fn limit_default() -> u32 {
    50
}
