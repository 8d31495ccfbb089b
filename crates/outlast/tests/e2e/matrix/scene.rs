//! The repositories, and those who stand to them in every way there is.

use super::doors::{Probe, Via};
use crate::common::{Answer, Browser, Git, Ssh, World, request};
use crate::svn::Svn;
use forge::access::Door;
use forge::event::repo::{Access, Visibility};
use std::collections::BTreeMap;

/// Somebody, and the role that follows from what they are.
pub(super) struct Standing {
    pub(super) what: &'static str,
    /// The account; empty: nobody is signed in.
    pub(super) name: &'static str,
    pub(super) role: Option<Access>,
}

const fn standing(what: &'static str, name: &'static str, role: Option<Access>) -> Standing {
    Standing { what, name, role }
}

/// Every way to stand to a repository of an organisation that lies in another.
pub(super) static STANDINGS: &[Standing] = &[
    standing("nobody", "", None),
    standing("a stranger", "sam", None),
    standing("named, read", "read", Some(Access::Read)),
    standing("named, triage", "triage", Some(Access::Triage)),
    standing("named, write", "write", Some(Access::Write)),
    standing("named, maintain", "maintain", Some(Access::Maintain)),
    standing("named, admin", "administer", Some(Access::Admin)),
    standing("a member of the organisation", "meg", None),
    standing("an owner of the organisation", "owen", Some(Access::Admin)),
    standing("a member of the organisation it lies in", "upmeg", None),
    standing("an owner of the organisation it lies in", "upowen", Some(Access::Admin)),
    standing("in a team that has it, triage", "teamtriage", Some(Access::Triage)),
    standing("in a team with all repositories, write", "teamwrite", Some(Access::Write)),
    standing("in a team above with all repositories, maintain", "upteam", Some(Access::Maintain)),
    standing("in a team without it", "teamnone", None),
    standing("read by name and write by team", "both", Some(Access::Write)),
    standing("was named, and is no more", "former", None),
    standing("was in the organisation, and left", "leaver", None),
    standing("an operator", "opal", None),
    standing("an officer", "olga", None),
    standing("an auditor", "otto", None),
];

/// A path of the same length as [`Scene::repo`]s' that is nobody's.
pub(super) const ABSENT: &str = "guild/sub/missing-x";
const PASSWORD: &str = "correct horse battery staple";
const SCOPES: &str = "repo:read,repo:write,repo:create,org:write,access,user:read,user:write,admin";

/// `guild/sub` with a repository of each visibility.
pub(super) struct Scene {
    world: World,
    tokens: BTreeMap<&'static str, String>,
    browsers: BTreeMap<&'static str, Browser>,
    keys: BTreeMap<&'static str, Ssh>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let world = World::new();
        world.site.cli(&["user", "create", "eve", "--email", "eve@example.org"]).success();
        let mut scene = Self { world, tokens: BTreeMap::new(), browsers: BTreeMap::new(), keys: BTreeMap::new() };
        for standing in STANDINGS.iter().filter(|standing| !standing.name.is_empty()) {
            scene.account(standing.name);
        }
        scene.build();
        scene
    }

    fn account(&mut self, name: &'static str) {
        let email = format!("{name}@example.org");
        let mut create = vec!["user", "create", name, "--email", &email, "--password-stdin"];
        create.extend((name == "opal").then_some("--operator"));
        create.extend((name == "olga").then_some("--officer"));
        self.world.site.cli_with(&create, PASSWORD).success();
        if name == "otto" {
            self.world.site.cli(&["user", "grant", name, "auditor"]).success();
        }
        self.tokens.insert(name, self.token(name, SCOPES));
        self.browsers.insert(name, Browser::sign_in(&self.world.site, name, PASSWORD));
        let key = Ssh::new(&self.world, name, &[]);
        key.add_to(&self.world, name);
        self.keys.insert(name, key);
    }

    pub(super) fn token(&self, name: &str, scopes: &str) -> String {
        self.world.site.cli(&["token", "create", name, "--scope", scopes]).success().trim().to_owned()
    }

    /// The organisations, repositories, teams and roles.
    fn build(&self) {
        self.world.site.cli(&["org", "create", "guild", "--owner", "upowen"]).success();
        self.world.site.cli(&["org", "create", "guild/sub", "--owner", "owen"]).success();
        for (org, name) in [("guild", "upmeg"), ("guild/sub", "meg"), ("guild/sub", "leaver")] {
            self.world.site.cli(&["org", "add", org, name]).success();
        }
        for visibility in Visibility::ALL {
            for (repo, kind) in [(self.repo(*visibility), "git"), (self.svn(*visibility), "svn")] {
                let (_, name) = repo.rsplit_once('/').unwrap();
                let body = format!("{{\"name\":\"{name}\",\"visibility\":\"{visibility}\",\"kind\":\"{kind}\"}}");
                self.owner("owen", "POST", "/api/v1/orgs/guild%2Fsub/repos", &body);
            }
        }
        self.push();
        let with_it = self.team("owen", "guild%2Fsub", "some", "triage", false, &["teamtriage"]);
        self.team("owen", "guild%2Fsub", "all", "write", true, &["teamwrite", "both"]);
        self.team("upowen", "guild", "above", "maintain", true, &["upteam"]);
        self.team("owen", "guild%2Fsub", "none", "admin", false, &["teamnone"]);
        let repos = Visibility::ALL.iter().flat_map(|visibility| [self.repo(*visibility), self.svn(*visibility)]);
        for repo in repos {
            let name = repo.rsplit('/').next().unwrap();
            self.owner("owen", "PUT", &format!("/api/v1/teams/{with_it}/repos/guild%2Fsub/{name}"), "");
            let named = ["read", "triage", "write", "maintain"].map(|role| (role, role));
            for (user, role) in
                named.into_iter().chain([("administer", "admin"), ("both", "read"), ("former", "admin")])
            {
                let address = format!("/api/v1/repos/guild%2Fsub/{name}/collaborators/{user}");
                self.owner("owen", "PUT", &address, &format!("{{\"permission\":\"{role}\"}}"));
            }
            self.owner("owen", "DELETE", &format!("/api/v1/repos/guild%2Fsub/{name}/collaborators/former"), "");
        }
        self.owner("leaver", "DELETE", "/api/v1/orgs/guild%2Fsub/members/leaver", "");
    }

    fn push(&self) {
        let git = Git::init(&self.world.path("matrix"), "sha1");
        git.commit("README", "Words.\n");
        for visibility in Visibility::ALL {
            let url = self.world.site.url(self.repo(*visibility), Some(("owen", &self.tokens["owen"])));
            let pushed = git.run(["push", &url, "HEAD:main"]);
            assert!(pushed.ok, "{}", pushed.stderr);
        }
        let svn = Svn::of(&self.world).named("owen", &self.tokens["owen"]);
        for visibility in Visibility::ALL {
            let trunk = format!("http://{}/{}.svn/trunk", self.world.site.address, self.svn(*visibility));
            svn.ok(self.world.dir.path(), &["mkdir", "-q", "-m", "a beginning", &trunk]);
        }
    }

    fn team(&self, who: &str, org: &str, name: &str, role: &str, all: bool, people: &[&str]) -> String {
        let body = format!("{{\"name\":\"{name}\",\"permission\":\"{role}\",\"includes_all_repositories\":{all}}}");
        let made = self.owner(who, "POST", &format!("/api/v1/orgs/{org}/teams"), &body);
        let id = serde_json::from_str::<serde_json::Value>(&made).unwrap()["id"].to_string();
        for person in people {
            self.owner(who, "PUT", &format!("/api/v1/teams/{id}/members/{person}"), "");
        }
        id
    }

    /// Something that must be done, as one who may.
    fn owner(&self, who: &str, method: &str, address: &str, body: &str) -> String {
        let answer = self.program(&self.tokens[who], method, address, body);
        assert!(answer.status < 300, "{method} {address}: {} {}", answer.status, answer.text());
        answer.text()
    }

    pub(super) fn repo(&self, visibility: Visibility) -> &'static str {
        match visibility {
            Visibility::Private => "guild/sub/private-x",
            Visibility::Internal => "guild/sub/internal",
            Visibility::Public => "guild/sub/public",
        }
    }

    /// One of Subversion, with a trunk.
    fn svn(&self, visibility: Visibility) -> &'static str {
        match visibility {
            Visibility::Private => "guild/sub/private-s",
            Visibility::Internal => "guild/sub/internal-s",
            Visibility::Public => "guild/sub/public-s",
        }
    }

    /// The repository that a door is for, or that a probe says it is about.
    pub(super) fn repo_by(&self, door: Door, probe: &Probe, visibility: Visibility) -> &'static str {
        match door {
            Door::SvnHttp | Door::SvnSsh => self.svn(visibility),
            _ if probe.address.contains("{svn}") => self.svn(visibility),
            _ => self.repo(visibility),
        }
    }

    pub(super) fn entries(&self) -> u64 {
        self.world.site.entries()
    }

    /// Whether somebody has changed something since there were so many.
    pub(super) fn grew(&self, before: u64) -> bool {
        self.world.site.grew(before)
    }

    /// Asks as somebody.
    pub(super) fn send(&self, who: &Standing, probe: &Probe, repo: &str) -> Answer {
        match probe.via {
            Via::Token => self.send_with(self.tokens.get(who.name).map_or("", String::as_str), probe, repo),
            Via::Key => self.over_ssh(who, &address(probe, repo)),
            Via::Svn => self.svn_over_ssh(who, &address(probe, repo), probe.body),
            Via::Session => {
                let nobody = Browser::new(&self.world.site);
                let browser = self.browsers.get(who.name).unwrap_or(&nobody);
                let own = [("Sec-Fetch-Site", "same-origin")];
                browser.send(probe.method, &address(probe, repo), &own, probe.body)
            }
        }
    }

    /// What a command says, with the status that HTTP would have for it.
    fn over_ssh(&self, who: &Standing, command: &str) -> Answer {
        let (_, out, said) = self.keys[who.name].run(&["-T"], Some(command));
        let status = match (out.contains("refs/heads/main"), out.contains("does not exist, or you may not see it")) {
            (true, _) => 200,
            (false, true) => 404,
            (false, false) => 403,
        };
        Answer { status, headers: Vec::new(), body: format!("{out}{said}").into_bytes(), whole: true }
    }

    /// What a session of Subversion says, with the status that HTTP would have for it.
    fn svn_over_ssh(&self, who: &Standing, address: &str, words: &str) -> Answer {
        let url = format!("svn+ssh://host{address}");
        let first = format!("( 2 ( edit-pipeline ) {}:{url} ) ( EXTERNAL ( 0: ) ) {words}", url.len());
        let (out, said) = self.keys[who.name].talk("svnserve -t", &first);
        let failed = out.contains("( failure (");
        let status = match (failed, out.contains("does not exist, or you may not see it")) {
            (false, _) => 200,
            (true, true) => 404,
            (true, false) => 403,
        };
        Answer { status, headers: Vec::new(), body: format!("{out}{said}").into_bytes(), whole: true }
    }

    /// Asks with a token; empty: with none.
    pub(super) fn send_with(&self, token: &str, probe: &Probe, repo: &str) -> Answer {
        self.program(token, probe.method, &address(probe, repo), probe.body)
    }

    fn program(&self, token: &str, method: &str, address: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![];
        if !token.is_empty() {
            headers.push(("Authorization", bearer.as_str()));
        }
        if body.starts_with('{') {
            headers.push(("Content-Type", "application/json"));
        }
        if body.starts_with("( ") {
            headers.push(("Content-Type", "application/vnd.svn-skel"));
        }
        if method == "PROPFIND" {
            headers.push(("Depth", "0"));
        }
        request(&self.world.site.address, method, address, &headers, body.as_bytes()).unwrap()
    }
}

/// The API takes an owner that nests in one part of the address.
fn address(probe: &Probe, repo: &str) -> String {
    let (owner, name) = repo.rsplit_once('/').unwrap();
    let written = match probe.address.starts_with("/api/") {
        true => format!("{}/{name}", owner.replace('/', "%2F")),
        false => repo.to_owned(),
    };
    probe.address.replace("{repo}", &written).replace("{svn}", &written)
}

/// All of an answer but its time, with the repository's name and its length taken out.
pub(super) fn plain(answer: &Answer, repo: &str) -> String {
    let name = repo.rsplit('/').next().unwrap();
    let skipped = |name: &str| ["date", "content-length"].iter().any(|skipped| name.eq_ignore_ascii_case(skipped));
    let headers = answer.headers.iter().filter(|(name, _)| !skipped(name));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), answer.text()).replace(name, "NAME")
}
