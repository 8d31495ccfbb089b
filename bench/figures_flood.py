"""Members' pushes while strangers flood the server, from many addresses, beside the same pushes on a quiet server: goals G1 to G8 of the
threat model. The peer is flooded in the same way, as far as it has what is asked for: it has no pages and no sign-in, so all that
strangers ask of it is fetches that nothing has answered before.

Strangers are processes of their own, at a rate, whatever becomes of what they ask; on a machine of two cores they take from both
servers alike. Sizes:

    OUTLAST_BENCH_FLOOD_PUSHES (600)      member pushes in the flood, and as many before it
    OUTLAST_BENCH_FLOOD_SECONDS (60)      a flood ends after this long, and the pushes with it, however many they were
    OUTLAST_BENCH_FLOOD_RATE (700)        requests a second, as far as the strangers get that far: three of seven expensive, one a sign-in,
                                          three cheap (of the peer: fetches alone)
    OUTLAST_BENCH_FLOOD_HALF_OPEN (1500)  connections that begin a request and never end it
"""

import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import raw
import repos
from figures_git import Pusher
from measure import Meanwhile, PeakMemory, rss_mib
from repos import ENV, GIT, git

PUSHES = int(os.environ.get("OUTLAST_BENCH_FLOOD_PUSHES", "600"))
SECONDS = float(os.environ.get("OUTLAST_BENCH_FLOOD_SECONDS", "60"))
RATE = float(os.environ.get("OUTLAST_BENCH_FLOOD_RATE", "700"))
HALF_OPEN = int(os.environ.get("OUTLAST_BENCH_FLOOD_HALF_OPEN", "1500"))
SOURCES, MEMBERS, STRANGERS = 256, 4, 2
PASSWORD = "a few words in a row"
# A push that takes longer has failed, whatever comes of it.
PUSH_SECONDS_MAX = 30


def source(number):
    """An address of its own for each of many strangers."""
    return f"127.{1 + number % SOURCES // 250}.{1 + number % 250}.7"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def ask(address, number, method, path, body=b"", headers=""):
    """A stranger's request; gives back its status (0: none) and how long the whole answer took."""
    host, port = address.split(":")
    started = time.monotonic()
    try:
        with socket.create_connection((host, int(port)), timeout=30, source_address=(source(number), 0)) as connection:
            # Not to run out of ports while closed connections are waited for.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n{headers}"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            start = b""
            while part := connection.recv(1 << 16):
                start = start or part
            return int(start.split(b" ", 2)[1]) if start else 0, time.monotonic() - started
    except (OSError, ValueError, IndexError):
        return 0, time.monotonic() - started


class Kind:
    """Something that strangers ask for: its share of the rate, how many of one process wait for an answer at one time, and the request
    of each number. Each has a bound of its own, so that what is slowly answered keeps nobody from asking for the rest."""

    def __init__(self, share, at_once, request):
        self.share, self.at_once, self.request = share, at_once, request


class Flood:
    """Strangers, until told to stop. What they were told is there afterwards."""

    def __init__(self, address, ssh, kinds):
        self.address, self.kinds = address, kinds
        self.held = [open_half(address, number, b"GET / HTTP/1.1\r\nHost: slow\r\n") for number in range(HALF_OPEN)]
        self.held += [open_half(ssh, number, b"") for number in range(HALF_OPEN // 5)] if ssh else []
        self.ends = [self._process(number) for number in range(STRANGERS)]

    def _process(self, number):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            return pid, reading
        os.close(reading)
        try:
            os.nice(10)
            told = self._ask_on(number)
            with os.fdopen(writing, "w", encoding="ascii") as out:
                out.writelines(f"{status} {seconds}\n" for status, seconds in told)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001: a child must never return into the parent's code
            print(f"stranger: {error}")
            os._exit(1)

    def _ask_on(self, number):
        """Asks for each kind at its rate, until the signal to stop."""
        stop, told = threading.Event(), []
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        asking = [threading.Thread(target=self._ask_for, args=(kind, number, stop, told)) for kind in self.kinds]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        return list(told)

    def _ask_for(self, kind, number, stop, told):
        room, n = threading.Semaphore(kind.at_once), number

        def one(count):
            told.append(ask(self.address, count, *kind.request(count)))
            room.release()

        pause = STRANGERS * sum(kind.share for kind in self.kinds) / kind.share / RATE
        due = time.monotonic()
        while not stop.is_set():
            if room.acquire(timeout=0.1):
                threading.Thread(target=one, args=(n,), daemon=True).start()
                n += STRANGERS
                due = max(due + pause, time.monotonic() - 1)
                stop.wait(max(0.0, due - time.monotonic()))
        # Those under way are waited for a little.
        deadline = time.monotonic() + 6
        for _ in range(kind.at_once):
            room.acquire(timeout=max(0.0, deadline - time.monotonic()))

    def stop(self):
        """Everything that strangers were told: status and seconds."""
        told = []
        for pid, _ in self.ends:
            os.kill(pid, signal.SIGTERM)
        for pid, reading in self.ends:
            with os.fdopen(reading, encoding="ascii") as answers:
                told += [(int(status), float(seconds)) for status, seconds in (line.split() for line in answers)]
            os.waitpid(pid, 0)
        for connection in filter(None, self.held):
            connection.close()
        return told


def open_half(address, number, start):
    host, port = address.split(":")
    try:
        connection = socket.create_connection((host, int(port)), timeout=5, source_address=(source(number), 0))
        connection.sendall(start)
        return connection
    except OSError:
        return None


def push(pusher, failures):
    """Seconds of one push of one commit; that of a failed one is the most there is."""
    commit, started = pusher.ready.pop(0), time.monotonic()
    command = [*GIT, "push", "-q", pusher.url, f"{commit}:refs/heads/main"]
    try:
        done = subprocess.run(command, cwd=pusher.directory, env=ENV, capture_output=True, check=False, timeout=PUSH_SECONDS_MAX)
        wrong = done.stderr.decode(errors="replace").strip() if done.returncode else ""
    except subprocess.TimeoutExpired:
        wrong = f"it took more than {PUSH_SECONDS_MAX} s"
    if not wrong:
        return time.monotonic() - started
    failures.append(wrong)
    return float(PUSH_SECONDS_MAX)


def pushes(pushers, count, seconds):
    """So many pushes by all together, or as many as there is time for: seconds of each, and what went wrong."""
    times, failures, until = [], [], time.monotonic() + seconds
    share = count // len(pushers)

    def some(pusher):
        for _ in range(share):
            if time.monotonic() > until:
                return
            times.append(push(pusher, failures))

    threads = [threading.Thread(target=some, args=(pusher,)) for pusher in pushers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, failures


class Beside(Meanwhile):
    """Something that is asked again and again while the pushes go on: seconds of each answer; a failure is the most there is."""

    def __init__(self, act, every=0.1):
        super().__init__(every)
        self.act, self.times = act, []

    def once(self):
        started = time.monotonic()
        try:
            self.act()
            self.times.append(time.monotonic() - started)
        except (OSError, RuntimeError, ValueError, IndexError):
            self.times.append(30.0)


def fetches(name, commits):
    """Fetches that differ from each other, so that no cache answers them."""
    headers = "Content-Type: application/x-git-upload-pack-request\r\nAccept: application/x-git-upload-pack-result\r\n"

    def one(number):
        body = raw.fetch_request([commits[number * 7919 % len(commits)]])
        return "POST", f"/ann/{name}.git/git-upload-pack", body, headers + raw.VERSION

    return one


def of_pages(name, files):
    """What strangers ask of Outlast besides: blames and logs, guessed passwords, and what costs little."""
    form = "Content-Type: application/x-www-form-urlencoded\r\n"

    def page(kind):
        return lambda number: ("GET", f"/ann/{name}/-/{kind}/main/{files[number * 31 % len(files)]}")

    def guess(number):
        """For the member, who must get in all the same, and for names of all sorts, so that each costs a hash."""
        guessed = "bob" if number % 2 else f"nobody-{number}"
        return "POST", "/-/sign-in", f"name={guessed}&password=guess-{number}".encode(), form

    def cheap(number):
        return "GET", (f"/ann/{name}", "/-/sign-in", f"/ann/{name}.git/HEAD", f"/nobody/{number}")[number % 4]

    return [Kind(0.5, 30, page("blame")), Kind(0.5, 30, page("log")), Kind(1, 30, guess), Kind(3, 40, cheap)]


class Member:
    """Somebody who has signed in with this browser before, and changes something with a token: what the peer has not."""

    def __init__(self, server):
        self.address, self.mark = server.address, ""
        server.command("user", "create", "bob", "--email", "bob@example.org", "--password-stdin", typed=PASSWORD + "\n")
        server.command("repo", "create", "bob/changed", "--public")
        self.token = server.command("token", "create", "bob", "--scope", "repo:read,repo:write,user:read")
        self.mark = re.search(rb"outlast_device=[^;]*", self.sign_in()).group().decode()

    def sign_in(self):
        headers = f"Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\nCookie: {self.mark}\r\n"
        body = f"name=bob&password={PASSWORD.replace(' ', '+')}".encode()
        status, head, _ = raw.request(self.address, "POST", "/-/sign-in", body, headers)
        if status != 303:
            raise RuntimeError(f"bob was not let in: {status}")
        return head

    def change(self):
        """Answered when a quorum of vaults holds it."""
        headers = f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
        body = f'{{"description": "{time.monotonic()}"}}'.encode()
        raw.expect_ok(raw.request(self.address, "PATCH", "/api/v1/repos/bob/changed", body, headers), "change")


def measured(scene, server, name, source_path, kinds):
    """One server, quiet and flooded."""
    count = PUSHES // MEMBERS * MEMBERS
    pushers = []
    for number in range(MEMBERS):
        small = repos.made(scene.kept, "tiny", repos.history(50, 2_000))
        server.add(f"flood-{number}", small)
        pushers.append(Pusher(scene, server, f"flood-{number}", small, 2 * count // MEMBERS + 20))
        push(pushers[-1], [])
    head = git(source_path, "rev-parse", "main")
    warm = raw.fetch_request([head], [git(source_path, "rev-parse", "main~5")])
    member = f"Authorization: Bearer {server.token}\r\n" if getattr(server, "token", None) else ""
    kind = "Content-Type: application/x-git-upload-pack-request\r\n"

    def fetch():
        path = f"/ann/{name}.git/git-upload-pack"
        raw.expect_ok(raw.request(server.address, "POST", path, warm, kind + raw.VERSION + member), "fetch")

    fetch()
    bob = Member(server) if server.name == "outlast" else None
    with Beside(fetch) as fetched, Beside(bob.change if bob else fetch) as changed:
        quiet, wrong = pushes(pushers, count, SECONDS)
    if wrong:
        raise RuntimeError(f"{server.name}: {len(wrong)} pushes failed on a quiet server: {wrong[0]}")
    result = {"quiet": quiet, "fetch_quiet": fetched.times, "change_quiet": changed.times}
    pids = server.pids() if hasattr(server, "pids") else []
    before = rss_mib(pids)
    flood = Flood(server.address, getattr(server, "ssh", None), kinds)
    try:
        time.sleep(1)
        asked = [Beside(fetch), Beside(lambda: health(server)), Beside(bob.change if bob else fetch), Beside(bob.sign_in if bob else fetch, 1)]
        with PeakMemory(pids) as memory, asked[0], asked[1], asked[2], asked[3]:
            result["flooded"], result["failed"] = pushes(pushers, count, SECONDS)
    finally:
        result["told"] = flood.stop()
    for what, beside in zip(("fetch", "health", "change", "sign_in"), asked):
        result[what] = beside.times
    result["rss"] = memory.own - before
    time.sleep(5)
    result["after"], _ = pushes(pushers, 8 * MEMBERS, SECONDS)
    told = {"served": 0, "shed": 0, "nothing": 0}
    for status, _ in result["told"]:
        told["nothing" if status == 0 else "shed" if status == 503 else "served"] += 1
    print(
        f"  {server.name}: {len(result['flooded'])} pushes in the flood, {len(result['failed'])} failed; strangers: {told}; "
        f"p50 {percentile(quiet, 0.5) * 1000:.0f} ms quiet, {percentile(result['flooded'], 0.5) * 1000:.0f} ms flooded"
    )
    return result


def health(server):
    """`/healthz`, which the peer has not."""
    if server.name == "outlast" and raw.request(server.address, "GET", "/healthz")[0] != 200:
        raise RuntimeError("not healthy")


def flood(scene):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    name = "flooded"
    source_path = scene.repository(name, repos.history(4_000, 8_000))
    commits = git(source_path, "rev-list", "main").split()
    files = git(source_path, "ls-tree", "-r", "--name-only", "main").splitlines()
    ours_server, peer_server = scene.servers()
    fetch = Kind(2, 100, fetches(name, commits))
    ours = measured(scene, ours_server, name, source_path, [fetch, *of_pages(name, files)])
    peer = measured(scene, peer_server, name, source_path, [fetch])
    yield from lines(ours, peer)


def lines(ours, peer):
    """The goals, one a line."""

    def p99(side, what):
        return percentile(side[what], 0.99)

    def line(figure, value, aim, reached, beside="", ratio=""):
        return {"figure": figure, "outlast": value, "peer": beside, "ratio": ratio, "aim": aim, "reached": reached}

    slower = [p99(side, "flooded") / p99(side, "quiet") for side in (ours, peer)]
    failed = [f"{len(side['failed'])} of {len(side['flooded'])}" for side in (ours, peer)]
    milliseconds = [f"{p99(side, 'flooded') * 1000:.0f} ms" for side in (ours, peer)]
    yield line("G1 pushes that fail in a flood", failed[0], "0", not ours["failed"], failed[1])
    yield line("G1 push p99, in a flood", milliseconds[0], "shown", None, milliseconds[1])
    yield line("G1 push p99, flood by quiet", f"{slower[0]:.2f}", "<= 5", slower[0] <= 5, f"{slower[1]:.2f}", f"{slower[0] / slower[1]:.3f}")
    added = [p99(side, "fetch") - p99(side, "fetch_quiet") for side in (ours, peer)]
    yield line("G2 fetch from the cache p99, added by it", f"{added[0] * 1000:.0f} ms", "<= 150 ms", added[0] <= 0.15, f"{added[1] * 1000:.0f} ms")
    signed_in = percentile(ours["sign_in"], 0.95)
    yield line("G3 sign-in from a known browser p95", f"{signed_in * 1000:.0f} ms", "<= 2000 ms", signed_in <= 2)
    yield line("G4 /healthz p99", f"{p99(ours, 'health') * 1000:.0f} ms", "<= 100 ms", p99(ours, "health") <= 0.1)
    yield line("G5 memory above quiet", f"{ours['rss']:.0f} MiB", "<= 1024 MiB", ours["rss"] <= 1024)
    held = p99(ours, "change") - p99(ours, "change_quiet")
    yield line("G6 change held by the quorum p99, added by it", f"{held * 1000:.0f} ms", "<= 50 ms", held <= 0.05)
    back = percentile(ours["after"], 0.9) / percentile(ours["quiet"], 0.9)
    yield line("G7 push p90, 5 s after it by quiet", f"{back:.2f}", "<= 1.5", back <= 1.5)
    shed = [seconds for status, seconds in ours["told"] if status == 503]
    worst = max(shed, default=0.0)
    yield line("G8 slowest answer to who is turned away", f"{worst * 1000:.0f} ms", "<= 1000 ms", worst <= 1 and bool(shed))
    silent = sum(1 for status, _ in ours["told"] if status == 0)
    yield line("G8 strangers without an answer", f"{silent} of {len(ours['told'])}", "0", silent == 0)
