// Every page there is, each with who looks at it. A page that is added is added here.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { state } from "./browser.mjs";

const rev = (name, what) => execFileSync("git", ["rev-parse", what], { cwd: join(state.place, `${name}.git`) }).toString().trim();
const find = (subject) => execFileSync("git", ["log", "--all", "--format=%H", "-1", `--grep=${subject}`], { cwd: join(state.place, "lighthouse.git") }).toString().trim();

export const head = rev("lighthouse", "main");
export const commits = {
  many: find("A fixture for every case"),
  image: find("A better picture"),
  binary: find("Firmware"),
  merge: find("^Merge branch"),
  rename: find("The reader's names"),
  words: find("Whitespace, words"),
  first: find("Light the lamp"),
};

const code = (path) => `/olivia/lighthouse/-/${path}`;

/** [name, address, who, more]; `status` when it is not 200. */
export const PAGES = [
  ["front", "/"],
  ["sign-in", "/-/sign-in"],
  ["explore", "/-/explore"],
  ["safety-site", "/-/safety"],
  ["help-keys", "/-/help/keys"],
  ["not-found", "/nobody/nothing", undefined, { status: 404 }],
  ["dashboard", "/", "olivia"],
  ["dashboard-new-user", "/", "sam"],
  ["profile", "/olivia"],
  ["new-repository", "/-/new", "olivia"],
  ["settings-profile", "/-/settings", "olivia"],
  ["settings-password", "/-/settings/password", "olivia"],
  ["settings-tokens", "/-/settings/tokens", "olivia"],
  ["settings-keys", "/-/settings/keys", "olivia"],
  ["settings-sessions", "/-/settings/sessions", "olivia"],
  ["admin", "/-/admin", "opal"],
  ["admin-users", "/-/admin/users", "opal"],
  ["admin-repositories", "/-/admin/repositories", "opal"],
  ["repository", "/olivia/lighthouse", "olivia"],
  ["repository-nobody", "/olivia/lighthouse"],
  ["repository-private", "/olivia/ledger", "rita"],
  ["repository-sha256", "/olivia/sha256"],
  ["repository-empty-owner", "/olivia/empty", "olivia"],
  ["repository-empty-nobody", "/olivia/empty"],
  ["tree", code("tree/main/src")],
  ["tree-wide", code("tree/main/stations")],
  ["tree-old", code("tree/v0.2.0/src")],
  ["tree-branch-with-slash", code("tree/feature/second-lamp/src")],
  ["file", code("file/main/src/lens.rs"), "olivia"],
  ["file-lines", code("file/main/src/lens.rs#L10-L20")],
  ["file-large", code("file/main/src/table.rs")],
  ["file-markdown", code("file/main/README.md")],
  ["file-image", code("file/main/docs/tower.png")],
  ["file-svg", code("file/main/docs/plan.svg")],
  ["file-binary", code("file/main/firmware/lamp.bin")],
  ["file-lfs", code("file/main/sounds/horn.wav")],
  ["file-symlink", code("file/main/docs/current.md")],
  ["file-empty", code("file/main/data/empty.txt")],
  ["file-latin1", code("file/main/data/latin1.txt")],
  ["file-long-lines", code("file/main/data/minified.js")],
  ["file-no-newline", code("file/main/data/no-newline.txt")],
  ["file-gone", code("file/main/no/such/file.rs"), undefined, { status: 404 }],
  ["submodules", code("tree/main")],
  ["blame", code("blame/main/src/lens.rs")],
  ["log", code("log/main")],
  ["log-path", code("log/main/src/lens.rs")],
  ["log-renamed", code("log/main/reader/longest_night.py")],
  ["commit", code(`commit/${commits.words}`)],
  ["commit-split", code(`commit/${commits.words}?view=split`)],
  ["commit-merge", code(`commit/${commits.merge}`)],
  ["commit-many-files", code(`commit/${commits.many}`)],
  ["commit-image", code(`commit/${commits.image}`)],
  ["commit-binary", code(`commit/${commits.binary}`)],
  ["commit-rename", code(`commit/${commits.rename}`)],
  ["commit-first", code(`commit/${commits.first}`)],
  ["compare-form", code("compare")],
  ["compare", code("compare/main...feature/second-lamp")],
  ["compare-tags", code("compare/v0.1.0...v0.2.0")],
  ["branches", code("branches"), "olivia"],
  ["tags", code("tags")],
  ["graph", code("graph")],
  ["search-empty", code("search")],
  ["search", code("search?q=bearing")],
  ["search-nothing", code("search?q=nowhere-to-be-found")],
  ["settings-repository", code("settings"), "olivia"],
  ["settings-repository-people", code("settings/people"), "olivia"],
  ["settings-repository-keys", code("settings/keys"), "olivia"],
  ["safety-repository", code("safety")],
  ["hostile", "/olivia/hostile"],
].map(([name, address, as, more]) => ({ name, address, as, status: 200, ...more }));
