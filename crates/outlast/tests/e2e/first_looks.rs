//! Pages that are answered before all of them is made: what the first look shows, what the browser asks for then, what is kept.

use crate::common::{Browser, Git, World};

const PASSWORD: &str = "a password of some length";
/// More lines than a first look highlights.
const LINES: usize = 300;
/// More changed files than one page shows.
const FILES: usize = 60;

fn filled() -> (World, Git) {
    let mut world = World::new();
    let olga = ["user", "create", "olga", "--email", "o@example.org", "--password-stdin"];
    world.site.cli_with(&olga, PASSWORD).success();
    let token = world.site.cli(&["token", "create", "olga", "--scope", "repo:read,repo:write"]).success();
    world.token = token.trim().to_owned();
    let git = Git::init(&world.path("work"), "sha1");
    git.commit("long.rs", &"fn a() -> u8 { 1 } // one\n".repeat(LINES));
    for n in 0..FILES {
        std::fs::write(git.dir.join(format!("f{n:02}.txt")), format!("file {n}\n")).unwrap();
    }
    git.run(["add", "."]).success();
    git.run(["commit", "-q", "-m", "Many files"]).success();
    for (name, visibility) in [("open", "--public"), ("closed", "--private")] {
        let path = format!("olga/{name}");
        world.site.cli(&["repo", "create", &path, visibility]).success();
        git.run(["push", "-q", &world.site.url(&path, Some(("olga", &world.token))), "main"]).success();
    }
    (world, git)
}

fn sections(text: &str) -> usize {
    text.matches("<section class=\"box diff\"").count()
}

#[test]
fn a_first_look_is_completed_and_kept_for_who_may_see_it() {
    let (world, _git) = filled();
    let nobody = Browser::new(&world.site);
    for page in ["file", "blame"] {
        let address = format!("/olga/open/-/{page}/main/long.rs");
        let last = |text: &str| text.split("id=\"L300\"").nth(1).unwrap_or_default().lines().next().unwrap().to_owned();
        let first = nobody.get(&address);
        assert_eq!(first.status, 200, "{page}: {}", first.text());
        let first = first.text();
        // Blame finds what the file's page has made.
        assert_eq!(first.contains("data-late-code"), page == "file", "{page}");
        assert_eq!(last(&first).contains("<span class=\"hk\">"), page == "blame", "{page}");
        let rest = nobody.get(&format!("{address}?late=1")).text();
        assert!(!rest.contains("<html") && last(&rest).contains("<span class=\"hk\">"), "{page}: {rest:.200}");
        let again = nobody.get(&address).text();
        assert!(!again.contains("data-late-code") && last(&again) == last(&rest), "{page}");
        assert_eq!(again.matches("<tr>").count(), first.matches("<tr>").count(), "{page}");
    }

    // What an owner has looked at is kept, and a stranger still finds nothing.
    let olga = Browser::sign_in(&world.site, "olga", PASSWORD);
    for address in ["file/main/long.rs", "blame/main/long.rs", "tree/main", "commit/main"] {
        let address = format!("/olga/closed/-/{address}");
        let missing = nobody.get("/olga/nothing/-/tree/main").status;
        for query in ["", "?late=1"] {
            assert_eq!(olga.get(&format!("{address}{query}")).status, 200, "{address}{query}");
            assert_eq!(nobody.get(&format!("{address}{query}")).status, missing, "{address}{query}");
        }
    }
}

#[test]
fn a_difference_of_many_files_comes_page_by_page() {
    let (world, git) = filled();
    let id = git.run(["rev-parse", "HEAD"]).success().trim().to_owned();
    let nobody = Browser::new(&world.site);
    let address = format!("/olga/open/-/commit/{id}");
    let first = nobody.get(&address).text();
    assert!(first.contains("60 files changed") && first.contains("Files 1 to 25 of 60"), "{first:.3000}");
    assert_eq!((sections(&first), first.matches("<li><a href=").count() >= FILES), (25, true));
    let late = nobody.get(&format!("{address}?late=1")).text();
    assert!(late.contains("<span class=\"plus\">+60</span>") && sections(&late) == 25, "{late:.2000}");
    let again = nobody.get(&address).text();
    assert!(again.contains("<span class=\"plus\">+60</span>") && !again.contains("data-late-code"));
    // Each file's lines are where the list says, and together the pages have all of them.
    assert!(again.contains("href=\"?view=unified&#38;w=0&#38;from=50#file-59\""), "{again:.4000}");
    let pages = [25, 50, 999].map(|from| nobody.get(&format!("{address}?from={from}")).text());
    assert_eq!(pages.each_ref().map(|text| sections(text)), [25, 10, 0]);
    assert!(pages[1].contains("id=\"file-59\"") && pages[1].contains("Files 51 to 60 of 60"));
    assert!(pages[0].contains("from=0#diff") && pages[0].contains("from=50#diff"), "{:.3000}", pages[0]);
}
