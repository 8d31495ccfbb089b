//! A certificate that somebody shows, and what its critical options ask.

use crate::ssh::SshPublicKey;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// Bytes of what an authority calls a certificate.
pub const KEY_ID_BYTES_MAX: usize = 256;
/// Accounts that one certificate may name.
pub const PRINCIPALS_MAX: usize = 256;

/// What a certificate is known by: SHA-256 of its bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What a certificate says, whose signature and whose holder's were found right (OpenSSH's PROTOCOL.certkeys).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateShown {
    /// Who signed it.
    pub authority: SshPublicKey,
    /// The key it is about.
    pub subject: SshPublicKey,
    /// Its number; 0: it has none.
    pub serial: u64,
    /// What the authority calls it.
    pub key_id: String,
    /// The accounts it names.
    pub principals: Vec<String>,
    /// From when it is good, seconds since 1970.
    pub after_s: u64,
    /// Until when.
    pub before_s: u64,
    /// What whoever believes it must know and keep.
    pub critical: Vec<(String, String)>,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
}

impl CertificateShown {
    /// The account it is for: the one in the address that the client used, if the certificate names it, else the first that it names.
    #[must_use]
    pub fn principal(&self, asked: &str) -> Option<&str> {
        let named = self.principals.iter().find(|name| name.eq_ignore_ascii_case(asked));
        named.or(self.principals.first()).map(String::as_str)
    }

    /// The one command that it may be used for.
    #[must_use]
    pub fn forced(&self) -> Option<&str> {
        self.critical.iter().find(|(name, _)| name == "force-command").map(|(_, command)| command.as_str())
    }

    /// Whether every critical option is known here, and kept by who comes from this address.
    pub(super) fn keeps(&self, from: IpAddr) -> bool {
        self.critical.iter().all(|(name, value)| match name.as_str() {
            "force-command" => true,
            "source-address" => value.split(',').any(|network| is_in(from, network).unwrap_or(false)),
            _ => false,
        })
    }
}

/// Whether an address is in a network (`10.0.0.0/8`, `2001:db8::1`); None: that is none.
fn is_in(address: IpAddr, network: &str) -> Option<bool> {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, Some(bits.parse::<u32>().ok()?)),
        None => (network, None),
    };
    let (mine, theirs, all) = match (address.to_canonical(), base.parse::<IpAddr>().ok()?) {
        (IpAddr::V4(mine), IpAddr::V4(base)) => (u128::from(mine.to_bits()), u128::from(base.to_bits()), 32),
        (IpAddr::V6(mine), IpAddr::V6(base)) => (mine.to_bits(), base.to_bits(), 128),
        _ => return Some(false),
    };
    let bits = bits.unwrap_or(all);
    let rest = all.checked_sub(bits)?;
    Some(mine.checked_shr(rest).unwrap_or(0) == theirs.checked_shr(rest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (address, network, is) in [
            ("10.1.2.3", "10.0.0.0/8", Some(true)),
            ("11.1.2.3", "10.0.0.0/8", Some(false)),
            ("10.1.2.3", "10.1.2.3", Some(true)),
            ("10.1.2.4", "10.1.2.3/32", Some(false)),
            ("10.1.2.4", "0.0.0.0/0", Some(true)),
            ("::ffff:10.1.2.3", "10.0.0.0/8", Some(true)),
            ("2001:db8::1", "2001:db8::/32", Some(true)),
            ("2001:db9::1", "2001:db8::/32", Some(false)),
            ("2001:db9::1", "::/0", Some(true)),
            ("2001:db8::1", "10.0.0.0/8", Some(false)),
            ("10.1.2.3", "10.0.0.0/33", None),
            ("10.1.2.3", "10.0.0.0/-1", None),
            ("10.1.2.3", "10.0.0/8", None),
            ("10.1.2.3", "", None),
            ("10.1.2.3", "!10.1.2.3", None),
        ] {
            assert_eq!(is_in(address.parse().unwrap(), network), is, "{address} in {network}");
        }
    }
}
