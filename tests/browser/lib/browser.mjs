// Chromium, and what is watched on every page: nothing may run that is not ours, nothing may leave for another host,
// nothing may be said on the console.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before } from "node:test";
import { password, until } from "./site.mjs";

const require = createRequire(join(process.env.OUTLAST_NODE_MODULES, "here.js"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const state = JSON.parse(readFileSync(process.env.OUTLAST_BROWSER_STATE, "utf8"));
// By name: browsers offer passkeys at no IP address.
export const origin = `http://${state.address.replace("127.0.0.1", "localhost")}`;
export const repo = "/olivia/lighthouse";

let browser;
before(async () => {
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--font-render-hinting=none", "--force-color-profile=srgb"];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
});
after(() => browser?.close());

/**
 * A context whose pages are watched, as the one who is given (`undefined`: nobody), and a page of it. `close()` fails when
 * anything was seen that should not be.
 */
export async function visitor({ as, js = true, theme = "light", width = 1280, height = 900, may = [], at = origin } = {}) {
  const storageState = as && (await signedIn(as));
  const context = await browser.newContext({
    baseURL: at, javaScriptEnabled: js, colorScheme: theme, viewport: { width, height }, storageState,
    reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC",
  });
  context.setDefaultTimeout(15_000);
  const seen = [];
  // What the policy stops before it leaves is a complaint on the console, which is watched too.
  const left = (request) => {
    const url = request.url();
    if (request.failure()?.errorText === "csp") return;
    if (!url.startsWith(`${at}/`) && !/^(about|data|blob):/.test(url)) seen.push(`a request to ${url} on ${request.frame()?.url()}`);
  };
  context.on("requestfinished", left);
  context.on("requestfailed", left);
  context.on("page", (page) => watch(page, seen, may, at));
  const page = await context.newPage();
  return {
    context, page, seen,
    async close() {
      for (const open of context.pages()) await nothingRan(open, seen, js);
      await context.close();
      assert.deepEqual(seen, []);
    },
  };
}

function watch(page, seen, may, at) {
  const note = (text) => may.some((pattern) => pattern.test(text)) || seen.push(`${text} on ${page.url()}`);
  page.on("pageerror", (error) => note(`an uncaught error: ${error.message}`));
  page.on("crash", () => note("the page crashed"));
  page.on("dialog", (dialog) => {
    note(`a dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("console", (message) => {
    // An answer that is not 200 is what some tests ask for; they look at the status themselves.
    const asked = /Failed to load resource: the server responded with a status of/.test(message.text()) && message.location().url === page.url();
    // What is no page names no icon, and the browser then asks for one of its own accord.
    const icon = message.location().url === `${at}/favicon.ico`;
    if (["error", "warning"].includes(message.type()) && !asked && !icon) note(`the console: ${message.text()} (${message.location().url})`);
  });
}

async function nothingRan(page, seen, js) {
  if (!js) return;
  const owned = await page.evaluate("window.__owned").catch(() => undefined);
  if (owned !== undefined) seen.push(`something ran on ${page.url()}`);
}

/** The cookies of a user who signed in with the form, once for each test file. */
const sessions = new Map();
async function signedIn(user) {
  if (!sessions.has(user)) sessions.set(user, signInOnce(user));
  return sessions.get(user);
}

async function signInOnce(user) {
  const context = await browser.newContext({ baseURL: origin });
  const page = await context.newPage();
  if (state.passkeys[user]) await inTurn(user, () => signInWithPasskey(page, state.passkeys[user]));
  else await signIn(page, user);
  const cookies = await context.storageState();
  await context.close();
  return cookies;
}

/** A security key of this page's, in Chromium itself; what it holds can be asked for over the protocol that comes back. */
export async function authenticator(page) {
  const chrome = await page.context().newCDPSession(page);
  await chrome.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await chrome.send("WebAuthn.addVirtualAuthenticator", { options });
  return { chrome, authenticatorId };
}

/** One test file after the other: a key's counter that comes late would be that of a copy. */
async function inTurn(user, doing) {
  const lock = join(state.place, `${user}.lock`);
  const taken = () => { try { mkdirSync(lock); return true; } catch { return false; } };
  await until(`it is this file's turn to be ${user}`, taken);
  try {
    await doing();
  } finally {
    rmdirSync(lock);
  }
}

/** Signs in with a key that was registered when the site was filled. */
async function signInWithPasskey(page, credential) {
  const { chrome, authenticatorId } = await authenticator(page);
  // Every process has the key: its counter goes on from the time, so that it never goes back.
  const signCount = Date.now() - state.started;
  await chrome.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credential, signCount } });
  await page.goto("/-/sign-in");
  await page.getByRole("button", { name: /passkey/i }).click();
  await page.waitForURL((url) => url.pathname !== "/-/sign-in");
}

/** Signs in as a person does. */
export async function signIn(page, user, secret = password(user)) {
  await page.goto("/-/sign-in");
  const form = page.locator("main form").filter({ has: page.locator('input[type="password"]') });
  await form.getByLabel(/name/i).fill(user);
  await form.getByLabel("Password", { exact: true }).fill(secret);
  await form.getByRole("button", { name: /sign in/i }).click();
  await page.waitForURL((url) => url.pathname !== "/-/sign-in");
}

/** What axe finds against WCAG 2.2 AA, one line a barrier. */
export async function barriers(page, only) {
  if (!(await page.evaluate("typeof window.axe"). then((type) => type === "object"))) await page.evaluate(axeSource);
  const options = only
    ? { runOnly: { type: "rule", values: only } }
    : { runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] } };
  const { violations } = await page.evaluate((options) => window.axe.run(document, { ...options, resultTypes: ["violations"] }), options);
  return violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 5).map((node) => `${id}: ${help}: ${node.html.slice(0, 160)} ${detail(node)}`));
}

const detail = (node) => node.any.concat(node.all, node.none).map((check) => check.message).slice(0, 2).join("; ");

/** How far the page scrolls sideways, in pixels, and which elements reach furthest. */
export function sideways(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const over = document.documentElement.scrollWidth - width;
    const hides = [document.documentElement, document.body].some((element) => ["hidden", "clip"].includes(getComputedStyle(element).overflowX));
    if (hides) return ["the page hides what is too wide for it"];
    if (over <= 0) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > width + 0.5);
    return [`${over} px`, ...wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 120))];
  });
}

/** A picture for people to look at, in target/screenshots. */
export async function picture(page, name) {
  const directory = process.env.OUTLAST_SCREENSHOTS;
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true, animations: "disabled" });
}
