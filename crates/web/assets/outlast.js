// What pages can do more with JavaScript. Without it nothing is missing.

// Relative times: the server wrote the absolute one.
const units = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" });
function showTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime][data-relative]")) {
    const at = new Date(time.dateTime);
    const seconds = (at - Date.now()) / 1000;
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
    time.title ||= at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
    time.textContent = unit === "second" ? "just now" : relative.format(Math.round(seconds / size), unit);
  }
}
showTimes();
setInterval(showTimes, 60_000);

// Copy buttons.
async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  const status = document.getElementById("status");
  status.textContent = "Copied";
  button.classList.add("copied");
  setTimeout(() => { button.classList.remove("copied"); status.textContent = ""; }, 1500);
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy || button.parentElement.querySelector("code, pre, input")?.textContent;
  await copy(text.trim(), button);
});

// A file's text, as it is shown.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-code]");
  if (!button) return;
  const lines = [...document.querySelectorAll("table.lines td.code")].map((cell) => cell.textContent);
  await copy(lines.join("\n") + "\n", button);
});

// Menus close with Escape and with a click beside them.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Forms that act when something is chosen have a button too, for those without a script.
for (const select of document.querySelectorAll("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());

// What was written is not lost by going elsewhere by mistake.
const unsaved = document.querySelector("form[data-unsaved]");
if (unsaved) {
  let changed = false;
  unsaved.addEventListener("input", () => { changed = true; });
  unsaved.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

// Keys: one or two letters, never while somebody types.
const keys = new Map();
for (const link of document.querySelectorAll("[data-key]")) keys.set(link.dataset.key, link);
let pending = "";
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  const stroke = pending + event.key;
  pending = "";
  if (event.key === "g" && stroke === "g") { pending = "g "; setTimeout(() => { pending = ""; }, 1200); return; }
  const target = keys.get(stroke) ?? keys.get(event.key);
  if (target) {
    event.preventDefault();
    if (event.key === "y" && location.hash) { location.href = target.href + location.hash; return; }
    if (target.matches("input, textarea")) { target.focus(); target.select?.(); } else target.click();
  } else if (event.key === "t" && document.body.dataset.finder) { event.preventDefault(); openFinder(); }
});

// The palette: places to go on this page and on the site; in a repository, files with `t`.
let palette;
function dialog() {
  if (palette) return palette;
  palette = document.createElement("dialog");
  palette.className = "palette";
  palette.setAttribute("aria-label", "Go to");
  palette.innerHTML = '<input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" autocomplete="off" spellcheck="false"><ul id="palette-list" role="listbox"></ul>';
  document.body.append(palette);
  const [input, list] = [palette.querySelector("input"), palette.querySelector("ul")];
  const pick = (step) => {
    const items = [...list.children];
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    const next = items[(at + step + items.length) % items.length];
    items[at]?.setAttribute("aria-selected", "false");
    if (!next) return;
    next.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  };
  const go = (item) => { if (item) location.href = item.dataset.href; };
  input.addEventListener("input", () => palette.fill(input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); pick(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); pick(-1); }
    if (event.key === "Enter") { event.preventDefault(); go(list.querySelector('[aria-selected="true"]')); }
  });
  list.addEventListener("click", (event) => go(event.target.closest("li")));
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  palette.show_items = (items, keep = false) => {
    const chosen = keep && list.querySelector('[aria-selected="true"]')?.dataset.href;
    const at = Math.max(0, items.slice(0, 50).findIndex(({ href }) => href === chosen));
    list.replaceChildren(...items.slice(0, 50).map(({ text, note, href }, index) => {
      const item = document.createElement("li");
      item.id = `palette-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(index === at));
      item.dataset.href = href;
      const [left, right] = [document.createElement("span"), document.createElement("span")];
      left.textContent = text;
      right.textContent = note ?? "";
      right.className = "muted";
      item.append(left, right);
      return item;
    }));
  };
  return palette;
}

// Letters in order, closer together and nearer the end are better.
export function score(text, wanted) {
  let [at, points, last] = [text.length - 1, 0, -2];
  const [low, want] = [text.toLowerCase(), wanted.toLowerCase().replaceAll(" ", "")];
  for (let index = want.length - 1; index >= 0; index--) {
    const found = low.lastIndexOf(want[index], at);
    if (found < 0) return -1;
    points += found === last - 1 ? 8 : 1;
    if (found === 0 || /[\/_\-. ]/.test(text[found - 1])) points += 6;
    [last, at] = [found, found - 1];
  }
  return points - text.length / 100;
}

function ranked(items, wanted) {
  if (!wanted) return items;
  return items.map((item) => [score(item.text, wanted), item]).filter(([points]) => points >= 0)
    .sort((a, b) => b[0] - a[0]).map(([, item]) => item);
}

async function openPalette() {
  const box = dialog();
  const here = [...document.querySelectorAll("nav a[href], [data-key][href]")].map((link) => ({
    text: (link.getAttribute("aria-label") || link.textContent).trim().replace(/\s+/g, " "), note: link.dataset.key, href: link.href,
  })).filter(({ text }) => text);
  let items = here;
  let asked = 0;
  const input = box.querySelector("input");
  // The site has more than a list can hold: it is asked, when the typing pauses.
  const ask = async (wanted, pause) => {
    const mine = ++asked;
    await new Promise((done) => setTimeout(done, pause));
    if (mine !== asked || !box.open) return;
    const answer = await fetch(`/-/palette?q=${encodeURIComponent(wanted)}`, { headers: { accept: "application/json" } });
    if (!answer.ok || mine !== asked) return;
    const found = await answer.json();
    const known = new Set(items.map(({ href }) => new URL(href, location).href));
    items = [...items, ...found.filter(({ href }) => !known.has(new URL(href, location).href))];
    box.show_items(ranked(items, input.value), true);
  };
  box.fill = (wanted) => {
    box.show_items(ranked(items, wanted));
    ask(wanted.trim(), wanted.trim() ? 150 : 0);
  };
  start(box, "Go to a page, a repository or a person");
}

async function openFinder() {
  const box = dialog();
  let items = [];
  box.fill = (wanted) => box.show_items(ranked(items, wanted));
  start(box, "Find a file");
  const { finder, files } = document.body.dataset;
  const answer = await fetch(finder, { headers: { accept: "application/json" } });
  if (answer.ok) {
    items = (await answer.json()).map(([text, path]) => ({ text, href: files + path }));
    box.fill(box.querySelector("input").value);
  }
}

function start(box, what) {
  const input = box.querySelector("input");
  input.value = "";
  input.placeholder = what;
  input.setAttribute("aria-label", what);
  box.fill("");
  if (!box.open) box.showModal();
  input.focus();
}
for (const button of document.querySelectorAll("[data-palette]")) button.addEventListener("click", openPalette);
for (const button of document.querySelectorAll("[data-open-finder]")) button.addEventListener("click", (event) => { event.preventDefault(); openFinder(); });

// Line numbers: a click marks a line, a click with Shift a range; the address says it.
const code = document.querySelector("table.lines");
if (code) {
  const range = () => /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
  const mark = (jump) => {
    for (const row of code.querySelectorAll("tr.marked")) row.classList.remove("marked");
    const found = range();
    if (!found) return;
    let [from, to] = [Number(found[1]), Number(found[2] ?? found[1])];
    if (from > to) [from, to] = [to, from];
    for (let line = from; line <= to; line++) document.getElementById(`L${line}`)?.closest("tr").classList.add("marked");
    if (jump) document.getElementById(`L${from}`)?.scrollIntoView({ block: "center" });
  };
  code.addEventListener("click", (event) => {
    const link = event.target.closest("a.ln");
    if (!link) return;
    event.preventDefault();
    const found = range();
    const line = link.hash.slice(2);
    history.replaceState(null, "", event.shiftKey && found ? `#L${found[1]}-L${line}` : link.hash);
    mark(false);
  });
  addEventListener("hashchange", () => mark(true));
  mark(true);
}

// What a first look left out, and the server makes meanwhile: the colours further down, the counts of many files' lines.
async function part(address, which = "1") {
  const url = new URL(address, location.href);
  url.searchParams.set("late", which);
  url.hash = "";
  const answer = await fetch(url);
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}
for (const place of document.querySelectorAll("[data-late-html]")) {
  part(location.href, place.dataset.lateHtml).then((made) => { if (made) place.replaceChildren(...made.body.childNodes); });
}
for (const place of document.querySelectorAll("[data-late-code]")) {
  part(location.href).then((made) => {
    if (!made) return;
    for (const piece of made.querySelectorAll("[data-late-part]")) place.querySelector(`[data-late-part="${piece.dataset.latePart}"]`)?.replaceWith(piece);
    const [mine, theirs] = [place, made].map((root) => root.querySelectorAll("td.code"));
    if (mine.length > theirs.length) return;
    mine.forEach((cell, at) => { if (theirs[at].firstElementChild) cell.replaceChildren(...theirs[at].childNodes); });
    place.removeAttribute("data-late-code");
  });
}

// A long difference goes on when one comes near its end.
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) { near.unobserve(target); more(target); }
}, { rootMargin: "1200px" });
async function more(link) {
  const made = await part(link.href);
  const [nav, next] = [link.closest("nav"), made?.querySelector("nav.diff-pages")];
  if (!next) return;
  document.getElementById("diff").append(...made.querySelectorAll("#diff > section"));
  // What is shown now begins at the first file.
  next.querySelector("[rel~=prev]")?.remove();
  next.querySelector("span").textContent = next.querySelector("span").textContent.replace(/Files \d+/, nav.querySelector("span").textContent.match(/Files \d+/)[0]);
  nav.replaceWith(next);
  for (const further of next.querySelectorAll("[data-more]")) near.observe(further);
}
for (const link of document.querySelectorAll("a[data-more]")) near.observe(link);

// What the server had no time for: last changes of a directory's entries.
const late = document.querySelector("[data-late]");
if (late) {
  part(late.dataset.late).then((made) => {
    for (const row of made?.querySelectorAll("tr[id]") ?? []) {
      const mine = document.getElementById(row.id);
      if (mine) for (const cell of row.querySelectorAll("td[data-cell]")) mine.querySelector(`td[data-cell="${cell.dataset.cell}"]`)?.replaceWith(cell);
    }
    showTimes(late);
  });
}
