//! The pages as a whole: what holds for each of them, and that they are the same after a recovery.

use crate::common::{Answer, Browser, Git, Site, World, attribute_of};
use std::collections::{BTreeMap, BTreeSet};

const PASSWORD: &str = "a password of some length";
/// More than any address of this scene leads to.
const PAGES_MAX: usize = 1000;
/// What every page says to the browser.
const POLICY: &str = "default-src 'none'";

/// A world with something on every page: two repositories of Ann's, one of them private, and people.
fn filled() -> World {
    let mut world = World::new();
    world
        .site
        .cli_with(&["user", "create", "olga", "--email", "o@example.org", "--password-stdin"], PASSWORD)
        .success();
    world
        .site
        .cli_with(&["user", "create", "opal", "--email", "p@example.org", "--operator", "--password-stdin"], PASSWORD)
        .success();
    world.token =
        world.site.cli(&["token", "create", "olga", "--scope", "repo:read,repo:write"]).success().trim().to_owned();
    for (name, visibility) in [("open", "--public"), ("closed", "--private")] {
        let path = format!("olga/{name}");
        world.site.cli(&["repo", "create", &path, visibility]).success();
        let git = history(&world, name);
        let url = world.site.url(&path, Some(("olga", &world.token)));
        git.run(["push", "-q", &url, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]).success();
    }
    world
}

fn history(world: &World, name: &str) -> Git {
    let git = Git::init(&world.path(&format!("work-{name}")), "sha1");
    std::fs::create_dir_all(git.dir.join("src/deep/er")).unwrap();
    git.commit("README.md", "# Title\n\nWords, a [link](src/lib.rs) and `code`.\n");
    git.commit("src/lib.rs", "//! A library.\npub fn one() -> u8 {\n    1\n}\n");
    git.commit("src/deep/er/main.py", "def main():\n    return 1\n");
    git.run(["tag", "-a", "v1", "-m", "The first"]).success();
    git.run(["checkout", "-q", "-b", "topic/side"]).success();
    git.commit("src/lib.rs", "//! A library.\npub fn two() -> u8 {\n    2\n}\n");
    git.run(["checkout", "-q", "main"]).success();
    git.run(["mv", "README.md", "READ.md"]).success();
    git.run(["commit", "-q", "-m", "Rename"]).success();
    git.commit("README.md", "# Another\n");
    git
}

#[test]
fn no_page_that_a_link_leads_to_changes_anything_or_fails() {
    let world = filled();
    for name in ["", "olga", "opal"] {
        let browser =
            if name.is_empty() { Browser::new(&world.site) } else { Browser::sign_in(&world.site, name, PASSWORD) };
        let before = world.site.entries();
        let pages = browser.crawl("/", 600);
        assert!(!world.site.grew(before), "{name}: a GET changed the journal");
        let failed: Vec<_> = pages
            .iter()
            .filter(|(path, answer)| answer.status >= 400 && !of_another_revision(path))
            .map(|(path, answer)| (path, answer.status))
            .collect();
        assert!(failed.is_empty(), "{name}: links that lead nowhere: {failed:#?}");
        assert!(pages.len() > 40, "{name}: only {} pages: {:#?}", pages.len(), pages.keys());
        for (path, answer) in &pages {
            headers_are_strict(path, answer);
        }
    }
}

/// The same path at a revision that may not have it: one is offered every branch and tag, and what was before a commit.
fn of_another_revision(path: &str) -> bool {
    ["/-/file/", "/-/blame/", "/-/tree/", "/-/log/"].iter().any(|part| path.contains(part))
}

fn headers_are_strict(path: &str, answer: &crate::common::Answer) {
    let Some(kind) = answer.header("content-type") else { return };
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path} ({kind})");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'"), "{path} ({kind}): {policy}");
    if kind.starts_with("text/html") {
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with(POLICY) && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

/// A page without what may differ: where the site listens, how long ago something was.
fn masked(site: &Site, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<time") {
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        let (_, after) = after.split_once("</time>").unwrap_or(("", after));
        out.push_str(&format!("{before}<time{tag}></time>"));
        rest = after;
    }
    out.push_str(rest);
    let by_name = |address: &str| address.replace("127.0.0.1", "localhost");
    let out = out.replace(&site.address, "HOST").replace(&by_name(&site.address), "HOST");
    out.replace(&site.ssh, "SSH-HOST").replace(&by_name(&site.ssh), "SSH-HOST")
}

/// A page with what its first look had no time for: that is asked for as a browser does, and kept.
fn whole(browser: &Browser, path: &str, mut answer: Answer) -> Answer {
    let late = |address: &str, which: &str| {
        let and = if address.contains('?') { '&' } else { '?' };
        assert_eq!(browser.get(&format!("{address}{and}late={which}")).status, 200, "{address}: {which}");
    };
    for _ in 0..20 {
        let text = answer.text();
        let [html, code, listing] =
            ["data-late-html", "data-late-code", "data-late"].map(|name| attribute_of(&text, name));
        if [&html, &code, &listing].iter().all(|late| late.is_none()) {
            return answer;
        }
        html.iter().for_each(|which| late(path, which));
        code.iter().for_each(|_| late(path, "1"));
        listing.iter().for_each(|address| late(&address.replace("&#38;", "&"), "1"));
        answer = browser.get(path);
    }
    panic!("{path} is never whole");
}

/// Pages of what is kept; those about how it is kept (safety, administration, sessions) tell of the recovery, and when a token was last
/// used is lost with the machine.
fn kept(browser: &Browser, site: &Site) -> BTreeMap<String, (u16, String)> {
    let (mut pages, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for from in ["/olga", "/olga/open", "/olga/closed", "/-/explore", "/-/settings", "/-/settings/tokens"] {
        if seen.contains(from) {
            continue;
        }
        let crawled = browser.crawl(from, PAGES_MAX);
        assert!(crawled.len() < PAGES_MAX, "{from} leads to too many pages to compare them all");
        seen.extend(crawled.keys().cloned());
        for (path, answer) in crawled {
            let about_keeping = [
                "/-/safety",
                "/-/status",
                "/-/admin",
                "/-/settings/sessions",
                "/-/settings/tokens",
                "/-/activity",
                "/-/receipts",
                "/-/help",
                "/log/",
            ];
            // A profile tells of commits as far as they are read in time.
            let in_time = ["/", "/olga"].contains(&path.split('?').next().unwrap_or_default());
            if !about_keeping.iter().any(|part| path.contains(part)) && !in_time {
                let answer = whole(browser, &path, answer);
                pages.insert(path, (answer.status, masked(site, &answer.text())));
            }
        }
    }
    pages
}

#[test]
fn the_pages_after_a_recovery_are_the_pages_from_before() {
    let mut world = filled();
    let olga = Browser::sign_in(&world.site, "olga", PASSWORD);
    let before = [kept(&olga, &world.site), kept(&Browser::new(&world.site), &world.site)];
    assert!(before[0].len() > 60, "only {} pages: {:#?}", before[0].len(), before[0].keys());

    let key = world.take_recovery_key();
    world.site.kill();
    std::fs::remove_dir_all(&world.site.data).unwrap();
    let to = world.path("recovered");
    world.recover(&["eu", "us", "asia"], &key, &to, &["--keep-credentials"]).success();
    world.site = Site::start(&to, &[]);

    let after = [kept(&olga.at(&world.site), &world.site), kept(&Browser::new(&world.site), &world.site)];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "pages differ");
        for (path, page) in before {
            assert!(page == &after[path], "{path} differs:\n{}\n--- after the recovery:\n{}", page.1, after[path].1);
        }
    }
}
