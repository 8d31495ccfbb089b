//! What a token is for binds on every door and in every way of sending it; where it came from is told.

use crate::common::{Git, World, request};
use base64::Engine as _;
use serde_json::Value;

/// The ways in which clients send a token.
fn ways(token: &str) -> Vec<String> {
    let basic = |text: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    vec![
        format!("Bearer {token}"),
        format!("token {token}"),
        basic(format!("ann:{token}")),
        basic(format!("{token}:x-oauth-basic")),
        basic(format!("{token}:")),
    ]
}

fn status(world: &World, method: &str, path: &str, way: &str, body: &str) -> u16 {
    let headers = [("Authorization", way), ("Content-Type", "application/json")];
    request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap().status
}

#[test]
fn a_token_for_one_repository_opens_no_other() {
    let world = World::new();
    for name in ["one", "two"] {
        world.repository(name);
    }
    let make = ["token", "create", "ann", "--scope", "repo:read,repo:write", "--repo", "ann/one"];
    let token = world.site.cli(&make).success().trim().to_owned();
    let mut wrong = Vec::new();
    for way in ways(&token) {
        let mut expect = |method: &str, path: &str, body: &str, wanted: u16| {
            let found = status(&world, method, path, &way, body);
            if found != wanted {
                wrong.push(format!("{method} {path} with {}: {found}, not {wanted}", &way[..6]));
            }
        };
        for (repo, wanted) in [("one", 200), ("two", 404), ("none", 404)] {
            expect("GET", &format!("/api/v1/repos/ann/{repo}"), "", wanted);
            expect("GET", &format!("/api/v1/repos/ann/{repo}/branches"), "", wanted);
            expect("GET", &format!("/ann/{repo}.git/info/refs?service=git-upload-pack"), "", wanted);
        }
        expect("GET", "/ann/one.git/info/refs?service=git-receive-pack", "", 200);
        expect("GET", "/ann/two.git/info/refs?service=git-receive-pack", "", 404);
        expect("PATCH", "/api/v1/repos/ann/two", r#"{"private":false}"#, 404);
        expect("POST", "/api/v1/user/repos", r#"{"name":"three"}"#, 403);
        expect("POST", "/api/v1/outlast/orders", r#"{"act":"user-delete","subject":"ann"}"#, 403);
        for page in ["/-/settings", "/-/settings/security", "/-/settings/sessions"] {
            expect("GET", page, "", 403);
        }
        expect("POST", "/-/settings", "{}", 415);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let headers = [("Authorization", ways(&token)[0].clone())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for path in ["/api/v1/user/repos", "/api/v1/users/ann/repos", "/api/v1/repos/search"] {
        let text = request(&world.site.address, "GET", path, &headers, b"").unwrap().text();
        assert!(text.contains("ann/one") && !text.contains("ann/two"), "{path}: {text}");
    }
    // The real git, both ways.
    let git = Git::init(&world.path("work"), "sha1");
    git.commit("README.md", "# One\n");
    git.run(["push", "-q", &world.site.url("ann/one", Some(("ann", &token))), "HEAD:refs/heads/more"]).success();
    git.run(["push", "-q", &world.site.url("ann/two", Some(("ann", &token))), "HEAD:refs/heads/more"]).failure();
    git.run(["push", "-q", &world.site.url("ann/new", Some(("ann", &token))), "HEAD:refs/heads/more"]).failure();
    for bad in ["ann/none", "bob/x", "no path"] {
        world.site.cli(&["token", "create", "ann", "--scope", "repo:read", "--repo", bad]).failure();
    }
    world.site.cli(&["token", "create", "ann", "--scope", "repo:read,admin", "--repo", "ann/one"]).failure();
}

#[test]
fn a_token_in_an_address_is_refused_at_every_door() {
    let world = World::new();
    world.repository("one");
    let token = &world.token;
    for path in [
        format!("/api/v1/user?access_token={token}"),
        format!("/api/v1/repos/ann/one?token={token}"),
        format!("/api/v1/repos/ann/one?private_token={token}"),
        format!("/ann/one.git/info/refs?service=git-upload-pack&x={token}"),
        format!("/ann/one?token={token}"),
        "/api/v1/version?access_token=anything".to_owned(),
    ] {
        let answer = world.site.get(&path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(!answer.text().contains("olp_"), "the token comes back");
    }
}

#[test]
fn every_credential_is_in_one_list_with_what_made_it() {
    let mut world = World::new();
    let password = "the long password of kim";
    world
        .site
        .cli_with(&["user", "create", "kim", "--email", "kim@example.org", "--password-stdin"], password)
        .success();
    let mut kim = crate::common::Browser::sign_in(&world.site, "kim", password);
    let made = kim.post("/-/settings/tokens", "name=laptop&days=1&rights=read").text();
    let token = made.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    kim.add_passkey();
    kim.post("/-/settings/security/codes", "");
    let headers = [("Authorization", format!("Bearer {token}"))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(request(&world.site.address, "GET", "/api/v1/user", &headers, b"").unwrap().status, 200);

    let listed = |world: &World, more: &[&str]| -> Vec<Value> {
        let arguments: Vec<_> = ["credentials", "--json"].iter().chain(more).copied().collect();
        serde_json::from_str(&world.site.cli(&arguments).success()).unwrap()
    };
    let kims = listed(&world, &["--user", "kim"]);
    let count = |kind: &str| kims.iter().filter(|row| row["kind"] == kind).count();
    assert_eq!(
        [count("session"), count("token"), count("passkey"), count("recovery code")],
        [2, 1, 1, 10],
        "{kims:#?}"
    );
    let of = |kind: &str| kims.iter().find(|row| row["kind"] == kind).unwrap();
    let first = kims.iter().rfind(|row| row["kind"] == "session").unwrap();
    assert_eq!(of("token")["made_by"], first["id"], "the session made it");
    assert_eq!(of("token")["last_used_from"], "127.0.0.1");
    assert_eq!((&first["made_from"], &first["good"]), (&"127.0.0.1".into(), &false.into()), "renewed by the passkey");
    assert!(listed(&world, &[]).len() > kims.len(), "everybody's");
    let since = of("passkey")["id"].as_u64().unwrap().to_string();
    assert!(listed(&world, &["--user", "kim", "--since", &since]).len() < kims.len());
    assert!(listed(&world, &["--since", "2999-01-01T00:00:00Z"]).is_empty());
    world.site.cli(&["credentials", "--since", "yesterday"]).failure();
    // What is known of the last use outlives a stop.
    world.site.stop();
    world.site.resume();
    assert_eq!(
        listed(&world, &["--user", "kim"]).iter().find(|row| row["kind"] == "token").unwrap()["last_used_from"],
        "127.0.0.1"
    );
}

#[test]
fn a_token_gives_people_roles_with_a_scope_of_its_own() {
    let world = World::new();
    world.repository("one");
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    world.site.cli(&["org", "create", "band", "--owner", "ann"]).success();
    let token = |scope: &str| {
        let made = world.site.cli(&["token", "create", "ann", "--scope", scope]).success();
        format!("Bearer {}", made.trim())
    };
    let rest = "repo:read,repo:write,repo:create,org:write,user:read,user:write";
    let (without, with) = (token(rest), token(&format!("{rest},access")));
    let asks = |token: &str, method: &str, path: &str, body: &str| {
        let headers = [("Authorization", token), ("Content-Type", "application/json")];
        request(&world.site.address, method, &format!("/api/v1{path}"), &headers, body.as_bytes()).unwrap()
    };
    let team = asks(&without, "POST", "/orgs/band/teams", r#"{"name":"drums","permission":"read"}"#);
    assert_eq!(team.status, 201, "a team without people gives nobody anything: {}", team.text());
    let team = serde_json::from_str::<Value>(&team.text()).unwrap()["id"].clone();
    assert_eq!(asks(&without, "POST", "/orgs/band/repos", r#"{"name":"songs"}"#).status, 201);
    let gives = [
        ("PUT", "/repos/ann/one/collaborators/bob".to_owned(), r#"{"permission":"write"}"#),
        ("PUT", "/orgs/band/memberships/bob".to_owned(), r#"{"role":"member"}"#),
        ("PUT", format!("/teams/{team}/members/bob"), ""),
        ("PUT", format!("/teams/{team}/repos/band/songs"), ""),
        ("PATCH", format!("/teams/{team}"), r#"{"name":"drums","permission":"admin"}"#),
    ];
    for (method, path, body) in &gives {
        let refused = asks(&without, method, path, body);
        assert_eq!(refused.status, 403, "{method} {path}");
        assert!(refused.text().contains("the scope access"), "{method} {path}: {}", refused.text());
        let given = asks(&with, method, path, body);
        assert!((200..300).contains(&given.status), "{method} {path}: {} {}", given.status, given.text());
    }
    // To take away needs no more than it did.
    for path in [format!("/teams/{team}/members/bob"), "/repos/ann/one/collaborators/bob".to_owned()] {
        assert_eq!(asks(&without, "DELETE", &path, "").status, 204, "{path}");
    }
    // What one may not see is not there, whatever the scopes are.
    let bobs = world.site.cli(&["token", "create", "bob", "--scope", rest]).success();
    let unseen = asks(&format!("Bearer {}", bobs.trim()), "PUT", "/repos/ann/one/collaborators/bob", "{}");
    assert_eq!(unseen.status, 404);
}
