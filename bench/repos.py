"""The repositories that are measured, generated once and kept in bench/out/repos as `git gc` leaves them."""

import os
import random
import subprocess

GIT = ["git", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "user.name=Ann", "-c", "user.email=a@example.org"]
ENV = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}


def git(directory, *arguments, stdin=None):
    done = subprocess.run([*GIT, *arguments], cwd=directory, env=ENV, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments[:3])}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout.decode(errors="replace").strip()


def made(place, name, fill):
    """The bare repository `name`, made by `fill(fast-import's stdin)` when it is not there yet."""
    path = os.path.join(place, name + ".git")
    if not os.path.exists(path):
        print(f"  making {name} ...", flush=True)
        unfinished = path + ".unfinished"
        subprocess.run(["rm", "-rf", unfinished], check=True)
        os.makedirs(unfinished)
        git(unfinished, "init", "-q", "--bare", "-b", "main", ".")
        importer = subprocess.Popen(
            [*GIT, "fast-import", "--quiet", "--max-pack-size=4g"], cwd=unfinished, env=ENV, stdin=subprocess.PIPE
        )
        fill(importer.stdin.write)
        importer.stdin.close()
        if importer.wait() != 0:
            raise RuntimeError("git fast-import failed")
        git(unfinished, "gc", "-q")
        os.rename(unfinished, path)
    return path


def _commit(write, number, path, content, branch="refs/heads/main"):
    write(b"blob\nmark :%d\ndata %d\n%s\n" % (number, len(content), content))
    message = b"commit %d" % number
    write(b"commit %s\nmark :%d\n" % (branch.encode(), 10**7 + number))
    write(b"committer Ann <a@example.org> %d +0000\ndata %d\n%s\n" % (1_700_000_000 + number, len(message), message))
    if number > 1:
        write(b"from :%d\n" % (10**7 + number - 1))
    write(b"M 100644 :%d %s\n\n" % (number, path.encode()))


def history(commits, file_bytes, files=2000):
    """A history of one changed file a commit: half of each file is new, half stays, as with sources."""

    def fill(write):
        rng = random.Random(7)
        contents = {}
        for number in range(1, commits + 1):
            key = rng.randrange(files)
            old = contents.get(key, b"")
            fresh = rng.randbytes(file_bytes // 4).hex().encode()
            content = old[len(fresh) :] + fresh if old else fresh + rng.randbytes(file_bytes // 4).hex().encode()
            contents[key] = content
            _commit(write, number, f"d{key % 40}/e{key % 7}/f{key}", content)
            if number % 500 == 0:
                write(b"reset refs/tags/v%d\nfrom :%d\n\n" % (number // 500, 10**7 + number))

    return fill


def many_refs(refs):
    def fill(write):
        for number in range(1, 1001):
            _commit(write, number, f"f{number % 50}", b"content %d" % number)
        for number in range(refs):
            write(b"reset refs/heads/topic/%d/x%d\nfrom :%d\n\n" % (number % 100, number, 10**7 + 1 + number % 1000))

    return fill


def noise(mib):
    """Blobs that do not compress: as large as it says."""

    def fill(write):
        rng = random.Random(9)
        for number in range(1, mib // 4 + 1):
            _commit(write, number, f"blob{number}", rng.randbytes(4 << 20))

    return fill
