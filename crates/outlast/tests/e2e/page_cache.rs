//! Pages that are given again as they were made a moment ago: never what has changed, never to somebody else.

use crate::common::{Answer, Browser, Git, World, request};

const PASSWORD: &str = "a password of some length";

/// Two repositories of Olga's, one of them private, which Bob may read.
fn filled() -> (World, Git) {
    let mut world = World::new();
    for name in ["olga", "bob"] {
        let mail = format!("{name}@example.org");
        world.site.cli_with(&["user", "create", name, "--email", &mail, "--password-stdin"], PASSWORD).success();
    }
    let scopes = "repo:read,repo:write,access";
    world.token = world.site.cli(&["token", "create", "olga", "--scope", scopes]).success().trim().to_owned();
    let git = Git::init(&world.path("work"), "sha1");
    git.commit("README.md", "# Before\n");
    for (name, visibility) in [("open", "--public"), ("closed", "--private")] {
        let path = format!("olga/{name}");
        world.site.cli(&["repo", "create", &path, visibility]).success();
        git.run(["push", "-q", &world.site.url(&path, Some(("olga", &world.token))), "main"]).success();
    }
    role_of_bob(&world, "PUT", r#"{"permission":"read"}"#);
    (world, git)
}

fn role_of_bob(world: &World, method: &str, body: &str) {
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = "/api/v1/repos/olga/closed/collaborators/bob";
    let said = request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap();
    assert!(said.status < 300, "{}", said.text());
}

fn given_again(world: &World) -> f64 {
    world.metric("outlast_page_cache_hits_total", "").unwrap()
}

/// Looks until the page is one that was made before: the first look may have left out some of it.
fn hot(world: &World, browser: &Browser, path: &str) -> Answer {
    for _ in 0..200 {
        let before = given_again(world);
        let page = browser.get(path);
        assert_eq!(page.status, 200, "{path}");
        if given_again(world) > before {
            return page;
        }
    }
    panic!("{path} is never given again");
}

#[test]
fn a_page_is_given_again_to_who_it_was_made_for() {
    let (world, _git) = filled();
    let nobody = Browser::new(&world.site);
    let [olga, bob] = ["olga", "bob"].map(|name| Browser::sign_in(&world.site, name, PASSWORD));
    for address in
        ["", "/-/tree/main", "/-/file/main/README.md", "/-/log/main", "/-/blame/main/README.md", "/-/commit/main"]
    {
        let address = format!("/olga/open{address}");
        for (browser, name) in [(&olga, "olga"), (&nobody, ""), (&bob, "bob")] {
            let page = hot(&world, browser, &address);
            let frame = page.text();
            assert_eq!(frame.contains("Sign in"), name.is_empty(), "{address} for {name:?}");
            assert!(name.is_empty() || frame.contains(&format!("href=\"/{name}\"")), "{address} for {name:?}");
            let policy = page.header("content-security-policy").unwrap_or_default();
            assert!(policy.contains("script-src 'self'") && page.header("x-content-type-options").is_some());
            // Compressed it is another answer.
            let zipped = browser.send("GET", &address, &[("Accept-Encoding", "gzip")], "");
            assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{address}");
            assert_eq!(browser.get(&address).header("content-encoding"), None, "{address}");
        }
    }
    // Colours are the browser's own.
    let dark = nobody.send("GET", "/olga/open", &[("Cookie", "outlast_theme=dark")], "").text();
    assert!(dark.contains("\"dark\"") && !hot(&world, &nobody, "/olga/open").text().contains("theme=\"dark\""));
}

#[test]
fn what_was_pushed_is_on_the_next_page() {
    let (world, git) = filled();
    let nobody = Browser::new(&world.site);
    let url = world.site.url("olga/open", Some(("olga", &world.token)));
    for round in 0..30 {
        for address in ["/olga/open", "/olga/open/-/log/main", "/olga/open/-/file/main/README.md"] {
            hot(&world, &nobody, address);
        }
        git.commit("README.md", &format!("# The words of round {round}\n"));
        git.run(["push", "-q", &url, "main"]).success();
        let words = format!("The words of round {round}");
        assert!(nobody.get("/olga/open").text().contains(&words), "round {round}");
        assert!(nobody.get("/olga/open/-/file/main/README.md").text().contains(&words), "round {round}");
        let id = git.run(["rev-parse", "HEAD"]).success();
        assert!(nobody.get("/olga/open/-/log/main").text().contains(id.trim()), "round {round}");
    }
}

#[test]
fn who_may_no_longer_see_it_is_given_nothing() {
    let (world, _git) = filled();
    let bob = Browser::sign_in(&world.site, "bob", PASSWORD);
    let nobody = Browser::new(&world.site);
    let nothing = nobody.get("/olga/nothing").status;
    for _ in 0..10 {
        hot(&world, &bob, "/olga/closed");
        assert_eq!(nobody.get("/olga/closed").status, nothing);
        role_of_bob(&world, "DELETE", "");
        assert_eq!(bob.get("/olga/closed").status, 404);
        role_of_bob(&world, "PUT", r#"{"permission":"read"}"#);
    }
    // The very same cookie, after its session ended.
    hot(&world, &bob, "/olga/closed");
    let left = bob.post("/-/sign-out", "");
    assert!(left.status < 400, "{}", left.text());
    assert_eq!(bob.get("/olga/closed").status, nothing);
}
