// Every page that shows the hostile repository is visited: nothing runs, nothing leaves for another host, nothing looks
// like something else.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { origin, state, visitor } from "./lib/browser.mjs";
import { password } from "./lib/site.mjs";

const HOME = "/olivia/hostile";
const PAGES_MAX = 400;
/** So that a site that stopped linking to its pages does not pass. */
const PAGES_MIN = 120;

/** What may not be in a page's document, whatever was pushed. */
function suspects(origin) {
  const found = [];
  const inside = (url) => { try { return new URL(url, document.baseURI).origin === origin; } catch { return false; } };
  const tell = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 200)}`);
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) tell("a handler", element);
      if (name === "style") tell("a style", element);
      if (/^(href|src|action|formaction|xlink:href|data|poster|srcset|ping|background)$/i.test(name)) {
        if (/^[\s\x00-\x20]*(javascript|vbscript|data|blob|file):/i.test(value.replace(/[\t\n\r]/g, ""))) tell("an address that runs", element);
      }
      if (["title", "aria-label", "alt", "content"].includes(name) && deceiving.test(value)) tell("a deceiving attribute", element);
    }
    const local = element.localName;
    if (local === "script" && !inside(element.src)) tell("a script", element);
    if (["iframe", "object", "embed", "base", "applet", "frame", "portal", "style"].includes(local)) tell("not a page's element", element);
    if (local === "meta" && element.httpEquiv) tell("a meta that acts", element);
    // The address that Git is told is the site's own, also where a page is looked at under another name of the machine.
    const ownClone = local === "link" && element.type === "application/x-git" && new URL(element.href).port === location.port;
    if (local === "link" && !inside(element.href) && !ownClone) tell("a link elsewhere", element);
    if (local === "form" && !inside(element.getAttribute("action") ?? "")) tell("a form elsewhere", element);
    if (["img", "video", "audio", "source", "input"].includes(local) && element.src && !inside(element.src)) tell("a picture elsewhere", element);
  }
  // A control character or an invisible mark is shown as what it is, not obeyed; what is being edited is the file itself.
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest("textarea, script") && deceiving.test(node.data)) tell(`deceiving text ${JSON.stringify(node.data.match(deceiving)[0])}`, node.parentElement);
  }
  return found;
}
const DECEIVING = String.raw`/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/`;

const source = `(origin) => { const deceiving = ${DECEIVING}; ${suspects}; return suspects(origin); }`;

async function links(page) {
  const all = await page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href)");
  return all.map((href) => href.split("#")[0]).filter((href) => href.startsWith(`${origin}${HOME}`));
}

/** What kind of page an address is; of each kind enough are looked at that every name is on one. */
const kind = (address) => new URL(address).pathname.slice(HOME.length).split("/").slice(0, 3).join("/");

async function crawl(as) {
  const { page, seen, close } = await visitor({ as });
  const [queue, known, visited, found] = [[`${origin}${HOME}`], new Set(), [], []];
  const kinds = new Map();
  while (queue.length > 0 && visited.length < PAGES_MAX) {
    const address = queue.shift();
    const many = kinds.get(kind(address)) ?? 0;
    if (many >= 45 || /\/-\/(archive|raw)\//.test(address) || /\.(patch|diff|atom)$/.test(address.split("?")[0])) continue;
    kinds.set(kind(address), many + 1);
    const answer = await page.goto(address, { waitUntil: "load" });
    visited.push(address);
    const type = answer.headers()["content-type"] ?? "";
    if (answer.status() >= 500) found.push(`${answer.status()} at ${address}`);
    if (!type.startsWith("text/html")) continue;
    found.push(...(await page.evaluate(`(${source})(${JSON.stringify(origin)})`)).map((text) => `${text} at ${address}`));
    for (const next of await links(page)) if (!known.has(next)) known.add(next), queue.push(next);
    if (found.length > 20) break;
  }
  assert.deepEqual([...new Set(found)].slice(0, 20), []);
  assert.ok(visited.length >= PAGES_MIN, `only ${visited.length} pages: ${JSON.stringify([...kinds])}`);
  assert.deepEqual(seen, []);
  await close();
}

test("nothing that was pushed runs or deceives, for nobody", () => crawl(undefined));
test("nothing that was pushed runs or deceives, for its owner", () => crawl("olivia"));

test("pages elsewhere that show its words", async () => {
  const { page, close } = await visitor({ as: "olivia" });
  for (const address of ["/", "/olivia", "/-/explore", "/olivia/hostile/-/search?q=window.__owned", "/olivia/hostile/-/search?q=%3Cscript%3Ewindow.__owned%3D1%3C/script%3E", "/olivia/hostile/-/search?q=%22%3E%3Cimg%20src=x%20onerror=window.__owned=1%3E"]) {
    await page.goto(address);
    assert.deepEqual(await page.evaluate(`(${source})(${JSON.stringify(origin)})`), [], address);
  }
  await close();
});

const RAW = ["evil.svg", "evil.html", "evil.xhtml", "evil.xml", "evil.js", "evil.css", "evil.pdf", "evil.png", "gif-and-script.gif", "evil.txt", "README.md"];

for (const name of RAW) {
  test(`raw ${name} can't act on the site`, async () => {
    const { context, page, close } = await visitor({ as: "olivia", may: [/sandbox/i, /Content Security Policy/i, /Blocked script execution/i, /Failed to load resource/i, /Refused to execute script/i, /frame.*sandboxed/i] });
    for (const query of ["", "?image", "?raw=1", "?download"]) {
      const address = `${HOME}/-/raw/main/${name}${query}`;
      const answer = await context.request.get(address);
      if (answer.status() === 404) continue;
      const headers = answer.headers();
      assert.match(headers["content-security-policy"] ?? "", /sandbox/, address);
      assert.doesNotMatch(headers["content-security-policy"], /allow-(scripts|same-origin|forms|popups|top-navigation)/, address);
      assert.equal(headers["x-content-type-options"], "nosniff", address);
      const type = headers["content-type"];
      if (type !== "image/svg+xml") assert.doesNotMatch(type, /html|xml|javascript|pdf/i, `${address}: ${type}`);
      // A download ends the navigation; what is shown must not have run.
      await page.goto(address).catch(() => undefined);
      await page.waitForTimeout(50);
      assert.equal(await page.evaluate("window.__owned").catch(() => undefined), undefined, address);
    }
    // As a script or a style of a page of the site it is refused, for its type.
    await page.goto("/");
    const ran = await page.evaluate((src) => new Promise((resolve) => {
      const script = document.createElement("script");
      script.onload = () => resolve(window.__owned ?? "loaded");
      script.onerror = () => resolve("refused");
      script.src = src;
      document.head.append(script);
    }), `${HOME}/-/raw/main/${name}`);
    assert.equal(ran, "refused", `${name} as a script`);
    await close();
  });
}

test("a page elsewhere can change nothing and read nothing", async () => {
  // Of her own: the journal grows by what others do meanwhile.
  outlast(["user", "create", "hera", "--email", "hera@example.org", "--password-stdin"], password("hera"));
  outlast(["repo", "create", "hera/harmless"]);
  const { context, page, close } = await visitor({ as: "hera", may: [/Failed to load resource/i, /CORS|cross-origin/i, /frame-ancestors|X-Frame-Options|Framing/i, /Mixed|Refused/i] });
  const before = entries("hera");
  assert.ok(before > 0, "she signed in");
  // Another origin on the same machine: a different port is another site's page to the cookie's rules no more, and to ours still.
  const evil = await elsewhere();
  try {
    await page.goto(evil.address);
    for (const [method, path] of [["POST", "/-/sign-out"], ["POST", "/-/new"], ["POST", "/-/settings"], ["POST", "/hera/harmless/-/settings"]]) {
      const status = await page.evaluate(([method, url]) => fetch(url, { method, credentials: "include", mode: "no-cors", body: new URLSearchParams({ name: "owned", path: "owned" }) }).then((a) => a.type, (e) => `failed ${e}`), [method, origin + path]);
      assert.match(status, /opaque|failed/);
      const form = await context.newPage();
      await form.goto(evil.address);
      await form.evaluate(([action]) => {
        const form = document.createElement("form");
        form.method = "post";
        form.action = action;
        form.innerHTML = '<input name="name" value="owned">';
        document.body.append(form);
        form.submit();
      }, [origin + path]);
      await form.waitForLoadState("load");
      await form.waitForTimeout(100);
      await form.close();
    }
    const framed = await page.evaluate((url) => new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.onload = () => { try { resolve(frame.contentDocument?.title ?? "opaque"); } catch { resolve("opaque"); } };
      frame.src = url;
      document.body.append(frame);
    }), `${origin}/`);
    assert.equal(framed, "opaque");
  } finally {
    evil.close();
  }
  assert.equal(entries("hera"), before, "the journal grew");
  const still = await context.request.get("/-/settings");
  assert.ok(still.ok() && !still.url().includes("sign-in"), "somebody else signed her out");
  await page.goto("/");
  const foreign = /a request to http:\/\/127\.0\.0\.1:\d+\/?/;
  await close().catch((error) => assert.ok(error.actual?.every?.((text) => foreign.test(text)), error));
});

function outlast(args, input) {
  return execFileSync(process.env.OUTLAST_BINARY, [...args, "--data", state.data], { input, stdio: ["pipe", "pipe", "pipe"] }).toString();
}

/** How many entries of the journal are an account's. */
function entries(actor) {
  return outlast(["audit", "--json", "--actor", actor]).split("\n").filter(Boolean).length;
}

async function elsewhere() {
  const { createServer } = await import("node:http");
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>elsewhere</title>"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

