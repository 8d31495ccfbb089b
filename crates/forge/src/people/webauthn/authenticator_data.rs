//! Authenticator data: what the authenticator itself says, and signs.
//!
//! ```text
//! SHA-256 of the RP id (32) | flags (1) | counter (4, big endian)
//!   if attested:   AAGUID (16) | length (2) | credential id | public key (COSE)
//!   if extended:   a CBOR map
//! ```

use super::{CREDENTIAL_ID_BYTES_MAX, Refused, RelyingParty};
use minicbor::Decoder;
use sha2::{Digest as _, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;

pub(super) struct AuthenticatorData<'a> {
    flags: u8,
    pub(super) sign_count: u32,
    /// The credential's id and its public key.
    pub(super) attested: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads it, for this relying party, of a person who was there.
    pub(super) fn read(bytes: &'a [u8], rp: &RelyingParty) -> Result<Self, Refused> {
        let short = Refused("the authenticator's part is cut short");
        let (rp_hash, rest) = bytes.split_first_chunk::<32>().ok_or(short)?;
        let (flags, rest) = rest.split_first().ok_or(short)?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        if *rp_hash != <[u8; 32]>::from(Sha256::digest(rp.id.as_bytes())) {
            return Err(Refused("it is for another site"));
        }
        let (attested, rest) = if flags & ATTESTED == 0 { (None, rest) } else { attested(rest)? };
        let rest = if flags & EXTENDED == 0 { rest } else { after_item(rest)?.1 };
        if !rest.is_empty() {
            return Err(Refused("bytes are left over in the authenticator's part"));
        }
        if flags & USER_PRESENT == 0 {
            return Err(Refused("nobody touched the authenticator"));
        }
        if flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0 {
            return Err(Refused("it says that it is copied and can't be copied"));
        }
        Ok(Self { flags: *flags, sign_count: u32::from_be_bytes(*count), attested })
    }

    pub(super) fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    pub(super) fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

type Attested<'a> = (Option<(&'a [u8], &'a [u8])>, &'a [u8]);

fn attested(bytes: &[u8]) -> Result<Attested<'_>, Refused> {
    let short = Refused("the new key is cut short");
    let (_aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(short)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > CREDENTIAL_ID_BYTES_MAX || rest.len() < length {
        return Err(Refused("the new key's id has not the length that it says"));
    }
    let (id, rest) = rest.split_at(length);
    let (key, rest) = after_item(rest)?;
    Ok((Some((id, key)), rest))
}

/// The first CBOR item and what follows it.
fn after_item(bytes: &[u8]) -> Result<(&[u8], &[u8]), Refused> {
    let mut decoder = Decoder::new(bytes);
    decoder.skip().map_err(|_| Refused("the authenticator's part is no CBOR"))?;
    bytes.split_at_checked(decoder.position()).ok_or(Refused("the authenticator's part is no CBOR"))
}
