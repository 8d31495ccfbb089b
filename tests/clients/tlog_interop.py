"""The other side of the transparency log: the independent implementation aics-tlog.

tlog_interop.py check            reads a JSON object on standard input and verifies what it holds of Outlast's:
    note, log_vkey, witness_vkeys, quorum, index, leaf (the entry's bytes, hex), proof (hashes, hex)
tlog_interop.py make SIZE        prints a log of its own as a JSON object, for Outlast to verify:
    note, log_vkey, witness_vkey, leaves (hex), inclusion (one proof a leaf), consistency (one proof a size)
"""

import hashlib
import json
import sys
import time

from aics_tlog.checkpoint import Checkpoint, checkpoint_from_note, sign_checkpoint, verify_checkpoint
from aics_tlog.cosign import cosignature_vkey, sign_cosignature
from aics_tlog.note import Note, format_vkey, parse_note, parse_vkey, vkey_from_ed25519
from aics_tlog.tree import MerkleTree, verify_leaf_inclusion
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def check(given):
    note = parse_note(given["note"])
    result = verify_checkpoint(
        note, parse_vkey(given["log_vkey"]), [parse_vkey(key) for key in given["witness_vkeys"]], given["quorum"]
    )
    assert result.ok, result
    checkpoint, _ = checkpoint_from_note(note)
    proof = [bytes.fromhex(node) for node in given["proof"]]
    leaf = bytes.fromhex(given["leaf"])
    assert verify_leaf_inclusion(leaf, given["index"], checkpoint.size, proof, checkpoint.root)
    assert not verify_leaf_inclusion(leaf + b"x", given["index"], checkpoint.size, proof, checkpoint.root)
    print(json.dumps({"size": checkpoint.size, "witnesses": sorted(result.witnesses)}))


def make(size):
    log_key, witness_key = (Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest()) for seed in (b"l", b"w"))
    tree = MerkleTree()
    leaves = [f"entry {number}".encode() for number in range(size)]
    for leaf in leaves:
        tree.append(leaf)
    checkpoint = Checkpoint("example.org/log", size, tree.root(), ("epoch 1",))
    note = sign_checkpoint(checkpoint, log_key, "example.org/log")
    _, line = sign_cosignature(
        witness_key, "example.org/witness", int(time.time()), checkpoint.origin, size, tree.root(), ("epoch 1",)
    )
    note = Note(note.text, (*note.signatures, line))
    print(
        json.dumps(
            {
                "note": note.serialise(),
                "log_vkey": format_vkey(vkey_from_ed25519("example.org/log", log_key.public_key())),
                "witness_vkey": format_vkey(cosignature_vkey("example.org/witness", witness_key.public_key())),
                "leaves": [leaf.hex() for leaf in leaves],
                "inclusion": [[node.hex() for node in tree.inclusion_proof(n)] for n in range(size)],
                "consistency": [[node.hex() for node in tree.consistency_proof(n)] for n in range(1, size)],
                "roots": [tree.root(n).hex() for n in range(1, size + 1)],
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(json.load(sys.stdin))
    else:
        make(int(sys.argv[2]))
