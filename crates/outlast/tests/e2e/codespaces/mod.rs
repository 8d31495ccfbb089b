//! The fall of Code Spaces, re-enacted: an operator's login in the wrong hands, spare logins, deletions, the owners locked out, the main
//! site and the vault beside it destroyed. Steps as in the threat model; `make drill-codespaces` prints them.
//!
//! Orders wait 72 h here, as they do by default, and new credentials of an operator's sleep 24 h: the site's clock is moved on
//! (`clock.rs`). The flood of step D1, 300 networks strong, is `flood.rs`.
//!
//! The drill can fail: without each of six guards (`forge::mutant`, `vault::GUARD`) it does, at the step that the guard is for.

mod attack;
mod clock;
mod forger;
mod retaliation;
mod rise;
mod spare;

use crate::common::{Answer, Browser, Git, Passkey, Site, Ssh, VaultStart, World, request, wait_until};
use crate::guarded::{found, order_of, sign, state};
use crate::svn::Svn;
use clock::Clock;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

const REPOSITORIES: usize = 6;

/// What the drill knows while it goes on.
struct Story {
    world: World,
    clock: Clock,
    repositories: Vec<Git>,
    /// What of it all was there before anything happened.
    before: Before,
    /// A receipt of before.
    receipt: PathBuf,
    /// The operator Opal: her browser, her passkey, and her token.
    opal: Browser,
    passkey: Passkey,
    operator: String,
    /// Her second factor, by its number.
    factor: u64,
    /// A second key of hers, which he made.
    spare_key: Option<Passkey>,
    /// The member Mia's browser, with which she made a key long ago.
    mia: Browser,
    /// A member whom the intruder has nothing of.
    untouched: String,
    /// When he came.
    since: String,
    /// What he makes: tokens and orders.
    loot: Vec<String>,
    keys: Vec<Ssh>,
    /// How the vaults are started.
    vaults: VaultStart,
    orders: Vec<String>,
    /// His copy of the site, of when he came: the data directory with all its keys.
    stolen: PathBuf,
    /// The recovery key, where an officer keeps it.
    key: PathBuf,
    risen: Option<Site>,
}

/// What must come back.
struct Before {
    /// The refs of each repository.
    refs: Vec<String>,
    /// Those of the organisation's.
    lamps: String,
    /// Those of a repository that officers deleted, and its number in the trash.
    old: String,
    trashed: String,
    /// All paths of the repository of Subversion.
    paper: String,
}

type Step = fn(&mut Story);

const STEPS: &[(&str, Step)] = &[
    ("D2", attack::entry),
    ("D3", attack::look_round),
    ("D4", attack::spare_logins),
    ("D5", attack::ransom_note),
    ("D6", attack::a_password_is_changed),
    ("D7", retaliation::he_retaliates),
    ("D8", retaliation::he_locks_the_owners_out),
    ("D9", rise::lockdown),
    ("D10", rise::root_on_the_host),
    ("D11", rise::he_attacks_the_vaults),
    ("D12", rise::it_rises),
    ("D13", rise::it_is_told),
];

/// Says what was done and what held, for whoever reads the drill.
fn held(step: &str, what: &str) {
    println!("{step:<4} held   {what}");
}

fn asks(site: &Site, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let header = format!("Bearer {token}");
    let headers = [("Authorization", header.as_str()), ("Content-Type", "application/json")];
    request(&site.address, method, path, &headers, body.as_bytes()).unwrap()
}

fn order_in(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.text());
    serde_json::from_str::<Value>(&answer.text()).unwrap()["order"].to_string()
}

impl Story {
    /// The site as it was on the day before. `without`: the guard that it lacks.
    fn begin(without: Option<&'static str>) -> Self {
        let mut world = World::new();
        let clock = Clock::new(&world.path("clock"));
        clock.rules(&mut world.site);
        let mut world = found(world, &[]);
        let old = world.repository("old");
        world.push(&old, &["main", "main:refs/tags/v1"]);
        let gone = old.refs_of(&world.url("ann/old"));
        let orders = [
            order_of(&world.site.cli_with(&create("opal", &["--operator"]), &password("opal")).success()),
            order_of(&world.site.cli(&["repo", "delete", "ann/old"]).success()),
        ];
        orders.iter().for_each(|order| ["olga", "omar"].iter().for_each(|officer| sign(&world, order, officer)));
        clock.moves(72 * 60 - 2);
        Clock::settles(&world.site);
        orders
            .iter()
            .for_each(|order| assert_eq!(state(&world, order), "pending", "signed, and its 72 h are not over"));
        clock.moves(4);
        Clock::settles(&world.site);
        for order in &orders {
            wait_until("it is carried out", 30, || state(&world, order) == "executed");
        }
        let trash: Value = serde_json::from_str(&world.site.cli(&["trash", "list", "--json"]).success()).unwrap();
        assert_eq!(trash[0]["full_name"], "ann/old");
        for member in ["mia", "pat"] {
            world.site.cli_with(&create(member, &[]), &password(member)).success();
        }
        let mia = Browser::sign_in(&world.site, "mia", &password("mia"));
        let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 x";
        let key = format!("name=laptop&days=30&key={}", crate::common::encoded(public));
        assert_eq!(mia.post("/-/settings/keys", &key).status, 200);
        let repositories: Vec<Git> = (0..REPOSITORIES).map(|n| world.repository(&format!("code{n}"))).collect();
        let mut entry = 0;
        for git in &repositories {
            entry = world.push(git, &["main", "main:refs/heads/next", "main:refs/tags/v1"]).entry;
        }
        world.site.cli(&["repo", "create", "ann/paper", "--svn"]).success();
        let trunk = format!("{}/trunk", paper(&world.site));
        Svn::of(&world).ok(world.dir.path(), &["mkdir", "-q", "-m", "layout", &trunk]);
        Svn::of(&world).ok(world.dir.path(), &["mkdir", "-q", "-m", "a chapter", &format!("{trunk}/one")]);
        let paper = Svn::of(&world).ok(world.dir.path(), &["ls", "-R", &paper(&world.site)]);
        world.site.cli(&["org", "create", "guild", "--owner", "ann"]).success();
        world.site.cli(&["repo", "create", "guild/lamps"]).success();
        let lamps = Git::init(&world.path("work-lamps"), "sha1");
        lamps.run(["remote", "add", "origin", &world.url("guild/lamps")]).success();
        lamps.commit("README", "of lamps\n");
        world.push(&lamps, &["main"]);
        let receipt = world.receipt(entry, "receipt-from-before");
        let vaults = without.map_or(VaultStart::Plain, VaultStart::Without);
        if let Some(guard) = without {
            for vault in world.vaults.iter_mut() {
                vault.stop();
                vault.resume(vaults);
            }
            world.site.stop();
            world.site.env.push(("OUTLAST_WITHOUT_GUARD", guard.into()));
            world.site.resume();
            wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
        }
        let mut opal = Browser::sign_in(&world.site, "opal", &password("opal"));
        let passkey = opal.add_passkey();
        let factors = world.site.cli(&["--json", "credentials", "--user", "opal"]).success();
        let factors: Vec<Value> = serde_json::from_str(&factors).unwrap();
        let factor = factors.iter().find(|row| row["kind"] == "passkey").and_then(|row| row["id"].as_u64()).unwrap();
        let operator = token(&world.site, "opal", "repo:read,repo:write,repo:create,user:read,user:write,admin");
        wait_until("opal runs the site", 30, || {
            asks(&world.site, &operator, "GET", "/api/v1/outlast/officers", "").status == 200
        });
        let untouched = token(&world.site, "pat", "repo:read,user:read");
        let urls = urls(&world);
        let before = Before {
            refs: repositories.iter().zip(&urls).map(|(git, url)| git.refs_of(url)).collect(),
            lamps: lamps.refs_of(&world.url("guild/lamps")),
            old: gone,
            trashed: trash[0]["id"].to_string(),
            paper,
        };
        let (stolen, mia) = (world.path("stolen"), mia.at(&world.site));
        std::thread::sleep(std::time::Duration::from_millis(1100));
        println!("\nThe operator Opal's login is in the wrong hands.");
        Self {
            world,
            clock,
            repositories,
            before,
            receipt,
            opal,
            passkey,
            operator,
            mia,
            untouched,
            since: String::new(),
            loot: Vec::new(),
            keys: Vec::new(),
            vaults,
            factor,
            spare_key: None,
            orders: Vec::new(),
            stolen,
            key: PathBuf::new(),
            risen: None,
        }
    }

    fn site(&self) -> &Site {
        &self.world.site
    }

    /// The refs of each repository as the owner's token sees them now.
    fn refs(&self) -> Vec<String> {
        self.repositories.iter().zip(urls(&self.world)).map(|(git, url)| git.refs_of(&url)).collect()
    }

    /// So many minutes pass. Every few hours somebody uses the sessions that live through it.
    fn passes(&self, minutes: u64) {
        let (mut left, few) = (minutes, 8 * 60);
        while left > 0 {
            self.clock.moves(left.min(few));
            left -= left.min(few);
            for browser in [&self.opal, &self.mia] {
                let page = browser.at(self.site()).get("/-/settings");
                assert_eq!(page.status, 200, "somebody works, and stays signed in");
            }
        }
        Clock::settles(self.site());
    }

    /// How many minutes are left of an order's delay.
    fn left(&self, order: &str) -> u64 {
        let shown = self.site().cli(&["order", "show", order, "--json"]).success();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        self.clock.minutes_until(shown["not_before"].as_str().unwrap())
    }

    /// What the trash, the roles and every ref of Ann's say: what he is after.
    fn assert_nothing_happened(&self, when: &str) {
        for order in &self.orders {
            assert_eq!(state(&self.world, order), "pending", "order {order} {when}");
        }
        let listed = asks(self.site(), &self.operator, "GET", "/api/v1/outlast/officers", "").text();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
        let mut officers: Vec<_> = listed["officers"].as_array().unwrap().iter().map(name).collect();
        officers.sort();
        assert_eq!(officers, ["olga", "omar", "otto"], "{when}");
        let trash: Value = serde_json::from_str(&self.site().cli(&["trash", "list", "--json"]).success()).unwrap();
        assert_eq!(trash.as_array().map(Vec::len), Some(1), "{when}: {trash}");
        // Not with Pat's token: what is used from now on is taken for his.
        self.site().cli(&["credentials", "--user", "pat"]).success();
    }

    fn alarms(&self) -> String {
        self.world.site.cli(&["--json", "alarms", "list"]).success()
    }
}

/// The repository of Subversion, which has a trunk and two revisions.
fn paper(site: &Site) -> String {
    format!("http://{}/ann/paper.svn", site.address)
}

fn urls(world: &World) -> Vec<String> {
    (0..REPOSITORIES).map(|n| world.url(&format!("ann/code{n}"))).collect()
}

fn token(site: &Site, user: &str, scope: &str) -> String {
    site.cli(&["token", "create", user, "--scope", scope]).success().trim().to_owned()
}

fn password(user: &str) -> String {
    format!("the long password of {user}")
}

fn create<'a>(user: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["user", "create", user, "--email", "x@example.org", "--password-stdin"], more].concat()
}

/// Until a step fails; its name.
fn first_that_fails(without: &'static str) -> Option<&'static str> {
    let mut story = Story::begin(Some(without));
    STEPS.iter().find(|(_, step)| catch_unwind(AssertUnwindSafe(|| step(&mut story))).is_err()).map(|(name, _)| *name)
}

#[test]
fn code_spaces_does_not_fall() {
    let mut story = Story::begin(None);
    for (_, step) in STEPS {
        step(&mut story);
    }
    println!("\nIt did not fall.");
}

macro_rules! mutants {
    ($($name:ident: $guard:literal => $step:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(first_that_fails($guard), Some($step));
        })*

        #[test]
        fn every_guard_that_can_be_taken_away_is() {
            let (site, vault) = (forge::mutant::Mutant::ALL.iter().map(|guard| guard.as_str()), [vault::GUARD]);
            assert!(site.chain(vault).eq([$($guard),*]));
        }
    };
}

mutants! {
    without_signatures_it_falls: "signatures" => "D8";
    without_a_veto_it_falls: "veto" => "D8";
    without_the_fuse_it_falls: "fuse" => "D7";
    without_dormancy_it_falls: "dormancy" => "D4";
    without_the_closure_it_falls: "closure" => "D9";
    without_the_vaults_order_it_falls: "vault-order" => "D11";
}
