//! What a vault says of who runs it: words that its owner chose, and a digest of the machine. A doctor compares them between
//! vaults; nobody's safety rests on their truth.

use journal::Hash;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Under the vault's directory.
const FILE: &str = "about.json";
/// Bytes of one word.
pub const ABOUT_BYTES_MAX: usize = 200;

/// Who runs a vault, as far as it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Who owns it: a company, a person.
    pub owner: Option<String>,
    /// The account its machine is paid from.
    pub account: Option<String>,
    /// Who may log in there.
    pub administrator: Option<String>,
    /// A digest of the machine's id.
    pub machine: Option<String>,
}

impl About {
    /// What the owner said last, with what is said now in its place; kept for the next start.
    ///
    /// # Errors
    /// When it can't be kept, or a word is too long.
    pub fn keep(self, dir: &Path) -> io::Result<()> {
        let old = Self::read(dir);
        let about = Self {
            owner: self.owner.or(old.owner),
            account: self.account.or(old.account),
            administrator: self.administrator.or(old.administrator),
            machine: None,
        };
        let words = [&about.owner, &about.account, &about.administrator];
        if words.into_iter().flatten().any(|word| word.len() > ABOUT_BYTES_MAX) {
            return Err(io::Error::other(format!(
                "owner, account and administrator have at most {ABOUT_BYTES_MAX} bytes"
            )));
        }
        if about == Self::default() {
            return Ok(());
        }
        std::fs::create_dir_all(dir)?;
        crate::server::write_private(&dir.join(FILE), serde_json::to_string(&about)?.as_bytes())
    }

    /// What is said of the vault in this directory, and on which machine it runs now.
    pub(crate) fn read(dir: &Path) -> Self {
        let said = std::fs::read(dir.join(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { machine: machine(), ..said.unwrap_or_default() }
    }
}

/// A digest of this machine's id (machine-id(5), which must not be shown itself); None: it has none.
#[must_use]
pub fn machine() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| Hash::of(format!("outlast machine\n{id}").as_bytes()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_stays_until_something_else_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let say = |text: &str| Some(text.to_owned());
        About { owner: say("Ann"), account: say("7"), ..About::default() }.keep(dir.path()).unwrap();
        About { owner: say("Bob"), ..About::default() }.keep(dir.path()).unwrap();
        About::default().keep(dir.path()).unwrap();
        let about = About::read(dir.path());
        assert_eq!((about.owner, about.account, about.machine), (say("Bob"), say("7"), machine()));
        assert!(About { owner: say(&"x".repeat(201)), ..About::default() }.keep(dir.path()).is_err());
    }
}
