// Histories as streams for `git fast-import`: a repository of hundreds of commits is there in a moment, and always with
// the same ids.

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Olivia Reyes",
  GIT_AUTHOR_EMAIL: "olivia@example.org",
  GIT_COMMITTER_NAME: "Olivia Reyes",
  GIT_COMMITTER_EMAIL: "olivia@example.org",
};

/** Runs git in `directory` and gives back what it printed. */
export function git(directory, args, { input, env } = {}) {
  const settings = ["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "protocol.file.allow=always"];
  const options = { cwd: directory, input, env: { ...ENVIRONMENT, ...env }, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "pipe"] };
  return execFileSync("git", [...settings, ...args], options).toString().trimEnd();
}

/** A path as fast-import takes it, whatever bytes it holds. */
function quoted(path) {
  const byte = (b) => (b === 0x22 || b === 0x5c ? `\\${String.fromCharCode(b)}` : b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, "0")}`);
  return `"${[...Buffer.from(path)].map(byte).join("")}"`;
}

/** Collects commits; `finish` makes the bare repository of them. */
export class History {
  #parts = [];
  #mark = 0;
  #tips = new Map();
  /** Seconds since 1970 of the next commit. */
  time;

  constructor(time) {
    this.time = time;
  }

  #line(text) {
    this.#parts.push(Buffer.from(`${text}\n`));
  }

  #data(bytes) {
    const buffer = Buffer.from(bytes);
    this.#parts.push(Buffer.from(`data ${buffer.length}\n`), buffer, Buffer.from("\n"));
  }

  /**
   * One commit. `files` maps paths to contents, `null` to remove, `{ mode, data }` for other modes, `{ from }` to rename.
   * Gives back the commit's mark, which `from` and `merge` take.
   */
  commit(branch, message, files, { author = "Olivia Reyes <olivia@example.org>", from, merge = [], after = 3600 } = {}) {
    this.time += after;
    const mark = ++this.#mark;
    this.#line(`commit refs/heads/${branch}`);
    this.#line(`mark :${mark}`);
    this.#line(`author ${author} ${this.time} +0100`);
    this.#line(`committer ${author} ${this.time} +0100`);
    this.#data(message);
    const parent = from ?? this.#tips.get(branch);
    if (parent) this.#line(`from :${parent}`);
    for (const other of merge) this.#line(`merge :${other}`);
    for (const [path, what] of files instanceof Map ? files : Object.entries(files)) this.#change(path, what);
    this.#line("");
    this.#tips.set(branch, mark);
    return mark;
  }

  #change(path, what) {
    if (what === null) return this.#line(`D ${quoted(path)}`);
    if (what.from) return this.#line(`R ${quoted(what.from)} ${quoted(path)}`);
    if (what.commit) return this.#line(`M 160000 ${what.commit} ${quoted(path)}`);
    const [mode, data] = what.mode ? [what.mode, what.data] : ["100644", what];
    this.#line(`M ${mode} inline ${quoted(path)}`);
    this.#data(data);
  }

  /** An annotated tag of a mark, or of a branch's tip. */
  tag(name, at, message, tagger = "Olivia Reyes <olivia@example.org>") {
    this.#line(`tag ${name}`);
    this.#line(`from :${this.#tips.get(at) ?? at}`);
    this.#line(`tagger ${tagger} ${this.time} +0100`);
    this.#data(message);
  }

  /** A branch or tag that points to a mark or a branch's tip. */
  ref(name, at) {
    this.#line(`reset ${name}`);
    this.#line(`from :${this.#tips.get(at) ?? at}`);
    this.#line("");
  }

  finish(directory, format = "sha1") {
    mkdirSync(directory, { recursive: true });
    git(directory, ["init", "-q", "--bare", "-b", "main", `--object-format=${format}`, "."]);
    git(directory, ["fast-import", "--quiet", "--force"], { input: Buffer.concat(this.#parts) });
    return directory;
  }
}

/** A small generator of numbers, so that a seed means the same history everywhere. */
export function random(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}
