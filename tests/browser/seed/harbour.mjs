// A repository of Subversion with what its teams do: trunk, a branch, a tag, renames, properties, a picture, a lock.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { png } from "./images.mjs";

/** Commits over HTTP, as `user`. */
export function harbour(place, url, user, token) {
  mkdirSync(place, { recursive: true });
  const login = ["--non-interactive", "--no-auth-cache", "--username", user, "--password", token, "--config-dir", join(place, "config")];
  const run = (program, args) => execFileSync(program, [...args, ...login], { env: { ...process.env, LC_ALL: "C.UTF-8" }, stdio: ["ignore", "pipe", "pipe"] });
  const put = (name, content) => {
    const path = join(place, "content");
    writeFileSync(path, content);
    return ["put", path, name];
  };
  const commit = (message, ...acts) => run("svnmucc", ["-U", url, "-m", message, ...acts.flat()]);

  commit("The usual beginning", ["mkdir", "trunk"], ["mkdir", "branches"], ["mkdir", "tags"]);
  commit("What the harbour is\n\nTides, berths and who is in them.", put("trunk/README.md", readme));
  commit("Berths", ["mkdir", "trunk/src"], put("trunk/src/berth.c", berth(1)));
  for (let round = 2; round < 7; round++) commit(`Berths know tide ${round}`, put("trunk/src/berth.c", berth(round)));
  commit("A table of tides", put("trunk/src/tides.csv", tides(400)));
  commit("The plan of the quay", ["mkdir", "trunk/docs"], put("trunk/docs/quay.png", picture(120, 80)));
  commit("The quay was painted", put("trunk/docs/quay.png", picture(140, 60)));
  commit("What is built is not kept", ["propset", "svn:ignore", "*.o\n*.a\nbuild\n", "trunk"], ["propset", "svn:mime-type", "image/png", "trunk/docs/quay.png"], ["propset", "svn:needs-lock", "*", "trunk/docs/quay.png"]);
  commit("A branch for the second quay", ["cp", "HEAD", "trunk", "branches/second-quay"]);
  commit("The second quay has twelve berths", put("branches/second-quay/src/quay.c", "int berths(void)\n{\n    return 12;\n}\n"), ["propset", "svn:mergeinfo", "/trunk:12-13", "branches/second-quay"]);
  commit("Berths are written as the pilots say it", ["mv", "trunk/src/berth.c", "trunk/src/mooring.c"]);
  commit("Tides of last year are history", ["rm", "trunk/src/tides.csv"]);
  commit("Release 1.0", ["cp", "HEAD", "trunk", "tags/1.0"]);
  commit("Moorings are counted from one", put("trunk/src/mooring.c", berth(9)));
  run("svn", ["lock", "-m", "repainting until Friday", `${url}/trunk/docs/quay.png`]);
  run("svn", ["lock", "-m", "rewriting", `${url}/trunk/README.md`]);
}

const readme = `# Harbour

Who lies at which berth, and until which tide.

- \`src/\`: the program
- [the plan of the quay](docs/quay.png)

\`\`\`c
int main(void) { return moor(3); }
\`\`\`
`;

const berth = (round) => `#include <stdio.h>

/* A berth, and how deep it is at tide ${round}. */
struct berth {
    int number;
    double depth;
};

${Array.from({ length: round }, (_, n) => `static double tide${n}(void)\n{\n    return ${n}.5 * ${(n * 7) % 5};\n}\n`).join("\n")}
int moor(int number)
{
    printf("mooring at %d\\n", number);
    return number >= ${round} ? 1 : 0;
}
`;

const tides = (rows) => "time,metres\n" + Array.from({ length: rows }, (_, n) => `${n * 6}:00,${(3 + 2 * Math.sin(n / 2)).toFixed(2)}\n`).join("");

const picture = (width, height) => png(width, height, (x, y) => [(y * 3) % 256, (x * 2) % 256, y > height / 2 ? 160 : 60]);
