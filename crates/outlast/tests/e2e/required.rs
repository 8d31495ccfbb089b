//! Where a second factor is required, by the site or by an organisation, no door opens without one, and people are led to adding it.

use crate::common::{Answer, Browser, Git, Ssh, World, request};

const PASSWORD: &str = "a long password for tests";

/// An account, signed in, with a token.
fn person(world: &World, name: &str) -> (Browser, String) {
    let make = ["user", "create", name, "--email", &format!("{name}@example.org"), "--password-stdin"];
    world.site.cli_with(&make, PASSWORD).success();
    let scope = ["token", "create", name, "--scope", "repo:write,repo:create,org:write,access,user:read"];
    (Browser::sign_in(&world.site, name, PASSWORD), world.site.cli(&scope).success().trim().to_owned())
}

fn asks(world: &World, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap()
}

#[test]
fn an_organisations_private_things_open_with_a_second_factor() {
    let world = World::new();
    let ((mut olga, owners), (mut mia, token)) = (person(&world, "olga"), person(&world, "mia"));
    world.site.cli(&["org", "create", "band", "--owner", "olga", "--public"]).success();
    world.site.cli(&["org", "add", "band", "mia"]).success();
    for (name, private) in [("songs", true), ("site", false)] {
        let body = format!(r#"{{"name":"{name}","private":{private}}}"#);
        assert_eq!(asks(&world, &owners, "POST", "/api/v1/orgs/band/repos", &body).status, 201);
        let collaborator = format!("/api/v1/repos/band/{name}/collaborators/mia");
        assert_eq!(asks(&world, &owners, "PUT", &collaborator, r#"{"permission":"write"}"#).status, 204);
    }
    let key = Ssh::new(&world, "mia", &[]);
    key.add_to(&world, "mia");
    let git = Git::init(&world.path("work"), "sha1");
    git.commit("README.md", "# Songs\n");
    let pushes = |to: &str| git.run(["push", &world.site.url(to, Some(("mia", &token))), "HEAD:refs/heads/main"]);
    let reads = |token: &str| asks(&world, token, "GET", "/api/v1/repos/band/songs", "").status;
    assert!(pushes("band/songs").ok && pushes("band/site").ok);
    assert_eq!(reads(&token), 200);

    // Who has none can't require it of others.
    let refused = olga.post("/band/-/settings/factors", "required=true");
    assert!(refused.status == 422 && refused.text().contains("no second factor yourself"), "{}", refused.text());
    olga.add_passkey();
    let set = olga.post("/band/-/settings/factors", "required=true").text();
    assert!(set.contains("needs a second factor from now on") && set.contains("1 of its members"), "{set}");
    let people = olga.get("/band/-/people").text();
    assert_eq!(people.matches("no second factor").count(), 1, "{people}");

    // Pages lead there; programs are told.
    let led = mia.get("/band/songs");
    assert_eq!((led.status, led.header("location")), (303, Some("/-/settings/security?for=band")));
    assert!(mia.get("/-/settings/security?for=band").text().contains("band requires a second factor"));
    assert!(mia.get("/band").text().contains("requires a second factor"));
    assert_eq!(mia.get("/band/-/teams").status, 303);
    assert_eq!(mia.get("/band/site").status, 200, "what is everybody's is theirs too");
    let told = asks(&world, &token, "GET", "/api/v1/repos/band/songs", "");
    assert!(told.status == 403 && told.text().contains("factor_required"), "{}", told.text());
    for list in ["/api/v1/repos/search", "/api/v1/orgs/band/repos"] {
        let listed = asks(&world, &token, "GET", list, "").text();
        assert!(listed.contains("band/site") && !listed.contains("band/songs"), "{list}: {listed}");
    }
    for repo in ["band/songs", "band/site"] {
        git.commit("more.txt", repo);
        let said = pushes(repo);
        assert!(!said.ok && said.stderr.contains("403"), "{}", said.stderr);
        let said = git.clone().over(&key).run(["push", &key.url(repo), "HEAD:refs/heads/more"]);
        assert!(!said.ok && said.stderr.contains("second factor"), "{}", said.stderr);
    }
    assert!(!git.clone().over(&key).run(["ls-remote", &key.url("band/songs")]).ok);

    mia.add_passkey();
    assert_eq!((mia.get("/band/songs").status, reads(&token)), (200, 200));
    assert!(pushes("band/songs").ok && pushes("band/site").ok);
    assert!(mia.get("/-/settings/security?for=band").text().contains("go on to band"));
    assert!(olga.post("/band/-/settings/factors", "required=false").text().contains("no longer required"));
}

#[test]
fn where_the_site_requires_one_everybody_is_led_to_it_first() {
    let world = World::new();
    let (mut mia, token) = person(&world, "mia");
    world.site.cli(&["user", "require-factor"]).success();
    assert_eq!(asks(&world, &token, "GET", "/api/v1/user", "").status, 401);
    let led = mia.get("/-/settings/tokens");
    assert_eq!((led.status, led.header("location")), (303, Some("/-/settings/security")));
    mia.add_passkey();
    assert_eq!(mia.get("/-/settings/tokens").status, 200);
    assert_eq!(asks(&world, &token, "GET", "/api/v1/user", "").status, 200);
}
