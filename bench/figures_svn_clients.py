"""Subversion's own client: through Outlast and through plain servers of the same machine, in turns, on the same repository.

The peers are what an administrator would set up: Debian's apache2 with mod_dav_svn and a password file, and sshd with `svnserve -t`.
"""

import getpass
import os
import shutil
import statistics
import subprocess
import time

from figures_site import plain, recover
from figures_svn import REVISIONS, ROUNDS, loaded, scene_of
from servers import Sshd, ssh_command
from servers_svn import Apache, Client, copy_of, first_answer, plain_server

COMMITS = int(os.environ.get("OUTLAST_BENCH_SVN_COMMITS", "30"))
BEHIND = 100


def compared(what, ours, peers, most):
    ratio = statistics.median(ours) / statistics.median(peers)
    return {
        "figure": f"svn: {what}", "outlast": f"{statistics.median(ours):.3f} s", "peer": f"{statistics.median(peers):.3f} s",
        "ratio": f"{ratio:.2f}", "aim": f"<= {most}", "reached": ratio <= most,
    }  # fmt: skip


def turns(act, clients, rounds=ROUNDS):
    """Seconds of the act for each client, who take turns; the first time is not counted."""
    found = [[], []]
    for number in range(rounds + 1):
        for at in (0, 1) if number % 2 else (1, 0):
            seconds = act(clients[at], at)
            if number:
                found[at].append(seconds)
    return found


def reading(made, clients, door):
    """What only reads: Outlast first, then the peer."""
    where = lambda at: os.path.join(made.work, f"wc-{door}-{at}")  # noqa: E731

    def fetched(verb):
        def act(client, at):
            shutil.rmtree(where(at), ignore_errors=True)
            return client.seconds(verb, "-q", f"{client.url}/trunk", where(at))

        return act

    def updated(client, at):
        client.seconds("update", "-q", "-r", str(REVISIONS - BEHIND), where(at))
        return client.seconds("update", "-q", "-r", str(REVISIONS), where(at))

    def asked(*arguments):
        return lambda client, at: client.seconds(arguments[0], *arguments[1:-1], client.url + arguments[-1])

    acts = [
        ("export", fetched("export")), ("checkout", fetched("checkout")), (f"update of {BEHIND} revisions", updated),
        ("log of everything", asked("log", "-v", "")), ("blame, 500 changes", asked("blame", "/trunk/blamed.c")),
    ]  # fmt: skip
    for what, act in acts:
        yield compared(f"{what}, {door}", *turns(act, clients), 1.1)


def over_http(scene):
    made = scene_of(scene)
    peer = plain_server(made)
    ours = Client(made.work, f"http://{made.site.address}/ann/svn.svn", made.site.token)
    try:
        yield from reading(made, (ours, peer.client), "http")
    finally:
        peer.stop()


def over_ssh(scene):
    made = scene_of(scene)
    key = os.path.join(made.work, "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    made.site.command("key", "add", "ann", key + ".pub")
    repository = copy_of(made, "peer-ssh")
    peer = Sshd(os.path.join(made.work, "sshd"), key + ".pub")
    through = lambda address: " ".join(ssh_command(made.work, key, address)[:-1])  # noqa: E731
    ours = Client(made.work, "svn+ssh://git@127.0.0.1/ann/svn.svn", ssh=through(made.site.ssh))
    theirs = Client(made.work, f"svn+ssh://{getpass.getuser()}@127.0.0.1{repository}", ssh=through(peer.address))
    try:
        first_answer(theirs)
        yield from reading(made, (ours, theirs), "ssh")
    finally:
        peer.stop()


def commits(scene):
    """One small change after the other; ours are held by 2 of 3 vaults, each with its data flushed to the same disk."""
    made = scene_of(scene)
    made.site.command("repo", "create", "ann/commits", "--svn", "--public")
    place = os.path.join(made.work, "commits")
    os.makedirs(place)
    subprocess.run(["svnadmin", "create", os.path.join(place, "peer")], check=True)
    peer = Apache(place, os.path.join(place, "peer"))
    clients = (Client(made.work, f"http://{made.site.address}/ann/commits.svn", made.site.token), peer.client)
    places = [os.path.join(made.work, f"wc-commit-{at}") for at in (0, 1)]
    try:
        for client, place in zip(clients, places):
            client.seconds("checkout", "-q", client.url, place)
            with open(os.path.join(place, "file"), "w", encoding="utf-8") as file:
                file.write("first\n")
            client.seconds("add", "-q", "file", cwd=place)
            client.seconds("commit", "-q", "-m", "first", cwd=place)
        number = 0

        def act(client, at):
            nonlocal number
            number += 1
            with open(os.path.join(places[at], "file"), "a", encoding="utf-8") as file:
                file.write(f"line {number}\n")
            return client.seconds("commit", "-q", "-m", f"change {number}", cwd=places[at])

        yield compared("commit held by 2 of 3 vaults", *turns(act, clients, COMMITS), 1.2)
    finally:
        peer.stop()


def recovery(scene):
    """The site burns; how long until the repository is whole again, beside `svnadmin load` of its dump on the same disk."""
    made = scene_of(scene)
    site, key = made.site, os.path.join(made.work, "recovery-key")
    shutil.copy(os.path.join(site.data, "recovery-key.txt"), key)
    token = site.token
    site.kill_site()
    recover(site, key, "recovered", [])
    site.token = token
    client = Client(made.work, f"http://{site.address}/ann/svn.svn", token)
    began = time.monotonic()
    client.seconds("info", client.url)
    seconds = time.monotonic() - began
    again = os.path.join(made.work, "again")
    load = loaded(made.dump, again)
    size = sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(os.path.join(again, "db/revs")) for name in names)
    disk = disk_speed(made.work)
    speed = size / 2**20 / seconds
    yield {
        "figure": "svn: repository back, beside svnadmin load", "outlast": f"{seconds:.2f} s", "peer": f"{load:.1f} s",
        "ratio": f"{load / seconds:.0f}x", "aim": ">= 20x", "reached": load / seconds >= 20,
    }  # fmt: skip
    text = f"{speed:.0f} MiB/s of {size / 2**20:.0f} MiB"
    yield plain("svn: speed of that", text, f">= 100 or {disk / 2:.0f} MiB/s", speed >= min(100, disk / 2))


def disk_speed(work):
    """MiB/s of writing one large file and flushing it."""
    path, piece = os.path.join(work, "speed"), os.urandom(1 << 20)
    began = time.monotonic()
    with open(path, "wb") as file:
        for _ in range(256):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    seconds = time.monotonic() - began
    os.remove(path)
    return 256 / seconds
