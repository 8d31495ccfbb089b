// The repository that most pages are looked at with: some hundred commits by four people, with merges, renames, a full
// directory, a README with everything, images, a binary, a submodule, symlinks and an LFS pointer.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { History, random } from "./fast_import.mjs";
import { gif, png } from "./images.mjs";

const PEOPLE = [
  "Olivia Reyes <olivia@example.org>",
  "Walter Kim <walter@example.org>",
  "Rita Sørensen <rita@example.org>",
  "佐藤 健 <ken@example.org>",
];
const MODULES = ["beam", "beacon", "clock", "fog", "keeper", "lamp", "lens", "mirror", "motor", "pulse", "relay", "signal"];
const VERBS = ["Explain", "Simplify", "Test", "Speed up", "Harden", "Rename a field of", "Log less in", "Bound the queue of"];
const REASONS = [
  "It was called twice for each turn of the lamp, which nobody noticed until the fog came.",
  "Two callers wanted the same lock in different orders. Now there is one owner and one order.",
  "The default was ours, not the operator's. It is documented now, and has a limit with a unit.",
  "Measured on the old machine: 41 ms before, 6 ms after, for 10,000 pulses.",
];

export const WIDE_DIRECTORY = "stations";
export const LONG_FILE = "src/lens.rs";

function rust(name, revision) {
  const functions = Array.from({ length: 6 + (revision % 5) }, (_, n) => `
/// Step ${n} of the ${name}: what comes in is bounded, what goes out is acknowledged.
pub fn step_${n}(input: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    if input.len() > limit {
        return Err(Error::TooLarge { bytes: input.len(), bytes_max: limit });
    }
    let mut out = Vec::with_capacity(input.len());
    for (at, byte) in input.iter().enumerate() {
        // Revision ${revision}: the mask is of the ${name} alone.
        out.push(byte ^ (at as u8).wrapping_mul(${(revision * 7 + n) % 251}));
    }
    Ok(out)
}
`);
  return `//! The ${name}.\n\nuse crate::error::Error;\n${functions.join("")}`;
}

const typescript = (revision) => `// What the keeper's tablet shows.
export interface Pulse { at: number; bearing: number; bright: boolean }

export const SECONDS_MAX = ${30 + revision};

export function next(pulses: readonly Pulse[], now = Date.now()): Pulse | undefined {
  return pulses.find((pulse) => pulse.at > now && pulse.bright);
}
`;

const python = (revision) => `"""Reads the station's log and says which night was the longest."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Night:
    begins: float
    ends: float
    revision: int = ${revision}

    @property
    def hours(self) -> float:
        return (self.ends - self.begins) / 3600


def longest(nights: list[Night]) -> Night:
    return max(nights, key=lambda night: night.hours)
`;

const picture = (hue) => png(240, 120, (x, y) => (y > 90 ? [24, 60 + (hue % 40), 90] : [200 - y, 180 - Math.abs(x - 120) / 2, 120 + hue % 80].map(Math.floor)));

function beginning(history) {
  history.commit("main", "Light the lamp\n\nThe first commit: one module, one test, one page of words.\n", {
    "README.md": "# Lighthouse\n\nKeeps a light on.\n",
    "Cargo.toml": '[package]\nname = "lighthouse"\nversion = "0.1.0"\nedition = "2024"\n',
    "src/lib.rs": MODULES.map((name) => `pub mod ${name};\n`).join(""),
    "src/lamp.rs": rust("lamp", 1),
    LICENSE: readFileSync(fileURLToPath(new URL("../../../LICENSE", import.meta.url))),
    ".gitignore": "target/\n",
  });
  for (const [n, name] of MODULES.filter((name) => name !== "lamp").entries()) {
    history.commit("main", `Add the ${name}`, { [`src/${name}.rs`]: rust(name, n) }, { author: PEOPLE[n % 4], after: 40_000 });
  }
  history.commit("main", "The keeper's tablet and the log's reader", {
    "tablet/src/next.ts": typescript(0),
    "tablet/package.json": '{\n  "name": "tablet",\n  "private": true\n}\n',
    "tools/nights.py": python(0),
    "tools/run.sh": { mode: "100755", data: "#!/bin/sh\nset -eu\nexec python3 tools/nights.py \"$@\"\n" },
  });
}

function daily(history, commits) {
  const pick = random(7);
  for (let n = 0; n < commits; n++) {
    const [name, verb, author] = [MODULES[pick(12)], VERBS[pick(8)], PEOPLE[pick(4)]];
    const message = `${verb} the ${name}\n\n${REASONS[pick(4)]}\n`;
    const after = 9_000 + pick(60_000);
    const kind = pick(12);
    if (kind === 0) history.commit("main", "The tablet shows more of the night", { "tablet/src/next.ts": typescript(n) }, { author, after });
    else if (kind === 1) history.commit("main", "The log's reader keeps to its limit", { "tools/nights.py": python(n) }, { author, after });
    else if (kind === 2) merged(history, name, n, author, after);
    else history.commit("main", message, { [`src/${name}.rs`]: rust(name, n) }, { author, after });
    if (n % 60 === 59) history.tag(`v0.${(n + 1) / 60}.0`, "main", `Version 0.${(n + 1) / 60}\n\nWhat changed is in CHANGELOG.md.\n`);
  }
}

let tip = 0;
function merged(history, name, n, author, after) {
  const base = history.commit("main", `Prepare the ${name} for fog`, { [`docs/notes/${name}.md`]: `# ${name}\n\nRevision ${n}.\n` }, { author, after });
  const side = history.commit(`topic/${name}`, `Try the ${name} in fog`, { [`src/${name}.rs`]: rust(name, n + 3) }, { author: PEOPLE[n % 4], from: base, after: 600 });
  tip = history.commit("main", `Merge branch 'topic/${name}'\n\nReviewed-by: Rita Sørensen <rita@example.org>\n`, { [`src/${name}.rs`]: rust(name, n + 3) }, { author, merge: [side], after: 600 });
}

function rest(history) {
  history.commit("main", "Move the reader into a package of its own", {
    "reader/nights.py": { from: "tools/nights.py" },
    "reader/__init__.py": "",
  });
  history.commit("main", "The reader's names are the log's", { "reader/longest_night.py": { from: "reader/nights.py" } });
  const stations = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`${WIDE_DIRECTORY}/station-${String(n).padStart(2, "0")}.toml`, `name = "Station ${n}"\nbearing = ${n * 6}\n`]));
  history.commit("main", "Sixty stations", stations);
  for (const n of [3, 14, 15, 35, 58]) {
    history.commit("main", `Station ${n} has a new lamp`, { [`${WIDE_DIRECTORY}/station-${String(n).padStart(2, "0")}.toml`]: `name = "Station ${n}"\nbearing = ${n * 6}\nlamp = "led"\n` });
  }
  history.commit("main", "Pictures of the tower", { "docs/tower.png": picture(10), "docs/dot.gif": gif, "docs/plan.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60" viewBox="0 0 120 60"><rect width="120" height="60" fill="#0f766e"/><circle cx="60" cy="30" r="20" fill="#fef3c7"/></svg>\n' });
  history.commit("main", "A better picture of the tower", { "docs/tower.png": picture(60) });
  history.commit("main", "Firmware, as the maker sends it", { "firmware/lamp.bin": Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 37) & 0xff)) });
  history.commit("main", "The recordings are large: LFS", {
    ".gitattributes": "*.wav filter=lfs diff=lfs merge=lfs -text\n",
    "sounds/horn.wav": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 73400320\n",
  });
  history.commit("main", "The charts are a repository of their own", {
    ".gitmodules": '[submodule "charts"]\n\tpath = charts\n\turl = https://example.org/olivia/charts.git\n',
    charts: { commit: "1111111111111111111111111111111111111111" },
    "docs/current.md": { mode: "120000", data: "../README.md" },
    "docs/nowhere": { mode: "120000", data: "../not/there" },
  });
  const large = Array.from({ length: 3000 }, (_, n) => `    row(${n}, "line ${n} of a long table", ${(n * 7919) % 104729});`).join("\n");
  history.commit("main", "The table of all lenses", { "src/table.rs": `//! Generated.\n\npub fn table() {\n${large}\n}\n` });
  history.commit("main", "A file with long lines, one without an end of line, an empty one", {
    "data/minified.js": `export const words=[${Array.from({ length: 4000 }, (_, n) => `"w${n}"`).join(",")}];\n`,
    "data/no-newline.txt": "the last line has no end",
    "data/empty.txt": "",
    "data/latin1.txt": Buffer.from("caf\xe9 cr\xe8me\n", "latin1"),
    "data/windows.txt": "one\r\ntwo\r\nthree\r\n",
    "data/nights.csv": "night,hours\n2026-01-03,15.5\n2026-01-04,15.4\n",
    "docs/guide.rst": "Guide\n=====\n\nHow to keep the light on.\n",
    "docs/ideas.org": "* Ideas\n** A second lamp\n",
  });
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`fixtures/case-${String(n).padStart(3, "0")}.txt`, `case ${n}\nexpected ${n * n}\n`]));
  history.commit("main", "A fixture for every case\n\nOne commit with many files, so that a large diff is there to be looked at.\n", many);
  history.commit("main", "README: everything a README can hold", { "README.md": readme });
  history.commit("main", "Whitespace, words and a rename in one commit\n\nSee https://example.org/why and 0000000 for nothing.\n\nCo-authored-by: Walter Kim <walter@example.org>\n", {
    "src/beacon.rs": rust("beacon", 400).replaceAll("    ", "\t").replace("what comes in is bounded", "what comes in is bounded and counted"),
    "docs/keeping.md": "# Keeping\n\nMoved from the notes.\n",
    "CHANGELOG.md": "# Changes\n\n## 0.5.0\n\n- The light stays on.\n",
  }, { author: PEOPLE[1] });
}

/** Makes the bare repository in `directory`. */
export function lighthouse(directory) {
  const history = new History(1_735_700_000);
  beginning(history);
  daily(history, 300);
  rest(history);
  const behind = history.commit("feature/second-lamp", "A second lamp, which is not lit yet", { "src/second.rs": rust("second lamp", 5) }, { from: tip, author: PEOPLE[2] });
  history.commit("feature/second-lamp", "Its switch", { "src/switch.rs": rust("switch", 6), "src/lamp.rs": rust("lamp", 999) }, { author: PEOPLE[2] });
  history.commit("fix/fog-horn", "The horn sounds once", { "src/fog.rs": rust("fog", 1000) }, { from: tip, author: PEOPLE[3] });
  history.ref("refs/heads/release/0.4", behind);
  history.ref("refs/tags/lightweight", tip);
  return history.finish(directory);
}

const readme = readFileSync(fileURLToPath(new URL("readme.md", import.meta.url)), "utf8");
