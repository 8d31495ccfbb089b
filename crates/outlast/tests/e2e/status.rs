//! What everybody is told of the site's state, the same from every cache.

use crate::common::{Browser, World, wait_until};

const PASSWORD: &str = "a password of some length";
const PAGE: &str = "/-/admin/incidents";

#[test]
fn an_incident_is_told_to_everybody_until_it_is_over() {
    let world = World::new();
    let create = ["user", "create", "opal", "--email", "p@example.org", "--operator", "--password-stdin"];
    world.site.cli_with(&create, PASSWORD).success();
    let mut opal = Browser::sign_in(&world.site, "opal", PASSWORD);
    opal.add_passkey();
    let nobody = Browser::new(&world.site);
    let seen = || (nobody.get("/-/status"), nobody.get("/-/status.json").text());
    let (page, json) = seen();
    assert!(page.header("cache-control").is_some_and(|cache| cache.starts_with("public")), "{page:?}");
    assert!(json.contains("\"incidents\":[]") && json.contains("\"writes\":true"), "{json}");
    let hers = opal.get("/-/status").text();
    assert!(!hers.contains("opal") && hers.contains("Sign in"), "nothing on it depends on who looks: {hers}");

    let told = opal.post(PAGE, "title=Pushes+are+slow&text=A+vault+is+away%3B+we+%3Clook%3E.");
    assert_eq!(told.status, 200, "{}", told.text());
    let (page, json) = seen();
    assert!(page.text().contains("an incident is open") && page.text().contains("Pushes are slow"), "{}", page.text());
    assert!(!page.text().contains("<look>") && json.contains("A vault is away; we <look>."), "{json}");
    let id = json.split("\"incidents\":[{\"id\":").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned();

    let over = opal.post(&format!("{PAGE}/{id}"), "text=It+is+back.&resolved=true");
    assert_eq!(over.status, 200, "{}", over.text());
    let (page, _) = seen();
    assert!(!page.text().contains("an incident is open") && page.text().contains("It is back."), "{}", page.text());
    assert_eq!(opal.post(&format!("{PAGE}/999999"), "text=x").status, 422);
    assert_eq!(nobody.get(PAGE).status, 303, "who is not signed in is asked to be");

    let machine = |arguments: &[&str]| world.site.cli(arguments).success().trim().to_owned();
    let id = machine(&["incident", "open", "The disk fills", "We make room."]);
    machine(&["incident", "note", &id, "Half of it is done."]);
    assert!(seen().0.text().contains("Half of it is done."));
    machine(&["incident", "close", &id, "There is room again."]);
    assert!(machine(&["incident", "list"]).contains("The disk fills, over since"));
    let page = || {
        let url = format!("https://{}/status.json", world.vaults[0].address());
        let output = std::process::Command::new("curl").args(["-sk", "-m", "10", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    wait_until("each vault tells it too", 40, || page().contains("There is room again."));
    assert!(page().contains("Pushes are slow"));
    assert!(seen().1.contains("There is room again."));
    assert!(world.site.cli(&["incident", "close", "999999", "x"]).failure().contains("incident 999999"));
}
