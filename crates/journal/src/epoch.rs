//! Epochs: who may write the log from where on. Only a recovery key can start one, so that whoever holds a whole site
//! can't, and a recovered site shuts the lost one out of every vault.
//!
//! ```text
//! epoch N --signed by a recovery key of epoch N------------------------> epoch N+1, the same recovery keys
//!         '-signed by one of epoch N or N+1, and names an order----------> epoch N+1, other recovery keys
//! ```
//! The order is by officers (`order.rs`); a vault that knows officers looks whether it has it, and no vault takes other keys
//! without. Who holds a recovery key and reads a log needs no officer: a statement that his key signed binds the root of all
//! that came before.

use crate::checkpoint::decimal;
use crate::note::{KeyKind, NoteError, SignedNote, SigningKey, VerifierKey};
use crate::{BlobName, Hash, Origin};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroize as _;

const HEADER: &str = "outlast-epoch/v1";
/// The form with recipients, several recovery keys, or others than before. Without those the first is written.
const HEADER_2: &str = "outlast-epoch/v2";
const RECOVERY_INFO: &[u8] = b"outlast/v1 recovery signing key";
/// The most recovery keys of an epoch.
pub const RECOVERY_KEYS_MAX: usize = 8;
/// The most characters of an age recipient.
const RECIPIENT_CHARS_MAX: usize = 1024;

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
    /// The blob that holds the epoch's data key, encrypted to the recovery keys and the site's.
    pub data_key: BlobName,
    /// The keys any of which may start the next epoch, one at least.
    pub recovery: Vec<RecoveryPublic>,
    /// Where the recovery keys are others than before: the blob with the data keys of all earlier epochs, encrypted to these.
    pub past: Option<BlobName>,
    /// And the order by which they are: the SHA-256 of its canonical bytes.
    pub order: Option<Hash>,
}

/// What everybody may know of a recovery key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPublic {
    /// The key that signs epochs.
    pub verifier: VerifierKey,
    /// The age recipient that everything is encrypted to; the first form of a statement does not name it.
    pub recipient: Option<String>,
}

impl RecoveryPublic {
    /// A recovery key of this log.
    ///
    /// # Errors
    /// When the bytes are no public key, or the recipient is none.
    pub fn new(origin: &Origin, signing: &[u8; 32], recipient: &str) -> Result<Self, NoteError> {
        let verifier = VerifierKey::from_bytes(&recovery_name(origin), KeyKind::Ed25519, signing)?;
        if !is_recipient(recipient) {
            return Err(NoteError::MalformedKey("a recovery key's recipient is an age recipient"));
        }
        Ok(Self { verifier, recipient: Some(recipient.to_owned()) })
    }
}

impl From<VerifierKey> for RecoveryPublic {
    fn from(verifier: VerifierKey) -> Self {
        Self { verifier, recipient: None }
    }
}

fn is_recipient(text: &str) -> bool {
    (1..=RECIPIENT_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
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
    /// The log goes on with recovery keys that this is none of.
    #[error(
        "this recovery key was replaced at entry {0}, and starts no epoch any more: bring one of those that replaced it"
    )]
    Replaced(u64),
    /// The log never knew the key.
    #[error("the log was begun with another recovery key")]
    AnotherKey,
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
    fn check(&self) -> Result<(), EpochError> {
        let bad = EpochError::Malformed;
        let usable = |key: &VerifierKey, name: &str| key.kind() == KeyKind::Ed25519 && key.name() == name;
        if !usable(&self.log_key, self.origin.as_str()) {
            return Err(bad("its log key is not one of this log"));
        }
        let name = recovery_name(&self.origin);
        if !self.recovery.iter().all(|key| usable(&key.verifier, &name)) {
            return Err(bad("its recovery key is not one of this log"));
        }
        if self.recovery.is_empty() || self.recovery.len() > RECOVERY_KEYS_MAX {
            return Err(bad("it has no recovery key, or too many"));
        }
        let twice = |at: usize| self.recovery[..at].iter().any(|key| key.verifier == self.recovery[at].verifier);
        if (0..self.recovery.len()).any(twice) {
            return Err(bad("it names a recovery key twice"));
        }
        let named = self.recovery.iter().all(|key| key.recipient.as_deref().is_some_and(is_recipient));
        if self.is_first_form() || named { Ok(()) } else { Err(bad("a recovery key has no recipient")) }
    }

    fn is_first_form(&self) -> bool {
        let one = self.recovery.len() == 1 && self.recovery[0].recipient.is_none();
        one && self.past.is_none() && self.order.is_none()
    }

    /// The statement in a note that `recovery_key` signed.
    ///
    /// # Errors
    /// When it isn't a statement, or not signed by the key.
    pub fn verify(note: &SignedNote, recovery_key: &VerifierKey) -> Result<Self, EpochError> {
        note.verify(recovery_key)?;
        note.text().parse()
    }

    /// The first statement of a log, which is signed by a key that it names itself: believed on first sight, and then
    /// held fast.
    ///
    /// # Errors
    /// When it isn't a statement, not signed, or not the first.
    pub fn verify_first(note: &SignedNote) -> Result<Self, EpochError> {
        let epoch: Self = note.text().parse()?;
        signed_by_one(note, &epoch.recovery)?;
        if epoch.epoch == 1 && epoch.size == 0 && epoch.order.is_none() && epoch.past.is_none() {
            Ok(epoch)
        } else {
            Err(EpochError::Malformed("it is not a log's first"))
        }
    }

    /// A statement that may follow another, as far as its signature says: that its order was given, only who knows officers can
    /// say, and [`Self::changes_keys`] whether it takes one.
    ///
    /// # Errors
    /// When it isn't a statement, no key signed it that may, or it has other keys without an order.
    pub fn verify_next(note: &SignedNote, before: &Self) -> Result<Self, EpochError> {
        let epoch: Self = note.text().parse()?;
        let changes = epoch.changes_keys(before);
        match signed_by_one(note, &before.recovery) {
            Ok(()) if changes && epoch.order.is_none() => {
                return Err(EpochError::Malformed("it has other recovery keys, and names no order for that"));
            }
            Ok(()) => {}
            Err(error) if !changes || epoch.order.is_none() => return Err(error),
            Err(_) => signed_by_one(note, &epoch.recovery)?,
        }
        Ok(epoch)
    }

    /// Whether other keys may start the epoch after this one than after the one before.
    pub fn changes_keys(&self, before: &Self) -> bool {
        self.recovery.len() != before.recovery.len()
            || !self.recovery.iter().all(|key| before.is_recovery(&key.verifier))
    }

    /// Whether a key may start the next epoch.
    pub fn is_recovery(&self, key: &VerifierKey) -> bool {
        self.recovery.iter().any(|one| one.verifier == *key)
    }

    /// The statements of a log, oldest first, each allowed by the one before; `own`, if any, are recovery keys of the reader's,
    /// one of which must be good today.
    ///
    /// # Errors
    /// When there is none, they do not follow one another, or the reader's keys are none of theirs.
    pub fn verify_all(notes: &[SignedNote], own: &[VerifierKey]) -> Result<Vec<Self>, EpochError> {
        let mut epochs: Vec<Self> = Vec::with_capacity(notes.len());
        for note in notes {
            let epoch = match epochs.last() {
                None => Self::verify_first(note)?,
                Some(before) => Self::verify_next(note, before)?,
            };
            let follows = |before: &Self| {
                epoch.origin == before.origin && epoch.epoch > before.epoch && epoch.size >= before.size
            };
            if !epochs.last().is_none_or(follows) {
                return Err(EpochError::Malformed("it does not follow the one before"));
            }
            epochs.push(epoch);
        }
        let last = epochs.last().ok_or(EpochError::Malformed("there is none"))?;
        let good = |epoch: &Self| own.iter().any(|key| epoch.is_recovery(key));
        if own.is_empty() || good(last) {
            return Ok(epochs);
        }
        let replaced = epochs.iter().rposition(good).and_then(|at| epochs.get(at + 1));
        Err(replaced.map_or(EpochError::AnotherKey, |epoch| EpochError::Replaced(epoch.size)))
    }
}

fn signed_by_one(note: &SignedNote, keys: &[RecoveryPublic]) -> Result<(), EpochError> {
    let mut why = EpochError::AnotherKey;
    for key in keys {
        match note.verify(&key.verifier) {
            Ok(()) => return Ok(()),
            Err(error) => why = error.into(),
        }
    }
    Err(why)
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.is_first_form();
        let header = if first { HEADER } else { HEADER_2 };
        writeln!(f, "{header}\n{}\nepoch {}\nsize {}", self.origin, self.epoch, self.size)?;
        writeln!(f, "root {}\nlog-key {}", self.root.to_base64(), self.log_key)?;
        writeln!(f, "data-key {}", self.data_key)?;
        for RecoveryPublic { verifier, recipient } in &self.recovery {
            match recipient.as_ref().filter(|_| !first) {
                Some(recipient) => writeln!(f, "recovery-key {verifier} {recipient}")?,
                None => writeln!(f, "recovery-key {verifier}")?,
            }
        }
        self.past.iter().try_for_each(|name| writeln!(f, "past {name}"))?;
        self.order.iter().try_for_each(|hash| writeln!(f, "order {hash}"))
    }
}

impl FromStr for Epoch {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, EpochError> {
        let bad = EpochError::Malformed;
        let mut lines = text.strip_suffix('\n').ok_or(bad("it does not end in a newline"))?.split('\n').peekable();
        let header = lines.next();
        if header != Some(HEADER) && header != Some(HEADER_2) {
            return Err(bad("it is of a form that this version does not know"));
        }
        let origin = lines.next().and_then(|text| text.parse().ok()).ok_or(bad("its origin is not usable"))?;
        let mut field = |name: &'static str| {
            let after = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
            lines.next_if(after).map(|line| &line[name.len() + 1..])
        };
        let mut epoch = Self {
            origin,
            epoch: field("epoch").and_then(decimal).ok_or(bad("its number is missing"))?,
            size: field("size").and_then(decimal).ok_or(bad("its size is missing"))?,
            root: field("root").and_then(Hash::from_base64).ok_or(bad("its root is missing"))?,
            log_key: field("log-key").and_then(|text| text.parse().ok()).ok_or(bad("its log key is missing"))?,
            data_key: field("data-key").and_then(|text| text.parse().ok()).ok_or(bad("its data key is missing"))?,
            recovery: Vec::new(),
            past: None,
            order: None,
        };
        while let Some(line) = field("recovery-key") {
            let (verifier, recipient) =
                line.split_once(' ').map_or((line, None), |(key, to)| (key, Some(to.to_owned())));
            let verifier = verifier.parse().map_err(|_| bad("a recovery key is malformed"))?;
            epoch.recovery.push(RecoveryPublic { verifier, recipient });
            if epoch.recovery.len() > RECOVERY_KEYS_MAX {
                break;
            }
        }
        if let Some(name) = field("past") {
            epoch.past = Some(name.parse().map_err(|_| bad("its past is no blob's name"))?);
        }
        if let Some(hash) = field("order") {
            epoch.order = Some(hash.parse().map_err(|_| bad("its order is no hash"))?);
        }
        if lines.next().is_some() {
            return Err(bad("lines follow it"));
        }
        epoch.check()?;
        // One statement has one form.
        if epoch.to_string() == text { Ok(epoch) } else { Err(bad("it is written otherwise than it must be")) }
    }
}
