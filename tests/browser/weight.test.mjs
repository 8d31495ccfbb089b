// What a page weighs on the wire, everything that it loads included, and that it loads nothing from anywhere else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { origin, visitor } from "./lib/browser.mjs";

const KIB_MAX = 100;

/** Bytes as sent of everything that a first visit loads, and what was loaded. */
async function weight(address, as) {
  const { context, page, close } = await visitor({ as });
  const wire = await context.newCDPSession(page);
  await wire.send("Network.enable");
  const [names, sizes] = [new Map(), new Map()];
  wire.on("Network.requestWillBeSent", ({ requestId, request }) => names.set(requestId, request.url));
  wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
  await page.goto(address, { waitUntil: "networkidle" });
  await close();
  for (const url of names.values()) assert.ok(url.startsWith(origin) || url.startsWith("data:"), url);
  const listed = [...sizes].map(([id, bytes]) => `${bytes} ${names.get(id)}`);
  return { kib: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) / 1024, listed };
}

for (const [name, address, as] of [
  ["the repository page with everything", "/olivia/lighthouse", "olivia"],
  ["the front page", "/"],
  ["a file", "/olivia/lighthouse/-/file/main/src/lens.rs", "olivia"],
]) {
  test(`${name} is under ${KIB_MAX} KiB`, async (t) => {
    const { kib, listed } = await weight(address, as);
    t.diagnostic(`${kib.toFixed(1)} KiB in ${listed.length} requests`);
    // The README's own pictures are the repository's, not the page's.
    assert.ok(kib < KIB_MAX, `${kib.toFixed(1)} KiB:\n${listed.join("\n")}`);
  });
}
