"""The figures with a peer: what the same request, clone or push costs Outlast and git's own http-backend."""

import os
import subprocess
import threading
import time

import raw
import repos
from measure import alternately, cpu_of, median
from repos import ENV, GIT, git
from servers import Outlast, Peer

ROUNDS = int(os.environ.get("OUTLAST_BENCH_ROUNDS", "5"))
COMMITS = int(os.environ.get("OUTLAST_BENCH_COMMITS", "60000"))


class Scene:
    """Both servers, started at first use, and the repositories that both have."""

    def __init__(self, work, kept):
        self.work, self.kept, self._servers, self._added, self._ends = work, kept, None, set(), []

    def servers(self):
        if self._servers is None:
            places = [os.path.join(self.work, name) for name in ("peer", "outlast")]
            for place in places:
                os.makedirs(place)
            self._servers = (Outlast(places[1]), Peer(places[0]))
            self._servers[0].user()
        return self._servers

    def repository(self, name, fill):
        """Has `ann/NAME` on both servers, and gives back the source."""
        source = repos.made(self.kept, name, fill)
        if name not in self._added:
            for server in self.servers():
                server.add(name, source)
            self._added.add(name)
        return source

    def large(self):
        return self.repository(f"large-{COMMITS}", repos.history(COMMITS, 16_000)), f"large-{COMMITS}"

    def at_end(self, act):
        """Something to be done when all figures are there."""
        self._ends.append(act)

    def stop(self):
        for act in self._ends:
            act()
        for server in self._servers or ():
            server.stop()


def tips(source):
    """The distinct objects that refs point to."""
    listed = git(source, "for-each-ref", "--format=%(objectname)")
    return list(dict.fromkeys(listed.split()))


def figure(name, ours, peers, unit, aim, bound, at_least=False):
    """One line of the results. The ratio is ours by the peer's, or for `at_least` aims how many times the peer's."""
    ratio = ours / peers if peers else float("inf")
    reached = ratio >= bound if at_least else ratio <= bound
    text = f"{value(ours, unit)}", f"{value(peers, unit)}", f"{ratio:.3f}"
    return {"figure": name, "outlast": text[0], "peer": text[1], "ratio": text[2], "aim": aim, "reached": reached}


def value(number, unit):
    return f"{number * 1000:.2f} ms" if unit == "s" else f"{number:.1f} {unit}"


def ls_remote(scene):
    scene.repository("refs-10000", repos.many_refs(10_000))
    ours, peer = scene.servers()
    results = alternately(
        ROUNDS,
        lambda: cpu_of(ours, lambda: raw.ls_remote(ours.address, "ann/refs-10000.git"), 100),
        lambda: cpu_of(peer, lambda: raw.ls_remote(peer.address, "ann/refs-10000.git"), 20),
    )
    yield figure("ls-remote, 10,000 refs: server CPU", *map(median, results), "s", "<= 0.1", 0.1)


def clone(scene):
    source, name = scene.large()
    ours, peer = scene.servers()
    body = raw.fetch_request(tips(source))
    lengths = {server.name: raw.upload_pack(server.address, f"ann/{name}.git", body)[2] for server in (ours, peer)}
    print(f"  answers of {lengths} bytes")

    def one(server):
        return lambda: cpu_of(server, lambda: raw.upload_pack(server.address, f"ann/{name}.git", body))

    results = alternately(ROUNDS, one(ours), one(peer))
    yield figure("full clone served before: server CPU", *map(median, results), "s", "<= 0.1", 0.1)

    def eight(server):
        def work():
            raw.upload_pack(server.address, f"ann/{name}.git", body)

        return lambda: 8 * lengths[server.name] / 2**20 / raw.at_once(8, work)

    results = alternately(max(3, ROUNDS // 2), eight(ours), eight(peer))
    yield figure("8 full clones at once: throughput", *map(median, results), "MiB/s", ">= 5", 5, at_least=True)


def small_fetch(scene):
    source, name = scene.large()
    ours, peer = scene.servers()
    head = git(source, "rev-parse", "main")
    body = raw.fetch_request([head], [git(source, "rev-parse", "main~5")])
    for server in (ours, peer):
        raw.upload_pack(server.address, f"ann/{name}.git", body)

    def one(server, times):
        return lambda: cpu_of(server, lambda: raw.upload_pack(server.address, f"ann/{name}.git", body), times)

    results = alternately(ROUNDS, one(ours, 200), one(peer, 20))
    yield figure("fetch of 5 commits served before: server CPU", *map(median, results), "s", "<= 0.05", 0.05)


class Pusher:
    """A working clone whose next commits are ready to be pushed."""

    def __init__(self, scene, server, name, source, commits):
        self.directory = os.path.join(scene.work, f"clone-{server.name}-{name}")
        git(scene.work, "clone", "-q", "--bare", source, self.directory)
        self.url, self.ready = server.url(name), []
        tree, parent = git(self.directory, "rev-parse", "main^{tree}"), git(self.directory, "rev-parse", "main")
        for number in range(commits):
            blob = git(self.directory, "hash-object", "-w", "--stdin", stdin=b"%d %s" % (number, os.urandom(8).hex().encode()))
            listing = git(self.directory, "ls-tree", tree) + f"\n100644 blob {blob}\tpushed-{number % 20}"
            tree = git(self.directory, "mktree", stdin=self._unique(listing).encode())
            parent = git(self.directory, "commit-tree", "-m", f"push {number}", "-p", parent, tree)
            self.ready.append(parent)

    @staticmethod
    def _unique(listing):
        """A tree's lines, the last of each name."""
        lines = {line.split("\t", 1)[1]: line for line in listing.splitlines() if line}
        return "\n".join(lines.values()) + "\n"

    def push(self):
        """Wall-clock seconds of one `git push` of one commit."""
        commit = self.ready.pop(0)
        started = time.monotonic()
        done = subprocess.run(
            [*GIT, "push", "-q", self.url, f"{commit}:refs/heads/main"],
            cwd=self.directory, env=ENV, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"push: {done.stderr.decode(errors='replace')}")
        return time.monotonic() - started


def small_push(scene):
    source = scene.repository("small", repos.history(2_000, 4_000))
    count = ROUNDS * 6
    pushers = [Pusher(scene, server, "small", source, count + 2) for server in scene.servers()]
    for pusher in pushers:
        pusher.push()
    results = alternately(count, *(pusher.push for pusher in pushers))
    yield figure("small push, held by 2 of 3 with fsync: time", *map(median, results), "s", "<= 1.2", 1.2)


def many_pushers(scene):
    source = repos.made(scene.kept, "tiny", repos.history(50, 2_000))
    pushes, sides = 3, []
    rounds = max(3, ROUNDS // 2)
    for server in scene.servers():
        for number in range(32):
            server.add(f"tiny-{number}", source)
        sides.append([Pusher(scene, server, f"tiny-{number}", source, pushes * rounds) for number in range(32)])

    def all_of(pushers):
        def work():
            failures = []

            def some(pusher):
                try:
                    for _ in range(pushes):
                        pusher.push()
                except RuntimeError as error:
                    failures.append(error)

            threads = [threading.Thread(target=some, args=(pusher,)) for pusher in pushers]
            started = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failures:
                raise failures[0]
            return len(pushers) * pushes / (time.monotonic() - started)

        return work

    before = [server.cpu_seconds() for server in scene.servers()]
    results = alternately(rounds, *map(all_of, sides))
    spent = [server.cpu_seconds() - start for server, start in zip(scene.servers(), before)]
    print(f"  server CPU a push: outlast {spent[0] / rounds / 96 * 1000:.1f} ms, peer {spent[1] / rounds / 96 * 1000:.1f} ms")
    yield figure("32 pushers, 32 repositories: throughput", *map(median, results), "pushes/s", ">= 1", 1, at_least=True)
