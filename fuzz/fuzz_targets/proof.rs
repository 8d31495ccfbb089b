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
    let holds = |one: &Hash, proof: &[Hash], other: &Hash| {
        [
            verify_inclusion(old, new, one, proof, other).is_ok(),
            verify_consistency(old, new, one, other, proof).is_ok(),
        ]
    };
    // A proof that holds (the corpus has some) says one thing: with any hash of it changed it doesn't hold.
    for (which, held) in holds(one, proof, other).into_iter().enumerate() {
        for changed in (0..proof.len()).filter(|_| held) {
            let mut proof = proof.to_vec();
            proof[changed] = flipped(&proof[changed]);
            assert!(!holds(one, &proof, other)[which], "hash {changed} of the proof could be another");
        }
        assert!(!held || old == 0 || !holds(one, proof, &flipped(other))[which], "the root could be another");
    }
    Some(())
}

fn flipped(hash: &Hash) -> Hash {
    let mut hash = *hash;
    hash.0[0] ^= 1;
    hash
}

fuzz_target!(|bytes: &[u8]| {
    proofs(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(receipt) = Receipt::parse(text) {
        assert_eq!(Receipt::parse(&receipt.to_text()).as_ref(), Ok(&receipt));
        let _verified = receipt::verify(text, None);
    }
});
