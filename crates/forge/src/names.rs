//! Names people choose: of accounts, repositories, tokens, and their mail addresses. Parsed once, at the border.
//!
//! Invariants:
//! 1. A [`UserName`] or [`RepoName`] is ASCII letters, digits, `-`, `_` and `.`, and begins with none of `-` and `.`: it needs no
//!    escaping in an address, cannot be taken for an option or a path that leads elsewhere, and looks like itself.
//! 2. Names that differ only in the case of letters are the same name: the tables see to it.
//! 3. No account has a name that is an address of the site's own.
//! 4. No repository's name ends in what its addresses end in (`.git`, `.svn`).

mod email;
mod path;
mod text;

pub use email::Email;
pub use path::{NAMESPACE_DEPTH_MAX, OwnerPath, RepoPath};
pub use text::{TokenName, is_harmless};
pub(crate) use text::{plain_text, website};

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Bytes of an account's name.
pub const USER_NAME_BYTES_MAX: usize = 40;
/// Bytes of a repository's name.
pub const REPO_NAME_BYTES_MAX: usize = 100;

/// First parts of addresses that are the site's own, or might become so.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "activity",
    "admin",
    "all",
    "api",
    "assets",
    "attachments",
    "auth",
    "avatar",
    "avatars",
    "blob",
    "captcha",
    "dashboard",
    "doctor",
    "error",
    "explore",
    "export",
    "favicon.ico",
    "feed",
    "ghost",
    "git",
    "groups",
    "healthz",
    "help",
    "home",
    "import",
    "install",
    "issues",
    "join",
    "log",
    "login",
    "logout",
    "me",
    "metrics",
    "milestones",
    "new",
    "notifications",
    "oauth",
    "officer",
    "operator",
    "org",
    "organizations",
    "orgs",
    "outlast",
    "owner",
    "packages",
    "password",
    "policy",
    "privacy",
    "pulls",
    "raw",
    "receipt",
    "receipts",
    "recover",
    "register",
    "repo",
    "repos",
    "robots.txt",
    "root",
    "search",
    "security",
    "security.txt",
    "session",
    "settings",
    "setup",
    "signin",
    "signout",
    "signup",
    "site",
    "ssh",
    "sso",
    "starred",
    "static",
    "status",
    "svn",
    "swagger",
    "system",
    "terms",
    "topics",
    "user",
    "users",
    "v1",
    "v2",
    "v3",
    "vault",
    "vaults",
    "verify",
    "watching",
    "well-known",
    "wiki",
];

/// Endings with a meaning of their own in addresses.
const SUFFIXES: &[&str] = &[".git", ".svn", ".wiki", ".lock", ".atom", ".rss", ".keys", ".gpg", ".bundle"];

/// An account's or group's name: the first parts of its repositories' addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A repository's name in its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoName(String);

impl UserName {
    /// The name as its owner writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RepoName {
    /// The name as its owner writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check("a name", text, USER_NAME_BYTES_MAX)?;
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return Err(Error::invalid(format!("the name {text:?} is kept for the site's own pages; choose another")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for RepoName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check("a repository's name", text, REPO_NAME_BYTES_MAX)?;
        Ok(Self(text.to_owned()))
    }
}

fn check(what: &str, text: &str, bytes_max: usize) -> Result<(), Error> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let problem = if text.is_empty() {
        "is empty".to_owned()
    } else if text.len() > bytes_max {
        format!("is longer than {bytes_max} characters")
    } else if !text.bytes().all(inner) {
        "has other characters than letters, digits, '-', '_' and '.'".to_owned()
    } else if text.starts_with(['-', '.']) || text.ends_with('.') {
        "begins with '-' or '.', or ends with '.'".to_owned()
    } else if text.contains("..") {
        "has two dots in a row".to_owned()
    } else if let Some(suffix) = SUFFIXES.iter().find(|s| ends_with_ignoring_case(text, s)) {
        format!("ends in {suffix:?}, which has a meaning of its own in addresses")
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{what} must be other than {:?}: it {problem}", shown(text))))
}

fn ends_with_ignoring_case(text: &str, suffix: &str) -> bool {
    text.len() >= suffix.len() && text.as_bytes()[text.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
}

/// What somebody sent, short enough and harmless enough to be told back.
fn shown(text: &str) -> String {
    text.chars().take(64).map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

macro_rules! display {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
display! { UserName RepoName }

#[cfg(test)]
mod tests;
