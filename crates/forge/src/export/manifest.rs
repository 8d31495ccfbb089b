//! The manifest: a signed note over the list of all files.

use journal::Hash;
use journal::note::{NoteError, SignedNote, VerifierKey};
use std::fmt;
use std::str::FromStr;

const HEADER: &str = "outlast/export/v1";

/// What an export says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The site's log.
    pub origin: String,
    /// The key that signs it: the log's.
    pub log_key: VerifierKey,
    /// What was exported.
    pub subject: String,
    /// Entries in the journal when it was finished.
    pub entries: u64,
    /// Repositories that could not be part of it, with why.
    pub left_out: Vec<String>,
    /// SHA-256 of `SHA256SUMS`.
    pub sums: Hash,
}

/// Not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The text is none.
    #[error("not the manifest of an export: {0}")]
    Malformed(&'static str),
    /// It is not signed by the key it names.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Manifest {
    /// Reads a manifest that the key it names has signed. Whether that key is the site's, the site's `/log/policy` says.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, ManifestError> {
        let note: SignedNote = text.parse()?;
        let manifest: Self = note.text().parse()?;
        note.verify(&manifest.log_key)?;
        Ok(manifest)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\n{}\nlog-key {}\nsubject {}", self.origin, self.log_key, self.subject)?;
        writeln!(f, "entries {}\nsums {}", self.entries, self.sums)?;
        self.left_out.iter().try_for_each(|what| writeln!(f, "left-out {what}"))
    }
}

impl FromStr for Manifest {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let bad = ManifestError::Malformed;
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(bad("it is of a form that this version does not know"));
        }
        let origin = lines.next().ok_or(bad("it names no site"))?.to_owned();
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let log_key = field("log-key").and_then(|text| text.parse().ok()).ok_or(bad("it names no key"))?;
        let subject = field("subject").ok_or(bad("it has no subject"))?.to_owned();
        let entries = field("entries").and_then(|text| text.parse().ok()).ok_or(bad("it has no entries"))?;
        let sums = field("sums").and_then(|text| text.parse().ok()).ok_or(bad("it has no checksum"))?;
        let left_out = lines.map(|line| line.strip_prefix("left-out ").map(str::to_owned)).collect::<Option<_>>();
        Ok(Self { origin, log_key, subject, entries, left_out: left_out.ok_or(bad("lines follow it"))?, sums })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::note::{KeyKind, SigningKey};

    #[test]
    fn a_manifest_is_vouched_for_by_the_key_it_names() {
        let key = |seed| SigningKey::from_seed("outlast/ab", KeyKind::Ed25519, &[seed; 32]).unwrap();
        let manifest = Manifest {
            origin: "outlast/ab".into(),
            log_key: key(1).verifier().clone(),
            subject: "ann".into(),
            entries: 9,
            left_out: vec!["ann/old: Subversion".into()],
            sums: Hash::of(b"sums"),
        };
        let note = key(1).sign(&manifest.to_string()).unwrap().to_string();
        assert_eq!(Manifest::read(&note).unwrap(), manifest);
        assert!(Manifest::read(&note.replace("entries 9", "entries 8")).is_err());
        assert!(Manifest::read(&key(2).sign(&manifest.to_string()).unwrap().to_string()).is_err());
    }
}
