//! Erasure: what officers order to be erased from vaults, and what a vault says that it has erased.
//!
//! A **list** is what an order of the act `erase` names by its hash: each blob with the entry that names it. A **record** is what a
//! vault keeps of an erasure and shows to whoever asks: the order, the list, what became of each blob, and the vault's signature.
//!
//! ```text
//! outlast/erase/v1                 outlast/erasure/v1
//! ORIGIN
//! repository 7                     the order and its signatures (order.rs)
//! 41 HEX
//! 52 HEX                           the list, as it was ordered
//!
//!                                  HEX BYTES erased        a line for each blob, in the list's order
//!
//!                                  a signed note: log, vault, order, list, objects (the hash of those lines)
//! ```
//! What is in entries stays: they are the leaves of the log's tree.

use crate::cosignature::{cosign, verify_note};
use crate::note::{KeyKind, SignedNote, SigningKey, VerifierKey};
use crate::order::{SignedOrder, VaultAct};
use crate::{BlobName, Hash, Origin};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The first line of a list.
pub const ERASE_LIST_HEADER: &str = "outlast/erase/v1";
/// The first line of a record.
pub const ERASURE_HEADER: &str = "outlast/erasure/v1";
/// The first line of what a vault signs.
const ERASED_HEADER: &str = "outlast/erased/v1";
/// Blobs that one order erases, at most.
pub const ERASE_BLOBS_MAX: usize = 250_000;
/// Bytes of a list or a record.
pub const ERASURE_BYTES_MAX: usize = 64 << 20;

/// Why a text is no list or record, or a record shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ErasureError(String);

fn wrong(text: impl Into<String>) -> ErasureError {
    ErasureError(text.into())
}

/// What is to be erased: all that a repository's entries name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EraseList {
    /// The site's log.
    pub origin: Origin,
    /// The repository, for people: a vault can't tell whether it is right.
    pub repository: u64,
    /// Each blob after the number of the entry that names it; ascending, each pair once.
    pub blobs: BTreeSet<(u64, BlobName)>,
}

impl EraseList {
    /// What an order names it by.
    pub fn hash(&self) -> Hash {
        Hash::of(self.to_string().as_bytes())
    }

    /// The blobs, each once.
    pub fn names(&self) -> BTreeSet<BlobName> {
        self.blobs.iter().map(|(_, name)| *name).collect()
    }

    /// Whether this is the list that an order names.
    ///
    /// # Errors
    /// When the order is of another act, or names another list.
    pub fn check(&self, order: &SignedOrder) -> Result<(), ErasureError> {
        let VaultAct::Erase { list, blobs, .. } = &order.order.act else {
            return Err(wrong("this order does not ask for an erasure"));
        };
        if Hash(*list) != self.hash() || *blobs != self.names().len() as u64 {
            return Err(wrong(format!("this is not the list that the order names: that has the hash {}", Hash(*list))));
        }
        if order.order.site != self.origin.as_str() {
            return Err(wrong("order and list are of different logs"));
        }
        Ok(())
    }
}

impl fmt::Display for EraseList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ERASE_LIST_HEADER}\n{}\nrepository {}\n", self.origin, self.repository)?;
        self.blobs.iter().try_for_each(|(entry, name)| writeln!(f, "{entry} {name}"))
    }
}

impl FromStr for EraseList {
    type Err = ErasureError;

    fn from_str(text: &str) -> Result<Self, ErasureError> {
        if text.len() > ERASURE_BYTES_MAX {
            return Err(wrong("the list is too large"));
        }
        let read = || {
            let mut lines = text.lines();
            lines.next().filter(|line| *line == ERASE_LIST_HEADER)?;
            let origin = lines.next()?.parse().ok()?;
            let repository = lines.next()?.strip_prefix("repository ")?.parse().ok()?;
            let pair = |line: &str| {
                let (entry, name) = line.split_once(' ')?;
                Some((entry.parse().ok()?, name.parse().ok()?))
            };
            let blobs = lines.map(pair).collect::<Option<BTreeSet<_>>>()?;
            Some(Self { origin, repository, blobs })
        };
        let list = read().ok_or_else(|| {
            wrong("this is no list of what is to be erased: `outlast order show ID --list FILE` writes one")
        })?;
        if list.blobs.is_empty() || list.blobs.len() > ERASE_BLOBS_MAX {
            return Err(wrong(format!("a list names from 1 to {ERASE_BLOBS_MAX} blobs")));
        }
        // One list has one text, so that nothing can stand between the lines that were hashed.
        if list.to_string() == text { Ok(list) } else { Err(wrong("the list is written otherwise than it must be")) }
    }
}

/// What became of a blob at a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its bytes were here and are gone.
    Erased,
    /// It was not here.
    Absent,
    /// It is to go, and lies here until a lock runs out, seconds since 1970; 0: it was not tried yet.
    Waits(u64),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Erased => f.write_str("erased"),
            Self::Absent => f.write_str("absent"),
            Self::Waits(until_s) => write!(f, "waits {until_s}"),
        }
    }
}

/// One blob of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedBlob {
    /// Its name.
    pub name: BlobName,
    /// How many bytes it had here.
    pub bytes: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What a vault keeps and shows of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRecord {
    /// Who ordered it.
    pub order: SignedOrder,
    /// What was ordered.
    pub list: EraseList,
    /// What became of each blob, in the order of names.
    pub blobs: Vec<ErasedBlob>,
    /// The vault's own key.
    pub vault: VerifierKey,
    note: SignedNote,
}

impl ErasureRecord {
    /// Signs what a vault has done, at a time in seconds since 1970.
    ///
    /// # Errors
    /// When the list is not the order's, or the blobs are not the list's.
    pub fn sign(
        key: &SigningKey,
        order: SignedOrder,
        list: EraseList,
        blobs: Vec<ErasedBlob>,
        now_s: u64,
    ) -> Result<Self, ErasureError> {
        let text = signed_text(key.verifier(), &order, &list, &blobs);
        let note = format!("{text}\n{}\n", cosign(key, &text, now_s));
        let note = note.parse().map_err(|error| wrong(format!("{error}")))?;
        let record = Self { order, list, blobs, vault: key.verifier().clone(), note };
        record.verify().map(|_| record)
    }

    /// Checks that it says one thing, signed by the key that it names. Gives the time of the signature, seconds since 1970. Whether that
    /// key is a vault's, and the order's signatures are officers', is for the reader to know.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&self) -> Result<u64, ErasureError> {
        self.list.check(&self.order)?;
        if !self.blobs.iter().map(|blob| blob.name).eq(self.list.names()) {
            return Err(wrong("the record is not of the blobs that were ordered"));
        }
        if self.note.text() != signed_text(&self.vault, &self.order, &self.list, &self.blobs) {
            return Err(wrong("what the vault signed is not what stands beside it"));
        }
        verify_note(&self.vault, &self.note).map_err(|error| wrong(format!("the vault's signature: {error}")))
    }

    /// Bytes that are gone.
    pub fn erased_bytes(&self) -> u64 {
        self.blobs.iter().filter(|blob| blob.fate == Fate::Erased).map(|blob| blob.bytes).sum()
    }

    /// How many blobs had this fate: erased, absent, waiting.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |so: fn(&Fate) -> bool| self.blobs.iter().filter(|blob| so(&blob.fate)).count();
        (
            count(|fate| *fate == Fate::Erased),
            count(|fate| *fate == Fate::Absent),
            count(|fate| matches!(fate, Fate::Waits(_))),
        )
    }
}

fn objects(blobs: &[ErasedBlob]) -> String {
    blobs.iter().fold(String::new(), |mut text, ErasedBlob { name, bytes, fate }| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name} {bytes} {fate}");
        text
    })
}

fn signed_text(vault: &VerifierKey, order: &SignedOrder, list: &EraseList, blobs: &[ErasedBlob]) -> String {
    format!(
        "{ERASED_HEADER}\n{}\nvault {vault}\norder {}\nlist {}\nobjects {}\n",
        list.origin,
        order.hash(),
        list.hash(),
        Hash::of(objects(blobs).as_bytes())
    )
}

impl fmt::Display for ErasureRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ERASURE_HEADER}\n\n{}\n{}\n{}\n{}", self.order, self.list, objects(&self.blobs), self.note)
    }
}

impl FromStr for ErasureRecord {
    type Err = ErasureError;

    /// Reads a record and [verifies](ErasureRecord::verify) it.
    fn from_str(text: &str) -> Result<Self, ErasureError> {
        if text.len() > ERASURE_BYTES_MAX {
            return Err(wrong("the record is too large"));
        }
        let mut parts = text.splitn(5, "\n\n");
        let mut part = || parts.next().ok_or_else(|| wrong("this is no record of an erasure: parts are missing"));
        if part()? != ERASURE_HEADER {
            return Err(wrong("this is no record of an erasure, or one for a newer release"));
        }
        let order: SignedOrder = part()?.parse().map_err(|error| wrong(format!("the order: {error}")))?;
        let list: EraseList = format!("{}\n", part()?).parse()?;
        let blob = |line: &str| blob(line).ok_or_else(|| wrong(format!("{line:?} says nothing of a blob")));
        let blobs = part()?.lines().map(blob).collect::<Result<Vec<_>, _>>()?;
        let note: SignedNote = part()?.parse().map_err(|error| wrong(format!("the vault's note: {error}")))?;
        let vault = note.text().lines().find_map(|line| line.strip_prefix("vault ")?.parse::<VerifierKey>().ok());
        let vault = vault.filter(|key| key.kind() == KeyKind::Cosignature);
        let vault = vault.ok_or_else(|| wrong("the note names no vault"))?;
        let record = Self { order, list, blobs, vault, note };
        record.verify().map(|_| record)
    }
}

fn blob(line: &str) -> Option<ErasedBlob> {
    let mut words = line.splitn(3, ' ');
    let (name, bytes) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let fate = match words.next()? {
        "erased" => Fate::Erased,
        "absent" => Fate::Absent,
        waits => Fate::Waits(waits.strip_prefix("waits ")?.parse().ok()?),
    };
    let blob = ErasedBlob { name, bytes, fate };
    // One blob has one line.
    (format!("{} {} {}", blob.name, blob.bytes, blob.fate) == line).then_some(blob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{ORDER_KIND, VaultOrder};

    fn key() -> SigningKey {
        SigningKey::from_seed("eu", KeyKind::Cosignature, &[7; 32]).unwrap()
    }

    fn list() -> EraseList {
        let blobs = [(41, &b"a"[..]), (41, b"b"), (52, b"c")].map(|(entry, bytes)| (entry, BlobName::of(bytes)));
        EraseList { origin: "outlast/x".parse().unwrap(), repository: 7, blobs: blobs.into() }
    }

    fn order(list: &EraseList) -> SignedOrder {
        let act = VaultAct::Erase {
            repository: 7,
            path: "ann/code".to_owned(),
            list: list.hash().0,
            blobs: list.names().len() as u64,
            bytes: 9,
        };
        let site = list.origin.to_string();
        let order = VaultOrder { kind: ORDER_KIND.to_owned(), site, act, not_before_us: 0, expires_us: 1 };
        SignedOrder::new(minicbor::to_vec(&order).unwrap(), Vec::new()).unwrap()
    }

    fn record() -> ErasureRecord {
        let fates = [Fate::Erased, Fate::Absent, Fate::Waits(9)];
        let blob = |(name, fate)| ErasedBlob { name, bytes: 5, fate };
        let blobs = list().names().into_iter().zip(fates).map(blob).collect();
        ErasureRecord::sign(&key(), order(&list()), list(), blobs, 1_800_000_000).unwrap()
    }

    #[test]
    fn a_list_has_one_text_and_one_hash() {
        let text = list().to_string();
        assert_eq!(text.parse::<EraseList>().unwrap(), list());
        let line = text.lines().nth(3).unwrap();
        for bad in [
            text.trim_end().to_owned(),
            text.replace('\n', "\r\n"),
            format!("{text}{line}\n"),
            format!("{text}\n"),
            text.replace("41 ", "041 "),
            text.replace("repository 7", "repository 07"),
            "outlast/erase/v1\noutlast/x\nrepository 7\n".to_owned(),
        ] {
            assert!(bad.parse::<EraseList>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_record_is_read_back_and_every_changed_byte_of_it_is_found() {
        let record = record();
        assert_eq!(record.verify().unwrap(), 1_800_000_000);
        assert_eq!(record.counts(), (1, 1, 1));
        assert_eq!(record.erased_bytes(), 5);
        let text = record.to_string();
        assert_eq!(text.parse::<ErasureRecord>().unwrap(), record);
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(changed.parse::<ErasureRecord>().is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_record_is_of_what_was_ordered_and_signed_by_whom_it_names() {
        let good = record();
        let other = EraseList { blobs: [(41, BlobName::of(b"a"))].into(), ..list() };
        assert!(other.check(&order(&list())).is_err());
        let fewer = good.blobs[1..].to_vec();
        assert!(ErasureRecord::sign(&key(), order(&list()), list(), fewer, 1).is_err());
        let stranger = SigningKey::from_seed("eu", KeyKind::Cosignature, &[8; 32]).unwrap();
        let forged = ErasureRecord { vault: stranger.verifier().clone(), ..good };
        assert!(forged.verify().is_err());
    }
}
