"""Git's smart HTTP protocol, version 2, from the raw end: a request is bytes, an answer is counted and thrown away, so
that what is measured is the server and not a client that unpacks."""

import os
import socket
import time

BUFFER = bytearray(1 << 20)
VERSION = "Git-Protocol: version=2\r\n"


def pkt(text):
    data = text.encode()
    return b"%04x" % (len(data) + 4) + data


def request(address, method, path, body=b"", headers=""):
    """Sends one request on a connection of its own; gives back the answer's status, first 64 KiB, and length."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=600) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}"
        if body or method != "GET":
            head += f"Content-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"\r\n" + body)
        start, length = b"", 0
        while count := connection.recv_into(BUFFER):
            if length < 65536:
                start += bytes(BUFFER[:count])
            length += count
    return int(start.split(b" ", 2)[1]), start, length


def expect_ok(answer, what):
    if answer[0] != 200 or b"ERR " in answer[1][:2000]:
        raise RuntimeError(f"{what}: {answer[1][:600]!r}")
    return answer


def upload_pack(address, repo, body):
    headers = "Content-Type: application/x-git-upload-pack-request\r\nAccept: application/x-git-upload-pack-result\r\n"
    return expect_ok(request(address, "POST", f"/{repo}/git-upload-pack", body, headers + VERSION), repo)


def ls_remote(address, repo):
    """The two requests of `git ls-remote`."""
    expect_ok(request(address, "GET", f"/{repo}/info/refs?service=git-upload-pack", headers=VERSION), repo)
    body = pkt("command=ls-refs\n") + pkt("agent=git/2.47.3") + pkt("object-format=sha1")
    return upload_pack(address, repo, body + b"0001" + pkt("peel\n") + pkt("symrefs\n") + pkt("unborn\n") + b"0000")


def fetch_request(wants, haves=()):
    """What git sends to fetch, in one round."""
    lines = ["thin-pack", "no-progress", "include-tag", "ofs-delta"]
    lines += [f"want {oid}\n" for oid in wants] + [f"have {oid}\n" for oid in haves] + ["done\n"]
    head = pkt("command=fetch") + pkt("agent=git/2.47.3") + pkt("object-format=sha1") + b"0001"
    return head + b"".join(pkt(line) for line in lines) + b"0000"


def at_once(count, work):
    """Wall-clock seconds until `count` processes have each done `work`."""
    ready, go = os.pipe()
    children = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os.close(go)
            os.read(ready, 1)
            try:
                work()
                os._exit(0)
            except BaseException as error:  # noqa: BLE001: a child must never return into the parent's code
                print(f"raw client: {error}")
                os._exit(1)
        children.append(pid)
    started = time.monotonic()
    os.close(go)
    failed = [pid for pid in children if os.waitpid(pid, 0)[1] != 0]
    os.close(ready)
    if failed:
        raise RuntimeError(f"{len(failed)} of {count} clients failed")
    return time.monotonic() - started
