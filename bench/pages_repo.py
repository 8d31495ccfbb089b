"""The repository that pages are measured on: a long history, wide directories, long files, large diffs, much-changed files.

Each kind is there several times, so that a page that was never asked for can be asked for more than once.
"""

import random

VARIANTS = 8
ENTRIES = 1_000
LINES = 5_000
DIFF_FILES = 500
CHANGES = 500

WORDS = "lamp lens beam pulse relay mirror keeper signal fog clock motor beacon station bearing limit bytes".split()


def source(rng, lines, name):
    """Rust that reads like Rust: comments, strings, numbers, nesting."""
    out = [f"//! The {name}.", "", "use crate::error::Error;", ""]
    while len(out) < lines:
        one, two, number = rng.choice(WORDS), rng.choice(WORDS), rng.randrange(10_000)
        out += [
            f"/// Moves the {one} by what the {two} says, {number} times at most.",
            f"pub fn {one}_{two}_{number}({one}: &mut {one.title()}, {two}: &[u8]) -> Result<usize, Error> {{",
            f"    let mut count = {number}_usize;",
            f"    for (at, byte) in {two}.iter().enumerate() {{",
            f'        if *byte == b\'{one[0]}\' {{ return Err(Error::new("{two} at {{at}}", {number})); }}',
            f"        count = count.wrapping_add(at * {number % 97}); // {one} and {two}",
            "    }",
            "    Ok(count)",
            "}",
            "",
        ]
    return out[:lines]


def text(lines):
    return ("\n".join(lines) + "\n").encode()


README = b"""# Large

A repository as old ones are: %d commits, directories of a thousand entries.

## Use

```rust
fn main() {
    println!("the light is on");
}
```

| what | how many |
|------|---------:|
| entries | 1000 |
| lines | 5000 |

""" + b"\n\n".join(b"Paragraph %d says **something** about `step_%d`, and [links](src/f%d.rs) to a file." % (n, n, n) for n in range(60)) + b"\n"


class Writer:
    """Commits on main, one after the other, with a side branch merged now and then."""

    def __init__(self, write):
        self.write, self.count = write, 0

    def commit(self, message, files, merge=None):
        self.count += 1
        n = self.count
        message = message.encode()
        author = b"%s <%s@example.org>" % ((b"Ann", b"ann") if n % 3 else (b"Ben", b"ben"))
        self.write(b"commit refs/heads/main\nmark :%d\nauthor %s %d +0000\ncommitter %s %d +0000\n" % (n, author, 1_500_000_000 + n * 600, author, 1_500_000_000 + n * 600))
        self.write(b"data %d\n%s\n" % (len(message), message))
        if n > 1:
            self.write(b"from :%d\n" % (n - 1))
        if merge:
            self.write(b"merge :%d\n" % merge)
        for path, content in files:
            self.write(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))
        self.write(b"\n")

    def ref(self, name):
        self.write(b"reset %s\nfrom :%d\n\n" % (name.encode(), self.count))


def pages(commits):
    """Fills a repository of at least `commits` commits."""

    def fill(write):
        rng, writer = random.Random(11), Writer(write)
        wide = [(f"wide/{k}/file-{n:04}.txt", b"entry %d\n" % n) for k in range(VARIANTS) for n in range(ENTRIES)]
        writer.commit("Everything begins", [("README.md", README % commits), ("LICENSE", b"Do what you like.\n" * 40), *wide])
        writer.commit("Long files", [(f"long/{k}.rs", text(source(rng, LINES, f"file {k}"))) for k in range(VARIANTS)])
        many = {f"many/{k}/d{n % 20}/f{n}.rs": source(rng, 120, f"part {n}") for k in range(VARIANTS) for n in range(DIFF_FILES)}
        writer.commit("Many files", [(path, text(lines)) for path, lines in many.items()])
        blamed = [source(rng, 1_000, f"blamed {k}") for k in range(VARIANTS)]
        files = [[b"line %d of %d" % (n, f) for n in range(60)] for f in range(600)]
        changed = 0
        while writer.count < commits - VARIANTS:
            n = writer.count
            if n % 10 == 0 and changed < CHANGES * VARIANTS:
                k, changed = changed % VARIANTS, changed + 1
                at = rng.randrange(1_000)
                blamed[k][at] = f"    let {rng.choice(WORDS)} = {n}; // changed in {n}"
                writer.commit(f"Change line {at} of blamed {k}", [(f"blamed/{k}.rs", text(blamed[k]))])
            elif n % 4 == 0:
                path = f"wide/{rng.randrange(VARIANTS)}/file-{rng.randrange(ENTRIES):04}.txt"
                writer.commit(f"Entry {n}\n\nIt was due.\n", [(path, b"entry as of %d\n" % n)])
            else:
                f = rng.randrange(600)
                files[f][rng.randrange(60)] = b"line as of %d" % n
                merge = n - 40 if n > 100 and n % 50 == 1 else None
                writer.commit(f"Improve part {f}", [(f"src/m{f % 30}/s{f % 7}/f{f}.rs", b"\n".join(files[f]) + b"\n")], merge)
            if writer.count % 1_000 == 0:
                writer.ref(f"refs/tags/v{writer.count // 1_000}")
        for k in range(VARIANTS):
            these = [(path, lines) for path, lines in many.items() if path.startswith(f"many/{k}/")]
            for _, lines in these:
                for at in rng.sample(range(len(lines)), 6):
                    lines[at] = lines[at].replace("count", "total") + " // seen"
            writer.commit(f"Change {DIFF_FILES} files", [(path, text(lines)) for path, lines in these])
            writer.ref(f"refs/tags/many-{k}")

    return fill
