//! One account, for who runs the site: what is shown of it, and how it is shut out.

use crate::common::{Browser, World};
use crate::settings::operator;

const PASSWORD: &str = "a password of some length";

#[test]
fn an_operator_sees_what_an_account_has_and_shuts_it_out() {
    let world = World::new();
    let opal = operator(&world);
    let create = |name: &str, more: &[&str]| {
        let email = format!("{name}@example.org");
        let all = [&["user", "create", name, "--email", &email, "--password-stdin"], more].concat();
        world.site.cli_with(&all, PASSWORD).success();
    };
    create("wil", &[]);
    create("olga", &["--officer"]);
    let token = world.site.cli(&["token", "create", "wil", "--scope", "user:read"]).success().trim().to_owned();
    let wil = Browser::sign_in(&world.site, "wil", PASSWORD);
    let api = |token: &str| {
        let bearer = format!("Bearer {token}");
        crate::common::request(&world.site.address, "GET", "/api/v1/user", &[("Authorization", &bearer)], b"")
            .unwrap()
            .status
    };
    assert_eq!(api(&token), 200);

    assert!(opal.get("/-/admin/users").text().contains("href=\"/-/admin/users/wil\""));
    let page = opal.get("/-/admin/users/wil").text();
    assert!(page.contains("1 password, 1 session, 1 token"), "{page}");
    assert!(!page.contains(&token) && page.contains("10,000"), "{page}");
    assert_eq!((wil.get("/-/admin/users/wil").status, opal.get("/-/admin/users/nobody").status), (404, 404));

    // Signed out, he signs in again; his token goes on, and ends with the credentials.
    let act = |name: &str, body: &str| opal.post(&format!("/-/admin/users/{name}"), body);
    let settings = |browser: &Browser| browser.get("/-/settings").status;
    assert_eq!(settings(&wil), 200);
    assert_eq!(act("wil", "act=sessions").status, 200);
    assert_eq!((settings(&wil), api(&token)), (303, 200));
    let wil = Browser::sign_in(&world.site, "wil", PASSWORD);
    assert_eq!(act("wil", "act=credentials").status, 200);
    assert_eq!((settings(&wil), api(&token)), (303, 401));

    // Suspended, he is refused on every door, also with what he makes then; let go on, he signs in.
    let wil = Browser::sign_in(&world.site, "wil", PASSWORD);
    assert_eq!(act("wil", "act=suspend&reason=").status, 422, "without a reason");
    assert_eq!(act("wil", "act=suspend&reason=Sends+spam").status, 200);
    assert_eq!(settings(&wil), 303);
    let page = opal.get("/-/admin/users/wil").text();
    assert!(page.contains("Sends spam") && page.contains("Let it go on"), "{page}");
    assert_eq!(act("wil", "act=unsuspend").status, 200);
    assert_eq!(settings(&Browser::sign_in(&world.site, "wil", PASSWORD)), 200);

    // Who runs the site or signs for it is not shut out by one operator, who is not shut out by themselves either.
    for name in ["olga", "opal"] {
        for body in ["act=sessions", "act=credentials", "act=suspend&reason=x"] {
            let refused = act(name, body);
            assert_eq!(refused.status, 422, "{name} {body}: {}", refused.text());
        }
    }
    assert_eq!(settings(&opal), 200);

    // A forgotten password: the link is good once, and the next one ends it.
    let link = |text: &str| {
        let secret = text.split("/-/sign-in/reset/").nth(1).unwrap_or_else(|| panic!("no link: {text}"));
        format!("/-/sign-in/reset/{}", secret.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap())
    };
    let nobody = Browser::new(&world.site);
    let first = link(&act("wil", "act=reset").text());
    assert!(nobody.get(&first).text().contains("New password for wil"));
    let second = link(&world.site.cli(&["user", "reset-password", "wil"]).success());
    assert_eq!(nobody.get(&first).status, 404);
    let wil = Browser::sign_in(&world.site, "wil", PASSWORD);
    let new = "another password of some length";
    let form = format!("password={}", crate::common::encoded(new));
    assert_eq!(nobody.post(&second, "password=short").status, 422);
    assert_eq!((nobody.post(&second, &form).status, nobody.post(&second, &form).status), (303, 404));
    assert_eq!((settings(&wil), nobody.get(&second).status), (303, 404), "and what was signed in is out");
    assert_eq!(settings(&Browser::sign_in(&world.site, "wil", new)), 200);
    assert_eq!(act("olga", "act=reset").status, 422, "an officer's");
    let said = world.site.cli(&["user", "reset-password", "opal"]).failure();
    assert!(said.contains("an order takes the role away first"), "{said}");
    let ended = link(&act("wil", "act=reset").text());
    assert_eq!((act("wil", "act=credentials").status, nobody.get(&ended).status), (200, 404));

    let set = act("wil", "act=quota&repositories=3&mebibytes=64").text();
    assert!(set.contains("0 of 3") && set.contains("0 bytes of 64.0 MiB"), "{set}");
    assert_eq!(act("wil", "act=quota&repositories=few").status, 422);
    assert_eq!(act("wil", "act=dance").status, 422);
}
