// Orders on their page, at a site of their own: the officers' rule is for ever, and other tests do without it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { authenticator, barriers, picture, signIn, visitor } from "./lib/browser.mjs";
import { Site, password } from "./lib/site.mjs";

const OFFICERS = ["olga", "omar", "otto"];
const place = mkdtempSync(join(tmpdir(), "outlast-orders-"));
const site = new Site(place);
let origin;

before(async () => {
  await site.start();
  origin = `http://${site.address.replace("127.0.0.1", "localhost")}`;
  const found = OFFICERS.map((name) => {
    site.cli(["user", "create", name, "--email", `${name}@example.org`, "--password-stdin"], password(name));
    const key = execFileSync(site.binary, ["officer", "key", "--out", join(place, name)], { stdio: ["ignore", "pipe", "ignore"] });
    return `${name}=${key.toString().trim()}`;
  });
  site.cli(["officer", "found", "--needed", "2", ...found]);
  site.cli(["user", "create", "paula", "--email", "paula@example.org"]);
});
after(async () => {
  await site.stop();
  rmSync(place, { recursive: true, force: true });
});

test("an officer asks for an act, and another signs the order with a passkey", async () => {
  const olga = await officer("olga");
  await olga.page.goto("/-/officers");
  await olga.page.getByLabel("What is to be done").selectOption("user-delete");
  await olga.page.getByLabel("To what").fill("paula");
  assert.deepEqual(await barriers(olga.page), []);
  await picture(olga.page, "officers-ask");
  await olga.page.getByRole("button", { name: "File the order" }).click();
  await olga.page.waitForURL(/\/-\/orders\/\d+$/);
  const address = new URL(olga.page.url()).pathname;
  assert.match(await olga.page.locator("main").innerText(), /Delete the account paula/);

  const omar = await officer("omar");
  await omar.page.goto(address);
  assert.match(await omar.page.locator("main").innerText(), /0 of 2 signed/);
  assert.deepEqual(await barriers(omar.page), []);
  await picture(omar.page, "order");
  await omar.page.getByRole("button", { name: "Sign this order" }).click();
  await omar.page.getByText("1 of 2 signed").waitFor();
  assert.match(await omar.page.locator("main").innerText(), /omar[^]*counts/);
  await picture(omar.page, "order-signed");

  // Who asks does not sign, and nobody signs twice: the page says so.
  await omar.page.getByRole("button", { name: "Sign this order" }).click();
  await omar.page.getByText("an officer counts once").waitFor();
  await olga.page.getByRole("button", { name: "Sign this order" }).click();
  await olga.page.getByText("who asks for an order does not sign it").waitFor();

  const id = address.split("/").at(-1);
  const order = JSON.parse(site.cli(["--json", "order", "show", id]));
  assert.deepEqual(order.signatures.map(({ officer, counts }) => ({ officer, counts })), [{ officer: "omar", counts: true }]);
  await olga.close();
  await omar.close();
});

/** An officer's browser, with a passkey made on the site's own page. */
async function officer(name) {
  const there = await visitor({ may: [/403|404|422/], at: origin });
  await authenticator(there.page);
  await signIn(there.page, name, password(name));
  await there.page.goto("/-/settings/security");
  await there.page.getByLabel("What you call it").fill("laptop");
  await there.page.getByRole("button", { name: "Add a passkey" }).click();
  await there.page.getByText("you are signed in with it").waitFor();
  return there;
}
