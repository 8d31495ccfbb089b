// Files changed in the browser, as commits that Git then has.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { barriers, picture, state, visitor } from "./lib/browser.mjs";
import { git } from "./seed/fast_import.mjs";

const text = (page) => page.locator("main").innerText();
const url = (path) => `http://sam:${state.tokens.sam}@${state.address}/${path}.git`;
const commit = (page) => page.getByRole("button", { name: "Commit", exact: true }).click();

/** Makes a repository with the form; gives its address. */
async function fresh(page, name) {
  await page.goto("/-/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Make it" }).click();
  await page.waitForURL(`**/sam/${name}`);
  return `/sam/${name}`;
}

/** The page of the commit says that it is held, and where its receipt is. */
async function held(page) {
  await page.waitForURL(/\/-\/commit\/[0-9a-f]{40}\?entry=\d+$/);
  assert.match(await text(page), /Committed[\s\S]*Entry \d+ of the journal, held by [\s\S]*\(\d of 3\)/);
  const receipt = await page.request.get(await page.getByRole("link", { name: "The receipt" }).getAttribute("href"));
  const file = join(mkdtempSync(join(tmpdir(), "outlast-receipt-")), "receipt");
  writeFileSync(file, await receipt.text());
  execFileSync(process.env.OUTLAST_BINARY, ["verify", file]);
}

for (const js of [true, false]) {
  test(`a repository without Git: begun, edited, renamed, uploaded to, deleted from${js ? "" : ", without scripts"}`, async () => {
    const { page, close } = await visitor({ as: "sam", js });
    const home = await fresh(page, js ? "written" : "written-plainly");
    await page.getByRole("link", { name: "Write a first file here" }).click();
    await page.getByLabel("Where the file is, and its name").fill("docs/read me.txt");
    await page.getByLabel("Content").fill("\nOne\nTwo\n");
    await commit(page);
    await held(page);
    const clone = join(mkdtempSync(join(tmpdir(), "outlast-edit-")), "clone");
    git("/", ["clone", "-q", url(home.slice(1)), clone]);
    const file = (name) => readFileSync(join(clone, name), "utf8");
    assert.equal(file("docs/read me.txt"), "\nOne\nTwo\n", "what was written is what Git has, to the byte");
    assert.equal(git(clone, ["log", "-1", "--format=%an <%ae> %s"]).trim(), "sam <sam@example.org> Add docs/read me.txt");

    await page.goto(`${home}/-/file/main/docs/read%20me.txt`);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Content").fill("\nOne\n<Two & three>\n");
    await page.getByLabel("What it does").fill("Say it better");
    await page.getByLabel(/More about it/).fill("Because of this.");
    await page.getByRole("button", { name: "Show the difference" }).click();
    await page.waitForLoadState("load");
    assert.match(await text(page), /1 file changed, \+1 −1/);
    assert.match(await text(page), /<Two & three>/);
    assert.equal(await page.getByLabel("Content").inputValue(), "\nOne\n<Two & three>\n");
    assert.deepEqual(await page.evaluate("1").then(() => (js ? barriers(page) : [])), []);
    await commit(page);
    await held(page);
    git(clone, ["pull", "-q"]);
    assert.equal(file("docs/read me.txt"), "\nOne\n<Two & three>\n");
    assert.equal(git(clone, ["log", "-1", "--format=%B"]).trim(), "Say it better\n\nBecause of this.");

    await page.goto(`${home}/-/edit/main/docs/read%20me.txt`);
    await page.getByLabel("Where the file is, and its name").fill("README.md");
    await page.getByLabel("To a new branch").check();
    await page.getByLabel("The new branch's name").fill("better/name");
    await commit(page);
    await held(page);
    git(clone, ["fetch", "-q"]);
    assert.equal(git(clone, ["diff", "--name-status", "-M", "origin/main", "origin/better/name"]).trim(), "R100\tdocs/read me.txt\tREADME.md");

    await page.goto(`${home}/-/upload/main/data`);
    const from = mkdtempSync(join(tmpdir(), "outlast-upload-"));
    writeFileSync(join(from, "a.bin"), Buffer.from([0, 1, 2, 255, 13, 10]));
    writeFileSync(join(from, "b.txt"), "b\r\n");
    await page.getByLabel("Files", { exact: true }).setInputFiles([join(from, "a.bin"), join(from, "b.txt")]);
    await commit(page);
    await held(page);
    git(clone, ["pull", "-q"]);
    assert.deepEqual([...readFileSync(join(clone, "data/a.bin"))], [0, 1, 2, 255, 13, 10]);
    assert.equal(file("data/b.txt"), "b\r\n");
    assert.equal(git(clone, ["log", "-1", "--format=%s"]).trim(), "Upload 2 files");

    await page.goto(`${home}/-/edit/main/data/b.txt`);
    await page.getByLabel("Content").fill("c\nd\n");
    await commit(page);
    await held(page);
    await page.goto(`${home}/-/file/main/data/a.bin`);
    await page.getByRole("link", { name: "Delete" }).click();
    await commit(page);
    await held(page);
    git(clone, ["pull", "-q"]);
    assert.equal(file("data/b.txt"), "c\r\nd\r\n", "its lines end as they did");
    assert.ok(!existsSync(join(clone, "data/a.bin")));
    git(clone, ["fsck", "--strict", "--full"]);
    await close();
  });
}

test("somebody else is faster: nothing is lost, and both are told", async () => {
  const { page, close } = await visitor({ as: "sam" });
  const home = await fresh(page, "raced");
  await page.goto(`${home}/-/new/main`);
  await page.getByLabel("Where the file is, and its name").fill("a.txt");
  await page.getByLabel("Content").fill("first\n");
  await commit(page);
  await held(page);
  await page.goto(`${home}/-/edit/main/a.txt`);
  await page.getByLabel("Content").fill("mine\n");
  const clone = join(mkdtempSync(join(tmpdir(), "outlast-edit-")), "clone");
  git("/", ["clone", "-q", url(home.slice(1)), clone]);
  writeFileSync(join(clone, "a.txt"), "theirs\n");
  git(clone, ["commit", "-qam", "Theirs"]);
  git(clone, ["push", "-q", "origin", "main"]);
  const answer = page.waitForResponse((response) => response.request().method() === "POST");
  await commit(page);
  assert.equal((await answer).status(), 409);
  await page.waitForLoadState("load");
  const said = await text(page);
  assert.match(said, /Somebody else was faster/);
  assert.match(said, /theirs[\s\S]*mine/, "the difference to their version");
  assert.equal(await page.getByLabel("Content").inputValue(), "mine\n");
  assert.deepEqual(await barriers(page), []);
  await picture(page, "edit-raced-light-wide");
  const theirs = await page.request.get(await page.getByRole("link", { name: "what they changed" }).getAttribute("href"));
  assert.match(await theirs.text(), /Theirs/);
  await commit(page);
  await held(page);
  git(clone, ["pull", "-q"]);
  assert.equal(readFileSync(join(clone, "a.txt"), "utf8"), "mine\n");
  assert.equal(git(clone, ["log", "--format=%s"]).trim(), "Change a.txt\nTheirs\nAdd a.txt");
  await close();
});

test("names that Git or a system would take otherwise are refused, and what was written stays", async () => {
  const { page, close } = await visitor({ as: "sam", may: [/status of 422/] });
  const home = await fresh(page, "refusing");
  const refused = async (path, why) => {
    await page.goto(`${home}/-/new/main`);
    await page.getByLabel("Where the file is, and its name").fill(path);
    await page.getByLabel("Content").fill("kept\n");
    await commit(page);
    await page.waitForLoadState("load");
    assert.match(await page.getByRole("alert").innerText(), why, path);
    assert.equal(await page.getByLabel("Content").inputValue(), "kept\n");
  };
  await refused("../up.txt", /names/);
  await refused("a/../../up.txt", /names/);
  await refused(".git/hooks/post-update", /Git keeps/);
  await refused("x/.GIT/config", /Git keeps/);
  await refused("git~1/config", /Git keeps/);
  await refused("a\\b", /backslash/);
  await close();
});

test("who may not push finds no form, and is told so", async () => {
  const { page, close } = await visitor({ as: "rita", may: [/status of 403/] });
  await page.goto("/olivia/ledger");
  assert.equal(await page.locator('main a[href*="/-/new/"]').count(), 0);
  for (const verb of ["edit", "delete"]) assert.equal((await page.goto(`/olivia/ledger/-/${verb}/main/README.md`)).status(), 403);
  for (const verb of ["new", "upload"]) assert.equal((await page.goto(`/olivia/ledger/-/${verb}/main`)).status(), 403);
  await close();
});

test("no bytes but text come into a form; a binary file can be renamed", async () => {
  const { page, close } = await visitor({ as: "olivia" });
  await page.goto("/olivia/lighthouse/-/edit/main/firmware/lamp.bin");
  assert.equal(await page.locator("textarea[name=content]").count(), 0);
  assert.match(await text(page), /Not for a form/);
  await page.goto("/olivia/lighthouse/-/edit/v0.2.0/README.md");
  assert.equal(await page.locator('input[name="to"]').count(), 1, "a tag does not move: only a new branch is offered");
  await close();
});
