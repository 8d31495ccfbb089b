//! Signed notes (c2sp.org/signed-note): a text and the signatures of named keys under it.

use crate::b64;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The most bytes that a note may have.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// The most signatures that a note may carry.
pub const NOTE_SIGNATURES_MAX: usize = 64;
/// The most bytes that a key's name, and so an origin, may have.
pub const NAME_BYTES_MAX: usize = 128;

/// The name of a log, the same for ever: what its checkpoints begin with and what its keys are called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

/// Not a usable name for a log or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {NAME_BYTES_MAX} printable ASCII characters, no space and no plus sign")]
pub struct OriginError;

/// Why a text is not a note, or a note is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The bytes are not a signed note.
    #[error("malformed note: {0}")]
    Malformed(&'static str),
    /// The text is not a verifier key.
    #[error("malformed verifier key: {0}")]
    MalformedKey(&'static str),
    /// No signature of this key is on the note.
    #[error("not signed by {0}")]
    NotSigned(String),
    /// There is a signature that claims to be of this key and is not.
    #[error("the signature of {0} is wrong")]
    WrongSignature(String),
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// The note's text itself (signature type 0x01): a log's own key.
    Ed25519,
    /// The text with a time (type 0x04, c2sp.org/tlog-cosignature): a vault's or witness's key.
    Cosignature,
}

/// The public half of a key with its name: what a "vkey" line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    key: VerifyingKey,
}

/// A key that signs notes.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

/// One signature line: who claims to have signed, the key's id, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub id: [u8; 4],
    /// The signature; what is in it is the kind's affair.
    pub bytes: Vec<u8>,
}

/// A text with signature lines. That it parsed says nothing about whether they are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// What we call our own keys: narrower than the specification, so that a name can be printed anywhere.
fn name_is_valid(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

/// What the specification lets a stranger call a key. A note with a stranger's signature must be readable: unknown
/// signatures are passed over, not refused.
fn name_is_lawful(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl Origin {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if name_is_valid(text) { Ok(Self(text.to_owned())) } else { Err(OriginError) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn parse(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

impl VerifierKey {
    fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Self {
        let digest =
            Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]).chain_update(key.as_bytes()).finalize();
        Self { name: name.to_owned(), kind, id: [digest[0], digest[1], digest[2], digest[3]], key }
    }

    /// A key from its 32 public bytes.
    ///
    /// # Errors
    /// When the name is not usable, or they are no public key.
    pub fn from_bytes(name: &str, kind: KeyKind, bytes: &[u8; 32]) -> Result<Self, NoteError> {
        if !name_is_valid(name) {
            return Err(NoteError::MalformedKey("its name is not usable"));
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| NoteError::MalformedKey("its key is not a point"))?;
        Ok(Self::new(name, kind, key))
    }

    /// The 32 public bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The first four bytes of a hash of name, kind and key.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(crate) fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        let wrong = || NoteError::WrongSignature(self.name.clone());
        let signature = Signature::from_slice(signature).map_err(|_| wrong())?;
        self.key.verify_strict(message, &signature).map_err(|_| wrong())
    }

    /// Whether it is the same public key, under whatever name and for whatever use.
    pub fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    pub(crate) fn made(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.id == self.id
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend_from_slice(self.key.as_bytes());
        let [a, b, c, d] = self.id;
        write!(f, "{}+{a:02x}{b:02x}{c:02x}{d:02x}+{}", self.name, b64::encode(&bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let bad = NoteError::MalformedKey;
        let (name, rest) = text.split_once('+').ok_or(bad("it has the form NAME+ID+KEY"))?;
        let (id, key) = rest.split_once('+').ok_or(bad("it has the form NAME+ID+KEY"))?;
        if !name_is_valid(name) {
            return Err(bad("its name is not usable"));
        }
        let bytes = b64::decode(key).ok_or(bad("its key is not base64"))?;
        let (kind, key) = bytes.split_first().ok_or(bad("its key is empty"))?;
        let kind = KeyKind::parse(*kind).ok_or(bad("its algorithm is unknown"))?;
        let key: &[u8; 32] = key.try_into().map_err(|_| bad("its key has the wrong length"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| bad("its key is not a point"))?;
        let parsed = Self::new(name, kind, key);
        if parsed.to_string() == text && id.len() == 8 { Ok(parsed) } else { Err(bad("its id is not that of its key")) }
    }
}

impl SigningKey {
    /// A key from its 32 secret bytes.
    ///
    /// # Errors
    /// When the name is not usable.
    pub fn from_seed(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, OriginError> {
        if !name_is_valid(name) {
            return Err(OriginError);
        }
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, kind, key.verifying_key());
        Ok(Self { key, verifier })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text of lines.
    ///
    /// # Errors
    /// When the text does not end in a newline, holds an empty line at its end or a control character.
    pub fn sign(&self, text: &str) -> Result<SignedNote, NoteError> {
        check_text(text)?;
        let signature = self.signature(self.key.sign(text.as_bytes()).to_bytes().to_vec());
        Ok(SignedNote { text: text.to_owned(), signatures: vec![signature] })
    }

    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    pub(crate) fn signature(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.verifier.name.clone(), id: self.verifier.id, bytes }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let bad = NoteError::Malformed;
    if text.len() > NOTE_BYTES_MAX {
        return Err(bad("it is too large"));
    }
    if !text.ends_with('\n') || text == "\n" || text.ends_with("\n\n") {
        return Err(bad("its text does not end in one newline"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(bad("its text holds a control character"));
    }
    Ok(())
}

impl NoteSignature {
    /// Parses one line, with or without its newline.
    ///
    /// # Errors
    /// When it isn't a signature line.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let rest = line.strip_prefix("\u{2014} ").ok_or(bad("a signature line does not begin with a dash"))?;
        let (name, base64) = rest.split_once(' ').ok_or(bad("a signature line has no signature"))?;
        if !name_is_lawful(name) {
            return Err(bad("a signature's name is not usable"));
        }
        let bytes = b64::decode(base64).ok_or(bad("a signature is not base64"))?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(bad("a signature is too short"))?;
        if bytes.is_empty() {
            return Err(bad("a signature is too short"));
        }
        Ok(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    /// The line, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "\u{2014} {} {}", self.name, b64::encode(&bytes))
    }
}

impl SignedNote {
    /// The text that is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, good or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line, unless the same key's is there.
    pub fn add(&mut self, signature: NoteSignature) {
        if !self.signatures.iter().any(|other| other.name == signature.name && other.id == signature.id) {
            self.signatures.push(signature);
        }
    }

    /// Checks that a key of kind [`KeyKind::Ed25519`] signed the text.
    ///
    /// # Errors
    /// When its signature is absent or wrong.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let not_signed = || NoteError::NotSigned(key.name.clone());
        if key.kind != KeyKind::Ed25519 {
            return Err(not_signed());
        }
        let signature = self.signatures.iter().find(|signature| key.made(signature)).ok_or_else(not_signed)?;
        key.verify_bytes(self.text.as_bytes(), &signature.bytes)
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed;
        if note.len() > NOTE_BYTES_MAX {
            return Err(bad("it is too large"));
        }
        let split = note.rfind("\n\n").ok_or(bad("it has no signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        check_text(text)?;
        let lines = lines.strip_suffix('\n').ok_or(bad("it does not end in a newline"))?;
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > NOTE_SIGNATURES_MAX {
            return Err(bad("it has too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
