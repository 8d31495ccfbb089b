//! D2 to D6: what he does with the site's credentials while it runs.

use super::{Story, asks, held, order_in, password, spare, token};
use crate::common::{Browser, Ssh, basic, cli, encoded, request, wait_until};
use crate::trouble::copy_dir;

/// D2: a password alone, and a cookie alone.
pub(super) fn entry(story: &mut Story) {
    let nobody = Browser::new(story.site());
    let try_in = |name: &str| nobody.post("/-/sign-in", &format!("name={name}&password=guessed"));
    let (known, unknown) = (try_in("opal"), try_in("opaz"));
    assert_eq!(known.status, unknown.status);
    assert_eq!(known.text().replace("opal", "NAME"), unknown.text().replace("opaz", "NAME"), "who has an account");
    let header = basic("opal", &password("opal"));
    let api = request(&story.site().address, "GET", "/api/v1/user", &[("Authorization", &header)], b"").unwrap();
    assert_eq!(api.status, 401, "a password opens no API");
    held("D2", "a password opens the form alone, and the form does not say who is there");

    // With her session, when its proof is old: the site is started again, and remembers none. Meanwhile he copies its disk.
    story.world.site.stop();
    copy_dir(&story.world.site.data, &story.stolen);
    story.world.site.resume();
    wait_until("a quorum answers", 30, || story.world.site.get("/healthz").status == 200);
    let stolen = story.opal.at(story.site());
    assert_eq!(stolen.get("/-/admin").status, 200);
    for (path, body) in [
        ("/-/settings/tokens", "name=spare&scope=admin"),
        ("/-/settings/password", "old=x&new=y&again=y"),
        ("/-/settings/security/app", ""),
        ("/-/admin/users", "name=x&email=x%40example.org"),
    ] {
        let answer = stolen.post(path, body);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().contains("Is it still you?"), "{path}");
    }
    held("D2", "a stolen cookie makes no credential and no account: a proof is asked for");
}

/// D3: canaries, bulk export, secrets.
pub(super) fn look_round(story: &mut Story) {
    let canary = story.site().cli(&["canary", "make", "--note", "in a private repository"]).success();
    assert_eq!(asks(story.site(), canary.trim(), "GET", "/api/v1/user", "").status, 401);
    wait_until("the canary is heard", 30, || story.alarms().contains("canary-used"));
    held("D3", "the canary that he tries is refused as any other, and heard");

    let to = story.world.path("loot");
    let export = || story.world.site.cli(&["export", "everything", "--to", to.to_str().unwrap()]);
    assert!(export().failure().contains("officers let them go"));
    let ask = r#"{"act":"export","subject":"everything"}"#;
    story.orders.push(order_in(&asks(story.site(), &story.operator, "POST", "/api/v1/outlast/orders", ask)));
    assert!(export().failure().contains("officers let them go"));
    held("D3", "private repositories leave in bulk when officers let them: he asks, and waits");

    for path in ["/-/credentials", "/-/settings/tokens", "/-/admin/vaults", "/-/admin/mail", "/-/admin/users"] {
        let text = story.opal.at(story.site()).get(path).text();
        let secrets = [story.operator.as_str(), story.untouched.as_str(), canary.trim(), "AGE-SECRET-KEY"];
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{path}");
    }
    held("D3", "no page shows a secret again");
}

/// D4: with a live proof of Opal's, the worst case: a second key for her, a new account, roles, an officer's key.
pub(super) fn spare_logins(story: &mut Story) {
    let live = Browser::sign_in_with(&story.world.site, &mut story.passkey);
    assert_eq!(live.get("/-/admin").status, 200);
    let (mut spare_key, _) = live.another_passkey();
    let (asleep, _) = Browser::try_with(story.site(), &mut spare_key);
    assert_ne!(asleep.get("/-/admin").status, 200, "a new key of an operator's wakes no role for a day");
    assert!(story.alarms().contains("privileged-credential"));
    story.spare_key = Some(spare_key);
    held("D4", "a second key of the operator's sleeps, and the officers were told");

    let spare = spare::an_account(story);
    spare::every_kind_by_every_door(story, &live);
    assert_eq!(asks(story.site(), &spare, "GET", "/api/v1/outlast/officers", "").status, 404);
    story.loot.extend([story.operator.clone(), spare]);
    cli(["officer", "key", "--out", story.world.path("own").to_str().unwrap()]).success();
    let key = Ssh::new(&story.world, "x", &[]);
    key.add_to(&story.world, "x");
    story.keys.push(key);
    let listed = story.site().cli(&["credentials", "--since", &story.since]).success();
    assert!(listed.contains('x') && listed.contains("token"), "{listed}");
    // Somebody else's session is his too, and it made a key before he came.
    assert_eq!(story.mia.get("/-/settings/keys").status, 200);
    held("D4", "spare operators, officers and officers' keys are orders that nobody has signed");
}

/// D5: what he writes is his.
pub(super) fn ransom_note(story: &mut Story) {
    let note = r#"{"description":"pay me"}"#;
    let path = "/api/v1/repos/ann/code0";
    assert_eq!(asks(story.site(), &story.world.token, "PATCH", path, note).status, 200);
    let told = story.site().cli(&["audit", "--since", &story.since, "--kind", "RepoDescribed"]).success();
    assert!(told.contains("ann") && told.contains("token"), "{told}");
    held("D5", "his note is an entry, with the account and the token it was written with");
}

/// D6: the owners react, at first too little.
pub(super) fn a_password_is_changed(story: &mut Story) {
    let taken = Browser::sign_in(story.site(), "x", &password("x"));
    let changed = taken.post(
        "/-/settings/password",
        &format!("old={}&new={new}&again={new}", encoded(&password("x")), new = encoded("another long password of x")),
    );
    assert!(changed.status < 400, "{}", changed.text());
    let spare = story.loot.last().unwrap();
    assert_eq!(asks(story.site(), spare, "GET", "/api/v1/user", "").status, 401);
    held("D6", "a new password ends every token and session of the account");
    let again = token(story.site(), "x", "repo:read,user:read");
    story.loot.push(again);
}
