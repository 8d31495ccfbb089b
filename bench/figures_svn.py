"""Subversion: what pages cost, beside the `svn` command line that gives the same answers. The repository is generated, the same in every run: SVN_REVISIONS revisions, more than 2,000 files in trunk, branches, tags, a file
with 500 changes.
"""

import os
import random
import subprocess
import time

from figures_pages import Browser, looks, median_ms, ours_alone
from figures_site import plain as shown
from measure import median
from servers import Outlast
from servers_svn import plain_server

REVISIONS = max(2_500, int(os.environ.get("OUTLAST_BENCH_SVN_REVISIONS", "2500")))
FILES = 2_100
CHANGES = 500
VARIANTS = 8
ROUNDS = int(os.environ.get("OUTLAST_BENCH_ROUNDS", "5"))


def record(path, kind, action, text=None, extra=""):
    """A node of a dump."""
    head = f"Node-path: {path}\n" + (f"Node-kind: {kind}\n" if kind else "") + f"Node-action: {action}\n{extra}"
    if text is None:
        return (head + ("Prop-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n\n" if action == "add" and not extra else "\n\n")).encode()
    properties = "PROPS-END\n" if action == "add" else ""
    sizes = f"Prop-content-length: {len(properties)}\n" if properties else ""
    sizes += f"Text-content-length: {len(text)}\nContent-length: {len(properties) + len(text)}\n\n"
    return (head + sizes + properties).encode() + text + b"\n\n"


def revision(number, message):
    """The head of a revision in a dump."""
    pairs = (("svn:author", "ann"), ("svn:date", f"20{10 + number // 400:02}-{1 + number // 32 % 12:02}-{1 + number % 28:02}T10:00:00.000000Z"), ("svn:log", message))
    properties = "".join(f"K {len(k)}\n{k}\nV {len(v)}\n{v}\n" for k, v in pairs) + "PROPS-END\n"
    return f"Revision-number: {number}\nProp-content-length: {len(properties)}\nContent-length: {len(properties)}\n\n{properties}\n".encode()


def dump(out, revisions=REVISIONS):
    """Writes the history as a dump."""
    rand = random.Random(7)
    words = [f"word{n}" for n in range(400)]
    text = lambda lines: "".join(" ".join(rand.choices(words, k=8)) + "\n" for _ in range(lines)).encode()  # noqa: E731
    out.write(b"SVN-fs-dump-format-version: 2\n\nUUID: 7d2ad5ac-3c26-4b8b-9d04-0d5ad0d6cafe\n\n")
    out.write(revision(0, ""))
    out.write(revision(1, "The beginning"))
    for path in ("trunk", "branches", "tags", *(f"trunk/d{n}" for n in range(30))):
        out.write(record(path, "dir", "add"))
    blamed = [f"line {n} as it was\n" for n in range(1_000)]
    out.write(record("trunk/blamed.c", "file", "add", "".join(blamed).encode()))
    files = [f"trunk/d{n % 30}/f{n}.c" for n in range(FILES)]
    out.write(revision(2, "All files"))
    for path in files:
        out.write(record(path, "file", "add", text(rand.randrange(20, 300))))
    for number in range(3, revisions + 1):
        out.write(revision(number, f"Change {number}\n\nWith a reason."))
        if number % 100 == 0:
            kind = "tags" if number % 500 == 0 else "branches"
            out.write(record(f"{kind}/v{number}", "dir", "add", extra=f"Node-copyfrom-rev: {number - 1}\nNode-copyfrom-path: trunk\n"))
        elif number % 5 == 0 and number // 5 <= CHANGES:
            blamed[number * 7 % 1_000] = f"line changed in {number}\n"
            out.write(record("trunk/blamed.c", "file", "change", "".join(blamed).encode()))
        else:
            for path in rand.sample(files, 3):
                out.write(record(path, "file", "change", text(rand.randrange(20, 300))))


class SvnScene:
    """The repository as an ordinary one, and at a site of its own. Made once for all figures of Subversion."""

    def __init__(self, scene):
        self.work = os.path.join(scene.work, "svn")
        os.makedirs(self.work)
        self.dump = os.path.join(self.work, "dump")
        with open(self.dump, "wb") as out:
            dump(out)
        self.plain = os.path.join(self.work, "plain")
        self.load_seconds = loaded(self.dump, self.plain)
        self.url = f"file://{self.plain}"
        place = os.path.join(self.work, "site")
        os.makedirs(place)
        self.site = Outlast(place)
        scene.at_end(self.site.stop)
        self.site.user()
        began = time.monotonic()
        self.site.command("import", "--svn-dump", self.dump, "--to", "ann/svn", "--visibility", "public")
        self.import_seconds = time.monotonic() - began
        Browser(self.site.address).get("/ann/svn")
        print(f"  {REVISIONS} revisions: svnadmin load {self.load_seconds:.1f} s, outlast import {self.import_seconds:.1f} s")


def loaded(dump, repository):
    """Seconds of `svnadmin load`, everything flushed to the disk as it does by itself."""
    subprocess.run(["svnadmin", "create", repository], check=True)
    began = time.monotonic()
    with open(dump, "rb") as file:
        subprocess.run(["svnadmin", "load", "-q", repository], stdin=file, check=True)
    return time.monotonic() - began


def scene_of(scene):
    """The one that was made, or a new one; it ends with the run."""
    if not hasattr(scene, "svn"):
        scene.svn = SvnScene(scene)
    return scene.svn


def svn(*arguments):
    """Seconds of the command line."""
    started = time.perf_counter()
    subprocess.run(["svn", *arguments], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"})
    return time.perf_counter() - started


def kinds():
    """Each kind of page: its name, the addresses of its variants, and how `svn` is asked for the same of the first; `{}` is the
    repository's address."""
    each = range(VARIANTS)
    newest = [REVISIONS - 3 - 7 * k for k in each]
    return [
        ("svn: directory of 70 entries", [f"tree/trunk/d{3 + k}" for k in each], ("list", "-v", "{}/trunk/d3")),
        ("svn: file", [f"file/trunk/d3/f{33 + 30 * k}.c" for k in each], ("cat", "{}/trunk/d3/f33.c")),
        ("svn: revision with its diff", [f"commit/r{rev}" for rev in newest], ("diff", "-c", str(newest[0]), "{}")),
        ("svn: log of 50 revisions", [f"log/r{rev}/trunk" for rev in newest], ("log", "-l", "50", f"{{}}/trunk@{newest[0]}")),
        ("svn: log of a file", [f"log/r{rev}/trunk/blamed.c" for rev in newest], ("log", "-l", "50", f"{{}}/trunk/blamed.c@{newest[0]}")),
        ("svn: blame, 500 changes", [f"blame/r{rev}/trunk/blamed.c" for rev in newest], ("blame", f"{{}}/trunk/blamed.c@{newest[0]}")),
        (
            "svn: branches compared", [f"compare/trunk...branches/v{2400 - 100 * k}" for k in each if k != 4],
            ("diff", "--old", "{}/trunk", "--new", "{}/branches/v2400"),
        ),
    ]  # fmt: skip


def pages(scene):
    """Pages of a repository of Subversion, first and again, and beside `svn` as people call it: through plain mod_dav_svn of the
    same machine. What it takes with the repository's files at hand is shown too."""
    made = scene_of(scene)
    peer = plain_server(made)
    browser = Browser(made.site.address)
    browser.get("/ann/svn/-/file/trunk/d2/f32.c")
    try:
        for what, addresses, asked in kinds():
            yield from one_kind(made, peer, browser, what, [f"/ann/svn/-/{address}" for address in addresses], asked)
    finally:
        peer.stop()


def one_kind(made, peer, browser, what, addresses, asked):
    first, whole, again = looks(browser, addresses)
    yield from ours_alone(what, first, whole, again)
    by_hand = [svn(*(word.format(made.url) for word in asked)) for _ in range(ROUNDS)]
    yield shown(f"page: {what}, svn with file://", f"{median_ms(by_hand):.2f} ms", "shown", None)
    theirs = [peer.client.seconds(*(word.format(peer.client.url) for word in asked)) for _ in range(ROUNDS)]
    ratio = median(theirs) / median(again)
    yield {
        "figure": f"page: {what}, against svn", "outlast": f"{median_ms(again):.2f} ms", "peer": f"{median_ms(theirs):.2f} ms",
        "ratio": f"{ratio:.0f}x", "aim": ">= 20x", "reached": ratio >= 20,
    }  # fmt: skip
