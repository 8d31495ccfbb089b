//! Attacks on a store: its promise is tried before it is trusted, and again each day.
//!
//! Each kind of store is attacked by its own file; what they found is told in one form.

mod bucket;
mod directory;
mod remote;

pub use bucket::probe_bucket;
pub use directory::probe_directory;
pub use remote::probe_vault;

use std::fmt;

/// How an attack ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The store withstood.
    Held,
    /// The attack succeeded.
    Fell,
    /// It could not be tried: the storage or the network failed.
    Untried,
}

impl Outcome {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Fell => "fell",
            Self::Untried => "untried",
        }
    }
}

/// One attack and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was tried.
    pub attack: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a vault relies on its holding; what it does not rely on is told all the same.
    pub needed: bool,
    /// What was seen.
    pub seen: String,
}

/// What a probe found.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// What was attacked, without secrets.
    pub target: String,
    /// Every attack, in order.
    pub attempts: Vec<Attempt>,
}

impl Probe {
    pub(crate) fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), attempts: Vec::new() }
    }

    pub(crate) fn note(&mut self, needed: bool, attack: &'static str, outcome: Outcome, seen: impl Into<String>) {
        self.attempts.push(Attempt { attack, outcome, needed, seen: seen.into() });
    }

    /// Everything that a vault relies on and that did not hold, in words; empty when the store may be trusted.
    pub fn failures(&self) -> Vec<String> {
        let fell = |attempt: &&Attempt| attempt.needed && attempt.outcome == Outcome::Fell;
        let words = |attempt: &Attempt| format!("{}: {}", attempt.attack, attempt.seen);
        self.attempts.iter().filter(fell).map(words).collect()
    }

    /// Whether something that a vault relies on could not be tried.
    pub fn is_inconclusive(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.needed && attempt.outcome == Outcome::Untried)
    }

    /// Whether the store may be trusted.
    pub fn passed(&self) -> bool {
        self.failures().is_empty() && !self.is_inconclusive()
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.target)?;
        let width = self.attempts.iter().map(|attempt| attempt.attack.len()).max().unwrap_or(0);
        for Attempt { attack, outcome, needed, seen } in &self.attempts {
            let mark = match (outcome, needed) {
                (Outcome::Held, _) => "  held   ",
                (Outcome::Fell, true) => "  FELL   ",
                (Outcome::Fell, false) => "  missing",
                (Outcome::Untried, _) => "  untried",
            };
            writeln!(f, "{mark}  {attack:width$}  {seen}")?;
        }
        match (self.failures().len(), self.is_inconclusive()) {
            (0, false) => write!(f, "fit for a vault"),
            (0, true) => write!(f, "UNDECIDED: not everything that a vault needs could be tried"),
            (fell, _) => write!(f, "REJECTED: {fell} of the things that a vault needs did not hold"),
        }
    }
}
