//! What others published: the RFC 6962 reference implementation's trees and proofs, the C2SP specifications' examples.

use crate::common::{tile_of, unhex};
use journal::Hash;
use journal::merkle::{Frontier, leaf_hash, verify_consistency, verify_inclusion};
use journal::note::{SignedNote, VerifierKey};
use journal::tile::{self, TileId};

/// Inputs of the test tree of certificate-transparency, and its root after each.
const TREE: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

/// Index, size, audit path.
const INCLUSION: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Old size, new size, consistency proof.
const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn leaves() -> Vec<Hash> {
    TREE.iter().map(|(input, _)| leaf_hash(&unhex(input))).collect()
}

fn root(size: u64) -> Hash {
    TREE[usize::try_from(size).unwrap() - 1].1.parse().unwrap()
}

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn rfc_6962_roots() {
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, (_, root)) in leaves().into_iter().zip(TREE) {
        frontier.push(leaf);
        assert_eq!(frontier.root().to_string(), root);
    }
}

#[test]
fn rfc_6962_inclusion_proofs() {
    for (index, size, path) in INCLUSION {
        let source = |id: &TileId| tile_of(&leaves()[..usize::try_from(size).unwrap()], id);
        assert_eq!(tile::prove_inclusion(index, size, &source), Ok(hashes(path)), "{index} of {size}");
        let leaf = leaves()[usize::try_from(index).unwrap()];
        verify_inclusion(index, size, &leaf, &hashes(path), &root(size)).unwrap();
    }
}

#[test]
fn rfc_6962_consistency_proofs() {
    for (old, new, path) in CONSISTENCY {
        let source = |id: &TileId| tile_of(&leaves()[..usize::try_from(new).unwrap()], id);
        assert_eq!(tile::prove_consistency(old, new, &source), Ok(hashes(path)), "{old} to {new}");
        verify_consistency(old, new, &root(old), &root(new), &hashes(path)).unwrap();
    }
}

/// c2sp.org/signed-note, section "Example".
#[test]
fn the_specifications_note_is_verified_by_its_key() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let note = "This is an example message.\n\n\
        \u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let parsed: VerifierKey = key.parse().unwrap();
    assert_eq!(parsed.to_string(), key);
    let signed: SignedNote = note.parse().unwrap();
    assert_eq!(signed.to_string(), note);
    signed.verify(&parsed).unwrap();
    note.replace("example message", "Example message").parse::<SignedNote>().unwrap().verify(&parsed).unwrap_err();
}

/// c2sp.org/tlog-tiles, section "Partial Tiles".
#[test]
fn the_specifications_tree_of_70_000_has_these_partial_tiles() {
    let widths =
        |size: u64| tile::root_tiles(size).into_iter().map(|id| (id.level, id.index, id.width)).collect::<Vec<_>>();
    assert_eq!(widths(70_000), [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
    assert_eq!(widths(256), [(1, 0, 1)]);
    assert_eq!(TileId { level: 0, index: 1_234_067, width: 256 }.path(), "tile/0/x001/x234/067");
}
