"""Opens a vault's directory as its FORMAT file says, with age, openssl and git, and nothing of Outlast.

    open_vault.py DIR/store RECOVERY-KEY OUT

Makes OUT/N.git for each repository N that the journal names, from its pushes, and prints `entries COUNT`, then a line
`repository N NAME` for each.
"""

import hashlib
import os
import struct
import subprocess
import sys


def run(*command, data=b""):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def cbor(data, at=0):
    """One CBOR item (RFC 8949) at a place, and the place after it."""
    kind, extra = data[at] >> 5, data[at] & 31
    at += 1
    if extra < 24:
        value = extra
    elif extra < 28:
        size = 1 << (extra - 24)
        value, at = int.from_bytes(data[at : at + size], "big"), at + size
    else:
        value = None  # indefinite length
    if kind == 0:
        return value, at
    if kind == 1:
        return -1 - value, at
    if kind in (2, 3):
        text = data[at : at + value]
        return (text if kind == 2 else text.decode()), at + value
    if kind in (4, 5):
        items, want = [], None if value is None else value * (kind - 3)
        while len(items) != want:
            if want is None and data[at] == 0xFF:
                at += 1
                break
            item, at = cbor(data, at)
            items.append(item)
        return (items if kind == 4 else dict(zip(items[::2], items[1::2]))), at
    return {20: False, 21: True, 22: None}[extra], at


class Vault:
    def __init__(self, store, key):
        self.store, self.key, self.inline, self.data_keys = store, key, {}, {}

    def blob(self, name):
        if name in self.inline:
            sealed = self.inline[name]
        else:
            with open(os.path.join(self.store, "blob", name[:2], name), "rb") as file:
                sealed = file.read()
        assert hashlib.sha256(sealed).hexdigest() == name, f"blob {name} is damaged"
        return run("age", "--decrypt", "-i", self.key, data=sealed)

    def batches(self):
        """The payloads of all segments, in order."""
        directory = os.path.join(self.store, "segment")
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as file:
                data = file.read()
            at = 0
            while at < len(data):
                assert data[at : at + 4] == b"OLR1", f"{name}: no record at {at}"
                (length,) = struct.unpack_from(">I", data, at + 4)
                payload = data[at + 44 : at + 44 + length]
                assert hashlib.sha256(payload).digest() == data[at + 12 : at + 44], f"{name}: damaged at {at}"
                yield cbor(payload)[0]
                at += 44 + length

    def read_epochs(self):
        directory = os.path.join(self.store, "epoch")
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name)) as file:
                lines = dict(line.split(" ", 1) for line in file.read().splitlines() if " " in line)
            self.data_keys[int(lines["epoch"])] = self.blob(lines["data-key"]).hex()

    def entries(self):
        """Every entry in order, as its CBOR map."""
        batches = list(self.batches())
        for batch in batches:
            self.inline.update({hashlib.sha256(blob).hexdigest(): blob for blob in batch[7]})
        self.read_epochs()
        for _, origin, epoch, first, envelopes, *_ in batches:
            for number, envelope in enumerate(envelopes, first):
                yield self.open(origin, self.data_keys[epoch], number, cbor(envelope)[0])

    def open(self, origin, data_key, number, envelope):
        info = (b"outlast/v1 entry" + origin.encode() + struct.pack(">Q", number)).hex()
        kdf = ("openssl", "kdf", "-keylen", "32", "-kdfopt", "digest:SHA256")
        secret = run(*kdf, "-kdfopt", f"hexkey:{data_key}", "-kdfopt", "hexsalt:00", "-kdfopt", f"hexinfo:{info}", "HKDF")
        secret = secret.decode().replace(":", "").strip()
        key = run(*kdf, "-kdfopt", "mode:EXPAND_ONLY", "-kdfopt", f"hexkey:{secret}", "-kdfopt", "info:key", "HKDF")
        key = key.decode().replace(":", "").strip()
        nonce = "01000000000000000000000000000000"
        plain = run("openssl", "enc", "-d", "-chacha20", "-K", key, "-iv", nonce, data=envelope[4][:-16])
        return cbor(plain)[0]

    def event(self, entry):
        event = entry.get(5)
        if event is None:  # too large for the entry: in blobs
            event = b"".join(self.blob(name.hex()) for name in entry[6])
        return cbor(event)[0] if isinstance(event, bytes) else event


def git(repository, *arguments, data=b""):
    return run("git", "-C", repository, *arguments, data=data)


def main(store, key, out):
    vault, count, names = Vault(store, key), 0, {}
    for entry in vault.entries():
        number, kind, event = entry[0], entry[4], vault.event(entry)
        assert number == count, f"entry {number} where {count} should be"
        count += 1
        path = lambda repository: os.path.join(out, f"{repository}.git")
        if kind == 60:  # RepoCreated
            names[number] = event[1]
            subprocess.run(["git", "init", "-q", "--bare", path(number)], check=True)
        if kind == 80:  # Pushed
            pack = b"".join(vault.blob(part[0].hex()) for part in event[2])
            if pack:
                git(path(event[0]), "index-pack", "--stdin", "--fix-thin", data=pack)
            for change in event[1]:
                new = change.get(2)
                git(path(event[0]), "update-ref", *((change[0], new.hex()) if new else ("-d", change[0])))
    print("entries", count)
    for number, name in names.items():
        print("repository", number, name)


main(*sys.argv[1:])
