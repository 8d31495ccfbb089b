//! What a caller of a vault shows: the append credential (a site) or the recovery credential (who may also read).

use getrandom::fill;
use journal::Hash;
use std::fmt;
use subtle::ConstantTimeEq as _;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Add, and ask for the state.
    Append,
    /// All of that, and read: what a recovered site goes on with.
    Recover,
}

impl Role {
    /// How it is called in a vault's URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Recover => "recover",
        }
    }
}

/// A secret of 256 random bits, as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(Hash);

impl Credential {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(Hash(bytes)))
    }

    /// One that opens nothing: no vault keeps its digest.
    pub(crate) fn nobodys() -> Self {
        Self(Hash([0; 32]))
    }

    /// From its digits.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The digits. Not `Display`, so that it isn't logged by accident.
    pub fn expose(&self) -> String {
        self.0.to_string()
    }

    /// What a vault keeps of it.
    pub fn digest(&self) -> Hash {
        Hash::of(&self.0.0)
    }

    /// Whether this is the one of which a vault keeps `digest`; the time it takes says nothing.
    pub fn matches(&self, digest: &Hash) -> bool {
        self.digest().0.ct_eq(&digest.0).into()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
