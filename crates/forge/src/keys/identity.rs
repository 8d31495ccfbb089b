//! The site's age identity follows from the epoch's data key.
//!
//! Packs and snapshots are sealed to the recovery key and to the site that wrote them. A recovered site has a data key of its own,
//! and those of the epochs before it, which the recovery key opened: with them it can read what the lost site sealed, on first
//! touch and in the background, when the recovery key has long been put away again.

use super::failed;
use crate::error::Error;
use hkdf::Hkdf;
use journal::entry::DataKey;
use sha2::Sha256;
use vault::seal::{Identity, SealError};

const INFO: &[u8] = b"outlast/v1 site identity";
const SSH_HOST_INFO: &[u8] = b"outlast/v1 ssh host key";
const KNOWN_DEVICES_INFO: &[u8] = b"outlast/v1 known devices";
const PREFIX: &str = "age-secret-key-";
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM_DIGITS: usize = 6;

/// The age identity of the site that writes with this data key.
pub(super) fn site_identity(key: &DataKey) -> Result<Identity, Error> {
    identity_of(&derived(key, INFO)?).map_err(failed)
}

/// The age identity with this secret.
pub(super) fn identity_of(secret: &[u8; 32]) -> Result<Identity, SealError> {
    Identity::parse(&bech32(PREFIX, secret).to_ascii_uppercase())
}

/// The seed of the Ed25519 key that a site shows to SSH clients.
pub(super) fn ssh_host_seed(key: &DataKey) -> Result<[u8; 32], Error> {
    derived(key, SSH_HOST_INFO)
}

/// What a site knows browsers again by.
pub(super) fn known_devices_secret(key: &DataKey) -> Result<[u8; 32], Error> {
    derived(key, KNOWN_DEVICES_INFO)
}

fn derived(key: &DataKey, info: &[u8]) -> Result<[u8; 32], Error> {
    let mut secret = [0; 32];
    Hkdf::<Sha256>::new(None, key.bytes()).expand(info, &mut secret).map_err(failed)?;
    Ok(secret)
}

/// BIP 173, as age writes its keys.
fn bech32(prefix: &str, bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(bytes.len() * 8 / 5 + 1 + CHECKSUM_DIGITS);
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = (buffer << 8 | u32::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            digits.push((buffer >> bits & 31) as u8);
        }
    }
    if bits > 0 {
        digits.push((buffer << (5 - bits) & 31) as u8);
    }
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    let all = high.chain([0]).chain(low).chain(digits.iter().copied()).chain([0; CHECKSUM_DIGITS]);
    let sum = polymod(all) ^ 1;
    digits.extend((0..CHECKSUM_DIGITS).map(|i| (sum >> (5 * (CHECKSUM_DIGITS - 1 - i)) & 31) as u8));
    let text: String = digits.iter().map(|d| char::from(ALPHABET[usize::from(*d)])).collect();
    format!("{prefix}1{text}")
}

fn polymod(digits: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    digits.fold(1, |sum, digit| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(digit);
        GENERATOR.iter().enumerate().filter(|(i, _)| top >> i & 1 == 1).fold(shifted, |sum, (_, g)| sum ^ g)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_written_here_is_one_for_age() {
        for bytes in [[0; 32], [0xff; 32], [7; 32]] {
            let identity = Identity::parse(&bech32(PREFIX, &bytes).to_ascii_uppercase()).unwrap();
            assert_eq!(identity.secret_bytes(), bytes);
        }
    }

    #[test]
    fn it_follows_from_the_data_key_alone() {
        let recipient = |byte| site_identity(&DataKey::new([byte; 32])).unwrap().recipient();
        assert_eq!(recipient(1), recipient(1));
        assert_ne!(recipient(1), recipient(2));
    }
}
