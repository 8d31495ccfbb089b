// Subversion as people use it on pages: from the front page into a branch, and breaking a lock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { visitor } from "./lib/browser.mjs";

test("the switcher leads to the same place in a branch", async () => {
  const { page, close } = await visitor({});
  await page.goto("/olivia/harbour/-/tree/trunk/src");
  await page.locator("summary", { hasText: "trunk" }).click();
  await page.getByRole("link", { name: "branches/second-quay" }).click();
  await page.waitForURL("**/-/tree/branches/second-quay/src");
  await page.getByRole("link", { name: "quay.c" }).click();
  await page.waitForURL("**/-/file/branches/second-quay/src/quay.c");
  assert.match(await page.locator("main").innerText(), /berths/);
  await close();
});

test("who may commit breaks a lock, and nobody else is offered it", async () => {
  const nobody = await visitor({});
  await nobody.page.goto("/olivia/harbour/-/locks");
  assert.match(await nobody.page.locator("main").innerText(), /repainting until Friday/);
  assert.equal(await nobody.page.getByRole("button", { name: /Break/ }).count(), 0);
  await nobody.close();
  const { page, close } = await visitor({ as: "olivia" });
  await page.goto("/olivia/harbour/-/file/trunk/README.md");
  await page.getByRole("link", { name: "All locks" }).click();
  await page.getByRole("button", { name: "Break the lock on trunk/README.md" }).click();
  await page.getByRole("link", { name: "trunk/README.md" }).waitFor({ state: "detached" });
  assert.equal(await page.getByRole("link", { name: "trunk/docs/quay.png" }).count(), 1);
  await page.goto("/olivia/harbour/-/file/trunk/README.md");
  assert.equal(await page.getByText("Locked by").count(), 0);
  await close();
});
