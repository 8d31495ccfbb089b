//! Protected branches and tags, as the real git meets them.

use crate::common::{Browser, Git, Output, World, request, wait_until};
use crate::guarded::{guarded, sign, state};

struct Scene {
    world: World,
    git: Git,
}

impl Scene {
    /// `ann/kept`, where Bob may write, Mia maintain and Amy administer.
    fn new() -> Self {
        let world = World::new();
        let git = world.repository("kept");
        world.push(&git, &["main", "main:side", "main:release/1", "main:release/hot"]);
        let scene = Self { world, git };
        for (name, permission) in [("bob", "write"), ("mia", "maintain"), ("amy", "admin")] {
            scene.world.site.cli(&["user", "create", name, "--email", &format!("{name}@example.org")]).success();
            let body = format!("{{\"permission\":\"{permission}\"}}");
            scene.api("PUT", &format!("collaborators/{name}"), &body, 204);
            let token = scene.world.site.cli(&["token", "create", name, "--scope", "repo:read,repo:write"]).success();
            let url = scene.world.site.url("ann/kept", Some((name, token.trim())));
            scene.git.run(["remote", "add", name, &url]).success();
        }
        scene
    }

    /// Asks the API as Ann.
    fn api(&self, method: &str, below: &str, body: &str, status: u16) -> String {
        let address = format!("/api/v1/repos/ann/kept/{below}");
        let token = format!("Bearer {}", self.world.token);
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        let answer = request(&self.world.site.address, method, &address, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{method} {below}: {}", answer.text());
        answer.text()
    }

    fn push(&self, who: &str, refspecs: &[&str]) -> Output {
        let remote = if who == "ann" { "origin" } else { who };
        self.git.run(["push", remote].iter().chain(refspecs))
    }

    fn may(&self, who: &str, refspecs: &[&str]) {
        let output = self.push(who, refspecs);
        assert!(output.ok, "{who} {refspecs:?}: {}", output.stderr);
    }

    /// The push fails and says this.
    fn may_not(&self, who: &str, refspecs: &[&str], why: &str) -> String {
        let said = self.push(who, refspecs).failure();
        assert!(said.contains(why), "{who} {refspecs:?}: {said}");
        assert!(said.contains("outlast: refs are protected by rules: http"), "{said}");
        said
    }

    /// Another commit on what `main` was before its last one.
    fn rewrite(&self) {
        self.git.run(["reset", "-q", "--hard", "HEAD~1"]).success();
        self.git.commit("other", &format!("another history at {}\n", self.git.run(["rev-parse", "HEAD"]).success()));
    }
}

#[test]
fn rules_bind_everybody_and_each_ref_is_judged_alone() {
    let scene = Scene::new();
    let git = &scene.git;
    scene.api("POST", "branch_protections", r#"{"rule_name":"main"}"#, 201);
    scene.api("POST", "branch_protections", r#"{"rule_name":"release/*","push":{"people":["bob"]}}"#, 201);
    let hot = r#"{"rule_name":"release/hot","push":{"role":"write"},"force":{"role":"admin"}}"#;
    scene.api("POST", "branch_protections", hot, 201);
    scene.api("POST", "branch_protections", r#"{"rule_name":"main"}"#, 409);

    // Forward: a role that is high enough.
    git.commit("a", "more\n");
    scene.may_not("bob", &["main"], "protected branch (rule main): you may not push to it: it takes the role maintain");
    scene.may("mia", &["main"]);
    // A ref that is free goes on, in one push with one that is not; unless all or none were asked for.
    git.commit("b", "more\n");
    let said = scene.may_not("bob", &["main", "main:side"], "rule main");
    assert!(said.contains("main -> side") && !said.contains("[remote rejected] main -> side"), "{said}");
    git.commit("c", "more\n");
    let said = scene.may_not("bob", &["--atomic", "main", "main:side"], "rule main");
    assert!(said.contains("atomic push failed"), "{said}");
    scene.may("mia", &["main"]);

    scene.may("bob", &["main:release/hot"]);

    // Backward, and away: nobody, whoever it is.
    scene.rewrite();
    for who in ["bob", "mia", "amy", "ann"] {
        scene.may_not(who, &["--force", "main"], "protected branch (rule main): nobody may force-push to it");
        scene.may_not(who, &["--delete", "release/1"], "protected branch (rule release/*): nobody may delete it");
    }

    // By name, and nobody else; the exact rule before the pattern.
    scene.may("bob", &["main:release/2"]);
    scene.may_not("ann", &["main:release/3"], "only those named in the rule may");
    scene.may("mia", &["--force", "main:refs/heads/release-not"]);
    scene.may_not("mia", &["--force", "main:release/hot"], "you may not force-push to it: it takes the role admin");
    scene.may("amy", &["--force", "main:release/hot"]);
    git.commit("d", "more\n");
    scene.may("bob", &["main:release/hot"]);

    // A rule that is changed or ended binds as it is then.
    scene.api("PATCH", "branch_protections/main", r#"{"force":{"people":["mia"]}}"#, 200);
    scene.may_not("ann", &["--force", "main"], "only those named in the rule may");
    scene.may("mia", &["--force", "main"]);
    scene.api("DELETE", "branch_protections/main", "", 204);
    scene.rewrite();
    scene.may("ann", &["--force", "main"]);
}

#[test]
fn protected_tags_are_made_by_some_and_moved_by_nobody() {
    let scene = Scene::new();
    let git = &scene.git;
    let rule = scene.api("POST", "tag_protections", r#"{"name_pattern":"v*"}"#, 201);
    let rule: serde_json::Value = serde_json::from_str(&rule).unwrap();
    git.run(["tag", "-a", "-m", "one", "v1"]).success();
    git.run(["tag", "loose"]).success();
    scene.may_not("bob", &["v1"], "protected tag (rule v*): you may not make it: it takes the role maintain");
    scene.may("bob", &["loose"]);
    scene.may("mia", &["v1"]);
    git.commit("a", "more\n");
    git.run(["tag", "-f", "-a", "-m", "another one", "v1"]).success();
    scene.may_not("ann", &["--force", "v1"], "protected tag (rule v*): nobody may move it");
    scene.may_not("ann", &["--delete", "v1"], "protected tag (rule v*): nobody may delete it");
    let address = format!("tag_protections/{}", rule["id"]);
    scene.api("PATCH", &address, r#"{"whitelist_usernames":["bob"]}"#, 200);
    git.run(["tag", "v2"]).success();
    scene.may_not("mia", &["v2"], "only those named in the rule may");
    scene.may("bob", &["v2"]);
    // A branch of that name is another thing.
    scene.may("bob", &["main:refs/heads/v3"]);
}

#[test]
fn loosening_a_rule_on_its_page_files_an_order_and_shows_it() {
    let world = guarded();
    let git = world.repository("kept");
    git.commit("two", "two\n");
    world.push(&git, &["main"]);
    let scene = Scene { world, git };
    let password = "a long password for tests";
    let make = ["user", "create", "ida", "--email", "ida@example.org", "--password-stdin"];
    scene.world.site.cli_with(&make, password).success();
    scene.api("PUT", "collaborators/ida", r#"{"permission":"admin"}"#, 204);
    let ida = Browser::sign_in(&scene.world.site, "ida", password);
    let rules = "/ann/kept/-/settings/protections";
    let made = ida.post(rules, "kind=branch&pattern=main&push_role=write").text();
    assert!(made.contains("The rule holds from now on"), "{made}");
    let (_, id) = made.split_once(&format!("href=\"{rules}/")).unwrap_or_else(|| panic!("no rule on {made}"));
    let rule = format!("{rules}/{}", id.split('"').next().unwrap());
    // As old as an order's delay.
    std::thread::sleep(std::time::Duration::from_millis(1200));

    let wider = "kind=branch&pattern=main&push_role=write&force_role=admin";
    let asked = ida.post(&rule, wider);
    let to = asked.header("location").unwrap_or_default().to_owned();
    assert!(asked.status == 303 && to.starts_with("/-/orders/"), "{} {to}", asked.status);
    let order = to.rsplit('/').next().unwrap();
    let shown = ida.get(&to).text();
    for words in ["ann/kept", "more may rewrite", "0 of 2"] {
        assert!(shown.contains(words), "{words} is not on {shown}");
    }
    let again = ida.post(&rule, wider);
    assert!(again.status == 422 && again.text().contains("asks for this already"), "{}", again.text());
    let ended = ida.post(&format!("{rule}/remove"), "");
    assert!(ended.header("location").is_some_and(|to| to.starts_with("/-/orders/")), "{ended:?}");
    assert!(ida.get(rules).text().contains("force-pushed by nobody"), "nothing was loosened yet");
    scene.may_not("ann", &["--force", "main~1:main"], "nobody may force-push to it");
    let stricter = ida.post(&rule, "kind=branch&pattern=main&push_role=maintain");
    assert!(stricter.text().contains("The rule holds from now on"), "{}", stricter.text());

    // The order was for the rule as it was: it would undo what was made stricter since.
    let signed = |order: &str| ["olga", "omar"].iter().for_each(|officer| sign(&scene.world, order, officer));
    signed(order);
    wait_until("the order ends", 30, || state(&scene.world, order) == "expired");
    let shown = ida.get(&to).text();
    assert!(shown.contains("changed since it was asked for: ask again"), "{shown}");
    assert!(ida.get(rules).text().contains("force-pushed by nobody"), "nothing was loosened");

    let to = ida.post(&rule, &wider.replace("push_role=write", "push_role=maintain"));
    let to = to.header("location").unwrap_or_default().to_owned();
    let order = to.rsplit('/').next().unwrap();
    signed(order);
    wait_until("the order is carried out", 30, || state(&scene.world, order) == "executed");
    assert!(ida.get(rules).text().contains("force-pushed by admin and above"));
    scene.may("ann", &["--force", "main~1:main"]);
}
