"""What pages cost: server time as a browser sees it on loopback, the first time that a page is asked for and again.

"First" is a page that nobody has asked for since the server started, on a server that has answered another page of the
repository; for the repository's own page, the first of a server just started. cgit, without a cache of its own, makes each
page anew and does not show the last commit of each entry.

A page may leave out of its first answer what it says that the browser is to ask for (`data-late-code`: colours further down, counts
of lines; `data-late`: last changes). It is asked for here as a browser does, and the time from the page's request until that is there
is a figure of its own ("and all of it").
"""

import glob
import gzip
import http.client
import os
import re
import statistics
import time

import pages_repo
from figures_site import plain
from pages_repo import VARIANTS
from repos import git
from servers import Cgit

COMMITS = max(50_000, int(os.environ.get("OUTLAST_BENCH_PAGES_COMMITS", "52000")))
ROUNDS = int(os.environ.get("OUTLAST_BENCH_ROUNDS", "5"))
FIRST_MS, AGAIN_MS = 20, 2
WEIGHT_KIB_MAX = 100
INDEX_SECONDS_MAX = 1_800


class Browser:
    """One kept-alive connection, asking as browsers do."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(*address.split(":"), timeout=120)

    def get(self, path):
        """Seconds until the whole answer is there, and its bytes as sent."""
        seconds, answer, body = self.ask(path)
        return seconds, len(body)

    def ask(self, path):
        """As get, with the answer's head and its body as sent."""
        started = time.perf_counter()
        self.connection.request("GET", path, headers={"Accept": "*/*", "Accept-Encoding": "gzip"})
        answer = self.connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - started
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return seconds, answer, body

    def look(self, path):
        """Seconds until the page is there, and until what it said was still to come is there too; None: it was whole."""
        seconds, answer, body = self.ask(path)
        html = (gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body).decode()
        if not re.search(r"<[a-z]+[^>]* data-late(?:-code)?[=>]", html):
            return seconds, None
        joint = "&" if "?" in path else "?"
        return seconds, seconds + self.get(f"{path}{joint}late=1")[0]

    def weigh(self, path):
        """Bytes as sent of a page and everything that it makes a browser fetch, and the hosts that are not its own."""
        _, answer, body = self.ask(path)
        html = (gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body).decode()
        fetched = set(re.findall(r'<(?:script|img|use|source|iframe|embed)[^>]*?\s(?:src|href)="([^"#]+)', html))
        fetched |= {href for tag in re.findall(r"<link[^>]*>", html) if re.search(r'rel="(?:stylesheet|icon|preload)', tag) for href in re.findall(r'href="([^"]+)', tag)}
        elsewhere = sorted(url for url in fetched if re.match(r"(?:[a-z]+:)?//", url))
        return len(body) + sum(len(self.ask(url)[2]) for url in fetched if url not in elsewhere), elsewhere


def median_ms(seconds):
    return statistics.median(seconds) * 1000


def line(what, seconds, aim_ms):
    ms = median_ms(seconds)
    return plain(f"page: {what}", f"{ms:.2f} ms", f"< {aim_ms} ms", ms < aim_ms)


def against(what, ours, peers):
    ratio = median_ms(ours) / median_ms(peers)
    return {
        "figure": f"page: {what}, against cgit", "outlast": f"{median_ms(ours):.2f} ms", "peer": f"{median_ms(peers):.2f} ms",
        "ratio": f"{ratio:.3f}", "aim": "<= 1", "reached": ratio <= 1,
    }  # fmt: skip


def kinds(source):
    """Each kind of page: its name, the addresses of its variants here, and those of cgit."""
    many = [git(source, "rev-parse", f"many-{k}^{{commit}}") for k in range(VARIANTS)]
    each = range(VARIANTS)
    return [
        ("directory of 1,000 entries", [f"-/tree/main/wide/{k}" for k in each], [f"tree/wide/{k}" for k in each]),
        ("file of 5,000 lines", [f"-/file/main/long/{k}.rs" for k in each], [f"tree/long/{k}.rs" for k in each]),
        ("diff of 500 files", [f"-/commit/{many[k]}" for k in each], [f"commit/?id={many[k]}" for k in each]),
        ("blame, 500 changes", [f"-/blame/main/blamed/{k}.rs" for k in each], [f"blame/blamed/{k}.rs" for k in each]),
        ("log", [f"-/log/v{10 + k}" for k in each], [f"log/?h=v{10 + k}" for k in each]),
        ("log of a path", [f"-/log/main/src/m{k}" for k in each], [f"log/src/m{k}" for k in each]),
    ]


def pages(scene):
    name = f"pages-{COMMITS}"
    source = scene.repository(name, pages_repo.pages(COMMITS))
    ours = scene.servers()[0]
    cgit = Cgit(os.path.join(scene.work, "cgit"), {name: source})
    try:
        await_index(ours, name)
        yield from repository_page(ours, name)
        for what, addresses, peers in kinds(source):
            yield from one_kind(what, Browser(ours.address), [f"/ann/{name}/{path}" for path in addresses], cgit, [f"/{name}/{path}" for path in peers])
    finally:
        cgit.stop()


def await_index(ours, name):
    """The first look at a repository makes the index of its history, in the background; what is measured is a site that has it."""
    started = time.perf_counter()
    Browser(ours.address).get(f"/ann/{name}")
    while not glob.glob(os.path.join(ours.data, "git", "*", "last-changes")):
        if time.perf_counter() - started > INDEX_SECONDS_MAX:
            raise RuntimeError("the index of the history was not made")
        time.sleep(0.1)
    print(f"  the index of {COMMITS} commits was made in {time.perf_counter() - started:.1f} s")


def repository_page(ours, name):
    first, again, weight = [], [], 0
    for _ in range(ROUNDS):
        ours.restart()
        browser = Browser(ours.address)
        browser.get("/-/help/keys")
        seconds, weight = browser.get(f"/ann/{name}")
        first.append(seconds)
        again += [browser.get(f"/ann/{name}")[0] for _ in range(20)]
    print(f"  the repository page alone is {weight / 1024:.1f} KiB as sent")
    yield line("repository, first of a fresh server", first, FIRST_MS)
    yield line("repository, again", again, AGAIN_MS)
    whole, elsewhere = Browser(ours.address).weigh(f"/ann/{name}")
    yield plain("page: repository, with all it fetches, as sent", f"{whole / 1024:.1f} KiB", f"< {WEIGHT_KIB_MAX} KiB", whole < WEIGHT_KIB_MAX * 1024)
    yield plain("page: repository, asks other hosts", str(len(elsewhere)), "0", not elsewhere)


def looks(browser, addresses):
    """Seconds of a first look at each, of all of it, and of looking again."""
    first, whole, again = [], [], []
    for path in addresses:
        seconds, all_of_it = browser.look(path)
        first.append(seconds)
        whole.append(all_of_it or seconds)
        again += [browser.get(path)[0] for _ in range(10)]
    return first, whole, again


def ours_alone(what, first, whole, again):
    """The lines about them."""
    yield line(f"{what}, first", first, FIRST_MS)
    if whole != first:
        yield plain(f"page: {what}, first, and all of it", f"{median_ms(whole):.2f} ms", "shown", None)
    yield line(f"{what}, again", again, AGAIN_MS)


def one_kind(what, browser, addresses, cgit, peers):
    first, whole, again = looks(browser, addresses)
    yield from ours_alone(what, first, whole, again)
    peer = Browser(cgit.address)
    peer.get(peers[0])
    theirs = [peer.get(path)[0] for path in peers for _ in range(3)]
    yield against(f"{what}, first", first, theirs)
    if whole != first:
        yield against(f"{what}, first, all of it", whole, theirs)
