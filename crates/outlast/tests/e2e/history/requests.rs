//! Requests that are not what they seem.

use crate::common::{Browser, FLUSH, Git, World, basic, encoded, pkt, request};

const PASSWORD: &str = "a password of some length";

/// Gitea CVE-2021-45328, CVE-2022-1058, CVE-2023-3515, Gogs CVE-2018-15178: signing in leads to no other site.
#[test]
fn signing_in_leads_to_no_other_site() {
    let world = World::new();
    world
        .site
        .cli_with(&["user", "create", "olga", "--email", "o@example.org", "--password-stdin"], PASSWORD)
        .success();
    let olga = Browser::sign_in(&world.site, "olga", PASSWORD);
    for next in [
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "http://evil.example",
        "HTTPS://evil.example",
        "https:evil.example",
        "https:/evil.example",
        "http:\\\\evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "evil.example",
        "@evil.example",
        ".evil.example",
        "?//evil.example",
        "#//evil.example",
        "\u{0}//evil.example",
        "\u{feff}//evil.example",
        "\u{3000}//evil.example",
        "/\u{0}/evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "/ok\r\nLocation: //evil.example",
        "/./\\evil.example",
        "//evil.example/%2e%2e",
        "//%65vil.example",
        "//evil。example",
        "//[::1]/",
        "//0x7f.1/",
        "//user@evil.example/",
        "",
    ] {
        let fresh = Browser::new(&world.site);
        let body = format!("name=olga&password={}&next={}", encoded(PASSWORD), encoded(next));
        let signed_in = fresh.post("/-/sign-in", &body);
        let again = olga.get(&format!("/-/sign-in?next={}", encoded(next)));
        for answer in [signed_in, again] {
            let to = answer.header("location").unwrap_or_else(|| panic!("{next:?}: {}", answer.text()));
            let own =
                to.starts_with('/') && !to[1..].starts_with(['/', '\\']) && !to.contains(['\t', '\r', '\n', '\\']);
            assert!(own, "{next:?} leads to {to:?}");
            let cookies: Vec<_> =
                answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).collect();
            assert!(cookies.iter().all(|(_, value)| value.starts_with("outlast_")), "{next:?}: {cookies:?}");
        }
    }
    let body = format!("name=olga&password={}&next={}", encoded(PASSWORD), encoded("/-/settings?a=b"));
    assert_eq!(Browser::new(&world.site).post("/-/sign-in", &body).header("location"), Some("/-/settings?a=b"));
}

/// Gogs CVE-2026-52810: what a request does is told by its path and nothing else.
#[test]
fn a_push_is_no_read_whatever_the_request_says_of_itself() {
    let world = World::new();
    let git = world.repository("one");
    world.push(&git, &["HEAD"]);
    let tip = git.run(["rev-parse", "HEAD"]).success();
    let reader = world.site.cli(&["token", "create", "ann", "--scope", "repo:read"]).success();
    let login = basic("ann", reader.trim());
    let before = git.refs_of(&world.url("ann/one"));
    let mut body = pkt(&format!("{tip} {} refs/heads/main\0report-status delete-refs\n", "0".repeat(40)));
    body.extend_from_slice(FLUSH);
    for query in [
        "",
        "?service=git-upload-pack",
        "?service=git-upload-pack&service=git-receive-pack",
        "?a=/git-upload-pack",
        "#git-upload-pack",
        ";git-upload-pack",
        "/../git-upload-pack",
    ] {
        for kind in ["git-receive-pack", "git-upload-pack"] {
            let kind = format!("application/x-{kind}-request");
            let headers = [
                ("Authorization", login.as_str()),
                ("Content-Type", &kind),
                ("X-HTTP-Method-Override", "GET"),
                ("X-Original-URL", "/ann/one.git/git-upload-pack"),
                ("X-Rewrite-URL", "/ann/one.git/git-upload-pack"),
            ];
            let path = format!("/ann/one.git/git-receive-pack{query}");
            let answer = request(&world.site.address, "POST", &path, &headers, &body).unwrap();
            assert!(!answer.text().contains("ok refs/heads/main"), "{query}: {}", answer.text());
            assert_eq!(git.refs_of(&world.url("ann/one")), before, "{query} {kind}");
        }
    }
}

/// Gitea CVE-2026-58426 and many before: who asks can't choose the site's name in what others read, nor where it leads.
#[test]
fn who_asks_chooses_no_host() {
    let world = World::new();
    world.site.cli(&["repo", "create", "ann/open", "--public"]).success();
    let git = Git::init(&world.path("work"), "sha1");
    git.commit("a", "open\n");
    git.run(["push", "-q", &world.url("ann/open"), "main"]).success();
    let forged = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "10.9.8.7"),
        ("Forwarded", "host=evil.example;for=10.9.8.7"),
        ("X-Original-Host", "evil.example"),
        ("X-Host", "evil.example"),
        ("X-Real-IP", "10.9.8.7"),
    ];
    for path in
        ["/", "/ann/open", "/-/sign-in", "/ann/open/-/activity.atom", "/-/activity.atom", "/-/new", "/ann/open/"]
    {
        let answer = request(&world.site.address, "GET", path, &forged, b"").unwrap();
        let told = format!("{:?}{}", answer.headers, answer.text());
        assert!(!told.contains("evil.example") && !told.contains("10.9.8.7"), "{path}: {told}");
    }
    let login = basic("ann", "olp_000000000000000000000000000000000000");
    let headers: Vec<_> = forged.iter().copied().chain([("Authorization", login.as_str())]).collect();
    request(&world.site.address, "GET", "/api/v1/user", &headers, b"").unwrap();
    let log = std::fs::read_to_string(world.site.log()).unwrap();
    assert!(!log.contains("10.9.8.7"), "an address that somebody made up is in the log");
}

/// Gogs CVE-2025-64175 and others with headers that say who one is: nobody is anybody by a header.
#[test]
fn no_header_says_who_one_is() {
    let world = World::new();
    for name in ["X-WEBAUTH-USER", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Auth-Request-User", "X-Email"]
    {
        let answer = request(&world.site.address, "GET", "/api/v1/user", &[(name, "ann")], b"").unwrap();
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
    }
}

/// Git CVE-2024-50349, tracing-subscriber RUSTSEC-2025-0055: what somebody writes can't write on another's terminal.
#[test]
fn what_is_refused_is_told_without_its_control_characters() {
    let world = World::new();
    let git = world.repository("one");
    world.push(&git, &["HEAD"]);
    let tip = git.run(["rev-parse", "HEAD"]).success();
    let login = basic("ann", &world.token);
    let headers = [("Authorization", login.as_str()), ("Content-Type", "application/x-git-receive-pack-request")];
    for name in ["refs/heads/\u{1b}[2Jx", "refs/heads/\u{9b}31m", "\u{1b}]0;owned\u{7}", "a\u{8}b"] {
        let mut body = pkt(&format!("{tip} {} {name}\0report-status delete-refs\n", "0".repeat(40)));
        body.extend_from_slice(FLUSH);
        let answer = request(&world.site.address, "POST", "/ann/one.git/git-receive-pack", &headers, &body).unwrap();
        let text = answer.text();
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{8}']), "{name:?}: {text:?}");
    }
    let log = std::fs::read_to_string(world.site.log()).unwrap();
    assert!(!log.contains(['\u{9b}', '\u{7}', '\u{8}']) && !log.contains("\u{1b}[2J"), "{log:?}");
}
