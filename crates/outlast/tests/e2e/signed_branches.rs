//! Branches that want signatures, and paths that only some may change: with the real Git, over HTTP and SSH.

use crate::common::{Git, Ssh, World, encoded, request, ssh_keygen};

struct Scene {
    world: World,
    ssh: Ssh,
    work: Git,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let ssh = Ssh::new(&world, "ann", &[]);
        ssh.add_to(&world, "ann");
        let work = world.repository("x").over(&ssh);
        work.run(["push", "-q", &ssh.url("ann/x"), "main"]).success();
        for (name, value) in [("gpg.format", "ssh"), ("user.signingkey", world.path("ssh-ann").to_str().unwrap())] {
            work.run(["config", name, value]).success();
        }
        Self { world, ssh, work }
    }

    fn api(&self, method: &str, path: &str, body: &str) -> serde_json::Value {
        let bearer = format!("Bearer {}", self.world.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = request(&self.world.site.address, method, path, &headers, body.as_bytes()).unwrap();
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        serde_json::from_str(&answer.text()).unwrap_or_default()
    }

    /// Commits a file, as somebody, with a signature or without.
    fn commit(&self, path: &str, how: &[&str]) {
        let file = self.work.dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, format!("{how:?} {}", self.work.run(["rev-parse", "HEAD"]).success())).unwrap();
        self.work.run(["add", path]).success();
        let commit = [&["commit", "-q", "-m", path][..], how].concat();
        self.work.run(commit).success();
    }

    fn back(&self) {
        self.work.run(["reset", "-q", "--hard", "HEAD~1"]).success();
    }

    /// What a push says by each door that refuses it.
    fn refused(&self, refs: &[&str]) -> String {
        let by_ssh = self.work.run([&["push", &self.ssh.url("ann/x")][..], refs].concat()).failure();
        let by_http = self.work.run([&["push", &self.world.url("ann/x")][..], refs].concat()).failure();
        for said in [&by_ssh, &by_http] {
            assert!(said.contains("protected branch (rule main)"), "{said}");
        }
        by_ssh
    }

    fn pushed(&self, refs: &[&str]) {
        self.work.run([&["push", "-q", &self.ssh.url("ann/x")][..], refs].concat()).success();
    }
}

#[test]
fn a_branch_that_wants_signatures_takes_no_commit_without_one() {
    let scene = Scene::new();
    let rules = "/api/v1/repos/ann/x/branch_protections";
    let rule = scene.api("POST", rules, r#"{"rule_name":"main","require_signed_commits":true,"enable_push":true}"#);
    assert_eq!(rule["require_signed_commits"], true);

    scene.commit("a", &[]);
    assert!(scene.refused(&["main"]).contains("is not signed"));
    // Neither below one that is signed, nor merged.
    scene.commit("b", &["-S"]);
    assert!(scene.refused(&["main"]).contains("is not signed"));
    scene.back();
    scene.back();
    scene.commit("c", &["-S"]);
    scene.pushed(&["main"]);
    scene.work.run(["checkout", "-q", "-b", "side"]).success();
    scene.commit("d", &[]);
    scene.pushed(&["side"]);
    scene.work.run(["checkout", "-q", "main"]).success();
    scene.work.run(["merge", "-q", "--no-ff", "-S", "-m", "merged", "side"]).success();
    assert!(scene.refused(&["main"]).contains("is not signed"));
    scene.work.run(["reset", "-q", "--hard", "HEAD~1"]).success();

    // By somebody's key who is nobody here, and in another's name.
    let stray = scene.world.path("stray");
    ssh_keygen(&stray, &[]);
    let key = format!("user.signingkey={}", stray.display());
    std::fs::write(scene.work.dir.join("e"), "e").unwrap();
    scene.work.run(["add", "e"]).success();
    scene.work.run(["-c", &key, "commit", "-q", "-S", "-m", "e"]).success();
    assert!(scene.refused(&["main"]).contains("which is nobody's here"));
    scene.back();
    std::fs::write(scene.work.dir.join("f"), "f").unwrap();
    scene.work.run(["add", "f"]).success();
    let mut other = scene.work.command(["commit", "-q", "-S", "-m", "f"]);
    assert!(other.env("GIT_COMMITTER_EMAIL", "bob@example.org").status().unwrap().success());
    assert!(scene.refused(&["main"]).contains("names another committer"));
    scene.back();

    // A signature that was for another commit.
    scene.commit("g", &["-S"]);
    let good = scene.work.run(["cat-file", "commit", "HEAD"]).success();
    let bent = good.replace("\n\ng", "\n\nbent") + "\n";
    let bent = scene.work.run_with(["hash-object", "-t", "commit", "-w", "--stdin"], bent.as_bytes()).success();
    let said = scene.refused(&[&format!("{bent}:main")]);
    assert!(said.contains("does not fit it"), "{said}");
    scene.pushed(&["main"]);

    // A rule of another branch does not ask, and the page shows the rule.
    scene.commit("h", &[]);
    scene.pushed(&["main:free"]);
    scene.api("PATCH", &format!("{rules}/main"), r#"{"require_signed_commits":false}"#);
    scene.pushed(&["main"]);
}

#[test]
fn paths_are_changed_by_those_who_may_alone() {
    let scene = Scene::new();
    for (name, role) in [("bob", "write"), ("eve", "write")] {
        scene.world.site.cli(&["user", "create", name, "--email", &format!("{name}@example.org")]).success();
        let body = format!(r#"{{"permission":"{role}"}}"#);
        scene.api("PUT", &format!("/api/v1/repos/ann/x/collaborators/{name}"), &body);
    }
    let rules = "/api/v1/repos/ann/x/branch_protections";
    let body = r#"{"rule_name":"main","push":{"role":"write"},"protected_file_patterns":".ci/;**/*.lock",
                   "protected_files":{"people":["bob"]}}"#;
    let rule = scene.api("POST", rules, body);
    assert_eq!(rule["protected_file_patterns"], "**/*.lock;.ci/");

    scene.commit("free", &[]);
    scene.pushed(&["main"]);
    for path in [".ci/run", "deep/er/a.lock"] {
        scene.commit(path, &[]);
        let said = scene.refused(&["main"]);
        assert!(said.contains(&format!("you may not change {path}")), "{said}");
        // Not by way of what comes after it, nor of a deletion.
        scene.commit("more", &[]);
        scene.refused(&["main"]);
        scene.back();
        scene.back();
    }
    let bob = Ssh::new(&scene.world, "bob", &[]);
    bob.add_to(&scene.world, "bob");
    let eve = Ssh::new(&scene.world, "eve", &[]);
    eve.add_to(&scene.world, "eve");
    scene.commit(".ci/run", &[]);
    assert!(!scene.work.clone().over(&eve).run(["push", &eve.url("ann/x"), "main"]).ok);
    scene.work.clone().over(&bob).run(["push", "-q", &bob.url("ann/x"), "main"]).success();
    scene.work.run(["rm", "-q", ".ci/run"]).success();
    scene.work.run(["commit", "-q", "-m", "gone"]).success();
    assert!(scene.refused(&["main"]).contains("you may not change .ci/run"));
    scene.back();

    // The form says the same.
    let world = &scene.world;
    let password = "a long password of olga";
    let make = ["user", "create", "olga", "--email", "olga@example.org", "--password-stdin"];
    world.site.cli_with(&make, password).success();
    scene.api("PUT", "/api/v1/repos/ann/x/collaborators/olga", r#"{"permission":"admin"}"#);
    let pages = crate::common::Browser::sign_in(&world.site, "olga", password);
    let paths = encoded("a/\nb.lock");
    let form = format!("kind=branch&pattern=v*&push_role=write&signed=true&paths={paths}&path_role=admin");
    let made = pages.post("/ann/x/-/settings/protections", &form);
    let text = made.text();
    assert!(
        made.status == 200 && text.contains("each commit signed") && text.contains("2 patterns of paths"),
        "{text}"
    );
    let bad = pages.post("/ann/x/-/settings/protections", "kind=tag&pattern=v*&signed=true");
    assert!(bad.status == 422 && bad.text().contains("of branches and not of tags"), "{}", bad.text());
}
