//! Mail addresses.

use super::is_harmless;
use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Bytes of a mail address (RFC 5321, 4.5.3.1.3, without the brackets).
pub(super) const EMAIL_BYTES_MAX: usize = 254;

/// A mail address of the form people have: `local@domain`, no quotes, no comments, no blanks. Whether mail arrives there is
/// another matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |c: char| is_harmless(c) && !c.is_whitespace() && !"\"(),:;<>[]\\".contains(c);
        let parts = text.rsplit_once('@').filter(|(local, domain)| {
            !local.is_empty() && local.len() <= 64 && !local.contains('@') && is_domain(domain)
        });
        if parts.is_none() || text.len() > EMAIL_BYTES_MAX || !text.chars().all(plain) {
            return Err(Error::invalid("a mail address looks like name@example.org"));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_domain(domain: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-');
    let letters = |l: &str| l.chars().all(|c| c.is_alphanumeric() || c == '-');
    domain.split('.').all(|l| label(l) && letters(l))
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
