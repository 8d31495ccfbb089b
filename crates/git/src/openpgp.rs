//! OpenPGP public keys (RFC 9580), as far as they must be known to find the key of a signature. What a key is worth is `gpgv`'s to say.

use crate::read::signature::{PACKETS_MAX, Reader, decode, hex, packet};
use sha2::{Digest as _, Sha256};

/// The most bytes of a key: some are grown by a thousand signatures of others.
pub const OPENPGP_KEY_BYTES_MAX: usize = 64 << 10;
/// The most subkeys of one.
const SUBKEYS_MAX: usize = 32;

/// A public key with its subkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPgpKey {
    /// Its packets.
    pub packets: Vec<u8>,
    /// The fingerprints in hex: the key's own, then its subkeys'.
    pub fingerprints: Vec<String>,
    /// Whom it says it is of: names with mail addresses, as its owner wrote them.
    pub user_ids: Vec<String>,
}

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenPgpKeyError {
    /// A private key.
    #[error("that is a private key: never give it away; gpg --armor --export prints the public one")]
    Private,
    /// Too large.
    #[error(
        "the key has more than {OPENPGP_KEY_BYTES_MAX} bytes: gpg --armor --export-options export-minimal --export prints less"
    )]
    TooLarge,
    /// Several keys.
    #[error("that is more than one key: add one at a time")]
    Several,
    /// No key.
    #[error("that is no OpenPGP public key: gpg --armor --export YOU@EXAMPLE.ORG prints it")]
    NotAKey,
}

impl OpenPgpKey {
    /// Reads an armored key.
    ///
    /// # Errors
    /// When it is something else, with what to do.
    pub fn parse(armored: &str) -> Result<Self, OpenPgpKeyError> {
        let text = armored.trim();
        if text.starts_with("-----BEGIN PGP PRIVATE KEY BLOCK-----") {
            return Err(OpenPgpKeyError::Private);
        }
        if !text.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
            return Err(OpenPgpKeyError::NotAKey);
        }
        if text.len() > OPENPGP_KEY_BYTES_MAX * 3 / 2 {
            return Err(OpenPgpKeyError::TooLarge);
        }
        Self::read(decode(text).ok_or(OpenPgpKeyError::NotAKey)?)
    }

    fn read(packets: Vec<u8>) -> Result<Self, OpenPgpKeyError> {
        if packets.len() > OPENPGP_KEY_BYTES_MAX {
            return Err(OpenPgpKeyError::TooLarge);
        }
        let (mut reader, mut fingerprints, mut user_ids) = (Reader(&packets), Vec::new(), Vec::new());
        let mut count = 0;
        while !reader.0.is_empty() {
            count += 1;
            let (tag, body) =
                packet(&mut reader).filter(|_| count <= PACKETS_MAX * 16).ok_or(OpenPgpKeyError::NotAKey)?;
            match (tag, fingerprints.is_empty()) {
                (5 | 7, _) => return Err(OpenPgpKeyError::Private),
                (6, false) => return Err(OpenPgpKeyError::Several),
                (6, true) | (14, false) if fingerprints.len() <= SUBKEYS_MAX => {
                    fingerprints.push(fingerprint(body).ok_or(OpenPgpKeyError::NotAKey)?);
                }
                (_, true) => return Err(OpenPgpKeyError::NotAKey),
                (13, _) => user_ids.push(code::visible(body)),
                _ => {}
            }
        }
        if fingerprints.is_empty() {
            Err(OpenPgpKeyError::NotAKey)
        } else {
            Ok(Self { packets, fingerprints, user_ids })
        }
    }
}

/// Section 5.5.4 of the RFC; None: a version that is not known.
fn fingerprint(body: &[u8]) -> Option<String> {
    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    match body.first()? {
        4 => {
            let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
            hasher.update(&[0x99]);
            hasher.update(&length[2..]);
            hasher.update(body);
            Some(hex(hasher.try_finalize().ok()?.as_slice()))
        }
        6 => Some(hex(&Sha256::new().chain_update([0x9b]).chain_update(length).chain_update(body).finalize())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_public_key_is_told_so() {
        let of = |text: &str| OpenPgpKey::parse(text).unwrap_err();
        assert_eq!(of("ssh-ed25519 AAAA"), OpenPgpKeyError::NotAKey);
        assert_eq!(of("-----BEGIN PGP PRIVATE KEY BLOCK-----\n"), OpenPgpKeyError::Private);
        assert_eq!(of("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n"), OpenPgpKeyError::NotAKey);
        let large = format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{}\n", "A".repeat(OPENPGP_KEY_BYTES_MAX * 2));
        assert_eq!(of(&large), OpenPgpKeyError::TooLarge);
        // A secret key's packet in an armor that says otherwise.
        assert_eq!(OpenPgpKey::read(vec![0xc5, 1, 4]).unwrap_err(), OpenPgpKeyError::Private);
        assert_eq!(OpenPgpKey::read(vec![0xc6, 1, 4, 0xc6, 1, 4]).unwrap_err(), OpenPgpKeyError::Several);
        let one = OpenPgpKey::read(vec![0xc6, 1, 4, 0xcd, 2, b'a', b'\x1b', 0xce, 1, 4]).unwrap();
        assert_eq!((one.fingerprints.len(), one.fingerprints[0].len()), (2, 40));
        assert!(!one.user_ids[0].contains('\x1b'));
    }

    proptest! {
        #[test]
        fn no_bytes_stop_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = OpenPgpKey::read(bytes);
        }
    }
}
