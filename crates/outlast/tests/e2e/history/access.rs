//! What belongs to one and is asked for through another.

use crate::common::{Answer, Browser, Git, World, basic, request};

struct Two {
    world: World,
    bob: String,
}

impl Two {
    /// Ann with `ann/closed`, Bob with `bob/open`, each with keys and tokens.
    fn new() -> Self {
        let world = World::new();
        world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
        let scope = "repo:read,repo:write,user:read,user:write";
        let bob = world.site.cli(&["token", "create", "bob", "--scope", scope]).success().trim().to_owned();
        world.site.cli(&["repo", "create", "bob/open", "--public"]).success();
        Self { world, bob }
    }

    fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        request(&self.world.site.address, method, path, &headers, body.as_bytes()).unwrap()
    }

    /// The first id in the list at `path`.
    fn first_id(&self, path: &str) -> u64 {
        let answer = self.ask(&self.world.token, "GET", path, "");
        let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        list[0]["id"].as_u64().unwrap_or_else(|| panic!("{path}: {list}"))
    }
}

/// Gitea CVE-2025-68938, CVE-2026-20736, CVE-2026-20883, Gogs CVE-2026-52799: an id is looked for where its path says, and
/// another's is what does not exist.
#[test]
fn anothers_ids_are_what_does_not_exist() {
    let two = Two::new();
    let git = two.world.repository("closed");
    let held = two.world.push(&git, &["HEAD"]);
    let key = two.world.path("deploy");
    let public = crate::common::ssh_keygen(&key, &[]);
    let rule = r#"{"rule_name":"main"}"#;
    let made = two.ask(&two.world.token, "POST", "/api/v1/repos/ann/closed/branch_protections", rule);
    assert_eq!(made.status, 201, "{}", made.text());
    let file = key.with_extension("pub");
    two.world.site.cli(&["key", "add", "ann", file.to_str().unwrap()]).success();
    let (token, ssh) = (two.first_id("/api/v1/users/ann/tokens"), two.first_id("/api/v1/user/keys"));
    assert!(public.starts_with("ssh-ed25519"));
    for (method, path) in [
        ("DELETE", format!("/api/v1/users/bob/tokens/{token}")),
        ("GET", format!("/api/v1/user/keys/{ssh}")),
        ("DELETE", format!("/api/v1/user/keys/{ssh}")),
        ("GET", format!("/api/v1/repos/bob/open/keys/{ssh}")),
        ("GET", "/api/v1/repos/bob/open/branch_protections/main".to_owned()),
        ("DELETE", "/api/v1/repos/bob/open/branch_protections/main".to_owned()),
        ("GET", format!("/bob/open/-/receipts/{}", held.entry)),
        ("GET", format!("/bob/open/-/commit/{}", git.run(["rev-parse", "HEAD"]).success())),
    ] {
        let absent = path.replace(&format!("/{token}"), "/999999").replace(&format!("/{ssh}"), "/999999");
        let (one, none) = (two.ask(&two.bob, method, &path, ""), two.ask(&two.bob, method, &absent, ""));
        assert_eq!(one.status, 404, "{method} {path}: {}", one.text());
        assert_eq!(none.status, 404, "{method} {absent}: {}", none.text());
    }
    // All of it is Ann's still.
    assert_eq!(two.first_id("/api/v1/users/ann/tokens"), token);
    assert_eq!(two.first_id("/api/v1/user/keys"), ssh);
}

/// Gitea CVE-2026-0798, CVE-2026-24451, CVE-2026-58419: what was public and is private is gone from everywhere at once, caches
/// included.
#[test]
fn what_becomes_private_is_gone_at_once() {
    let two = Two::new();
    two.world.site.cli(&["repo", "create", "ann/was-open", "--public"]).success();
    let git = Git::init(&two.world.path("work"), "sha1");
    let tip = git.commit("README.md", "words-of-a-kind\n");
    git.run(["push", "-q", &two.world.url("ann/was-open"), "main"]).success();
    let doors = [
        "/ann/was-open".to_owned(),
        "/ann/was-open/-/raw/main/README.md".to_owned(),
        "/ann/was-open/-/file/main/README.md".to_owned(),
        "/ann/was-open/-/archive/main.zip".to_owned(),
        format!("/ann/was-open/-/commit/{tip}"),
        format!("/ann/was-open/-/commit/{tip}.patch"),
        "/ann/was-open/-/search?q=words".to_owned(),
        "/ann/was-open/-/activity.atom".to_owned(),
        "/ann/was-open.git/info/refs?service=git-upload-pack".to_owned(),
        "/api/v1/repos/ann/was-open".to_owned(),
        "/api/v1/repos/ann/was-open/branches".to_owned(),
    ];
    let lists = ["/-/explore", "/ann", "/-/palette", "/api/v1/repos/search", "/-/activity.atom", "/-/activity"];
    let nobody = Browser::new(&two.world.site);
    for door in &doors {
        assert_eq!(nobody.get(door).status, 200, "{door}");
    }
    let anonymous = two.world.site.url("ann/was-open", None);
    git.refs_of(&anonymous);
    Git::mirror(&anonymous, &two.world.path("before"));
    assert!(lists.iter().any(|list| nobody.get(list).text().contains("was-open")), "it was never listed");
    let answer = two.ask(&two.world.token, "PATCH", "/api/v1/repos/ann/was-open", r#"{"private":true}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    for door in &doors {
        let absent = nobody.get(&door.replace("was-open", "never-was"));
        let (gone, as_bob) = (nobody.get(door), two.ask(&two.bob, "GET", door, ""));
        assert_eq!(gone.status, absent.status, "{door}: {}", gone.text());
        assert!(gone.status == 401 || gone.status == 404, "{door}: {}", gone.status);
        assert!(as_bob.status == 401 || as_bob.status == 404, "{door}: {}", as_bob.status);
    }
    for list in lists {
        assert!(!nobody.get(list).text().contains("was-open"), "{list}");
    }
    git.run(["ls-remote", &anonymous]).failure();
}

/// Gitea CVE-2025-69413: the answers to a wrong password and to nobody's name are the same.
#[test]
fn nobody_learns_who_is_here() {
    let two = Two::new();
    let password = "a password of some length";
    two.world
        .site
        .cli_with(&["user", "create", "olga", "--email", "o@example.org", "--password-stdin"], password)
        .success();
    let browser = Browser::new(&two.world.site);
    let answer = |name: &str| {
        let answer = browser.post("/-/sign-in", &format!("name={name}&password=not-the-one"));
        (answer.status, answer.text().replace(name, "NAME"))
    };
    // The challenge of a passkey differs each time, whoever asks.
    let masked = |(status, text): (u16, String)| {
        let (before, after) = text.split_once("data-challenge=\"").unwrap_or((&text, ""));
        (status, before.to_owned(), after.split_once('"').map(|(_, after)| after.to_owned()))
    };
    let (known, unknown, without) = (masked(answer("olga")), masked(answer("oleg")), masked(answer("bob")));
    assert_eq!(known, unknown);
    assert_eq!(known, without, "an account without a password");
    for (user, secret) in [("olga", password), ("oleg", password)] {
        let headers = [("Authorization", &*basic(user, secret))];
        let path = "/bob/none.git/info/refs?service=git-receive-pack";
        let answer = request(&two.world.site.address, "GET", path, &headers, b"").unwrap();
        assert_eq!(answer.status, 401, "{user}: a password opens no repository");
    }
}
