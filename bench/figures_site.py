"""The figures without a peer: replay, recovery, memory."""

import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import time

import raw
import repos
from measure import PeakMemory, rss_mib, tree
from repos import git
from servers import OUTLAST, Outlast

EVENTS = int(os.environ.get("OUTLAST_BENCH_EVENTS", "100000"))
REPOS = int(os.environ.get("OUTLAST_BENCH_REPOS", "1000"))
MEMORY_MIB = int(os.environ.get("OUTLAST_BENCH_MEMORY_MIB", "2048"))
TOUCH_MIB = 12


def plain(name, text, aim, reached):
    return {"figure": name, "outlast": text, "aim": aim, "reached": reached}


def replay(_scene):
    example = os.path.join(os.path.dirname(OUTLAST), "examples", "replay_speed")
    said = subprocess.run([example], capture_output=True, text=True, check=True).stdout
    print("  " + said.replace("\n", "\n  ").rstrip())
    speeds = [float(number.replace(",", "")) for number in re.findall(r"([\d,.]+)(?: events/s| events a second)", said)]
    if not speeds:
        raise RuntimeError(f"no speed in: {said}")
    yield plain("replay of sealed batches into SQLite", f"{speeds[0]:,.0f} /s", ">= 100,000/s", speeds[0] >= 100_000)


class Api:
    """One kept-alive connection to the site's REST API."""

    def __init__(self, site):
        self.connection = http.client.HTTPConnection(*site.address.split(":"), timeout=120)
        self.headers = {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"}

    def call(self, method, path, body):
        try:
            answer, text = self.ask(method, path, body)
        except (BrokenPipeError, http.client.RemoteDisconnected):
            # The site lets go of a connection that was idle while this thread pushed.
            self.connection.close()
            answer, text = self.ask(method, path, body)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")

    def ask(self, method, path, body):
        self.connection.request(method, path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        return answer, answer.read()


def fill(site):
    """REPOS repositories with a push each, and changes of them until the journal holds EVENTS entries."""
    source = os.path.join(site.directory, "seed")
    os.makedirs(source)
    git(source, "init", "-q", "-b", "main", ".")
    git(source, "commit", "-q", "--allow-empty", "-m", "seed")
    workers = min(32, REPOS)

    def worker(number):
        api = Api(site)
        mine = range(number, REPOS, workers)
        for repo in mine:
            api.call("POST", "/api/v1/user/repos", {"name": f"r{repo}", "private": False})
        for repo in mine:
            git(source, "push", "-q", site.url(f"r{repo}"), "main")
        changes = max(0, EVENTS - 2 * REPOS) // workers
        for change in range(changes):
            repo = mine[change % len(mine)]
            api.call("PATCH", f"/api/v1/repos/ann/r{repo}", {"private": (change // len(mine)) % 2 == 0})

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(worker, range(workers)))


def stored_bytes(places):
    """The bytes that the vaults' files hold, and how fast this machine hashes them."""
    total, started = 0, time.monotonic()
    for place in places:
        for directory, _, names in os.walk(place):
            for name in names:
                with open(os.path.join(directory, name), "rb") as file:
                    total += os.fstat(file.fileno()).st_size
                    hashlib.file_digest(file, "sha256")
    return total, total / max(time.monotonic() - started, 1e-9)


def recovery(scene):
    place = os.path.join(scene.work, "recovery")
    os.makedirs(place)
    site = Outlast(place)
    try:
        site.user()
        started = time.monotonic()
        fill(site)
        print(f"  {EVENTS} events, {REPOS} repositories in {time.monotonic() - started:.0f} s")
        source = repos.made(scene.kept, f"noise-{TOUCH_MIB}", repos.noise(TOUCH_MIB))
        site.create("touched")
        git(source, "push", "-q", site.url("touched"), "main")
        token = site.token
        key = os.path.join(place, "key.txt")
        shutil.copy(os.path.join(site.data, "recovery-key.txt"), key)
        site.kill_site()
        shutil.rmtree(site.data)

        seconds = recover(site, key, "recovered", [])
        site.token = token
        # The last that was made: the background, which fills one after the other, has not come to it.
        started = time.monotonic()
        git(scene.work, "ls-remote", site.url("touched"))
        touched = time.monotonic() - started
        yield plain(f"first touch of a repository of {TOUCH_MIB} MiB", f"{touched:.2f} s", "<= 1 s", touched <= 1)
        yield plain("recovery until it serves", f"{seconds:.2f} s", "<= 10 s", seconds <= 10)
        site.kill_site()
        seconds = recover(site, key, "recovered-fully", ["--full"])
        total, speed = stored_bytes(site.vaults[:1])
        bound = total / speed
        text = f"{seconds:.2f} s for {total / 2**20:.0f} MiB a vault"
        print(f"  recovery --full: {text}; hashing one vault's files takes {bound:.2f} s")
        yield plain("recovery --full", f"{seconds:.2f} s", "(shown)", None)
        started = time.monotonic()
        arguments = [OUTLAST, "drill", "--data", site.data]
        for vault in site.vaults:
            arguments += ["--vault", os.path.join(vault, "recover.url")]
        drill = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if drill.returncode != 0:
            raise RuntimeError(f"drill: {drill.stdout}{drill.stderr}")
        seconds = time.monotonic() - started
        print("  " + drill.stdout.replace("\n", "\n  ").rstrip())
        yield plain(f"full drill of {REPOS} repositories", f"{seconds:.2f} s", "(shown)", None)
    finally:
        site.stop()


def recover(site, key, name, more):
    """Seconds from the command until the site answers."""
    site.data = os.path.join(site.directory, name)
    arguments = [OUTLAST, "recover", "--key", key, "--to", site.data, "--keep-credentials", *more]
    for vault in site.vaults:
        arguments += ["--vault", os.path.join(vault, "recover.url")]
    started = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"recover: {done.stderr}")
    between = time.monotonic() - started
    site._serve()
    print(f"  recover {' '.join(more)}: {between:.2f} s, then serve: {time.monotonic() - started - between:.2f} s")
    return time.monotonic() - started


def memory(scene):
    source = repos.made(scene.kept, f"noise-{MEMORY_MIB}", repos.noise(MEMORY_MIB))
    place = os.path.join(scene.work, "memory")
    os.makedirs(place)
    site = Outlast(place)
    try:
        site.user()
        time.sleep(1)
        idle = rss_mib(site.pids())
        yield plain("site, idle: resident memory", f"{idle:.1f} MiB", "< 60 MiB", idle < 60)
        site.create("noise")
        with PeakMemory(site.pids()) as peak:
            git(source, "push", "-q", site.url("noise"), "main")
            body = raw.fetch_request([git(source, "rev-parse", "main")])
            for _ in range(2):
                raw.upload_pack(site.address, "ann/noise.git", body)
        name = f"site, {MEMORY_MIB} MiB pushed and cloned: peak memory"
        print(f"  with git's own processes: {peak.whole:.1f} MiB; vaults: {rss_mib(tree(site.vault_pids())):.1f} MiB")
        yield plain(name, f"{peak.own:.1f} MiB", "< 200 MiB", peak.own < 200)
    finally:
        site.stop()
