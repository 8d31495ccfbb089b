// Everything without a mouse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { repo, visitor } from "./lib/browser.mjs";

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const { width, height } = element.getBoundingClientRect();
  return {
    tag: element.localName, href: element.getAttribute("href"), text: (element.innerText || element.getAttribute("aria-label") || "").trim(),
    shown: (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || boxShadow !== "none", width, height,
  };
});

test("the first stop skips to the content", async () => {
  const { page, close } = await visitor();
  await page.goto(repo);
  await page.keyboard.press("Tab");
  const skip = await focused(page);
  assert.match(skip.href ?? "", /^#/);
  assert.ok(skip.width > 1 && skip.height > 1, "it can be seen when it has the focus");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.querySelector("main").contains(document.activeElement)), "the next stop is in the content");
  await close();
});

for (const [name, address, as] of [["front page", "/"], ["repository", repo, "olivia"], ["file", `${repo}/-/file/main/src/lens.rs`, "olivia"], ["commit", `${repo}/-/log/main`]]) {
  test(`focus can be seen at every stop: ${name}`, async () => {
    const { page, close } = await visitor({ as });
    await page.goto(address);
    const unseen = [];
    for (let stop = 0; stop < 40; stop++) {
      await page.keyboard.press("Tab");
      const here = await focused(page);
      if (here.tag === "body") break;
      if (!here.shown) unseen.push(`${here.tag} ${here.href ?? ""} ${here.text.slice(0, 40)}`);
    }
    assert.deepEqual(unseen, []);
    await close();
  });
}

test("from the front page to a file, with Tab and Enter", async () => {
  const { page, close } = await visitor({ as: "olivia" });
  await page.goto("/");
  await tabTo(page, (stop) => stop.href === repo);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${repo}`);
  await tabTo(page, (stop) => /\/-\/tree\/[^/]+\/src$/.test(stop.href ?? ""));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/-\/tree\/[^/]+\/src$/);
  await tabTo(page, (stop) => (stop.href ?? "").endsWith("src/lens.rs"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/src\/lens\.rs$/);
  await close();
});

test("the palette goes to a page, and finds people and repositories by asking the site", async () => {
  const { page, close } = await visitor({ as: "olivia" });
  await page.goto("/-/settings");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("tokens");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/-/settings/tokens");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("walt");
  const person = page.getByRole("option", { name: /^walter.*person$/ });
  await person.waitFor();
  for (let step = 0; step < 20 && (await person.getAttribute("aria-selected")) !== "true"; step++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/walter");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("olivia/led");
  await page.getByRole("option", { name: /^olivia\/ledger.*repository$/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/olivia/ledger");
  await close();
});

async function tabTo(page, wanted) {
  for (let stop = 0; stop < 120; stop++) {
    await page.keyboard.press("Tab");
    if (wanted(await focused(page))) return;
  }
  assert.fail("no such stop within 120");
}
