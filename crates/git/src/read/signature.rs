//! Signatures that commits carry. They are shown, not believed.
//!
//! SSH signatures (OpenSSH's PROTOCOL.sshsig) with Ed25519, ECDSA (P-256, P-384) and RSA keys are verified here, those of Ed25519 on a
//! security key too; for others `valid` is false, which means "not shown to be right". OpenPGP signatures are verified by `gpgv`
//! ([`crate::child::verify`]), with the keys that accounts have added; X.509 ones are not.

use super::GitSource;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use code::{ReadError, RevisionId, Signature};
use ed25519_dalek::VerifyingKey;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt::Write as _;

/// The largest signature that is looked at.
const SIGNATURE_BYTES_MAX: usize = 64 << 10;
/// The most packets of an OpenPGP message, and parts of a packet, that are looked at.
pub(crate) const PACKETS_MAX: usize = 64;
/// What a signature of Git's is for: one for another purpose is none.
const NAMESPACE: &[u8] = b"git";

/// Reads a signature's header, given what it signs.
pub(super) fn read(armored: &[u8], signed: &[u8]) -> Signature {
    let text = String::from_utf8_lossy(&armored[..armored.len().min(SIGNATURE_BYTES_MAX)]);
    let begins = |mark: &str| text.trim_start().starts_with(mark);
    if begins("-----BEGIN SSH SIGNATURE-----") {
        return decode(&text).and_then(|bytes| ssh(&bytes, signed)).unwrap_or(Signature::Unknown);
    }
    if begins("-----BEGIN PGP") {
        return Signature::OpenPgp(decode(&text).and_then(|bytes| issuer(&bytes)));
    }
    if begins("-----BEGIN SIGNED MESSAGE-----") {
        return Signature::X509;
    }
    Signature::Unknown
}

/// The bytes of an armor: base64 lines; not its headers, which have a colon, nor its checksum, which begins with `=`.
pub(crate) fn decode(armor: &str) -> Option<Vec<u8>> {
    let lines = armor.lines().map(str::trim).skip(1).take_while(|line| !line.starts_with("-----"));
    let body: String = lines.filter(|line| !line.contains(':') && !line.starts_with('=')).collect();
    STANDARD.decode(body).ok()
}

/// Bytes that are read from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What SSH calls a string.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number(4)?;
        self.take(length)
    }
}

fn ssh(bytes: &[u8], signed: &[u8]) -> Option<Signature> {
    let mut reader = Reader(bytes);
    if reader.take(6)? != b"SSHSIG" || reader.number(4)? != 1 {
        return None;
    }
    let key = reader.string()?;
    let (namespace, reserved, hash) = (reader.string()?, reader.string()?, reader.string()?);
    let signature = reader.string()?;
    let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)));
    let digest = match hash {
        b"sha256" => Sha256::digest(signed).to_vec(),
        b"sha512" => Sha512::digest(signed).to_vec(),
        _ => return Some(Signature::Ssh { fingerprint, valid: false }),
    };
    let mut message = b"SSHSIG".to_vec();
    for part in [namespace, reserved, hash, &digest] {
        message.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
        message.extend_from_slice(part);
    }
    let verifies = || ed25519(key, signature, &message).or_else(|| others(key, signature, &message));
    let valid = namespace == NAMESPACE && verifies().unwrap_or(false);
    Some(Signature::Ssh { fingerprint, valid })
}

/// Whether an Ed25519 key's signature is right; None: another kind of key, or badly written.
fn ed25519(key: &[u8], signature: &[u8], message: &[u8]) -> Option<bool> {
    let (mut key, mut signature) = (Reader(key), Reader(signature));
    let kind = key.string()?;
    if signature.string()? != kind {
        return None;
    }
    let public = VerifyingKey::from_bytes(key.string()?.try_into().ok()?).ok()?;
    let raw = ed25519_dalek::Signature::from_bytes(signature.string()?.try_into().ok()?);
    let message = match kind {
        b"ssh-ed25519" => message.to_vec(),
        // The key signs the digests, with its flags and counter between them (OpenSSH's PROTOCOL.u2f).
        b"sk-ssh-ed25519@openssh.com" => {
            let application = key.string()?;
            let said = signature.take(5)?;
            [Sha256::digest(application).as_slice(), said, Sha256::digest(message).as_slice()].concat()
        }
        _ => return None,
    };
    Some(public.verify_strict(&message, &raw).is_ok())
}

/// Whether an ECDSA or RSA key's signature is right (RFC 5656, RFC 8332); None: another kind of key, or badly written.
fn others(key: &[u8], signature: &[u8], message: &[u8]) -> Option<bool> {
    let (mut key, mut signature) = (Reader(key), Reader(signature));
    let (kind, how) = (key.string()?, signature.string()?);
    let raw = signature.string()?;
    let (algorithm, width): (&dyn VerificationAlgorithm, usize) = match (kind, how) {
        (b"ssh-rsa", b"rsa-sha2-256" | b"rsa-sha2-512") => {
            let (e, n) = (key.string()?, key.string()?);
            let public = RsaPublicKeyComponents { n: unsigned(n), e: unsigned(e) };
            let hash = if how == b"rsa-sha2-256" { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA512 };
            return Some(public.verify(hash, message, raw).is_ok());
        }
        (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256") => (&ECDSA_P256_SHA256_FIXED, 32),
        (b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp384") => (&ECDSA_P384_SHA384_FIXED, 48),
        _ => return None,
    };
    let (_curve, point) = (key.string()?, key.string()?);
    let mut parts = Reader(raw);
    let (mut fixed, (r, s)) = (Vec::with_capacity(2 * width), (parts.string()?, parts.string()?));
    for number in [unsigned(r), unsigned(s)] {
        fixed.resize(fixed.len() + width.checked_sub(number.len())?, 0);
        fixed.extend_from_slice(number);
    }
    Some(UnparsedPublicKey::new(algorithm, point).verify(message, &fixed).is_ok())
}

/// A number without the zeros before it.
fn unsigned(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// A commit's signature, for who verifies it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// As it stands in the commit.
    pub armored: Vec<u8>,
    /// What it signs.
    pub signed: Vec<u8>,
}

/// A commit's signature; None: it has none.
///
/// # Errors
/// When there is no such commit, or it can't be read.
pub fn carried(source: &GitSource, id: &RevisionId) -> Result<Option<Carried>, ReadError> {
    super::commit::carried(source, id).map(|found| found.filter(|found| found.armored.len() <= SIGNATURE_BYTES_MAX))
}

/// The issuer that an OpenPGP signature (RFC 9580, section 5.2) names: its fingerprint, or else its key id.
fn issuer(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader(bytes);
    for _ in 0..PACKETS_MAX {
        let (tag, body) = packet(&mut reader)?;
        if tag == 2 {
            return issuer_of(body);
        }
    }
    None
}

/// A packet's kind and content; None for what has no definite length.
pub(crate) fn packet<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let head = reader.take(1)?[0];
    let (tag, length) = match head {
        0xc0.. => (head & 0x3f, length(reader)?),
        0x80..0xc0 if head & 3 < 3 => (head >> 2 & 0xf, reader.number(1 << (head & 3))?),
        _ => return None,
    };
    Some((tag, reader.take(length)?))
}

/// A length as packets and their parts have it.
fn length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.number(1)? {
        first @ 0..192 => Some(first),
        255 => reader.number(4),
        first @ 192..224 => Some(((first - 192) << 8) + reader.number(1)? + 192),
        _ => None,
    }
}

fn issuer_of(body: &[u8]) -> Option<String> {
    let mut reader = Reader(body);
    let wide = match reader.number(1)? {
        version @ (2 | 3) => {
            let _ = (version, reader.take(6)?);
            return Some(hex(reader.take(8)?));
        }
        4 | 5 => 2,
        6 => 4,
        _ => return None,
    };
    reader.take(3)?;
    let mut key_id = None;
    for _ in 0..2 {
        let length = reader.number(wide)?;
        let mut parts = Reader(reader.take(length)?);
        for _ in 0..PACKETS_MAX {
            let Some(part) = subpacket(&mut parts) else { break };
            match part {
                (33, [_version, fingerprint @ ..]) if matches!(fingerprint.len(), 20 | 32) => {
                    return Some(hex(fingerprint));
                }
                (16, id) if id.len() == 8 => key_id = key_id.or_else(|| Some(hex(id))),
                _ => {}
            }
        }
    }
    key_id
}

fn subpacket<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    // Here two bytes of length go up to 254.
    let length = match reader.number(1)? {
        first @ 0..192 => first,
        255 => reader.number(4)?,
        first => ((first - 192) << 8) + reader.number(1)? + 192,
    };
    let (kind, content) = reader.take(length)?.split_first()?;
    Some((kind & 0x7f, content))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_issuer_is_its_fingerprint_or_else_its_key_id() {
        let fingerprint = [22, 33, 4].into_iter().chain(1..=20).collect::<Vec<u8>>();
        let key_id = [9, 16, 8, 7, 6, 5, 4, 3, 2, 1];
        let signature = |hashed: &[u8], unhashed: &[u8]| {
            let body = [&[4, 0, 22, 8, 0, hashed.len() as u8], hashed, &[0, unhashed.len() as u8], unhashed].concat();
            [&[0xc2, body.len() as u8], body.as_slice()].concat()
        };
        let expected = "0102030405060708090A0B0C0D0E0F1011121314";
        assert_eq!(issuer(&signature(&fingerprint, &key_id)).as_deref(), Some(expected));
        assert_eq!(issuer(&signature(&[], &key_id)).as_deref(), Some("0807060504030201"));
        assert_eq!(issuer(&signature(&[], &[])), None);
        let whole = signature(&fingerprint, &key_id);
        for cut in 0..whole.len() {
            issuer(&whole[..cut]);
        }
    }

    #[test]
    fn what_can_not_be_read_is_unknown() {
        assert_eq!(read(b"hello", b""), Signature::Unknown);
        assert_eq!(
            read(b"-----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----", b""),
            Signature::Unknown
        );
        assert_eq!(read(b"-----BEGIN PGP SIGNATURE-----\n\n !!\n", b""), Signature::OpenPgp(None));
        assert_eq!(read(b"-----BEGIN SIGNED MESSAGE-----\n", b""), Signature::X509);
    }

    proptest! {
        #[test]
        fn nothing_that_is_signed_or_signs_stops_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (ssh(&bytes, b""), issuer(&bytes), issuer_of(&bytes), read(&bytes, &bytes));
            for mark in ["SSH SIGNATURE", "PGP SIGNATURE", "SIGNED MESSAGE"] {
                let body = STANDARD.encode(&bytes);
                read(format!("-----BEGIN {mark}-----\n {body}\n -----END {mark}-----").as_bytes(), &bytes);
            }
            let mut almost = b"SSHSIG\0\0\0\x01".to_vec();
            almost.extend_from_slice(&bytes);
            ssh(&almost, b"");
        }
    }
}
