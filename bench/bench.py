"""`make bench`: the figures that Outlast promises, each beside its peer in the same run.

    python3 bench/bench.py [FIGURE...]       FIGURE: as in the table below

Every ratio is of medians; the two sides take turns, so that a noisy moment of the machine hits both. The results are
printed and left in bench/out/results.json. Sizes come from the environment:

    OUTLAST_BENCH_COMMITS (60000)   the large repository, about 300 MB as a pack
    OUTLAST_BENCH_ROUNDS (5)        rounds of each comparison
    OUTLAST_BENCH_EVENTS (100000)   recovery's journal, over OUTLAST_BENCH_REPOS (1000) repositories
    OUTLAST_BENCH_MEMORY_MIB (2048) the repository whose push and clone is watched
    OUTLAST_BENCH_SSH_MIB (1024)    the repository that is cloned over SSH
    OUTLAST_BENCH_PAGES_COMMITS (52000) the repository whose pages are asked for, 50,000 at least
    OUTLAST_BENCH_SVN_REVISIONS (2500) the repository of Subversion, 2,500 at least
    OUTLAST_BENCH_FLOOD_PUSHES (600), _SECONDS (60), _RATE (700), _HALF_OPEN (1500): see figures_flood.py
    OUTLAST_BENCH_DIR (bench/out)   where all of it lives; needs about 12 GiB
"""

import json
import os
import shutil
import sys
import tempfile

import figures_flood
import figures_git
import figures_pages
import figures_site
import figures_ssh
import figures_svn
import figures_svn_clients
from figures_git import Scene

OUT = os.environ.get("OUTLAST_BENCH_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "out")
FIGURES = {
    "ls-remote": figures_git.ls_remote,
    "clone": figures_git.clone,
    "fetch": figures_git.small_fetch,
    "push": figures_git.small_push,
    "pushers": figures_git.many_pushers,
    "replay": figures_site.replay,
    "recovery": figures_site.recovery,
    "memory": figures_site.memory,
    "ssh": figures_ssh.ssh,
    "flood": figures_flood.flood,
    "pages": figures_pages.pages,
    "svn-pages": figures_svn.pages,
    "svn-http": figures_svn_clients.over_http,
    "svn-ssh": figures_svn_clients.over_ssh,
    "svn-commit": figures_svn_clients.commits,
    "svn-recovery": figures_svn_clients.recovery,
}


def show(results):
    """The table, one line a figure."""
    print(f"\n{'figure':<46} {'outlast':>14} {'peer':>14} {'ratio':>9} {'aim':>12}")
    for result in results:
        verdict = {True: "reached", False: "NOT reached", None: ""}[result["reached"]]
        print(
            f"{result['figure']:<46} {result['outlast']:>14} {result.get('peer', ''):>14} "
            f"{result.get('ratio', ''):>9} {result['aim']:>12}  {verdict}"
        )


def main(names):
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.exit(f"bench: no figure {', '.join(unknown)}; there are: {' '.join(FIGURES)}")
    os.makedirs(os.path.join(OUT, "repos"), exist_ok=True)
    work = tempfile.mkdtemp(prefix="work-", dir=OUT)
    results, failed = [], []
    scene = Scene(work, os.path.join(OUT, "repos"))
    try:
        for name in names or FIGURES:
            print(f"== {name}", flush=True)
            try:
                for result in FIGURES[name](scene):
                    results.append(result)
                    show([result])
            except Exception as error:  # noqa: BLE001: one figure that can't be had must not cost the others
                failed.append(name)
                print(f"bench: {name} could not be measured: {error}", file=sys.stderr)
    finally:
        scene.stop()
        shutil.rmtree(work, ignore_errors=True)
    show(results)
    with open(os.path.join(OUT, "results.json"), "w", encoding="utf-8") as file:
        json.dump({"results": results, "failed": failed}, file, indent=2)
    print(f"\n{os.path.join(OUT, 'results.json')}")
    if failed:
        sys.exit(f"bench: could not be measured: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
