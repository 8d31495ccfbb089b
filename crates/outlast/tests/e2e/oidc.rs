//! Signing in with a provider of OpenID Connect: a real one, and one that lies.

use crate::common::{Answer, Browser, World, encoded, provided, request};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

const PASSWORD: &str = "a long password for tests";

/// Both providers, as one program.
struct Providers {
    program: Child,
    real: String,
    liar: String,
}

impl Drop for Providers {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Providers {
    /// None: the programs of the tests' npm packages are not there.
    fn start(world: &World) -> Option<Self> {
        let place = provided("OUTLAST_TEST_NODE_CLIENTS")?;
        let back = |name: &str| format!("http://{}/-/sign-in/callback/{name}", world.site.address);
        let mut command = Command::new("node");
        command.arg(place.join("oidc_provider.mjs")).args([back("work"), back("liar")]);
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (real, liar) = line.trim().split_once(' ').unwrap_or_else(|| panic!("no provider: {line:?}"));
        let (real, liar) = (real.to_owned(), liar.to_owned());
        Some(Self { program, real, liar })
    }

    fn add(&self, world: &World, name: &str, issuer: &str, client: &str, more: &[&str]) {
        let secret = if name == "work" { "the client's secret" } else { "any" };
        let base = ["oidc", "add", name, "--issuer", issuer, "--client-id", client, "--secret-stdin"];
        let said = world.site.cli_with(&[&base[..], more].concat(), secret).success();
        assert!(said.contains(&format!("/-/sign-in/callback/{name}")), "{said}");
    }
}

/// Follows a provider's redirects from `to` until they lead back to the site, with these cookies and what the provider sets.
fn at_provider(world: &World, to: &str, cookies: &[(&str, &str)]) -> String {
    let mut jar: BTreeMap<String, String> =
        cookies.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut to = to.to_owned();
    for _ in 0..10 {
        let (host, path) = to.strip_prefix("http://").unwrap().split_once('/').unwrap();
        if host == world.site.address {
            return format!("/{path}");
        }
        let (host, path) = (host.to_owned(), format!("/{path}"));
        let cookie = jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let answer = request(&host, "GET", &path, &[("Cookie", &cookie)], b"").unwrap();
        for (_, value) in answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
        let next = answer.header("location").unwrap_or_else(|| panic!("{to}: {} {}", answer.status, answer.text()));
        to = if next.starts_with('/') { format!("http://{host}{next}") } else { next.to_owned() };
    }
    panic!("the provider leads nowhere");
}

/// From the page that leads to the provider to the one that it leads back to.
fn through(world: &World, browser: &mut Browser, from: &str, cookies: &[(&str, &str)]) -> Answer {
    let left = browser.get(from);
    assert_eq!(left.status, 303, "{}", left.text());
    browser.keep_cookies(&left);
    let back = at_provider(world, left.header("location").unwrap(), cookies);
    let answer = browser.get(&back);
    browser.keep_cookies(&answer);
    answer
}

fn ticket(answer: &Answer) -> String {
    let text = answer.text();
    let (_, after) = text.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("no ticket: {text}"));
    after.split('"').next().unwrap().to_owned()
}

fn user(world: &World, name: &str, more: &[&str]) -> Browser {
    let email = format!("{name}@example.org");
    let make = ["user", "create", name, "--email", &email, "--password-stdin"];
    world.site.cli_with(&[&make[..], more].concat(), PASSWORD).success();
    Browser::sign_in(&world.site, name, PASSWORD)
}

fn signed_in_as(browser: &Browser) -> Option<String> {
    let page = browser.get("/-/settings");
    (page.status == 200).then(|| page.text()).and_then(|text| {
        let (_, after) = text.split_once("/-/avatar/")?;
        Some(after.split(['"', '?']).next()?.to_owned())
    })
}

#[test]
fn a_real_provider_signs_in_whom_it_is_linked_with_and_makes_members_alone() {
    let world = World::new();
    let Some(providers) = Providers::start(&world) else { return };
    let kim = [("as", "kim-there")];
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        providers.add(&world, "work", &providers.real, &format!("outlast-{algorithm}"), &["--label", "Work"]);
        assert!(Browser::new(&world.site).get("/-/sign-in").text().contains("Sign in with Work"));
        // Nobody is linked, and the mail address that it tells makes nobody Kim.
        let mut stranger = Browser::new(&world.site);
        let refused = through(&world, &mut stranger, "/-/sign-in/with/work", &kim);
        assert!(refused.status == 422 && refused.text().contains("no account here is linked"), "{}", refused.text());
        assert_eq!(signed_in_as(&stranger), None);
    }

    let mut own = user(&world, "kim", &[]);
    let asked = through(&world, &mut own, "/-/settings/identities/new/work", &kim);
    assert!(asked.text().contains("kim-there@example.org"), "{}", asked.text());
    let linked = own.post("/-/settings/identities", &format!("ticket={}", ticket(&asked)));
    assert!(linked.text().contains("It is linked"), "{}", linked.text());
    let listed = world.site.cli(&["credentials", "--user", "kim"]).success();
    assert!(listed.contains("identity") && listed.contains("kim-there"), "{listed}");

    let mut again = Browser::new(&world.site);
    let back = through(&world, &mut again, "/-/sign-in/with/work?next=%2F-%2Fsettings%2Fkeys", &kim);
    assert_eq!((back.status, back.header("location")), (303, Some("/-/settings/keys")));
    assert_eq!(signed_in_as(&again).as_deref(), Some("kim"));
    assert_eq!(again.post("/-/settings/tokens", "name=t&days=1&rights=read").status, 200, "a member's fresh proof");
    // What it brought is good once, and in this browser alone.
    let left = again.get("/-/sign-in/with/work");
    again.keep_cookies(&left);
    let back = at_provider(&world, left.header("location").unwrap(), &kim);
    assert_eq!(Browser::new(&world.site).get(&back).status, 422, "another browser");
    assert_eq!(again.get(&back).status, 303);
    assert_eq!(again.get(&back).status, 422, "twice");

    // It stands in for the password, and for nothing else.
    own.add_passkey();
    let second = through(&world, &mut Browser::new(&world.site), "/-/sign-in/with/work", &kim);
    assert!(second.status == 200 && second.text().contains("second"), "{}", second.text());

    // An operator is a member with it, and proves nothing.
    let mut opal = user(&world, "opal", &["--operator"]);
    let there = [("as", "opal-there")];
    let asked = through(&world, &mut opal, "/-/settings/identities/new/work", &there);
    opal.post("/-/settings/identities", &format!("ticket={}", ticket(&asked)));
    let mut by_provider = Browser::new(&world.site);
    through(&world, &mut by_provider, "/-/sign-in/with/work", &there);
    assert_eq!(by_provider.get("/-/admin").status, 404);
    assert_eq!(by_provider.post("/-/settings/tokens", "name=t&days=1&rights=read").status, 403, "no fresh proof");

    // Strangers make accounts where they may, once.
    providers.add(&world, "work", &providers.real, "outlast-EdDSA", &["--register"]);
    let mut newcomer = Browser::new(&world.site);
    let asked = through(&world, &mut newcomer, "/-/sign-in/with/work", &[("as", "nora")]);
    assert!(asked.text().contains("A new account"), "{}", asked.text());
    let taken = newcomer.post("/-/sign-in/register", &format!("name=kim&ticket={}", encoded(&ticket(&asked))));
    assert!(taken.status == 422 && taken.text().contains("taken"), "{}", taken.text());
    let made = newcomer.post("/-/sign-in/register", &format!("name=nora&ticket={}", ticket(&asked)));
    newcomer.keep_cookies(&made);
    assert_eq!((made.status, signed_in_as(&newcomer).as_deref()), (303, Some("nora")));
    let last = world.site.cli(&["credentials", "--user", "nora", "--json"]).success();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    let id = &last.as_array().unwrap().iter().find(|row| row["kind"] == "identity").unwrap()["id"];
    let kept = newcomer.post("/-/settings/identities/remove", &format!("id={id}"));
    assert!(kept.status == 422 && kept.text().contains("nothing else signs you in"), "{}", kept.text());

    world.site.cli(&["oidc", "remove", "work"]).success();
    assert_eq!(Browser::new(&world.site).get("/-/sign-in/with/work").status, 404);
}

#[test]
fn a_provider_that_lies_signs_nobody_in() {
    let world = World::new();
    let Some(providers) = Providers::start(&world) else { return };
    providers.add(&world, "liar", &providers.liar, "outlast", &["--register"]);
    let comes = |lie: &str| through(&world, &mut Browser::new(&world.site), "/-/sign-in/with/liar", &[("lie", lie)]);
    assert!(comes("").text().contains("A new account"), "without a lie it is believed");
    for lie in ["iss", "aud", "azp", "nonce", "exp", "iat", "none", "key", "state", "mixed", "redirect"] {
        let answer = comes(lie);
        assert_eq!(answer.status, 422, "{lie}: {}", answer.text());
        assert!(!answer.text().contains("A new account"), "{lie}");
    }
    // It is asked by the name that it has, and by no other.
    let slash = format!("{}/", providers.liar);
    providers.add(&world, "liar", &slash, "outlast", &[]);
    assert!(Browser::new(&world.site).get("/-/sign-in/with/liar").text().contains("calls itself"));
    let refused =
        world.site.cli(&["oidc", "add", "x", "--issuer", "http://id.example.org", "--client-id", "y"]).failure();
    assert!(refused.contains("https"), "{refused}");
}
