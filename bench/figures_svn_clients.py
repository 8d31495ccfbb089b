"""Subversion's own client: through Outlast and through plain servers of the same machine, in turns, on the same repository.

The peers are what an administrator would set up: Debian's apache2 with mod_dav_svn and a password file, and sshd with `svnserve -t`.
"""

import getpass
import itertools
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
RECOVERIES = 5


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
    numbers = itertools.count()

    def where():
        # Always another: ext4 is slow to make files where some have just been removed.
        return os.path.join(made.work, f"wc-{door}-{next(numbers)}")

    def fetched(verb):
        return lambda client, at: client.seconds(verb, "-q", f"{client.url}/trunk", where())

    def updated(client, at):
        # A copy of one that was never further: a client takes what it has had before from its own store, and asks for nothing.
        behind, place = os.path.join(made.work, f"wc-{door}-behind-{at}"), where()
        if not os.path.exists(behind):
            client.seconds("checkout", "-q", "-r", str(REVISIONS - BEHIND), f"{client.url}/trunk", behind)
        shutil.copytree(behind, place, symlinks=True)
        return client.seconds("update", "-q", "-r", str(REVISIONS), place)

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
    """The site burns; how long until the repository is whole again, beside `svnadmin load` of its dump and beside `cp` of the very
    same files with what flushes them, all on the same disk. Recovery and copy take turns; all that others left unwritten is flushed
    before each. The copy goes to where the site keeps its repositories, so that the file system finds room for both in the same way, and
    nothing is removed in between: ext4 takes its time with inodes that were just freed."""
    made = scene_of(scene)
    site, key = made.site, os.path.join(made.work, "recovery-key")
    shutil.copy(os.path.join(site.data, "recovery-key.txt"), key)
    token = site.token
    site.kill_site()
    files = files_of(site.data)
    count, size = weight(files)
    times, copies = [], []
    for number in range(RECOVERIES):
        recover(site, key, f"recovered-{number}", [])
        site.token = token
        client = Client(made.work, f"http://{site.address}/ann/svn.svn", token)
        os.sync()
        times.append(client.seconds("info", client.url))
        found = weight(files_of(site.data))
        if found[1] < size:
            raise RuntimeError(f"{found[1]} bytes came back of {size}")
        site.kill_site()
        copies.append(copied(files, os.path.join(site.data, "svn", "copied.part")))
    seconds, copy = statistics.median(times), statistics.median(copies)
    print(f"  back: {' '.join(f'{t:.2f}' for t in times)} s; copied: {' '.join(f'{t:.2f}' for t in copies)} s")
    load = loaded(made.dump, os.path.join(made.work, "again"))
    yield {
        "figure": "svn: repository back, beside svnadmin load", "outlast": f"{seconds:.2f} s", "peer": f"{load:.1f} s",
        "ratio": f"{load / seconds:.0f}x", "aim": ">= 20x", "reached": load / seconds >= 20,
    }  # fmt: skip
    yield {
        "figure": "svn: the same files copied with cp and synced", "outlast": f"{seconds:.2f} s", "peer": f"{copy:.2f} s",
        "ratio": f"{seconds / copy:.2f}", "aim": "<= 2", "reached": seconds / copy <= 2,
    }  # fmt: skip
    speed, disk = size / 2**20 / seconds, size / 2**20 / copy
    text = f"{speed:.0f} MiB/s of {size / 2**20:.0f} MiB in {count} files"
    yield plain("svn: speed of that", text, f">= 95 or {disk / 2:.0f} MiB/s", speed >= min(100e6 / 2**20, disk / 2))


def files_of(data):
    """The largest repository's directory in a site's data."""
    place = os.path.join(data, "svn")
    repositories = [os.path.join(place, name, "repo") for name in os.listdir(place) if name.isdigit()]
    return max(repositories, key=lambda repository: weight(repository)[1])


def weight(place):
    """How many files there are, and their bytes."""
    sizes = [os.lstat(os.path.join(directory, name)).st_size for directory, _, names in os.walk(place) for name in names]
    return len(sizes), sum(sizes)


def copied(files, target):
    """Seconds of copying a directory and flushing what its file system has not written."""
    os.sync()
    began = time.monotonic()
    subprocess.run(["cp", "-r", files, target], check=True)
    subprocess.run(["sync", "--file-system", target], check=True)
    return time.monotonic() - began
