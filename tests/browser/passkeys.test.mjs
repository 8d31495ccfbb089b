// Passkeys in a real browser, from the trial's first sign-in on: Chromium's own authenticator makes them and signs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { authenticator, barriers, origin, picture, signIn, state, visitor } from "./lib/browser.mjs";

const text = (page) => page.locator("main").innerText();
const secret = (user) => `the long password of ${user}`;

function create(user, ...more) {
  const args = ["user", "create", user, "--email", `${user}@example.org`, "--password-stdin", ...more, "--data", state.data];
  execFileSync(process.env.OUTLAST_BINARY, args, { input: secret(user) });
}

async function signOut(page) {
  await page.locator("header details.menu summary").last().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${origin}/`);
}

test("an operator's first sign-in leads to a passkey, and the role is awake with it", async () => {
  create("petra", "--operator");
  const { page, close } = await visitor({ may: [/403|404|422/] });
  await authenticator(page);
  await signIn(page, "petra", secret("petra"));
  assert.equal(new URL(page.url()).pathname, "/-/settings/security");
  assert.match(await text(page), /Your role needs a passkey/);
  await picture(page, "security-operator-first");
  assert.equal((await page.goto("/-/admin")).status(), 404, "asleep");

  await page.goto("/-/settings/security");
  await page.getByLabel("What you call it").fill("laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByText("you are signed in with it").waitFor();
  assert.match(await text(page), /laptop[^]*Passkey, on one device/);
  await page.goto("/-/admin");
  assert.match(await text(page), /north/);

  // Without name and password.
  await signOut(page);
  await page.goto("/-/sign-in");
  await page.getByRole("button", { name: "Use a passkey instead" }).click();
  await page.waitForURL(`${origin}/`);
  await page.goto("/-/admin");
  assert.match(await text(page), /north/);

  // Besides the password.
  await signOut(page);
  await page.goto("/-/sign-in");
  await page.getByLabel("Name").fill("petra");
  await page.getByLabel("Password").fill(secret("petra"));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { name: "One step more" }).waitFor();
  await picture(page, "second-step-key");
  assert.deepEqual(await barriers(page), []);
  await page.getByRole("button", { name: "Use your key" }).click();
  await page.waitForURL(`${origin}/`);
  await close();
});

test("the trial's address by number leads to the one where passkeys work", async () => {
  const { page, close } = await visitor({ js: false, may: [/./] });
  await page.goto("/-/sign-in");
  assert.equal(await page.getByRole("button", { name: /passkey/i }).isVisible(), false, "nothing that would not work without scripts");
  const there = await (await fetch(`http://${state.address}/-/sign-in`)).text();
  assert.ok(there.includes(`href="${origin}/-/sign-in"`), "a link to where they work");
  await close();
});

test("an app, recovery codes, and a proof that keeps the form", async () => {
  create("paul");
  const { page, close } = await visitor({ may: [/403|422/] });
  await signIn(page, "paul", secret("paul"));
  await page.goto("/-/settings/security");
  await page.getByRole("button", { name: "Add an app" }).click();
  await page.getByText("Scan this with the app").waitFor();
  await picture(page, "security-app");
  assert.deepEqual(await barriers(page), []);
  await page.getByLabel("The code that it shows").fill("123456");
  await page.getByRole("button", { name: "Add it" }).click();
  assert.match(await text(page), /not the code/);
  await page.getByRole("link", { name: "Leave it" }).click();
  await close();
});
