//! Epochs: who may write the log from where on. Only the recovery key can start one, so that whoever holds a whole site
//! can't, and a recovered site shuts the lost one out of every vault.

use crate::checkpoint::decimal;
use crate::note::{KeyKind, NoteError, SignedNote, SigningKey, VerifierKey};
use crate::{BlobName, Hash, Origin};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroize as _;

const HEADER: &str = "outlast-epoch/v1";
const RECOVERY_INFO: &[u8] = b"outlast/v1 recovery signing key";

/// The statement that starts an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// The log.
    pub origin: Origin,
    /// The epoch's number: the first is 1.
    pub epoch: u64,
    /// How many entries the log has where the epoch begins.
    pub size: u64,
    /// The log's root there.
    pub root: Hash,
    /// The key that signs checkpoints from here on.
    pub log_key: VerifierKey,
    /// The blob that holds the epoch's data key, encrypted to the recovery key and the site's.
    pub data_key: BlobName,
    /// The key that may start the next epoch.
    pub recovery_key: VerifierKey,
}

/// Why a text is not the start of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// Not the form of a statement.
    #[error("malformed epoch statement: {0}")]
    Malformed(&'static str),
    /// Malformed or not signed by the recovery key.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// The key that signs epochs, derived from the 32 secret bytes of the recovery identity.
pub fn recovery_signing_key(secret: &[u8; 32], origin: &Origin) -> SigningKey {
    let mut seed = [0; 32];
    Hkdf::<Sha256>::new(None, secret).expand(RECOVERY_INFO, &mut seed).expect("32 bytes are fewer than HKDF's limit");
    let key = SigningKey::from_seed(&recovery_name(origin), KeyKind::Ed25519, &seed);
    seed.zeroize();
    key.expect("an origin with a suffix is a usable name")
}

fn recovery_name(origin: &Origin) -> String {
    format!("{}/recovery", truncated(origin))
}

/// Leaves room for the suffix in an origin of the greatest length.
fn truncated(origin: &Origin) -> &str {
    let text = origin.as_str();
    &text[..text.len().min(crate::note::NAME_BYTES_MAX - "/recovery".len())]
}

impl Epoch {
    /// Signs the statement.
    ///
    /// # Errors
    /// Never for a statement made of valid parts; the type says so for callers that parse.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedNote, NoteError> {
        key.sign(&self.to_string())
    }

    /// A key under another name, or of another kind, would never verify anything of this log.
    fn check_keys(&self) -> Result<(), EpochError> {
        let usable = |key: &VerifierKey, name: &str| key.kind() == KeyKind::Ed25519 && key.name() == name;
        if !usable(&self.log_key, self.origin.as_str()) {
            return Err(EpochError::Malformed("its log key is not one of this log"));
        }
        if !usable(&self.recovery_key, &recovery_name(&self.origin)) {
            return Err(EpochError::Malformed("its recovery key is not one of this log"));
        }
        Ok(())
    }

    /// The statement in a note that `recovery_key` signed.
    ///
    /// # Errors
    /// When it isn't a statement, or not signed by the key.
    pub fn verify(note: &SignedNote, recovery_key: &VerifierKey) -> Result<Self, EpochError> {
        note.verify(recovery_key)?;
        note.text().parse()
    }

    /// The first statement of a log, which is signed by the key that it names itself: believed on first sight, and then
    /// held fast.
    ///
    /// # Errors
    /// When it isn't a statement, not signed, or not the first.
    pub fn verify_first(note: &SignedNote) -> Result<Self, EpochError> {
        let epoch: Self = note.text().parse()?;
        note.verify(&epoch.recovery_key)?;
        if epoch.epoch == 1 && epoch.size == 0 {
            Ok(epoch)
        } else {
            Err(EpochError::Malformed("it is not a log's first"))
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\n{}\nepoch {}\nsize {}", self.origin, self.epoch, self.size)?;
        writeln!(f, "root {}\nlog-key {}", self.root.to_base64(), self.log_key)?;
        writeln!(f, "data-key {}\nrecovery-key {}", self.data_key, self.recovery_key)
    }
}

impl FromStr for Epoch {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, EpochError> {
        let bad = EpochError::Malformed;
        let mut lines = text.strip_suffix('\n').ok_or(bad("it does not end in a newline"))?.split('\n');
        let mut field = |name: &'static str| {
            let line = lines.next()?;
            if name.is_empty() { Some(line) } else { line.strip_prefix(name)?.strip_prefix(' ') }
        };
        if field("") != Some(HEADER) {
            return Err(bad("it is of a form that this version does not know"));
        }
        let epoch = Self {
            origin: field("").and_then(|text| text.parse().ok()).ok_or(bad("its origin is not usable"))?,
            epoch: field("epoch").and_then(decimal).ok_or(bad("its number is missing"))?,
            size: field("size").and_then(decimal).ok_or(bad("its size is missing"))?,
            root: field("root").and_then(Hash::from_base64).ok_or(bad("its root is missing"))?,
            log_key: field("log-key").and_then(|text| text.parse().ok()).ok_or(bad("its log key is missing"))?,
            data_key: field("data-key").and_then(|text| text.parse().ok()).ok_or(bad("its data key is missing"))?,
            recovery_key: field("recovery-key")
                .and_then(|text| text.parse().ok())
                .ok_or(bad("its recovery key is missing"))?,
        };
        if lines.next().is_some() {
            return Err(bad("lines follow it"));
        }
        epoch.check_keys()?;
        Ok(epoch)
    }
}
