// A repository in which everything that can be named or written tries to run, to call home, or to look like something
// else. If any of it does anything, `window.__owned` is set, a dialog opens, or a request leaves for another host.

import { History } from "./fast_import.mjs";

const RUN = "window.__owned=1";
const SCRIPT = `<script>${RUN}</script>`;
const IMAGE = `<img src=x onerror=${RUN}>`;
/** ANSI colour, a title change and a bell; and text that a right-to-left override turns around. */
const ANSI = "\x1b[31mred\x1b[0m \x1b]0;owned\x07";
const BIDI = "gnp.\u202Etxt.exe\u2066\u2069";

export const markdown = `# ${SCRIPT}

${SCRIPT} ${IMAGE}

[link](javascript:${RUN}) [link](JaVaScRiPt:${RUN}) [link](&#106;avascript:${RUN}) [link](vbscript:${RUN})
[data](data:text/html,${encodeURIComponent(SCRIPT)}) [proto](//evil.example/x) <javascript:${RUN}>
[quote](x" onmouseover="${RUN}) [title](x '"><img src=x onerror=${RUN}>')

![outside](http://evil.example/pixel.png) ![outside](//evil.example/pixel.png "t") ![x](x" onerror="${RUN})

<a href="javascript:${RUN}" autofocus onfocus="${RUN}">a</a>
<a href=" &#14; javascript:${RUN}">b</a> <a href="java&#10;script:${RUN}">c</a>
<div style="background:url(http://evil.example/css)" onclick="${RUN}" id="main" class="site-header">d</div>
<iframe src="javascript:parent.${RUN}" srcdoc="${SCRIPT}"></iframe> <object data="http://evil.example/o"></object>
<embed src="http://evil.example/e"> <link rel="stylesheet" href="http://evil.example/s.css"> <base href="http://evil.example/">
<meta http-equiv="refresh" content="0;url=http://evil.example/"> <style>@import url(http://evil.example/i.css);</style>
<form action="http://evil.example/" method="post"><input name="password" autofocus onfocus="${RUN}"><button formaction="javascript:${RUN}">Sign in</button></form>
<svg onload="${RUN}"><script>${RUN}</script><animate onbegin="${RUN}" attributeName=x dur=1s></animate><use href="data:image/svg+xml,${encodeURIComponent(`<svg id='x' xmlns='http://www.w3.org/2000/svg'>${SCRIPT}</svg>`)}#x"></use></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;"></mglyph></table></mtext></math>
<noscript><p title="</noscript><img src=x onerror=${RUN}>"></noscript> <template><img src=x onerror=${RUN}></template>
<details open ontoggle="${RUN}"><summary>e</summary></details> <video src="http://evil.example/v" poster="http://evil.example/p" onerror="${RUN}"></video>
<img src="http://evil.example/t.gif"> <img srcset="http://evil.example/t2.gif 1x"> <input type=image src="http://evil.example/i.gif">
<form id="test"><input name="attributes"><input name="innerHTML"></form> <a id="location" name="document" href="x">clobber</a>

\`\`\`html
${SCRIPT}${IMAGE}
\`\`\`

\`\`\`"><img src=x onerror=${RUN}>
text
\`\`\`

${BIDI} ${ANSI}

| ${SCRIPT} | ${IMAGE} |
|---|---|
| <td onclick=${RUN}> | [x](javascript:${RUN}) |

[^n]: ${SCRIPT}
Footnote[^n] and [reference][r].

[r]: javascript:${RUN} "${IMAGE}"
`;

const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100" height="100" onload="${RUN};top.${RUN}">
<script>${RUN};try{top.${RUN};opener.${RUN}}catch(e){}fetch('/-/settings')</script><image xlink:href="http://evil.example/s.png"/>
<foreignObject width="100" height="100"><body xmlns="http://www.w3.org/1999/xhtml">${SCRIPT}<iframe src="http://evil.example/f"/></body></foreignObject>
<style>@import url(http://evil.example/x.css);</style><a href="javascript:${RUN}"><rect width="100" height="100"/></a></svg>
`;

const html = `<!doctype html><title>owned</title>${SCRIPT}${IMAGE}<iframe src="http://evil.example/"></iframe>
<form id=f method=post action=/-/sign-out></form><script>document.getElementById('f').submit()</script><meta http-equiv=refresh content="0;url=http://evil.example/">
`;

/** Names of files, as bytes where they are not text. */
export const FILES = [
  "<script>window.__owned=1<",
  '"><img src=x onerror=window.__owned=1>.txt',
  "' onmouseover='window.__owned=1.txt",
  "javascript:window.__owned=1",
  `${BIDI}.md`,
  "\x1b[31mred\x1b[0m.txt",
  "new\nline.txt",
  "tab\there.txt",
  "#frag?query=1&amp;x=%3Cscript%3E.txt",
  "%2e%2e%2fetc%2fpasswd",
  "-rf",
  "{{7*7}}${7*7}.txt",
  " leading and trailing ",
  "back\\slash.txt",
  Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x74, 0x78, 0x74]),
  "zero\u200Bwidth.txt",
  "раураl.txt",
  "con",
  "-",
  "x".repeat(240),
];

/** Branches; a server may refuse one, which is as good. */
export const BRANCHES = [
  "<script>window.__owned=1<",
  '"><img/src=x/onerror=window.__owned=1>',
  "'onmouseover='window.__owned=1",
  "javascript&colon;window.__owned=1",
  "%2e%2e",
  "-",
  "#frag&amp;",
  "{{7*7}}",
  "tree/main",
  "HEAD",
  "refs/heads/main",
  "gnp.\u202Etxt",
  "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
];

const AUTHORS = [
  `"onmouseover=${RUN} x="`,
  `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `'-alert(1)-'`,
  `Olivia\u202E seyeR`,
  `\x1b[31mred\x1b[0m`,
  "javascript:alert(1)",
];

const MESSAGES = [
  `${SCRIPT}\n\n${SCRIPT}${IMAGE}\n\nhttp://example.org/"onmouseover="${RUN} javascript:${RUN} https://example.org/<script>\n`,
  `${IMAGE} as a subject\n`,
  `"><svg/onload=${RUN}>\n\nCo-authored-by: ${IMAGE} <x@example.org>\nSigned-off-by: "x" <javascript:${RUN}>\n`,
  `${ANSI} in a message\n\n${ANSI}\n`,
  `${BIDI} in a message\n`,
  `\n`,
  `${"very long subject ".repeat(80)}\n`,
  `a\u0000b`.replace("\u0000", "\u0001\u0008\u007f\u0085\u2028\u2029"),
];

export function hostile(directory) {
  const history = new History(1_760_000_000);
  const tree = new Map([["README.md", markdown]]);
  for (const name of FILES) {
    // A file and a directory for each name, so that it stands in lists, in paths and in breadcrumbs.
    tree.set(Buffer.concat([Buffer.from("names/"), Buffer.from(name)]), `${SCRIPT}\n${IMAGE}\n${BIDI}\n${ANSI}\n`);
    tree.set(Buffer.concat([Buffer.from("dirs/"), Buffer.from(name), Buffer.from("/inside.md")]), markdown);
  }
  tree.set("evil.svg", svg);
  tree.set("evil.html", html);
  tree.set("evil.xhtml", `<html xmlns="http://www.w3.org/1999/xhtml">${SCRIPT}</html>`);
  tree.set("evil.xml", `<?xml version="1.0"?><?xml-stylesheet href="evil.xsl" type="text/xsl"?><x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>${RUN}</h:script></x>`);
  tree.set("evil.js", `${RUN};//</script><script>${RUN}</script>\n`);
  tree.set("evil.css", `body{background:url(http://evil.example/c)}/*</style>${SCRIPT}*/\n`);
  tree.set("evil.pdf", `%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(${RUN})>>>>endobj\n`);
  tree.set("evil.png", html);
  tree.set("gif-and-script.gif", Buffer.concat([Buffer.from("GIF89a/*"), Buffer.from(`*/=1;${RUN}//`)]));
  tree.set("evil.rst", `.. raw:: html\n\n   ${SCRIPT}\n\n.. image:: http://evil.example/r.png\n`);
  tree.set("evil.org", `#+BEGIN_EXPORT html\n${SCRIPT}\n#+END_EXPORT\n[[javascript:${RUN}][x]]\n`);
  tree.set("evil.txt", `${SCRIPT}${IMAGE}\n`);
  tree.set("deep.md", `${"> ".repeat(2000)}x\n${"[".repeat(3000)}\n${"*a_ ".repeat(3000)}\n`);
  tree.set("nested.html", `<div>`.repeat(5000));
  tree.set("escape", { mode: "120000", data: "../../../../../../etc/passwd" });
  tree.set("escape-script", { mode: "120000", data: `${SCRIPT}` });
  tree.set("loop", { mode: "120000", data: "loop" });
  tree.set(".gitmodules", `[submodule "x"]\n\tpath = sub\n\turl = https://example.org/"><img src=x onerror=${RUN}>\n`);
  tree.set("sub", { commit: "2222222222222222222222222222222222222222" });
  history.commit("main", MESSAGES[0], tree);
  for (const [n, author] of AUTHORS.entries()) {
    history.commit("main", MESSAGES[(n + 1) % MESSAGES.length], { "evil.txt": `${SCRIPT}${IMAGE}\n${n}\n<ins>${SCRIPT}</ins>\n` }, { author: `${author} <"x"onerror=${RUN}@example.org>` });
  }
  for (const [n, message] of MESSAGES.entries()) history.commit("main", message, { [`more-${n}.txt`]: `${n}\n` });
  history.commit("main", "Renames between hostile names", {
    "names/renamed <script>window.__owned=1<": { from: 'names/"><img src=x onerror=window.__owned=1>.txt' },
    "evil.svg": svg.replace("100", "120"),
    "README.md": `${markdown}\n${SCRIPT}\n`,
  });
  history.tag("v1", "main", `${SCRIPT}\n\n${IMAGE}\n${ANSI}\n${BIDI}\n`, `"onmouseover=${RUN} &lt;script&gt; <x@example.org>`);
  return history.finish(directory);
}
