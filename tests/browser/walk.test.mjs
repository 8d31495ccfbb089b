// The main paths, as a person walks them.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { origin, repo, signIn, state, visitor } from "./lib/browser.mjs";
import { commits } from "./lib/pages.mjs";
import { git } from "./seed/fast_import.mjs";

const code = (path) => `${repo}/-/${path}`;
const text = (page) => page.locator("main").innerText();

test("a wrong password is said beside the form, and the name is kept", async () => {
  const { page, close } = await visitor({ may: [/401|403|422|Failed to load/] });
  await page.goto("/-/sign-in");
  const form = page.locator("main form").filter({ has: page.locator('input[type="password"]') });
  await form.getByLabel(/name/i).fill("olivia");
  await form.getByLabel("Password", { exact: true }).fill("not the password");
  await form.getByRole("button", { name: /sign in/i }).click();
  await page.locator("main").getByText(/wrong|not right|does not|no account/i).first().waitFor();
  assert.ok(page.url().includes("/-/sign-in"));
  assert.equal(await page.getByLabel(/name/i).first().inputValue(), "olivia");
  await close();
});

test("sign in, see the dashboard, sign out", async () => {
  const { page, close } = await visitor();
  await page.goto("/");
  await page.getByRole("link", { name: /sign in/i }).first().click();
  await page.waitForURL("**/-/sign-in**");
  await signIn(page, "rita");
  assert.match(await text(page), /ledger/);
  await page.goto(`${origin}/-/settings/sessions`);
  assert.match(await text(page), /this (one|session|browser|device)|current/i);
  await signOut(page);
  await page.goto("/olivia/ledger");
  assert.doesNotMatch(await page.locator("body").innerText(), /Nobody else's/);
  await close().catch((error) => assert.ok(error.actual.every((line) => /404/.test(line)), error));
});

async function signOut(page) {
  await page.locator("header details.menu summary").last().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL((url) => !url.pathname.includes("sessions"));
}

test("who is sent to sign in comes back to where they wanted to go", async () => {
  const { page, close } = await visitor();
  await page.goto("/-/settings/tokens");
  assert.ok(page.url().includes("/-/sign-in"), page.url());
  const form = page.locator("main form").filter({ has: page.locator('input[type="password"]') });
  await form.getByLabel(/name/i).fill("rita");
  await form.getByLabel("Password", { exact: true }).fill("the long password of rita");
  await form.getByRole("button", { name: /sign in/i }).click();
  await page.waitForURL("**/-/settings/tokens");
  await close();
});

test("create a repository, push to it with the commands that the page gives, see the README", async () => {
  const { page, close } = await visitor({ as: "walter" });
  await page.goto("/");
  await page.getByRole("link", { name: /new/i }).first().click();
  await page.waitForURL("**/-/new**");
  await page.getByLabel("Name", { exact: true }).fill("walked");
  await page.locator("main").getByRole("button", { name: "Make it" }).click();
  await page.waitForURL("**/walter/walked");
  const said = await text(page);
  assert.match(said, /git remote add origin \S+\/walter\/walked/);
  assert.match(said, /git push/);
  const directory = mkdtempSync(join(tmpdir(), "outlast-walk-"));
  git(directory, ["init", "-q", "-b", "main", "."]);
  git(directory, ["commit", "-q", "--allow-empty", "-m", "Begin"]);
  git(directory, ["push", "-q", `http://walter:${state.tokens.walter}@${state.address}/walter/walked.git`, "main"]);
  await page.reload();
  assert.match(await text(page), /Begin/);
  await close();
});

test("browse: directory, file, lines, blame, history, raw", async () => {
  const { page, close } = await visitor();
  await page.goto(repo);
  assert.match(await text(page), /Quick start/);
  await page.locator('main a[href$="/src"]').first().click();
  await page.locator('main a[href$="/src/lens.rs"]').first().click();
  await page.waitForURL("**/src/lens.rs");
  await page.locator("#L10").first().waitFor();
  await page.locator('a[href$="#L10"]').first().click();
  await page.locator('a[href$="#L14"]').first().click({ modifiers: ["Shift"] });
  await page.waitForURL(/#L10-L14$/);
  await page.reload();
  assert.match(page.url(), /#L10-L14$/);
  await page.getByRole("link", { name: /blame/i }).first().click();
  await page.waitForURL("**/blame/**");
  assert.match(await text(page), /Add the lens/);
  await page.goBack();
  await page.locator('main a[href*="/log/"][href*="lens.rs"]').first().click();
  await page.waitForURL("**/log/**lens.rs**");
  await page.goBack();
  const raw = page.getByRole("link", { name: /raw/i }).first();
  const answer = await page.context().request.get(await raw.getAttribute("href"));
  assert.equal(answer.headers()["content-type"], "text/plain; charset=utf-8");
  await close();
});

test("a commit, unified and split, with words marked", async () => {
  const { page, close } = await visitor();
  await page.goto(code(`commit/${commits.words}`));
  assert.match(await text(page), /and counted/);
  const split = page.getByRole("link", { name: /split|side by side/i }).or(page.getByRole("button", { name: /split|side by side/i })).first();
  await split.click();
  await page.waitForURL(/split/);
  await page.getByRole("link", { name: /unified/i }).or(page.getByRole("button", { name: /unified/i })).first().click();
  await page.waitForURL((url) => !/split/.test(url.href));
  await page.goto(code(`commit/${commits.merge}`));
  assert.match(await text(page), /Merge branch/);
  await close();
});

test("history follows a rename", async () => {
  const { page, close } = await visitor();
  await page.goto(code("log/main/reader/longest_night.py"));
  const said = await text(page);
  assert.match(said, /The reader's names are the log's/);
  assert.match(said, /The keeper's tablet and the log's reader/, "the first commit, from before both renames");
  await close();
});

test("compare two branches", async () => {
  const { page, close } = await visitor();
  await page.goto(code("compare/main...feature/second-lamp"));
  const said = await text(page);
  assert.match(said, /A second lamp, which is not lit yet/);
  assert.match(said, /second\.rs/);
  await close();
});

test("search text and paths", async () => {
  const { page, close } = await visitor();
  await page.goto(code("search?q=bearing"));
  assert.match(await text(page), /stations\/station-\d\d\.toml/);
  await page.goto(code("search?q=longest_night"));
  assert.match(await text(page), /reader\/longest_night\.py/);
  await close();
});

test("a token is shown once, works, and can be revoked", async () => {
  const { page, close } = await visitor({ as: "rita" });
  await page.goto("/-/settings/tokens");
  await page.getByLabel("What it is for").fill("walked");
  await page.getByLabel(/^Read(?!,? (and )?push)/).check();
  await page.locator("main").getByRole("button", { name: "Make it" }).click();
  await page.waitForLoadState("load");
  const token = (await page.locator("main").innerHTML()).match(/olp_[A-Za-z0-9_]+/)?.[0];
  assert.ok(token, "the token is shown");
  const asks = () => git("/", ["ls-remote", `http://rita:${token}@${state.address}/olivia/ledger.git`]);
  assert.ok(asks());
  await page.goto("/-/settings/tokens");
  assert.doesNotMatch(await page.locator("main").innerHTML(), new RegExp(token));
  await page.locator("main tr, main li").filter({ hasText: "walked" }).getByRole("button", { name: "Revoke walked" }).click();
  await page.waitForLoadState("load");
  assert.throws(asks);
  await close();
});

test("the theme is a setting, rendered by the server", async () => {
  const { page, close } = await visitor();
  await page.goto("/-/safety");
  await page.getByLabel("Colours").selectOption("dark");
  await page.locator("html[data-theme=dark]").waitFor({ state: "attached" });
  assert.ok(page.url().endsWith("/-/safety"), page.url());
  const dark = await page.evaluate("getComputedStyle(document.body).color");
  await page.getByLabel("Colours").selectOption("light");
  await page.locator("html[data-theme=light]").waitFor({ state: "attached" });
  assert.notEqual(await page.evaluate("getComputedStyle(document.body).color"), dark);
  await close();
});

test("administration is for operators", async () => {
  const opal = await visitor({ as: "opal" });
  await opal.page.goto("/-/admin/users");
  assert.match(await text(opal.page), /walter/);
  await opal.page.goto("/-/admin");
  for (const vault of ["north", "south", "west"]) assert.match(await text(opal.page), new RegExp(vault));
  await opal.close();
  const sam = await visitor({ as: "sam", may: [/403|404|Failed to load/] });
  assert.ok([403, 404].includes((await sam.page.goto("/-/admin")).status()));
  await sam.close();
});

test("safety: which vaults hold it, and that this is practice", async () => {
  const { page, close } = await visitor();
  for (const address of ["/-/safety", code("safety")]) {
    await page.goto(address);
    const said = await page.locator("body").innerText();
    assert.match(said, /north[\s\S]*south[\s\S]*west/);
    assert.match(said, /practice/i);
  }
  await close();
});
