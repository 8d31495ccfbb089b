//! The audit log on a page.

use crate::common::{Browser, World};

#[test]
fn auditors_read_the_journal_by_account_event_and_day_and_others_find_nothing() {
    let world = World::new();
    let password = "the long password of kim";
    let create = ["user", "create", "kim", "--email", "kim@example.org", "--password-stdin"];
    world.site.cli_with(&create, password).success();
    let git = world.repository("secret-plans");
    world.push(&git, &["HEAD"]);
    let kim = Browser::sign_in(&world.site, "kim", password);
    let page = |kim: &Browser, query: &str| kim.get(&format!("/-/audit{query}"));
    for query in ["", "?actor=ann", "?actor=nobody-at-all", "?since=x"] {
        assert_eq!(page(&kim, query).status, 404, "who is no auditor learns nothing: {query}");
    }
    world.site.cli(&["user", "grant", "kim", "auditor"]).success();

    let all = page(&kim, "").text();
    assert!(all.contains("Pushed") && all.contains("ann/secret-plans") && all.contains("refs/heads/main"), "{all}");
    let anns = page(&kim, "?actor=ann&event=Pushed").text();
    assert!(anns.contains("refs/heads/main") && !anns.contains("<td class=\"nowrap\">SessionStarted"), "{anns}");
    assert!(page(&kim, "?until=2001-01-01").text().contains("Nothing fits"));
    let older = page(&kim, "?event=Pushed&before=1").text();
    assert!(older.contains("Nothing fits"), "{older}");
    for (wrong, told) in
        [("?actor=nobody-at-all", "nobody-at-all"), ("?event=Nothing", "Nothing"), ("?since=x", "2026-11-25")]
    {
        let answer = page(&kim, wrong);
        assert_eq!(answer.status, 422, "{wrong}");
        assert!(answer.text().contains(told), "{wrong}: {}", answer.text());
    }
    assert_eq!(Browser::new(&world.site).get("/-/audit").status, 303, "who is nobody is asked to sign in");
}
