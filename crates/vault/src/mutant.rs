//! The guard that the drill of the fall of Code Spaces takes away from vaults, to show that it would notice (`forge::mutant` has those of
//! the site).

/// Its name in the variable `OUTLAST_WITHOUT_GUARD`: a vault compares what it is given with what it has before it cosigns.
pub const GUARD: &str = "vault-order";

/// Whether this process does without it.
#[cfg(debug_assertions)]
pub(crate) fn without_order() -> bool {
    use std::sync::OnceLock;
    static WITHOUT: OnceLock<bool> = OnceLock::new();
    *WITHOUT.get_or_init(|| std::env::var("OUTLAST_WITHOUT_GUARD").is_ok_and(|guard| guard == GUARD))
}

/// Whether this process does without it: no release does.
#[cfg(not(debug_assertions))]
pub(crate) const fn without_order() -> bool {
    false
}
