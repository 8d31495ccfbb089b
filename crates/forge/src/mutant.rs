//! Guards that the drill of the fall of Code Spaces takes away one at a time, to show that it would notice.
//!
//! In a release nothing of this is there: [`without`] is the constant `false` wherever debug assertions are off. In a development build the
//! variable `OUTLAST_WITHOUT_GUARD` names the one guard that the process does without.

/// A guard that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// An order takes the signatures of M officers.
    Signatures,
    /// A veto ends an order.
    Veto,
    /// Too many destructive acts freeze an account.
    Fuse,
    /// A new factor of an officer or operator sleeps for a day.
    Dormancy,
    /// A lockdown ends what was made by what it ends.
    Closure,
}

impl Mutant {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Signatures, Self::Veto, Self::Fuse, Self::Dormancy, Self::Closure];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signatures => "signatures",
            Self::Veto => "veto",
            Self::Fuse => "fuse",
            Self::Dormancy => "dormancy",
            Self::Closure => "closure",
        }
    }
}

/// Whether this process does without a guard.
#[cfg(debug_assertions)]
pub(crate) fn without(guard: Mutant) -> bool {
    use std::sync::OnceLock;
    static WITHOUT: OnceLock<Option<String>> = OnceLock::new();
    let without = WITHOUT.get_or_init(|| std::env::var("OUTLAST_WITHOUT_GUARD").ok());
    without.as_deref() == Some(guard.as_str())
}

/// Whether this process does without a guard: no release does.
#[cfg(not(debug_assertions))]
pub(crate) const fn without(_: Mutant) -> bool {
    false
}
