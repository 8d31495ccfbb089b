//! Entries: one event with its number, time and maker; and their sealed form, the envelope, which is the log's leaf.
//!
//! A vault's owner sees an envelope: which data key sealed it, which blobs it needs, and ciphertext. Each entry is sealed
//! with a secret of its own, derived from the epoch's data key, so that a receipt can open one entry and no other; the
//! envelope commits to that secret, so that it can't be made to open to two texts. Deterministic: sealing again gives
//! the same bytes, and so the same leaf. `docs/formats/journal.md` has the byte tables.

use crate::merkle::leaf_hash;
use crate::{BlobName, Hash, Origin};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use hkdf::Hkdf;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use std::fmt;
use zeroize::Zeroize as _;

/// The most bytes of an envelope: what an entry bundle's length field can say (c2sp.org/tlog-tiles).
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// The most bytes of an event that stays in its entry; a larger one becomes blobs that the entry names.
pub const INLINE_EVENT_BYTES_MAX: usize = 48 * 1024;

const ENVELOPE_VERSION: u8 = 1;
const ENTRY_INFO: &[u8] = b"outlast/v1 entry";

/// An event as the journal keeps it. What its bytes mean is the business of whoever defines events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: the first is 0.
    pub seq: u64,
    /// When it was decided, in microseconds since 1970, UTC.
    pub time_us: i64,
    /// The account that made it; `None` for the site itself.
    pub actor: Option<u64>,
    /// The credential it was made with.
    pub credential: Option<u64>,
    /// What kind of event the body holds.
    pub kind: u32,
    /// The event.
    pub body: Body,
}

/// Where an event's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In the entry.
    Inline(Vec<u8>),
    /// In blobs, in order, because they would not fit.
    Blob(Vec<BlobName>),
}

/// Why an entry or envelope can't be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not the bytes of an entry.
    #[error("malformed entry: {0}")]
    Malformed(String),
    /// Larger than an entry may be; its event belongs in a blob.
    #[error("an entry of {0} bytes is over the limit of {ENTRY_BYTES_MAX}")]
    TooLarge(usize),
    /// A version of the format that this program does not know.
    #[error("entry format version {0} is not known to this version of Outlast; use a newer one")]
    UnknownVersion(u8),
    /// The secret is not the one that the envelope commits to.
    #[error("this is not the secret of entry {0}")]
    WrongSecret(u64),
    /// The ciphertext was changed.
    #[error("entry {0} does not decrypt: its bytes were changed")]
    Forged(u64),
    /// The entry inside has another number than its place in the log.
    #[error("the entry at place {place} says that it is entry {found}")]
    Misplaced {
        /// Where it was found.
        place: u64,
        /// What it says.
        found: u64,
    },
}

impl Entry {
    /// The entry's bytes: a CBOR map with integer keys.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(64));
        match self.encode_into(&mut e) {
            Ok(()) => e.into_writer(),
            Err(error) => unreachable_encode(error),
        }
    }

    fn encode_into(&self, e: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<Infallible>> {
        let fields = 4 + u64::from(self.actor.is_some()) + u64::from(self.credential.is_some());
        e.map(fields)?.u8(0)?.u64(self.seq)?.u8(1)?.i64(self.time_us)?;
        if let Some(actor) = self.actor {
            e.u8(2)?.u64(actor)?;
        }
        if let Some(credential) = self.credential {
            e.u8(3)?.u64(credential)?;
        }
        e.u8(4)?.u32(self.kind)?;
        match &self.body {
            Body::Inline(bytes) => e.u8(5)?.bytes(bytes)?,
            Body::Blob(names) => {
                e.u8(6)?.array(names.len() as u64)?;
                for name in names {
                    e.bytes(&name.0.0)?;
                }
                e
            }
        };
        Ok(())
    }

    /// Reads an entry's bytes. Keys that this version doesn't know are passed over: later versions may add some. Keys
    /// ascend, so that none is there twice and every reader sees the same entry.
    ///
    /// # Errors
    /// [`EntryError::Malformed`] says what is wrong; [`EntryError::TooLarge`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge(bytes.len()));
        }
        let mut d = Decoder::new(bytes);
        let entry = decode_entry(&mut d)?;
        if d.position() == bytes.len() { Ok(entry) } else { Err(EntryError::Malformed("bytes follow it".to_owned())) }
    }
}

fn decode_entry(d: &mut Decoder<'_>) -> Result<Entry, EntryError> {
    let fields = d.map()?.ok_or_else(|| missing("a length"))?;
    let (mut seq, mut time_us, mut actor, mut credential, mut kind, mut body) = (None, None, None, None, None, None);
    let mut next = 0;
    for _ in 0..fields {
        let key = d.u32()?;
        next = if key < next { None } else { key.checked_add(1) }.ok_or_else(|| missing("its fields in order"))?;
        match key {
            0 => seq = Some(d.u64()?),
            1 => time_us = Some(d.i64()?),
            2 => actor = Some(d.u64()?),
            3 => credential = Some(d.u64()?),
            4 => kind = Some(d.u32()?),
            5 => body = Some(Body::Inline(d.bytes()?.to_vec())),
            6 if body.is_none() => body = Some(Body::Blob(decode_names(d)?)),
            6 => return Err(EntryError::Malformed("it has two bodies".to_owned())),
            _ => d.skip()?,
        }
    }
    Ok(Entry {
        seq: seq.ok_or_else(|| missing("a number"))?,
        time_us: time_us.ok_or_else(|| missing("a time"))?,
        actor,
        credential,
        kind: kind.ok_or_else(|| missing("a kind"))?,
        body: body.ok_or_else(|| missing("a body"))?,
    })
}

fn missing(what: &str) -> EntryError {
    EntryError::Malformed(format!("it has not {what}"))
}

/// Writing CBOR into memory has no way to fail.
pub(crate) fn unreachable_encode<T>(error: minicbor::encode::Error<Infallible>) -> T {
    unreachable!("encoding into memory: {error}")
}

pub(crate) fn decode_names(d: &mut Decoder<'_>) -> Result<Vec<BlobName>, minicbor::decode::Error> {
    let count = d.array()?.ok_or_else(|| minicbor::decode::Error::message("an array without a length"))?;
    (0..count).map(|_| Ok(BlobName(decode_hash(d)?))).collect()
}

pub(crate) fn decode_hash(d: &mut Decoder<'_>) -> Result<Hash, minicbor::decode::Error> {
    Hash::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("a hash has 32 bytes"))
}

impl From<minicbor::decode::Error> for EntryError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Names a data key: the first eight bytes of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

/// The key of one epoch, from which each entry's own secret comes.
#[derive(Clone)]
pub struct DataKey {
    bytes: [u8; 32],
    id: KeyId,
    derive: Hkdf<Sha256>,
}

/// What opens one entry, and no other.
#[derive(Clone, PartialEq, Eq)]
pub struct EntrySecret(pub [u8; 32]);

impl Drop for DataKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Drop for EntrySecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for EntrySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntrySecret")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({:?})", self.id())
    }
}

impl DataKey {
    /// A data key from its random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let digest = Sha256::digest(bytes);
        let (first, _) = digest.split_first_chunk::<8>().expect("a SHA-256 value has 32 bytes");
        Self { bytes, id: KeyId(*first), derive: Hkdf::new(None, &bytes) }
    }

    /// The key's bytes, for whoever wraps it.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key's name in envelopes.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The secret of one entry: HKDF-SHA256 (RFC 5869) with the entry's place as info.
    pub fn secret(&self, origin: &Origin, seq: u64) -> EntrySecret {
        let mut secret = [0; 32];
        let info = [ENTRY_INFO, origin.as_str().as_bytes(), &seq.to_be_bytes()];
        self.derive.expand_multi_info(&info, &mut secret).expect("32 bytes are fewer than HKDF's limit");
        EntrySecret(secret)
    }
}

impl EntrySecret {
    fn derive(&self) -> Hkdf<Sha256> {
        Hkdf::from_prk(&self.0).expect("32 bytes are a SHA-256 PRK")
    }

    /// The ChaCha20-Poly1305 key of the entry.
    pub fn key(&self) -> [u8; 32] {
        expand(&self.derive(), b"key")
    }

    /// What the envelope shows of the secret.
    pub fn commitment(&self) -> [u8; 32] {
        expand(&self.derive(), b"commit")
    }

    /// The cipher and the commitment, for the price of one key schedule.
    fn cipher(&self) -> (ChaCha20Poly1305, [u8; 32]) {
        let derive = self.derive();
        let mut key = expand(&derive, b"key");
        let cipher = ChaCha20Poly1305::new(&key.into());
        key.zeroize();
        (cipher, expand(&derive, b"commit"))
    }
}

fn expand(derive: &Hkdf<Sha256>, info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    derive.expand(info, &mut out).expect("32 bytes are fewer than HKDF's limit");
    out
}

/// A sealed entry as the log and the vaults hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Which data key its secret comes from.
    pub key_id: KeyId,
    /// The commitment to its secret.
    pub commit: [u8; 32],
    /// The blobs that a vault must hold before it may say that it holds the entry.
    pub blobs: Vec<BlobName>,
    /// The entry, encrypted.
    pub ciphertext: Vec<u8>,
}

/// Seals an entry. `needs` are the blobs that its event names.
///
/// # Errors
/// [`EntryError::TooLarge`] when the envelope would not fit in an entry bundle.
pub fn seal(key: &DataKey, origin: &Origin, entry: &Entry, needs: &[BlobName]) -> Result<Vec<u8>, EntryError> {
    let (cipher, commit) = key.secret(origin, entry.seq).cipher();
    let mut envelope = Envelope { key_id: key.id(), commit, blobs: needs.to_vec(), ciphertext: Vec::new() };
    let (msg, aad) = (entry.encode(), envelope.associated_data(origin, entry.seq));
    // Each key encrypts one message ever, so that a constant nonce is right.
    let sealed = cipher.encrypt(&Nonce::default(), Payload { msg: &msg, aad: &aad });
    envelope.ciphertext = sealed.map_err(|_| EntryError::TooLarge(msg.len()))?;
    let bytes = envelope.encode();
    if bytes.len() > ENTRY_BYTES_MAX { Err(EntryError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

impl Envelope {
    fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(self.ciphertext.len() + 64 + 34 * self.blobs.len()));
        let done = (|| {
            e.array(5)?
                .u8(ENVELOPE_VERSION)?
                .bytes(&self.key_id.0)?
                .bytes(&self.commit)?
                .array(self.blobs.len() as u64)?;
            for name in &self.blobs {
                e.bytes(&name.0.0)?;
            }
            e.bytes(&self.ciphertext)?.ok()
        })();
        done.map_or_else(unreachable_encode, |()| e.into_writer())
    }

    /// What the cipher authenticates beside the entry: where it is, and everything in the clear.
    fn associated_data(&self, origin: &Origin, seq: u64) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(128 + 34 * self.blobs.len()));
        let done = (|| {
            e.array(6)?
                .u8(ENVELOPE_VERSION)?
                .str(origin.as_str())?
                .u64(seq)?
                .bytes(&self.key_id.0)?
                .bytes(&self.commit)?;
            e.array(self.blobs.len() as u64)?;
            for name in &self.blobs {
                e.bytes(&name.0.0)?;
            }
            e.ok()
        })();
        done.map_or_else(unreachable_encode, |()| e.into_writer())
    }

    /// Reads an envelope's bytes, without opening it.
    ///
    /// # Errors
    /// When they are no envelope, or one of a later format.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge(bytes.len()));
        }
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(5) || d.datatype()? != Type::U8 {
            return Err(EntryError::Malformed("not an envelope".to_owned()));
        }
        let version = d.u8()?;
        if version != ENVELOPE_VERSION {
            return Err(EntryError::UnknownVersion(version));
        }
        let key_id = KeyId(d.bytes()?.try_into().map_err(|_| missing("a key id of 8 bytes"))?);
        let Hash(commit) = decode_hash(&mut d)?;
        let envelope = Self { key_id, commit, blobs: decode_names(&mut d)?, ciphertext: d.bytes()?.to_vec() };
        if d.position() == bytes.len() {
            Ok(envelope)
        } else {
            Err(EntryError::Malformed("bytes follow it".to_owned()))
        }
    }

    /// Opens the envelope at place `seq` of a log.
    ///
    /// # Errors
    /// When the secret is another's, the bytes were changed, or the entry belongs elsewhere.
    pub fn open(&self, origin: &Origin, seq: u64, secret: &EntrySecret) -> Result<Entry, EntryError> {
        let (cipher, commit) = secret.cipher();
        if commit != self.commit {
            return Err(EntryError::WrongSecret(seq));
        }
        let aad = self.associated_data(origin, seq);
        let payload = Payload { msg: &self.ciphertext, aad: &aad };
        let plain = cipher.decrypt(&Nonce::default(), payload).map_err(|_| EntryError::Forged(seq))?;
        let entry = Entry::decode(&plain)?;
        if entry.seq == seq { Ok(entry) } else { Err(EntryError::Misplaced { place: seq, found: entry.seq }) }
    }

    /// The hash of an envelope's bytes as a leaf of the log.
    pub fn leaf(bytes: &[u8]) -> Hash {
        leaf_hash(bytes)
    }
}
