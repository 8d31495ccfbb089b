"""The other side of the transparency log: the independent implementation aics-tlog.

interop.py check           reads a JSON object, verifies what it holds of Outlast's, and prints what it makes of it:
    note (a cosigned checkpoint), log_vkey, witness_vkeys, quorum, leaves (hex), sizes,
    inclusion [[index, size, [hash...]]], consistency [[old, new, [hash...]]], tiles {path: hex}, bundles {path: hex}
interop.py make SIZE       prints a log of its own, for Outlast to verify
"""

import hashlib
import json
import sys

from aics_tlog.checkpoint import Checkpoint, checkpoint_from_note, sign_checkpoint, verify_checkpoint
from aics_tlog.cosign import cosignature_vkey, sign_cosignature
from aics_tlog.note import Note, format_vkey, parse_note, parse_vkey, vkey_from_ed25519
from aics_tlog.tiles import (
    MemoryTileReader,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    materialise_tiles,
    parse_entry_bundle,
    read_entry,
    tree_root_from_tiles,
)
from aics_tlog.tree import MerkleTree, verify_consistency, verify_leaf_inclusion
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def unhex(texts):
    return [bytes.fromhex(text) for text in texts]


def hexed(hashes):
    return [node.hex() for node in hashes]


def check(given):
    note = parse_note(given["note"])
    witnesses = [parse_vkey(key) for key in given["witness_vkeys"]]
    result = verify_checkpoint(note, parse_vkey(given["log_vkey"]), witnesses, given["quorum"])
    assert result.ok, result
    assert not verify_checkpoint(note, parse_vkey(given["log_vkey"]), witnesses, len(note.signatures)).ok
    checkpoint, _ = checkpoint_from_note(note)

    leaves = unhex(given["leaves"])
    tree = MerkleTree(leaves)
    assert checkpoint.size == len(leaves) and checkpoint.root == tree.root()
    for index, size, proof in given["inclusion"]:
        proof, root = unhex(proof), tree.root(size)
        assert verify_leaf_inclusion(leaves[index], index, size, proof, root), (index, size)
        assert not verify_leaf_inclusion(leaves[index] + b"x", index, size, proof, root), (index, size)
        assert proof == tree.inclusion_proof(index, size), (index, size)
    for old, new, proof in given["consistency"]:
        proof = unhex(proof)
        assert verify_consistency(old, new, tree.root(old), tree.root(new), proof), (old, new)
        assert proof == tree.consistency_proof(old, new), (old, new)

    tiles = {path: bytes.fromhex(text) for path, text in {**given["tiles"], **given["bundles"]}.items()}
    ours = materialise_tiles(leaves)
    assert {path: ours.get(path) for path in tiles} == tiles
    reader = MemoryTileReader(tiles)
    assert tree_root_from_tiles(reader, len(leaves)) == checkpoint.root
    for path, text in given["bundles"].items():
        assert parse_entry_bundle(bytes.fromhex(text)), path
    assert all(read_entry(reader, index, len(leaves)) == leaf for index, leaf in enumerate(leaves))
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "extensions": list(checkpoint.extension_lines),
        "witnesses": sorted(result.witnesses),
        "tiles": len(tiles),
    }


def make(size):
    log_key, witness_key = (Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest()) for seed in (b"l", b"w"))
    leaves = [f"entry {number}".encode() for number in range(size)]
    tree = MerkleTree(leaves)
    checkpoint = Checkpoint("example.org/log", size, tree.root(), ("epoch 1",))
    note = sign_checkpoint(checkpoint, log_key, "example.org/log")
    _, line = sign_cosignature(
        witness_key, "example.org/witness", 1_700_000_000, checkpoint.origin, size, tree.root(), ("epoch 1",)
    )
    tiles = materialise_tiles(leaves)
    reader = MemoryTileReader(tiles)
    return {
        "note": Note(note.text, (*note.signatures, line)).serialise(),
        "log_vkey": format_vkey(vkey_from_ed25519("example.org/log", log_key.public_key())),
        "witness_vkey": format_vkey(cosignature_vkey("example.org/witness", witness_key.public_key())),
        "leaves": hexed(leaves),
        "roots": hexed(tree.root(n) for n in range(1, size + 1)),
        "inclusion": [hexed(inclusion_proof_from_tiles(reader, n, size)) for n in range(size)],
        "consistency": [hexed(consistency_proof_from_tiles(reader, n, size)) for n in range(size + 1)],
        "tiles": {path: data.hex() for path, data in tiles.items()},
    }


if __name__ == "__main__":
    print(json.dumps(check(json.load(sys.stdin)) if sys.argv[1] == "check" else make(int(sys.argv[2]))))
