//! The site's settings: from a page and from the command line, in force at once, and there after a recovery.

use crate::common::{Browser, Site, World};

const PASSWORD: &str = "a password of some length";

pub(crate) fn operator(world: &World) -> Browser {
    let create = ["user", "create", "opal", "--email", "p@example.org", "--operator", "--password-stdin"];
    world.site.cli_with(&create, PASSWORD).success();
    let mut opal = Browser::sign_in(&world.site, "opal", PASSWORD);
    opal.add_passkey();
    opal
}

#[test]
fn a_job_is_begun_from_its_page_and_told_how_it_went() {
    let world = World::new();
    let opal = operator(&world);
    let before = opal.get("/-/admin/jobs").text();
    assert!(before.contains("Recovery drill") && before.contains("None was taken yet."), "{before}");
    crate::common::wait_until("a snapshot is in the list", 30, || {
        opal.post("/-/admin/jobs/snapshot", "");
        !opal.get("/-/admin/jobs").text().contains("None was taken yet.")
    });
    // It may be at it by itself just then.
    crate::common::wait_until("the spool is swept", 30, || opal.post("/-/admin/jobs/sweep", "").status == 200);
    // These vaults take from the site and give it nothing to read: the drill fails, and says what to do.
    crate::common::wait_until("the drill has failed", 30, || {
        opal.post("/-/admin/jobs/drill", "");
        opal.get("/-/admin/jobs").text().contains("a drill reads the vaults")
    });
    assert_eq!(opal.post("/-/admin/jobs/fill", "").status, 409);
    assert_eq!(opal.post("/-/admin/jobs/nothing", "").status, 404);
}

#[test]
fn what_is_set_is_in_force_at_once_and_after_a_recovery() {
    let mut world = World::new();
    let opal = operator(&world);
    let get = |site: &Site, name: &str| site.cli(&["settings", "get", name]).success().trim().to_owned();

    // From the page, where everybody sees it.
    let form =
        "site.name=Harbour&site.announcement=Moving+on+Friday&sessions.days=7&push.bytes=1+MiB&quota.owner_bytes=2+GiB";
    let saved = opal.post("/-/admin/settings", form);
    assert_eq!(saved.status, 200, "{}", saved.text());
    let front = Browser::new(&world.site).get("/").text();
    assert!(front.contains("<span>Harbour</span>") && front.contains("Moving on Friday"), "{front}");
    assert_eq!(get(&world.site, "push.bytes"), "1 MiB");
    world.site.cli_with(&["user", "create", "wil", "--email", "w@example.org", "--password-stdin"], PASSWORD).success();
    let form_of_wil = format!("name=wil&password={}", crate::common::encoded(PASSWORD));
    let signed_in = Browser::new(&world.site).post("/-/sign-in", &form_of_wil);
    assert!(signed_in.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=604800")), "{signed_in:?}");

    // What can't be taken is told beside its field, with all that was typed, and nothing is changed.
    let before = world.site.entries();
    let refused = opal.post("/-/admin/settings", "site.name=Other&sessions.days=900&push.bytes=lots");
    let text = refused.text();
    assert_eq!(refused.status, 422);
    assert!(text.contains("a number of days from 1 to 365") && text.contains("a size from 1 MiB to 1 TiB"), "{text}");
    assert!(text.contains("value=\"Other\"") && text.contains("value=\"lots\""), "{text}");
    assert!(!world.site.grew(before), "what stays as it is makes no entry");
    assert_eq!(opal.post("/-/admin/settings", form).status, 200);
    assert!(!world.site.grew(before), "what stays as it is makes no entry");

    // A push that is larger than what is set now.
    let git = world.repository("large");
    world.push(&git, &["main"]);
    let mut state = 1_u64;
    let mut noise = String::new();
    for _ in 0..2_000_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.push(char::from(b'!' + u8::try_from(state >> 58).unwrap()));
    }
    git.commit("noise", &noise);
    let said = git.run(["push", "origin", "main"]).failure();
    assert!(said.contains("1048576 bytes"), "{said}");
    world.site.cli(&["settings", "set", "push.bytes", "64 MiB"]).success();
    world.push(&git, &["main"]);

    // Who makes what, and what it is then.
    world.site.cli(&["settings", "set", "repositories.visibility", "public"]).success();
    world.site.cli(&["settings", "set", "repositories.branch", "trunk"]).success();
    git.run(["push", &world.url("ann/pushed"), "HEAD:refs/heads/trunk"]).success();
    assert_eq!(world.site.get("/ann/pushed/-/tree/trunk").status, 200, "public, with the branch that was set");
    for (value, words) in
        [("operators", "only operators make repositories"), ("organisations", "made in organisations")]
    {
        world.site.cli(&["settings", "set", "repositories.made_by", value]).success();
        let said = git.run(["push", &world.url("ann/refused"), "main"]).failure();
        assert!(said.contains("403"), "{said}");
        let token = format!("Bearer {}", world.token);
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        let body = br#"{"name":"refused"}"#;
        let refused =
            crate::common::request(&world.site.address, "POST", "/api/v1/user/repos", &headers, body).unwrap();
        assert!(refused.status == 403 && refused.text().contains(words), "{}", refused.text());
    }
    let said = world.site.cli(&["settings", "set", "sessions.days", "soon"]).failure();
    assert!(said.contains("sessions.days: \"soon\" is not taken here: a number of days from 1 to 365"), "{said}");
    let said = world.site.cli(&["settings", "set", "sessions.weeks", "2"]).failure();
    assert!(said.contains("there is no setting sessions.weeks"), "{said}");

    // What an operator's stolen session has set is put back.
    let start = crate::lockdown::now(&world);
    assert_eq!(opal.post("/-/admin/settings", "site.name=Pirates&repositories.visibility=internal").status, 200);
    let said = world.site.cli(&["restore", "--actor", "opal", "--since", &start]).success();
    assert!(said.contains("setting site.name of the site: as it was"), "{said}");
    assert_eq!(get(&world.site, "site.name"), "Harbour");
    assert_eq!(get(&world.site, "repositories.visibility"), "public");

    // The site burns.
    let before = world.site.cli(&["settings", "list"]).success();
    assert!(before.contains("* site.name") && before.contains("  file.shown_bytes"), "{before}");
    let key = world.take_recovery_key();
    world.site.kill();
    std::fs::remove_dir_all(&world.site.data).unwrap();
    let to = world.path("recovered");
    world.recover(&["eu", "us", "asia"], &key, &to, &[]).success();
    world.site = Site::start(&to, &[]);
    assert_eq!(world.site.cli(&["settings", "list"]).success(), before);
    assert!(Browser::new(&world.site).get("/").text().contains("Moving on Friday"));
    world.site.cli(&["settings", "reset", "site.announcement"]).success();
    assert!(!Browser::new(&world.site).get("/").text().contains("Moving on Friday"));
}
