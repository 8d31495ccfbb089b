//! The Merkle log from outside: roots, tiles and proofs against the definitions of RFC 6962, for every small size.

use journal::Hash;
use journal::merkle::{Frontier, leaf_hash, node_hash, verify_consistency, verify_inclusion};
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

/// A tile as tlog-tiles defines it: 256 roots of perfect subtrees of 256^level leaves.
fn tile_of(leaves: &[Hash], id: &TileId) -> Option<Vec<Hash>> {
    let span = 256usize.pow(u32::from(id.level));
    let first = usize::try_from(id.index).ok()? * 256;
    (first..first + usize::from(id.width)).map(|n| leaves.get(n * span..(n + 1) * span).map(mth)).collect()
}

#[test]
fn rfc_6962_vectors() {
    // From the reference implementation's test data (certificate-transparency, merkletree).
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (input, root) in inputs.iter().zip(roots) {
        frontier.push(leaf_hash(input));
        assert_eq!(frontier.root().to_string(), root);
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

#[test]
fn every_inclusion_proof_verifies_and_no_other() {
    let all = leaves(270);
    for size in (1..=270usize).filter(|size| *size < 70 || *size > 250) {
        let (tree, root) = (&all[..size], mth(&all[..size]));
        let source = |id: &TileId| tile_of(tree, id);
        for index in 0..size {
            let (i, n) = (index as u64, size as u64);
            let proof = tile::prove_inclusion(i, n, &source).unwrap();
            verify_inclusion(i, n, &all[index], &proof, &root).unwrap();
            assert!(verify_inclusion(i, n, &all[(index + 1) % 270], &proof, &root).is_err());
            assert!(verify_inclusion(i, n, &all[index], &proof, &all[0]).is_err() || size == 1);
            assert!(index + 1 == size || verify_inclusion(i + 1, n, &all[index], &proof, &root).is_err());
            let mut longer = proof.clone();
            longer.push(all[0]);
            assert!(verify_inclusion(i, n, &all[index], &longer, &root).is_err());
            assert!(proof.is_empty() || verify_inclusion(i, n, &all[index], &proof[1..], &root).is_err());
        }
    }
}

#[test]
fn every_consistency_proof_verifies_and_no_other() {
    let all = leaves(80);
    for new in 0..=80usize {
        let source = |id: &TileId| tile_of(&all[..new], id);
        for old in 0..=new {
            let (old_root, new_root) = (mth(&all[..old]), mth(&all[..new]));
            let (o, n) = (old as u64, new as u64);
            let proof = tile::prove_consistency(o, n, &source).unwrap();
            verify_consistency(o, n, &old_root, &new_root, &proof).unwrap();
            if old > 0 && old < new {
                assert!(verify_consistency(o, n, &all[79], &new_root, &proof).is_err());
                assert!(verify_consistency(o, n, &old_root, &all[79], &proof).is_err());
                assert!(verify_consistency(o, n, &old_root, &new_root, &proof[1..]).is_err() || proof.is_empty());
            }
        }
    }
    assert!(tile::prove_consistency(3, 2, &|_: &TileId| None).is_err());
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

proptest! {
    #[test]
    fn tile_paths_round_trip(level in 0u8..8, index in any::<u64>(), width in 1u16..=256) {
        let id = TileId { level, index, width };
        prop_assert_eq!(TileId::parse(&id.path()), Some(id));
    }

    #[test]
    fn bundles_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
        prop_assert_eq!(tile::decode_bundle(&tile::encode_bundle(&entries)), Some(entries));
    }

    #[test]
    fn any_bytes_are_a_bundle_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        tile::decode_bundle(&bytes);
    }
}
