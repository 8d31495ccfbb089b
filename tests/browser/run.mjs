// Starts a site, fills it, and runs every *.test.mjs of this directory against it; arguments choose files.

import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { Site } from "./lib/site.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const chosen = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs") && (chosen.length === 0 || chosen.some((word) => name.includes(word))))
  .map((name) => join(here, name));

const place = await mkdtemp(join(tmpdir(), "outlast-browser-"));
const site = new Site(place);
let failed = false;
try {
  await site.start();
  await site.fill();
  const state = join(place, "state.json");
  writeFileSync(state, JSON.stringify({ address: site.address, tokens: site.tokens, team: site.team, reset: site.reset, passkeys: site.passkeys, started: Date.now(), place, data: site.data }));
  process.env.OUTLAST_BROWSER_STATE = state;
  failed = await finished(run({ files, concurrency: Number(process.env.OUTLAST_BROWSER_JOBS ?? 2) }));
} finally {
  if (site.child) await site.stop();
  if (!process.env.OUTLAST_BROWSER_KEEP) rmSync(place, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

/** Prints the run as it goes; whether a test failed. */
function finished(stream) {
  let failures = false;
  stream.on("test:fail", () => (failures = true));
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.compose(spec).on("end", () => resolve(failures)).pipe(process.stdout);
  });
}
