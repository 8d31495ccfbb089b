//! Signatures of commits.

use code::Signature;

pub(super) fn read(_armored: &[u8], _signed: &[u8]) -> Signature {
    Signature::Unknown
}
