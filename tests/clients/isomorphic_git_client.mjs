// Clones a repository with isomorphic-git, adds a commit, pushes it, clones again and compares.
//
//   node isomorphic_git_client.mjs URL USER TOKEN DIRECTORY
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import git from "isomorphic-git";
import http from "isomorphic-git/http/node";

const [url, username, password, directory] = process.argv.slice(2);
const onAuth = () => ({ username, password });
const onAuthFailure = () => ({ cancel: true });
const common = { fs, http, url, onAuth, onAuthFailure };
const first = path.join(directory, "first");
const second = path.join(directory, "second");

await git.clone({ ...common, dir: first });
const before = await git.resolveRef({ fs, dir: first, ref: "HEAD" });
fs.writeFileSync(path.join(first, "isomorphic.txt"), "written by isomorphic-git\n");
await git.add({ fs, dir: first, filepath: "isomorphic.txt" });
const author = { name: "I", email: "i@example.org" };
const made = await git.commit({ fs, dir: first, message: "from isomorphic-git", author });
const pushed = await git.push({ ...common, dir: first, remote: "origin" });
assert.ok(pushed.ok, JSON.stringify(pushed));

await git.clone({ ...common, dir: second });
assert.equal(await git.resolveRef({ fs, dir: second, ref: "HEAD" }), made);
const [newest, parent] = await git.log({ fs, dir: second, depth: 2 });
assert.equal(newest.oid, made);
assert.equal(parent.oid, before);
assert.equal(fs.readFileSync(path.join(second, "isomorphic.txt"), "utf8"), "written by isomorphic-git\n");
console.log(made);
