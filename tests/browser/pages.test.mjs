// Every page: it answers, axe finds nothing in either theme, wide or narrow; it does not scroll sideways at 360 px; it is
// complete without scripts; the console stays silent. Pictures are left for people to look at.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { barriers, picture, sideways, visitor } from "./lib/browser.mjs";
import { PAGES } from "./lib/pages.mjs";

const PAGES_AT_ONCE = Number(process.env.OUTLAST_BROWSER_JOBS ?? 2);
const chosen = process.env.OUTLAST_BROWSER_PAGES?.split(",");
const pages = PAGES.filter((page) => !chosen || chosen.some((word) => page.name.includes(word)));

// Each has a browser window of its own, which draws in a process of its own.
describe("every page", { concurrency: PAGES_AT_ONCE }, () => {
  for (const { name, address, as, status } of pages) {
    test(`page ${name}`, async () => {
      const { page, close } = await visitor({ as });
      const answer = await page.goto(address);
      assert.equal(answer.status(), status, address);
      const found = [];
      const look = async (what, only) => found.push(...(await barriers(page, only)).map((text) => `${what}: ${text}`));
      await look("light");
      await heading(page, found);
      found.push(...(await unseenIcons(page)));
      await picture(page, `${name}-light-1280`);
      await page.emulateMedia({ colorScheme: "dark" });
      await look("dark", ["color-contrast", "link-in-text-block"]);
      await picture(page, `${name}-dark-1280`);
      await page.setViewportSize({ width: 390, height: 844 });
      await look("dark, narrow", ["color-contrast"]);
      await picture(page, `${name}-dark-390`);
      await page.emulateMedia({ colorScheme: "light" });
      await look("narrow");
      await picture(page, `${name}-light-390`);
      await page.setViewportSize({ width: 360, height: 800 });
      found.push(...(await sideways(page)).map((text) => `360 px: ${text}`));
      assert.deepEqual(found, []);
      await close();
    });
  }
});

/** One h1, a title, a language, landmarks and a way to skip to the content. */
async function heading(page, found) {
  const counts = await page.evaluate(() => ({
    // A README's own headings are the README's.
    h1: document.querySelectorAll("h1:not(.prose h1)").length,
    main: document.querySelectorAll("main").length,
    skip: document.querySelectorAll('a[href="#main"], a[href="#content"]').length,
    title: document.title.length > 0 ? 1 : 0,
    lang: document.documentElement.lang ? 1 : 0,
  }));
  for (const [what, count] of Object.entries(counts)) if (count !== 1) found.push(`${count} of ${what}`);
}

/** Icons that are there and draw nothing. */
const unseenIcons = (page) => page.evaluate(() => {
  const drawn = (use) => use.getBBox().width > 0;
  const shown = [...document.querySelectorAll("svg use")].filter((use) => use.closest("svg").checkVisibility());
  return shown.filter((use) => !drawn(use)).map((use) => `nothing is drawn for ${use.getAttribute("href")}`);
});

/** What a reader can see, without what scripts or the clock put there. */
const words = (page) => page.locator("main").innerText();

describe("every page without scripts", { concurrency: PAGES_AT_ONCE }, () => {
  for (const { name, address, as, status } of pages) {
    test(`page ${name} without scripts`, async () => {
      const { page, close } = await visitor({ as, js: false });
      const answer = await page.goto(address);
      assert.equal(answer.status(), status, address);
      assert.ok((await words(page)).trim().length > 20, "the page is empty");
      const buttons = await page.locator("main button:visible:not([type=submit]):not([form])").count();
      const loose = await page.locator("main button:visible:not(form button):not([form]):not([popovertarget])").count();
      assert.equal(loose, 0, `${loose} of ${buttons} buttons do nothing without scripts`);
      await close();
    });
  }
});
