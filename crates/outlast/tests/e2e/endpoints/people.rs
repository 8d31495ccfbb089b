//! Six people who ask the same things.

use super::Subject;
use super::routes::Row;
use crate::common::{Answer, Browser, Git, Passkey, World, request};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    Nobody,
    Stranger,
    Reader,
    Writer,
    Owner,
    Operator,
}

impl Person {
    pub(super) const ALL: [Self; 6] =
        [Self::Nobody, Self::Stranger, Self::Reader, Self::Writer, Self::Owner, Self::Operator];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Stranger => "sam",
            Self::Reader => "rob",
            Self::Writer => "wil",
            Self::Owner => "owen",
            Self::Operator => "opal",
        }
    }
}

/// A site with the six, and a private repository of the owner's.
pub(super) struct People {
    world: World,
    credentials: Vec<Credentials>,
    /// The entry of the push, and the commit that it pushed.
    entry: u64,
    commit: String,
    /// A team of the organisation.
    pub(super) team: String,
    /// A rule of the repository, about tags.
    rule: String,
}

/// What somebody has to be known by.
struct Credentials {
    person: Person,
    token: String,
    browser: Browser,
    passkey: Option<Passkey>,
}

impl Credentials {
    fn of(world: &World, person: Person) -> Self {
        let mut browser = Browser::sign_in(&world.site, person.name(), PASSWORD);
        // An operator's role is awake in a session that a passkey began.
        let passkey = (person == Person::Operator).then(|| browser.add_passkey());
        Self { person, token: Self::token(world, person), browser, passkey }
    }

    fn token(world: &World, person: Person) -> String {
        let scopes = if person == Person::Operator { format!("{SCOPES},admin") } else { SCOPES.to_owned() };
        world.site.cli(&["token", "create", person.name(), "--scope", &scopes]).success().trim().to_owned()
    }
}

const SCOPES: &str = "repo:read,repo:write,repo:create,org:write,access,user:read,user:write";
/// Everybody's: it is not what is tested here.
pub(super) const PASSWORD: &str = "correct horse battery staple";

impl People {
    pub(super) fn new() -> Self {
        let mut world = World::new();
        world.site.cli(&["user", "create", "eve", "--email", "eve@example.org"]).success();
        let accounts = || Person::ALL.into_iter().filter(|person| *person != Person::Nobody);
        for person in accounts() {
            let email = format!("{}@example.org", person.name());
            let mut create = vec!["user", "create", person.name(), "--email", &email, "--password-stdin"];
            create.extend((person == Person::Operator).then_some("--operator"));
            world.site.cli_with(&create, PASSWORD).success();
        }
        let credentials: Vec<_> = accounts().map(|person| Credentials::of(&world, person)).collect();
        world.token = credentials.iter().find(|has| has.person == Person::Owner).unwrap().token.clone();
        let (entry, commit) = pushed(&world);
        let mut people = Self { world, credentials, entry, commit, team: String::new(), rule: String::new() };
        for (person, permission) in [(Person::Reader, "read"), (Person::Writer, "write")] {
            let address = format!("/api/v1/repos/{}/collaborators/{}", Subject::PRIVATE.repo, person.name());
            let body = format!("{{\"permission\":\"{permission}\"}}");
            assert_eq!(people.send(Person::Owner, "PUT", &address, &body).status, 204);
        }
        people.found_guild();
        people.rule = people.new_rule("v1");
        let kept = format!("/api/v1/repos/{}/branch_protections", Subject::PRIVATE.repo);
        assert_eq!(people.send(Person::Owner, "POST", &kept, r#"{"rule_name":"kept"}"#).status, 201);
        people
    }

    /// The private organisation, to which the reader and the writer belong, with a team and a repository.
    fn found_guild(&mut self) {
        let org = Subject::PRIVATE.org;
        self.world.site.cli(&["org", "create", org, "--owner", "owen"]).success();
        self.world.site.cli(&["org", "add", org, "wil"]).success();
        self.team = self.new_team("crew");
        let done = |person, method: &str, address: String, body: &str| {
            let answer = self.send(person, method, &address, body);
            assert!(answer.status < 300, "{address}: {} {}", answer.status, answer.text());
        };
        done(Person::Owner, "POST", format!("/api/v1/orgs/{org}/repos"), r#"{"name":"tools","private":true}"#);
        done(Person::Owner, "PUT", format!("/api/v1/teams/{}/members/rob", self.team), "");
        done(Person::Owner, "PUT", format!("/api/v1/teams/{}/repos/{org}/tools", self.team), "");
        done(Person::Reader, "PUT", format!("/api/v1/orgs/{org}/public_members/rob"), "");
    }

    /// The stranger has a repository and an organisation too.
    pub(super) fn move_in(&self) {
        let site = &self.world.site;
        site.cli(&["repo", "create", "sam/things"]).success();
        site.cli(&["org", "create", "sams", "--owner", "sam"]).success();
        let git = Git::init(&self.world.path("things"), "sha1");
        git.commit("README.md", "# Things of another\n");
        let token = &self.of(Person::Stranger).unwrap().token;
        assert!(git.run(["push", &site.url("sam/things", Some(("sam", token))), "main"]).ok);
    }

    /// The number of a new rule of the repository.
    fn new_rule(&self, pattern: &str) -> String {
        let address = format!("/api/v1/repos/{}/tag_protections", Subject::PRIVATE.repo);
        let answer = self.send(Person::Owner, "POST", &address, &format!("{{\"name_pattern\":\"{pattern}\"}}"));
        let rule: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        rule["id"].to_string()
    }

    /// The number of a new team of the organisation.
    fn new_team(&self, name: &str) -> String {
        let address = format!("/api/v1/orgs/{}/teams", Subject::PRIVATE.org);
        let answer = self.send(Person::Owner, "POST", &address, &format!("{{\"name\":\"{name}\"}}"));
        let team: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        team["id"].to_string()
    }

    /// Asks, as `person`.
    pub(super) fn send(&self, person: Person, method: &str, address: &str, body: &str) -> Answer {
        if !is_programs(address) {
            let nobody = Browser::new(&self.world.site);
            let browser = self.browser(person).unwrap_or(&nobody);
            return browser.send(method, address, &[("Sec-Fetch-Site", "same-origin")], body);
        }
        let mut headers = Vec::new();
        let credential = self.of(person).map(|has| format!("Bearer {}", has.token));
        if let Some(credential) = &credential {
            headers.push(("Authorization", credential.as_str()));
        }
        if body.starts_with('{') {
            headers.push(("Content-Type", "application/json"));
        }
        request(&self.world.site.address, method, address, &headers, body.as_bytes()).unwrap()
    }

    fn of(&self, person: Person) -> Option<&Credentials> {
        self.credentials.iter().find(|has| has.person == person)
    }

    /// Somebody's signed-in browser; nobody has none.
    pub(super) fn browser(&self, person: Person) -> Option<&Browser> {
        self.of(person).map(|has| &has.browser)
    }

    /// Gives somebody new credentials for those that a call has ended.
    pub(super) fn renew(&mut self, person: Person) {
        for has in self.credentials.iter_mut().filter(|has| has.person == person) {
            has.token = Credentials::token(&self.world, person);
            has.browser = match &mut has.passkey {
                Some(passkey) => Browser::sign_in_with(&self.world.site, passkey),
                None => Browser::sign_in(&self.world.site, person.name(), PASSWORD),
            };
        }
    }

    /// The address and body of a route's example, about this.
    pub(super) fn example(&self, row: &Row, about: Subject) -> (String, String) {
        let wants = |word: &str| row.address.contains(word) || row.body.contains(word);
        let id = |there: &dyn Fn() -> String| if about.there { there() } else { absent(&there()) };
        let made = |word: &str, make: &dyn Fn() -> String| if wants(word) { id(make) } else { String::new() };
        let unique = |what: &str| format!("{what}-{}", self.journal());
        let spare = made("{spare}", &|| self.spare_token());
        let spare_team = made("{spare-team}", &|| self.new_team(&unique("spare")));
        let spare_rule = made("{spare-rule}", &|| self.new_rule(&unique("spare")));
        let ssh_key = made("{sshkey}", &|| self.ssh_key("user/keys"));
        let deploy_key = made("{deploykey}", &|| self.ssh_key(&format!("repos/{}/keys", Subject::PRIVATE.repo)));
        let assets = if wants("{assets}") { self.assets() } else { String::new() };
        let (team, rule) = (id(&|| self.team.clone()), id(&|| self.rule.clone()));
        let (entry, commit) = (id(&|| self.entry.to_string()), id(&|| self.commit.clone()));
        let password = PASSWORD.replace(' ', "+");
        let words = [
            ("{repo}", about.repo),
            ("{org}", about.org),
            ("{team}", &team),
            ("{spare-team}", &spare_team),
            ("{rule}", &rule),
            ("{spare-rule}", &spare_rule),
            ("{spare}", &spare),
            ("{sshkey}", &ssh_key),
            ("{deploykey}", &deploy_key),
            ("{entry}", &entry),
            ("{commit}", &commit),
            ("{assets}", &assets),
            ("{password}", &password),
        ];
        let filled = |text: &str| words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value));
        (filled(row.address), filled(row.body))
    }

    /// The version of the assets, as pages have it in their addresses.
    fn assets(&self) -> String {
        let page = self.world.site.get("/").text();
        let (_, after) = page.split_once("/-/assets/").unwrap();
        after.split('/').next().unwrap().to_owned()
    }

    /// A token of the owner's that may be revoked.
    fn spare_token(&self) -> String {
        self.world.site.cli(&["token", "create", "owen", "--scope", "repo:read", "--name", "spare"]).success();
        let listed: serde_json::Value =
            serde_json::from_str(&self.send(Person::Owner, "GET", "/api/v1/users/owen/tokens", "").text()).unwrap();
        let ids = listed.as_array().unwrap().iter().filter_map(|token| token["id"].as_u64());
        ids.max().unwrap().to_string()
    }

    /// A key of the owner's, or of the repository, made for one call.
    fn ssh_key(&self, kind: &str) -> String {
        let file = self.world.path(&format!("key-{}", self.journal()));
        let public = crate::common::ssh_keygen(&file, &[]);
        if kind == "user/keys" {
            self.world.site.cli(&["key", "add", "owen", file.with_extension("pub").to_str().unwrap()]).success();
        } else {
            let body = format!("name=spare&days=1&key={}", crate::common::encoded(&public));
            let made = self.send(Person::Owner, "POST", &format!("/{}/-/settings/keys", Subject::PRIVATE.repo), &body);
            assert_eq!(made.status, 200, "{}", made.text());
        }
        let listed = self.send(Person::Owner, "GET", &format!("/api/v1/{kind}"), "").text();
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        listed.as_array().unwrap().iter().filter_map(|key| key["id"].as_u64()).max().unwrap().to_string()
    }

    /// The site starts again: sessions and tokens stay, fresh proofs do not.
    pub(super) fn restart(&mut self) {
        self.world.site.stop();
        self.world.site.resume();
    }

    /// How many entries the journal has.
    pub(super) fn journal(&self) -> u64 {
        self.world.site.entries()
    }

    /// What was done since it had so many.
    pub(super) fn done(&self, before: u64) -> Vec<String> {
        if self.journal() == before { Vec::new() } else { self.world.site.events(before) }
    }
}

/// The private repository, with two branches; the entry of its push, and the commit.
fn pushed(world: &World) -> (u64, String) {
    world.site.cli(&["repo", "create", Subject::PRIVATE.repo]).success();
    let git = Git::init(&world.path("work"), "sha1");
    git.run(["remote", "add", "origin", &world.site.url(Subject::PRIVATE.repo, Some(("owen", &world.token)))])
        .success();
    std::fs::create_dir(git.dir.join("src")).unwrap();
    git.commit("src/lib.rs", "//! Secret.\n");
    let commit = git.commit("README.md", "# Secret\n");
    git.run(["branch", "side"]).success();
    (world.push(&git, &["main", "side"]).entry, commit)
}

/// An address of the API's or Git's, which take tokens; pages take a session's cookie.
fn is_programs(address: &str) -> bool {
    address.starts_with("/api/") || address.contains(".git/")
}

/// Whether an answer says no: not signed in, not allowed, not there, not this way, or sign in first.
pub(super) fn refuses(answer: &Answer) -> bool {
    let to_sign_in = || answer.header("location").is_some_and(|to| to.starts_with("/-/sign-in"));
    matches!(answer.status, 401 | 403 | 404 | 405) || (answer.status == 303 && to_sign_in())
}

/// A number, or an object's id, of the same length that is nobody's.
fn absent(id: &str) -> String {
    if id.bytes().all(|byte| byte.is_ascii_digit()) { "9".repeat(id.len()) } else { "e".repeat(id.len()) }
}

/// What children of a repository, an organisation or an account are named by in examples.
pub(super) const IDS: [&str; 9] =
    ["{team}", "{spare-team}", "{rule}", "{spare-rule}", "{spare}", "{entry}", "{commit}", "{sshkey}", "{deploykey}"];

/// All of an answer but its time, with the names of what was asked for taken out.
pub(super) fn comparable(answer: &Answer, about: Subject, address: &str) -> String {
    let name = about.repo.rsplit('/').next().unwrap();
    let headers = answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date"));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    // Ids stand where they stood in the address, or after what they are of.
    let ids = address.split(['/', '?', '=', '&']).filter(|part| part.len() > 1 && is_id(part));
    let text = ids.fold(answer.text(), |text, id| {
        let short = &id[..id.len().min(10)];
        [format!("/{id}"), format!(" {id}"), format!("={id}"), format!("\"{id}\""), format!(" {short}")]
            .iter()
            .fold(text, |text, written| text.replace(written, "ID"))
    });
    let text = format!("{}\n{}\n\n{text}", answer.status, headers.join("\n"));
    text.replace(name, "NAME").replace(about.org, "ORG")
}

fn is_id(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit()) || (part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}
