//! SSH certificates, made by the real `ssh-keygen` and shown by the real OpenSSH client.

use crate::common::{Git, Ssh, World, encoded, request, ssh_keygen, wait_until};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An organisation with a repository, whose member bob has no key here; ann has one of her own.
struct Crew {
    world: World,
    token: String,
    bob: Ssh,
    ca: PathBuf,
    authority: String,
    work: Git,
}

impl Crew {
    fn new() -> Self {
        let world = World::new();
        let scopes = "repo:read,repo:write,repo:create,user:read,user:write,org:write,access";
        let token = world.site.cli(&["token", "create", "ann", "--scope", scopes]).success().trim().to_owned();
        for name in ["bob", "eve"] {
            world.site.cli(&["user", "create", name, "--email", &format!("{name}@example.org")]).success();
        }
        let (bob, ca) = (Ssh::new(&world, "bob", &[]), world.path("ca"));
        ssh_keygen(&ca, &[]);
        let mut crew = Self { token, bob, ca, authority: String::new(), work: world.repository("mine"), world };
        crew.api("POST", "/api/v1/orgs", r#"{"username":"crew"}"#, 201);
        crew.api("PUT", "/api/v1/orgs/crew/memberships/bob", r#"{"role":"member"}"#, 200);
        crew.api("POST", "/api/v1/orgs/crew/repos", r#"{"name":"tool","private":true}"#, 201);
        crew.api("PUT", "/api/v1/repos/crew/tool/collaborators/bob", r#"{"permission":"write"}"#, 204);
        crew.work.run(["push", "-q", &crew.world.url("ann/mine"), "main"]).success();
        let url = crew.world.site.url("crew/tool", Some(("ann", &crew.token)));
        crew.work.run(["push", "-q", &url, "main"]).success();
        crew.authority = crew.trust();
        crew
    }

    fn api(&self, method: &str, path: &str, body: &str, status: u16) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = request(&self.world.site.address, method, path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }

    fn trust(&self) -> String {
        let file = self.ca.with_extension("pub");
        let add = ["authority", "add", file.to_str().unwrap(), "--org", "crew", "--name", "the crew's"];
        self.world.site.cli(&add).success().trim().to_owned()
    }

    /// Has this authority sign bob's key, with these arguments of `ssh-keygen`.
    fn sign_with(&self, ca: &Path, arguments: &[&str]) {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-s"]).arg(ca).args(arguments).arg(self.world.path("ssh-bob.pub"));
        assert!(command.status().unwrap().success(), "ssh-keygen -s {arguments:?}");
    }

    fn sign(&self, arguments: &[&str]) {
        self.sign_with(&self.ca, &[&["-I", "bob at work", "-n", "bob", "-V", "+1h"][..], arguments].concat());
    }

    fn comes_in(&self) -> bool {
        self.bob.run(&["-T"], None).0 == 0
    }

    fn git(&self) -> Git {
        self.work.clone().over(&self.bob)
    }

    /// A client that has connected, asked for refs, and then says nothing.
    fn lingers(&self) -> std::process::Child {
        let mut command = self.bob.command(&["-o", "SendEnv=GIT_PROTOCOL"]);
        command.env("GIT_PROTOCOL", "version=2").arg("git-upload-pack 'crew/tool'");
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut first = [0; 14];
        running.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        assert_eq!(&first, b"000eversion 2\n");
        running
    }

    fn credentials(&self) -> Vec<serde_json::Value> {
        let listed = self.world.site.cli(&["credentials", "--json"]).success();
        serde_json::from_str::<serde_json::Value>(&listed).unwrap().as_array().unwrap().clone()
    }
}

#[test]
fn a_certificate_opens_what_its_authority_is_trusted_for_and_nothing_else() {
    let crew = Crew::new();
    assert!(!crew.comes_in(), "a key that nobody knows");
    crew.sign(&["-z", "7"]);
    let (status, out, said) = crew.bob.run(&["-T"], None);
    assert!(status == 0 && out.contains("Hello bob, your certificate works (bob at work)"), "{out}{said}");
    let (git, url) = (crew.git(), crew.bob.url("crew/tool"));
    let clone = crew.world.path("clone");
    git.run(["clone", "-q", &url, clone.to_str().unwrap()]).success();
    crew.work.commit("more", "more\n");
    git.run(["push", "-q", &url, "main"]).success();

    // Neither what lies elsewhere, though it may be bob's own, nor anything new.
    let admin = r#"{"permission":"admin"}"#;
    crew.api("PUT", "/api/v1/repos/ann/mine/collaborators/bob", admin, 204);
    let elsewhere = git.run(["ls-remote", &crew.bob.url("ann/mine")]).failure();
    assert!(elsewhere.contains("does not exist, or you may not see it"), "{elsewhere}");
    for made in ["bob/new", "crew/new"] {
        assert!(!git.run(["push", &crew.bob.url(made), "main"]).ok, "{made} was made");
    }

    // It is a credential like any other, made by its authority.
    let credentials = crew.credentials();
    let of_kind = |kind: &str| credentials.iter().find(|row| row["kind"] == kind).cloned().unwrap();
    let (authority, seen) = (of_kind("SSH authority"), of_kind("SSH certificate"));
    assert_eq!(authority["id"].to_string(), crew.authority);
    assert_eq!(seen["made_by"], authority["id"], "{seen}");
    assert!(seen["name"].as_str().unwrap().contains("bob at work (7)"), "{seen}");
    assert_eq!(credentials.iter().filter(|row| row["kind"] == "SSH certificate").count(), 1);

    // The key by itself, and the address's name, open nothing.
    let other = ["-T", "-l", "ann"];
    assert!(crew.bob.run(&other, None).1.contains("Hello bob"), "the certificate says who");
    std::fs::remove_file(crew.world.path("ssh-bob-cert.pub")).unwrap();
    assert!(!crew.comes_in());
}

#[test]
fn a_certificate_that_is_not_right_in_everything_opens_nothing() {
    let crew = Crew::new();
    let other = crew.world.path("other-ca");
    ssh_keygen(&other, &[]);
    let signed = |arguments: &[&str]| crew.sign_with(&crew.ca, arguments);
    for (what, works, sign) in [
        ("a good one", true, &["-I", "x", "-n", "bob", "-V", "+1h"][..]),
        ("expired", false, &["-I", "x", "-n", "bob", "-V", "20200101:20200102"]),
        ("not yet", false, &["-I", "x", "-n", "bob", "-V", "+1h:+2h"]),
        ("for ever", false, &["-I", "x", "-n", "bob"]),
        ("longer than it may be", false, &["-I", "x", "-n", "bob", "-V", "+3d"]),
        ("for nobody in particular", false, &["-I", "x", "-V", "+1h"]),
        ("for nobody", false, &["-I", "x", "-n", "nobody", "-V", "+1h"]),
        ("for who is not in the crew", false, &["-I", "x", "-n", "eve", "-V", "+1h"]),
        ("a machine's", false, &["-h", "-I", "x", "-n", "bob", "-V", "+1h"]),
        ("what nobody knows", false, &["-I", "x", "-n", "bob", "-V", "+1h", "-O", "critical:what@example.org=x"]),
        ("from elsewhere", false, &["-I", "x", "-n", "bob", "-V", "+1h", "-O", "source-address=10.0.0.0/8"]),
        ("from here", true, &["-I", "x", "-n", "bob", "-V", "+1h", "-O", "source-address=10.0.0.0/8,127.0.0.0/8"]),
        ("an extension", true, &["-I", "x", "-n", "bob", "-V", "+1h", "-O", "extension:what@example.org=x"]),
    ] {
        signed(sign);
        assert_eq!(crew.comes_in(), works, "{what}");
    }
    crew.sign_with(&other, &["-I", "x", "-n", "bob", "-V", "+1h"]);
    assert!(!crew.comes_in(), "an authority that nobody trusts");

    // One command, whatever is asked for.
    signed(&["-I", "x", "-n", "bob", "-V", "+1h", "-O", "force-command=git-upload-pack '/crew/tool.git'"]);
    let (git, url) = (crew.git(), crew.bob.url("crew/tool"));
    assert!(!git.refs_of(&url).is_empty());
    assert!(!git.run(["push", &url, "main:forced"]).ok);
    signed(&["-I", "x", "-n", "bob", "-V", "+1h", "-O", "force-command=/bin/sh"]);
    assert!(!git.run(["ls-remote", &url]).ok);

    // Among several the name in the address chooses; else it is the first.
    crew.api("PUT", "/api/v1/orgs/crew/memberships/eve", r#"{"role":"member"}"#, 200);
    signed(&["-I", "x", "-n", "bob,eve", "-V", "+1h"]);
    for (login, who) in [("eve", "Hello eve"), ("bob", "Hello bob"), ("git", "Hello bob")] {
        assert!(crew.bob.run(&["-T", "-l", login], None).1.contains(who), "{login}");
    }
}

#[test]
fn whom_a_rule_names_is_not_whom_an_owners_authority_names() {
    let crew = Crew::new();
    crew.api(
        "POST",
        "/api/v1/repos/crew/tool/branch_protections",
        r#"{"rule_name":"main","push":{"people":["bob"]}}"#,
        201,
    );
    crew.sign(&[]);
    let (git, url) = (crew.git(), crew.bob.url("crew/tool"));
    crew.work.commit("more", "more\n");
    let said = git.run(["push", &url, "main"]).failure();
    assert!(said.contains("not with an organisation's certificate"), "{said}");
    git.run(["push", "-q", &url, "main:side"]).success();
    let token = crew.world.site.cli(&["token", "create", "bob", "--scope", "repo:write"]).success();
    git.run(["push", "-q", &crew.world.site.url("crew/tool", Some(("bob", token.trim()))), "main"]).success();
}

#[test]
fn what_is_revoked_ends_and_so_does_all_of_an_authority_that_is_removed() {
    let crew = Crew::new();
    let ended = |what: &str, mut running: std::process::Child| {
        wait_until(what, 20, || running.try_wait().unwrap().is_some());
        assert!(!crew.comes_in(), "{what}");
    };
    let revoke = |arguments: &[&str]| {
        crew.world.site.cli(&[&["authority", "revoke", &crew.authority][..], arguments].concat()).success();
    };
    crew.sign(&["-z", "18446744073709551615"]);
    let running = crew.lingers();
    revoke(&["--serial", "18446744073709551615"]);
    ended("by number", running);
    crew.sign(&["-z", "8"]);
    let running = crew.lingers();
    // Also one that was never shown.
    revoke(&["--key-id", "bob at work"]);
    ended("by name", running);
    crew.sign(&["-z", "9"]);
    assert!(!crew.comes_in(), "the name is spent");

    let again = ["-I", "again", "-n", "bob", "-V", "+1h"];
    crew.sign_with(&crew.ca, &again);
    let running = crew.lingers();
    crew.world.site.cli(&["authority", "remove", &crew.authority]).success();
    ended("with its authority", running);
    assert!(crew.world.site.cli(&["authority", "list"]).success().trim().is_empty());
    let good = |row: &&serde_json::Value| row["kind"] == "SSH certificate" && row["ended_at"].is_null();
    assert_eq!(crew.credentials().iter().filter(good).count(), 0);

    // Trusted again, and shut out by a lockdown, with what it made.
    crew.trust();
    crew.sign_with(&crew.ca, &["-I", "third", "-n", "bob", "-V", "+1h"]);
    let running = crew.lingers();
    crew.world.site.cli(&["lockdown", "--since", "2020-01-01T00:00:00Z"]).success();
    ended("with a lockdown", running);
}

#[test]
fn an_owner_trusts_an_authority_on_the_page_once_and_with_a_proof() {
    let world = World::new();
    let password = "a long password of olga";
    let make = ["user", "create", "olga", "--email", "olga@example.org", "--password-stdin"];
    world.site.cli_with(&make, password).success();
    let pages = crate::common::Browser::sign_in(&world.site, "olga", password);
    assert_eq!(pages.post("/-/new/organisation", "name=crew&visibility=private").status, 303);
    let key = ssh_keygen(&world.path("ca"), &[]);
    let form = format!("name=Ours&hours=12&key={}", encoded(&key));
    let added = pages.post("/crew/-/certificates", &form);
    assert!(
        added.status == 200 && added.text().contains("Ours") && added.text().contains("12 hours"),
        "{}",
        added.text()
    );
    let twice = pages.post("/crew/-/certificates", &form);
    assert!(twice.status == 422 && twice.text().contains("trusted already"), "{}", twice.text());
    let listed = world.site.cli(&["authority", "list"]).success();
    let id = listed.split(' ').next().unwrap();
    let revoked = pages.post("/crew/-/certificates/revoke", &format!("authority={id}&by=serial&which=0"));
    assert!(revoked.status == 422 && revoked.text().contains("no number"), "{}", revoked.text());
    let removed = pages.post("/crew/-/certificates/remove", &format!("authority={id}"));
    assert!(removed.status == 200 && removed.text().contains("trusted no more"), "{}", removed.text());

    // For everybody: who has its private key can be anybody, so it takes more than one once there are officers.
    let file = world.path("ca.pub");
    world.site.cli(&["authority", "add", file.to_str().unwrap()]).success();
    let listed = world.site.cli(&["authority", "list"]).success();
    assert!(listed.contains("the whole site"), "{listed}");
}
