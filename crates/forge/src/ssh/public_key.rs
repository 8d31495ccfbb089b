//! A public key as OpenSSH writes it: `ALGORITHM BASE64 [COMMENT]` (RFC 4253, 6.6; RFC 5656; RFC 8709; OpenSSH's PROTOCOL.u2f).

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Bits of an RSA key's modulus, at least.
pub const RSA_BITS_MIN: usize = 2048;
/// At most: checking a signature with more takes too long before anybody is known.
pub const RSA_BITS_MAX: usize = 8192;
/// Characters of a key's line.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the name of what a security key was made for (`ssh:`).
const APPLICATION_BYTES_MAX: usize = 256;

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519.
    Ed25519,
    /// ECDSA on one of NIST's curves.
    Ecdsa(&'static str),
    /// RSA, with so many bits.
    Rsa(usize),
    /// Ed25519 in a security key.
    SkEd25519,
    /// ECDSA on P-256 in a security key.
    SkEcdsa,
}

impl KeyAlgorithm {
    /// The name in SSH's protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::Ecdsa(name) => name,
            Self::Rsa(_) => "ssh-rsa",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsa => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Whether it lies in a security key, and cannot be copied.
    #[must_use]
    pub fn in_hardware(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkEcdsa)
    }
}

/// A public key that may be used here: of a known kind, well formed, and strong enough.
#[derive(Clone, PartialEq, Eq)]
pub struct SshPublicKey {
    algorithm: KeyAlgorithm,
    blob: Vec<u8>,
    comment: String,
}

impl SshPublicKey {
    /// From the bytes that SSH itself sends.
    pub fn from_blob(blob: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader(blob);
        let algorithm = reader.algorithm()?;
        if !reader.0.is_empty() {
            return Err(malformed());
        }
        Ok(Self { algorithm, blob: blob.to_vec(), comment: String::new() })
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The bytes that SSH sends.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// What stood behind it in its line; may be empty. Strangers' text.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// `SHA256:...`, as `ssh-keygen -l` says it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.blob)
    }

    /// SHA-256 of the bytes: what it is looked up by.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.blob).into()
    }
}

/// The fingerprint of a key's bytes.
pub(crate) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

/// A key's line, from its bytes.
pub(crate) fn line(algorithm: &str, blob: &[u8]) -> String {
    format!("{algorithm} {}", STANDARD.encode(blob))
}

impl fmt::Display for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(self.algorithm.name(), &self.blob))
    }
}

impl fmt::Debug for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshPublicKey({})", self.fingerprint())
    }
}

impl FromStr for SshPublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(Error::invalid(
                "that is the private key: nobody but you may have it. Paste the file whose name ends in .pub",
            ));
        }
        if text.len() > TEXT_BYTES_MAX || text.lines().count() != 1 {
            return Err(Error::invalid(
                "one public key at a time: one line that begins with ssh-ed25519, for instance",
            ));
        }
        let (name, rest) = text.split_once(char::is_whitespace).ok_or_else(malformed)?;
        let (encoded, comment) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let blob = STANDARD.decode(encoded).map_err(|_| known(name).err().unwrap_or_else(malformed))?;
        let mut key = Self::from_blob(&blob)?;
        if key.algorithm.name() != name {
            return Err(malformed());
        }
        key.comment = comment.trim().to_owned();
        Ok(key)
    }
}

fn malformed() -> Error {
    Error::invalid("that is no public SSH key: paste the one line of the file whose name ends in .pub, as it is")
}

/// Refuses kinds that are not used here, and says which are.
fn known(name: &str) -> Result<(), Error> {
    if name == "ssh-dss" {
        return Err(Error::invalid("DSA keys are broken: make a new key with ssh-keygen -t ed25519"));
    }
    if name.contains("-cert-") {
        return Err(Error::invalid("that is a certificate: paste the key itself, the file whose name ends in .pub"));
    }
    let names = ["ssh-ed25519", "ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"];
    let curves = ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];
    if names.contains(&name) || curves.contains(&name) { Ok(()) } else { Err(malformed()) }
}

/// The parts of a key's bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn string(&mut self) -> Result<&'a [u8], Error> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or_else(malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| malformed())?;
        let (string, rest) = rest.split_at_checked(length).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(string)
    }

    fn algorithm(&mut self) -> Result<KeyAlgorithm, Error> {
        let name = std::str::from_utf8(self.string()?).map_err(|_| malformed())?;
        known(name)?;
        match name {
            "ssh-ed25519" => self.ed25519().map(|()| KeyAlgorithm::Ed25519),
            "sk-ssh-ed25519@openssh.com" => {
                self.ed25519()?;
                self.application().map(|()| KeyAlgorithm::SkEd25519)
            }
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                self.point("nistp256", 32)?;
                self.application().map(|()| KeyAlgorithm::SkEcdsa)
            }
            "ecdsa-sha2-nistp256" => self.point("nistp256", 32).map(|()| KeyAlgorithm::Ecdsa("ecdsa-sha2-nistp256")),
            "ecdsa-sha2-nistp384" => self.point("nistp384", 48).map(|()| KeyAlgorithm::Ecdsa("ecdsa-sha2-nistp384")),
            "ecdsa-sha2-nistp521" => self.point("nistp521", 66).map(|()| KeyAlgorithm::Ecdsa("ecdsa-sha2-nistp521")),
            _ => self.rsa().map(KeyAlgorithm::Rsa),
        }
    }

    /// A point of the curve, and none of the few for which anything is a signature.
    fn ed25519(&mut self) -> Result<(), Error> {
        let bytes: &[u8; 32] = self.string()?.try_into().map_err(|_| malformed())?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| malformed())?;
        if key.is_weak() { Err(malformed()) } else { Ok(()) }
    }

    fn application(&mut self) -> Result<(), Error> {
        let name = self.string()?;
        if name.len() > APPLICATION_BYTES_MAX || std::str::from_utf8(name).is_err() { Err(malformed()) } else { Ok(()) }
    }

    /// An uncompressed point; whether it lies on the curve is seen when a signature is checked.
    fn point(&mut self, curve: &str, bytes: usize) -> Result<(), Error> {
        let named = self.string()? == curve.as_bytes();
        let point = self.string()?;
        if named && point.len() == 1 + 2 * bytes && point[0] == 4 { Ok(()) } else { Err(malformed()) }
    }

    /// A positive number without leading zeros but the one that keeps it positive.
    fn mpint(&mut self) -> Result<&'a [u8], Error> {
        let bytes = self.string()?;
        let digits = bytes.strip_prefix(&[0]).unwrap_or(bytes);
        let minimal = match bytes {
            [0, second, ..] => second & 0x80 != 0,
            [first, ..] => first & 0x80 == 0,
            [] => false,
        };
        if minimal { Ok(digits) } else { Err(malformed()) }
    }

    fn rsa(&mut self) -> Result<usize, Error> {
        let exponent = self.mpint()?;
        let modulus = self.mpint()?;
        let odd = |digits: &[u8]| digits.last().is_some_and(|last| last & 1 == 1);
        if !odd(exponent) || !odd(modulus) || exponent.len() > 4 || exponent == [1] {
            return Err(malformed());
        }
        let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
        if bits < RSA_BITS_MIN {
            let text = format!("an RSA key of {bits} bits is too weak: make a new one with ssh-keygen -t ed25519");
            return Err(Error::invalid(text));
        }
        if bits > RSA_BITS_MAX {
            return Err(Error::invalid(format!(
                "an RSA key may have at most {RSA_BITS_MAX} bits, this one has {bits}"
            )));
        }
        Ok(bits)
    }
}

#[cfg(test)]
mod tests;
