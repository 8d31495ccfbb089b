// What happened: on the dashboard, profiles and repositories, as pages and as Atom feeds; of what one may see, and nothing else.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { origin, state, visitor } from "./lib/browser.mjs";
import { git } from "./seed/fast_import.mjs";

const ATOM = "http://www.w3.org/2005/Atom";
const text = (page) => page.locator("main").innerText();

/** What RFC 4287 asks of a feed and its entries, read by the browser's own XML parser. */
async function feed(page, address, token) {
  const headers = token ? { authorization: `Basic ${Buffer.from(`walter:${token}`).toString("base64")}` } : {};
  const answer = await fetch(`${origin}${address}`, { headers });
  assert.equal(answer.status, 200, address);
  assert.equal(answer.headers.get("content-type"), "application/atom+xml; charset=utf-8");
  const xml = await answer.text();
  return page.evaluate(([xml, ATOM]) => {
    const document = new DOMParser().parseFromString(xml, "application/xml");
    if (document.querySelector("parsererror")) return { wrong: [document.querySelector("parsererror").textContent] };
    const wrong = [];
    const own = (element, name) => [...element.children].filter((child) => child.localName === name && child.namespaceURI === ATOM);
    const once = (element, name) => {
      const found = own(element, name);
      if (found.length !== 1) wrong.push(`${element.localName} has ${found.length} of ${name}`);
      return found[0]?.textContent ?? "";
    };
    const links = (element, rel) => own(element, "link").filter((link) => link.getAttribute("rel") === rel).map((link) => link.getAttribute("href"));
    const common = (element) => {
      const id = once(element, "id");
      if (!/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) wrong.push(`an id: ${id}`);
      const updated = once(element, "updated");
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(updated)) wrong.push(`a time: ${updated}`);
      if (!once(element, "title")) wrong.push("an empty title");
      for (const person of own(element, "author")) if (!once(person, "name")) wrong.push("an author without a name");
      if (links(element, "alternate").length !== 1) wrong.push(`${element.localName} has not one page`);
      return { id, updated, title: once(element, "title"), page: links(element, "alternate")[0] };
    };
    const root = document.documentElement;
    if (root.localName !== "feed" || root.namespaceURI !== ATOM) wrong.push(`the root is ${root.localName}`);
    const known = ["id", "title", "updated", "author", "link", "generator", "entry", "summary"];
    for (const element of document.querySelectorAll("feed > *, entry > *")) if (!known.includes(element.localName)) wrong.push(`unknown: ${element.localName}`);
    const head = { ...common(root), self: links(root, "self") };
    const entries = own(root, "entry").map((entry) => ({ ...common(entry), author: own(entry, "author").length, summary: once(entry, "summary") }));
    if (new Set(entries.map(({ id }) => id)).size !== entries.length) wrong.push("two entries have one id");
    if (entries.some(({ author }) => author !== 1)) wrong.push("an entry without an author");
    return { wrong, head, entries };
  }, [xml, ATOM]);
}

test("a push is told on the repository, the pusher's profile and the dashboard, with its commits", async () => {
  const walter = await visitor({ as: "walter" });
  const clone = join(mkdtempSync(join(tmpdir(), "outlast-activity-")), "told");
  git("/", ["init", "-q", "-b", "main", clone]);
  git(clone, ["remote", "add", "origin", `http://walter:${state.tokens.walter}@${state.address}/walter/told.git`]);
  git(clone, ["commit", "-q", "--allow-empty", "-m", "First <b>words</b>"]);
  git(clone, ["push", "-q", "origin", "main"]);
  git(clone, ["commit", "-q", "--allow-empty", "-m", "Second & last"]);
  git(clone, ["push", "-q", "origin", "main"]);
  const { page } = walter;
  await page.goto("/walter/told/-/activity");
  const said = await text(page);
  assert.match(said, /walter pushed to main in walter\/told[\s\S]*Second & last[\s\S]*walter made the branch main in[\s\S]*First <b>words<\/b>[\s\S]*walter made walter\/told/);
  for (const address of ["/", "/walter", "/-/activity", "/-/activity?by=walter"]) {
    await page.goto(address);
    assert.match(await text(page), /walter pushed to main in walter\/told/, address);
  }
  await walter.close();

  const sam = await visitor({ as: "sam" });
  for (const address of ["/", "/walter", "/-/activity", "/-/activity?by=walter"]) {
    await sam.page.goto(address);
    assert.doesNotMatch(await text(sam.page), /walter\/told/, `what is private is not there: ${address}`);
  }
  const seen = async (address, token) => (await feed(sam.page, address, token)).entries.filter(({ title }) => title.includes("walter/told")).length;
  assert.equal(await seen("/-/activity.atom"), 0);
  assert.equal(await seen("/-/activity.atom", state.tokens.walter), 3);

  // What becomes public is there at once, and what becomes private again is gone.
  await site("PATCH", { private: false });
  assert.equal(await seen("/-/activity.atom"), 4);
  await sam.page.goto("/walter");
  assert.match(await text(sam.page), /walter made walter\/told public/);
  await site("PATCH", { private: true });
  assert.equal(await seen("/-/activity.atom"), 0);
  await sam.close();
});

async function site(method, body) {
  const headers = { authorization: `Bearer ${state.tokens.walter}`, "content-type": "application/json" };
  const answer = await fetch(`${origin}/api/v1/repos/walter/told`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, String(answer.status));
}

test("feeds are what RFC 4287 says; the private ones are for tokens", async () => {
  const { page, close } = await visitor();
  await page.goto("/-/safety");
  for (const [address, token] of [
    ["/-/activity.atom"], ["/-/activity.atom?by=olivia"], ["/olivia/lighthouse/-/activity.atom"], ["/olivia/hostile/-/activity.atom"],
    ["/olivia/empty/-/activity.atom"], ["/olivia/ledger/-/activity.atom", state.tokens.walter],
  ]) {
    const found = await feed(page, address, token);
    assert.deepEqual(found.wrong, [], address);
    assert.ok(found.entries.length > 0, address);
    assert.deepEqual(found.head.self, [`http://${state.address}${address}`]);
    const times = found.entries.map(({ updated }) => updated);
    assert.deepEqual(times, times.toSorted().reverse(), "the newest first");
  }
  for (const address of ["/olivia/ledger/-/activity.atom", "/olivia/nothing/-/activity.atom"]) {
    const answer = await fetch(`${origin}${address}`);
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get("www-authenticate"), /^Basic/);
  }
  await close();
});

test("who may use a repository is told to those who administer it", async () => {
  const olivia = await visitor({ as: "olivia" });
  await olivia.page.goto("/olivia/lighthouse/-/activity");
  assert.match(await text(olivia.page), /gave walter the role write in olivia\/lighthouse/);
  await olivia.close();
  const nobody = await visitor();
  await nobody.page.goto("/olivia/lighthouse/-/activity");
  assert.doesNotMatch(await text(nobody.page), /walter/);
  await nobody.close();
});
