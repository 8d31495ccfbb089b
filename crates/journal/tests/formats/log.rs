//! The Merkle log from outside: roots, tiles and proofs against the definitions of RFC 6962, for every small size.

use crate::common::tile_of;
use journal::Hash;
use journal::merkle::{Frontier, ProofError, leaf_hash, node_hash, verify_consistency, verify_inclusion};
use journal::tile::{self, TileId};
use proptest::prelude::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// MTH, word for word as RFC 6962, section 2.1 defines it.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => Hash::of(b""),
        1 => leaves[0],
        n => {
            let k = n.next_power_of_two() / 2;
            node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

#[test]
fn frontier_and_tiles_agree_with_the_definition() {
    let all = leaves(600);
    let mut frontier = Frontier::new();
    for size in 0..all.len() {
        let tree = &all[..size];
        assert_eq!(frontier.root(), mth(tree), "size {size}");
        let source = |id: &TileId| tile_of(tree, id);
        assert_eq!(tile::root(size as u64, &source), Ok(mth(tree)));
        frontier.push(all[size]);
    }
}

/// All small sizes, and those around where a second tile begins.
fn sizes() -> impl Iterator<Item = usize> {
    (1..=66).chain(250..=262).chain([300])
}

/// All of a small tree's places; of a larger one its edges, some between, and those around the second tile.
fn places(size: usize) -> impl Iterator<Item = usize> {
    (0..size).filter(move |n| size <= 66 || n % 17 == 0 || n + 3 > size || (253..=258).contains(n))
}

/// Proofs like this one, each wrong in one way.
fn spoilt(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut wrong = vec![[proof, &[Hash::of(b"more")]].concat(), [&[Hash::of(b"more")], proof].concat()];
    for place in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[place].0[31] ^= 1;
        wrong.push(changed);
        wrong.push([&proof[..place], &proof[place + 1..]].concat());
        if place > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(place - 1, place);
            wrong.push(swapped);
        }
    }
    wrong
}

#[test]
fn every_inclusion_proof_verifies_and_no_other() {
    let all = leaves(301);
    for size in sizes() {
        let (tree, root) = (&all[..size], mth(&all[..size]));
        let source = |id: &TileId| tile_of(tree, id);
        for index in places(size) {
            let (i, n) = (index as u64, size as u64);
            let proof = tile::prove_inclusion(i, n, &source).unwrap();
            let verify = |i, n, leaf, proof: &[Hash], root| verify_inclusion(i, n, leaf, proof, root);
            verify(i, n, &all[index], &proof, &root).unwrap();
            verify(i, n, &all[index + 1], &proof, &root).unwrap_err();
            verify(i, n, &all[index], &proof, &all[300]).unwrap_err();
            verify(i + 1, n, &all[index], &proof, &root).unwrap_err();
            verify(i ^ 1, n, &all[index], &proof, &root).unwrap_err();
            for wrong in spoilt(&proof) {
                assert!(verify(i, n, &all[index], &wrong, &root).is_err(), "{index} of {size}: {wrong:?}");
            }
        }
    }
    assert_eq!(tile::prove_inclusion(3, 3, &|_: &TileId| None), Err(tile::TileError::OutOfRange));
    assert_eq!(verify_inclusion(3, 3, &all[0], &[], &all[0]), Err(ProofError::OutOfRange));
}

#[test]
fn every_consistency_proof_verifies_and_no_other() {
    let all = leaves(301);
    for new in sizes().filter(|new| *new < 40 || *new > 60) {
        let source = |id: &TileId| tile_of(&all[..new], id);
        for old in places(new + 1) {
            let (old_root, new_root) = (mth(&all[..old]), mth(&all[..new]));
            let (o, n) = (old as u64, new as u64);
            let proof = tile::prove_consistency(o, n, &source).unwrap();
            verify_consistency(o, n, &old_root, &new_root, &proof).unwrap();
            verify_consistency(o, n, &all[300], &new_root, &proof).unwrap_err();
            assert!(old == 0 || verify_consistency(o, n, &old_root, &all[300], &proof).is_err());
            for wrong in spoilt(&proof) {
                let held = verify_consistency(o, n, &old_root, &new_root, &wrong);
                assert!(held.is_err(), "{old} of {new}: {wrong:?}");
            }
        }
    }
    assert_eq!(tile::prove_consistency(3, 2, &|_: &TileId| None), Err(tile::TileError::OutOfRange));
    assert_eq!(verify_consistency(3, 2, &all[0], &all[0], &[]), Err(ProofError::OutOfRange));
}

#[test]
fn sizes_near_the_end_of_numbers_do_no_harm() {
    let hash = Hash::of(b"");
    for proof in [vec![], vec![hash; 63], vec![hash; 64], vec![hash; 65], vec![hash; 1000]] {
        for (small, large) in
            [(0, u64::MAX), (1, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX), (5, 1 << 63)]
        {
            verify_inclusion(small, large, &hash, &proof, &hash).unwrap_err();
            verify_consistency(small.max(1), large, &hash, &hash, &proof).unwrap_err();
        }
    }
    for (small, large) in [(0, u64::MAX), (u64::MAX - 1, u64::MAX), ((1 << 63) - 1, 1 << 63)] {
        assert!(tile::inclusion_tiles(small, large).len() < 600);
        assert!(tile::consistency_tiles(small, large).len() < 600);
        assert!(matches!(tile::prove_inclusion(small, large, &|_: &TileId| None), Err(tile::TileError::Missing(_))));
    }
}

#[test]
fn a_frontier_is_resumed_from_its_parts() {
    let all = leaves(40);
    for cut in 0..40 {
        let mut frontier = Frontier::new();
        all[..cut].iter().for_each(|leaf| frontier.push(*leaf));
        let (size, peaks) = frontier.parts();
        let mut resumed = Frontier::from_parts(size, peaks.to_vec()).unwrap();
        all[cut..].iter().for_each(|leaf| resumed.push(*leaf));
        assert_eq!((resumed.size(), resumed.root()), (40, mth(&all)));
        assert!(Frontier::from_parts(size + 1, vec![]).is_err());
    }
}

#[test]
fn a_source_that_gives_short_or_no_tiles_is_an_error() {
    let all = leaves(300);
    let none = |id: &TileId| tile_of(&all, id).filter(|_| id.index == 0);
    assert!(matches!(tile::prove_inclusion(299, 300, &none), Err(tile::TileError::Missing(id)) if id.index == 1));
    let short = |id: &TileId| tile_of(&all, id).map(|tile| tile[..tile.len() - 1].to_vec());
    assert!(matches!(tile::prove_inclusion(0, 300, &short), Err(tile::TileError::Missing(_))));
}

#[test]
fn the_tiles_named_beforehand_are_all_that_is_asked_for() {
    let all = leaves(700);
    for (index, size) in [(0, 1), (0, 700), (255, 256), (256, 257), (511, 700), (699, 700)] {
        let named = tile::inclusion_tiles(index, size);
        let source = |id: &TileId| if named.contains(id) { tile_of(&all[..size as usize], id) } else { None };
        tile::prove_inclusion(index, size, &source).unwrap();
    }
    for (old, new) in [(1, 2), (256, 700), (255, 257), (513, 700)] {
        let named = tile::consistency_tiles(old, new);
        let source = |id: &TileId| if named.contains(id) { tile_of(&all[..new as usize], id) } else { None };
        tile::prove_consistency(old, new, &source).unwrap();
    }
}

#[test]
fn tile_paths_have_one_spelling() {
    let id = TileId { level: 0, index: 1_234_067, width: 256 };
    assert_eq!(id.path(), "tile/0/x001/x234/067");
    assert_eq!(TileId { level: 1, index: 5, width: 7 }.path(), "tile/1/005.p/7");
    for bad in [
        "tile/0/5",
        "tile/0/x000/005",
        "tile/00/005",
        "tile/0/005.p/0",
        "tile/0/005.p/256",
        "tile/0/001/x002",
        "tile/64/000",
    ] {
        assert_eq!(TileId::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_bundle_has_256_entries_at_most() {
    let entries = vec![b"x".to_vec(); 257];
    assert_eq!(tile::encode_bundle(&entries), None);
    assert_eq!(tile::encode_bundle(&[vec![0; 65_536]]), None);
    let mut bytes = tile::encode_bundle(&entries[..256]).unwrap();
    assert!(tile::decode_bundle(&bytes).is_some());
    bytes.extend_from_slice(&[0, 0]);
    assert_eq!(tile::decode_bundle(&bytes), None);
    assert_eq!(tile::parse_bundle_path(&tile::bundle_path(1_234_067, 7)), Some((1_234_067, 7)));
}

proptest! {
    #[test]
    fn tile_paths_round_trip(level in 0u8..8, index in any::<u64>(), width in 1u16..=256) {
        let id = TileId { level, index, width };
        prop_assert_eq!(TileId::parse(&id.path()), Some(id));
    }

    #[test]
    fn bundles_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
        let bundle = tile::encode_bundle(&entries).unwrap();
        prop_assert!(bundle.is_empty() || tile::decode_bundle(&bundle[..bundle.len() - 1]).is_none());
        prop_assert_eq!(tile::decode_bundle(&bundle), Some(entries));
    }

    #[test]
    fn any_bytes_are_a_bundle_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        tile::decode_bundle(&bytes);
    }
}
