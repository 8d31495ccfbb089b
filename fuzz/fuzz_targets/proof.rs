//! Receipts, and the checks of inclusion and consistency proofs: refused or read, and read the same again.
#![no_main]

use journal::Hash;
use journal::merkle::{verify_consistency, verify_inclusion};
use journal::receipt::{self, Receipt};
use libfuzzer_sys::fuzz_target;

/// Numbers and hashes from the input: two numbers of 8 bytes, then 32 bytes each.
fn proofs(bytes: &[u8]) -> Option<()> {
    let (old, rest) = bytes.split_first_chunk::<8>()?;
    let (new, rest) = rest.split_first_chunk::<8>()?;
    let (old, new) = (u64::from_le_bytes(*old), u64::from_le_bytes(*new));
    let hashes: Vec<_> = rest.chunks_exact(32).filter_map(Hash::from_slice).collect();
    let ([one, other], proof) = hashes.split_first_chunk::<2>()?;
    let (included, consistent) =
        (verify_inclusion(old, new, one, proof, other), verify_consistency(old, new, one, other, proof));
    // Nobody finds a proof of a chain of hashes by chance; short ones lead nowhere else than where they began.
    assert!(included.is_err() || (proof.is_empty() && one == other));
    assert!(consistent.is_err() || proof.is_empty());
    Some(())
}

fuzz_target!(|bytes: &[u8]| {
    proofs(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(receipt) = Receipt::parse(text) {
        assert_eq!(Receipt::parse(&receipt.to_text()).as_ref(), Ok(&receipt));
        let _verified = receipt::verify(text, None);
    }
});
