// The repositories that everything else looks at are there, as they were pushed.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { state } from "./lib/browser.mjs";
import { git } from "./seed/fast_import.mjs";

const url = (user, path) => `http://${user}:${state.tokens[user]}@${state.address}/${path}.git`;

for (const name of ["lighthouse", "hostile", "sha256", "ledger"]) {
  test(`${name} was pushed whole`, () => {
    const listed = (where) => git(join(state.place, `${name}.git`), ["ls-remote", "--refs", where]).split("\n").map((line) => line.split("\t"));
    const there = new Map(listed(url("olivia", `olivia/${name}`)).map(([id, ref]) => [ref, id]));
    for (const [id, ref] of listed(".")) assert.equal(there.get(ref), id, ref);
  });
}

test("what is private is for those who were let in", () => {
  const asks = (user) => git("/", ["ls-remote", url(user, "olivia/ledger")]);
  assert.ok(asks("rita") && asks("walter"));
  assert.throws(() => asks("sam"));
});
