// A real `outlast serve` with practice vaults, filled by real pushes.

import { spawn, execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { register } from "./passkey.mjs";
import { git, History } from "../seed/fast_import.mjs";
import { harbour } from "../seed/harbour.mjs";
import { BRANCHES, hostile } from "../seed/hostile.mjs";
import { lighthouse } from "../seed/lighthouse.mjs";

export const USERS = ["olivia", "walter", "rita", "sam", "opal"];
export const password = (user) => `the long password of ${user}`;
const SCOPES = "repo:read,repo:write,repo:create,org:write,access,user:read,user:write";

export class Site {
  /** Keys that were registered, by user, as Chromium takes them. */
  passkeys = {};

  constructor(place) {
    this.binary = process.env.OUTLAST_BINARY;
    this.place = place;
    this.data = join(place, "data");
    this.tokens = {};
  }

  /** `outlast ARGUMENTS --data DIR` */
  cli(args, input) {
    return execFileSync(this.binary, [...args, "--data", this.data], { input, stdio: ["pipe", "pipe", "pipe"] }).toString().trim();
  }

  async start() {
    mkdirSync(this.place, { recursive: true });
    const ready = join(this.data, "listening.json");
    rmSync(ready, { force: true });
    const log = openSync(join(this.place, "site.log"), "a");
    this.child = spawn(this.binary, ["serve", "--data", this.data, "--listen", "127.0.0.1:0"], { stdio: ["ignore", log, log] });
    closeSync(log);
    await until("the site listens", () => {
      if (this.child.exitCode !== null) throw new Error(`it ended:\n${readFileSync(join(this.place, "site.log"), "utf8").slice(-3000)}`);
      return existsSync(ready);
    });
    this.address = JSON.parse(readFileSync(ready, "utf8")).http;
    await until("the vaults answer", async () => (await fetch(`http://${this.address}/healthz`)).ok);
  }

  stop() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    return ended;
  }

  async api(user, method, path, body) {
    // Programs that are waited for stop everything here, and the site closes a connection meanwhile: none is used twice.
    const headers = { authorization: `Bearer ${this.tokens[user]}`, "content-type": "application/json", connection: "close" };
    const answer = await fetch(`http://${this.address}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  url(user, repo) {
    return `http://${user}:${this.tokens[user]}@${this.address}/${repo}.git`;
  }

  /** Users, repositories, branches: everything the tests stand on. */
  async fill() {
    for (const user of USERS) {
      const more = user === "opal" ? ["--operator"] : [];
      this.cli(["user", "create", user, "--email", `${user}@example.org`, "--password-stdin", ...more], `${password(user)}\n`);
      this.tokens[user] = this.cli(["token", "create", user, "--scope", SCOPES]);
    }
    this.cli(["user", "grant", "opal", "auditor"]);
    this.reset = this.cli(["user", "reset-password", "sam"]).match(/\/-\/sign-in\/reset\/\S+/)[0];
    this.passkeys.opal = await register(this.address, "opal");
    await this.#repository("lighthouse", lighthouse(join(this.place, "lighthouse.git")));
    await this.#repository("hostile", hostile(join(this.place, "hostile.git")));
    this.#hostileBranches();
    this.cli(["repo", "create", "olivia/sha256", "--public", "--object-format", "sha256"]);
    this.#push("sha256", small(join(this.place, "sha256.git"), "sha256"));
    this.cli(["repo", "create", "olivia/empty", "--public"]);
    this.cli(["repo", "create", "olivia/ledger", "--private"]);
    this.#push("ledger", small(join(this.place, "ledger.git"), "sha1"));
    await this.api("olivia", "PUT", "/repos/olivia/ledger/collaborators/rita", { permission: "read" });
    for (const repo of ["ledger", "lighthouse"]) {
      await this.api("olivia", "PUT", `/repos/olivia/${repo}/collaborators/walter`, { permission: "write" });
    }
    for (const name of ["harbour", "shoal"]) this.cli(["repo", "create", `olivia/${name}`, "--svn", "--public"]);
    harbour(join(this.place, "harbour"), `http://${this.address}/olivia/harbour.svn`, "olivia", this.tokens.olivia);
    await this.#organisation();
  }

  /** An organisation with people, teams and a repository; rules for the branches of one. */
  async #organisation() {
    this.cli(["org", "create", "lamplighters", "--owner", "olivia", "--public"]);
    this.cli(["org", "create", "lamplighters/north", "--owner", "olivia"]);
    const about = { full_name: "The Lamplighters", description: "Those who keep the lights on.", website: "https://example.org/lamps" };
    await this.api("olivia", "PATCH", "/orgs/lamplighters", about);
    await this.api("olivia", "PUT", "/orgs/lamplighters/memberships/walter", { role: "member" });
    await this.api("olivia", "PUT", "/orgs/lamplighters/public_members/olivia");
    await this.api("olivia", "POST", "/orgs/lamplighters/repos", { name: "signals", description: "Which lamp says what", private: true });
    await this.api("olivia", "POST", "/orgs/lamplighters/repos", { name: "almanac", visibility: "internal" });
    const team = await this.api("olivia", "POST", "/orgs/lamplighters/teams", { name: "Keepers", description: "On duty at night", permission: "write" });
    this.team = team.id;
    await this.api("olivia", "POST", "/orgs/lamplighters/teams", { name: "Everybody", permission: "read", includes_all_repositories: true });
    for (const user of ["rita", "walter"]) await this.api("olivia", "PUT", `/teams/${team.id}/members/${user}`);
    await this.api("olivia", "PUT", `/teams/${team.id}/repos/lamplighters/signals`);
    const rules = "/repos/olivia/lighthouse/branch_protections";
    await this.api("olivia", "POST", rules, { rule_name: "main", push: { role: "write", people: ["walter"] } });
    await this.api("olivia", "POST", rules, { rule_name: "release/*", push: { people: ["olivia"] } });
    await this.api("olivia", "POST", "/repos/olivia/lighthouse/tag_protections", { name_pattern: "v*" });
  }

  async #repository(name, source) {
    this.cli(["repo", "create", `olivia/${name}`, "--public"]);
    this.#push(name, source);
  }

  #push(name, source) {
    git(source, ["push", "-q", this.url("olivia", `olivia/${name}`), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
  }

  /** Each by itself, because a server may refuse one; those that it took are what pages will show. */
  #hostileBranches() {
    const source = join(this.place, "hostile.git");
    for (const name of BRANCHES) {
      try {
        git(source, ["push", "-q", this.url("olivia", "olivia/hostile"), `refs/heads/main:refs/heads/${name}`]);
      } catch {
        continue;
      }
    }
  }
}

function small(directory, format) {
  const history = new History(1_765_000_000);
  history.commit("main", "First\n", { "README.md": "# Ledger\n\nNobody else's.\n", "src/main.rs": 'fn main() {\n    println!("hello");\n}\n' });
  history.commit("main", "Second\n", { "src/main.rs": 'fn main() {\n    println!("hello, world");\n}\n', "needle.txt": "a-secret-needle\n" });
  history.ref("refs/heads/side", "main");
  history.commit("side", "On the side\n", { "side.txt": "side\n" });
  return history.finish(directory, format);
}

/** Polls `condition` until it holds. */
export async function until(what, condition, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const held = await Promise.resolve().then(condition).catch((error) => (/it ended/.test(error.message) ? Promise.reject(error) : false));
    if (held) return held;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
