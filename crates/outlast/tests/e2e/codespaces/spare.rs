//! D4: spare logins of every kind, by every door, with the worst that he can have: a live proof of the operator's, a token of hers with
//! every scope, the site's command line, and an SSH key of hers.

use super::{Story, asks, held, password, token};
use crate::common::{Browser, Ssh, cli, encoded, ssh_keygen, wait_until};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a try comes to.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Comes {
    /// Nothing is made.
    Refused,
    /// It waits for officers.
    Ordered,
    /// It is made, opens nothing for a day, and the officers are told.
    Asleep,
    /// It is made, and listed with what made it.
    Listed,
}

use Comes::{Asleep, Listed, Ordered, Refused};

/// A kind of spare login: by the pages, by the API, and on the command line; over SSH each is refused. None: that door has no way.
struct Kind {
    what: &'static str,
    page: (&'static str, &'static str, Comes),
    api: (&'static str, &'static str, Comes),
    machine: (&'static [&'static str], Comes),
}

/// `{key}`, `{officer}`: a new SSH key, a new officer's key; `{file}`: a file with a new SSH key.
const KINDS: &[Kind] = &[
    Kind {
        what: "an account",
        page: ("/-/admin/users", "name=xa&email=xa%40example.org&password=the+long+password+of+xa", Listed),
        api: ("/admin/users", r#"{"username":"xb"}"#, Refused),
        machine: (&["user", "create", "xc", "--email", "xc@example.org"], Listed),
    },
    Kind {
        what: "an operator",
        page: ("/-/admin/users/x/roles", "operator=true", Refused),
        api: ("/outlast/officers/x/roles", r#"{"officer":true,"operator":true}"#, Ordered),
        machine: (&["user", "create", "xd", "--email", "xd@example.org", "--operator"], Ordered),
    },
    Kind {
        what: "an officer",
        page: ("/-/admin/users/x/roles", "officer=true", Refused),
        api: ("/outlast/officers/pat/roles", r#"{"officer":true}"#, Ordered),
        machine: (&["officer", "appoint", "mia"], Ordered),
    },
    Kind {
        what: "an officer's key",
        page: ("/-/officers/keys", "name=olga&key={officer}", Refused),
        api: ("/outlast/officers/olga/keys", r#"{"key":"{officer}"}"#, Ordered),
        machine: (&["officer", "enrol", "omar", "{officer}"], Ordered),
    },
    Kind {
        what: "a token of the operator's",
        page: ("/-/settings/tokens", "name=t&days=1&rights=read", Asleep),
        api: ("/users/opal/tokens", r#"{"name":"t","scopes":["repo:read"]}"#, Refused),
        machine: (&["token", "create", "opal", "--scope", "repo:read"], Listed),
    },
    Kind {
        what: "an SSH key of the operator's",
        page: ("/-/settings/keys", "name=x&days=90&key={key}", Asleep),
        api: ("/user/keys", r#"{"title":"x","key":"{key}"}"#, Refused),
        machine: (&["key", "add", "opal", "{file}"], Listed),
    },
    Kind {
        what: "a deploy key",
        page: ("/ann/code0/-/settings/keys", "name=x&days=90&key={key}", Refused),
        api: ("/repos/ann/code0/keys", r#"{"title":"x","key":"{key}"}"#, Refused),
        machine: (&["key", "add", "nobody-of-this-name", "{file}"], Refused),
    },
    Kind {
        what: "an SSH authority",
        page: ("/-/certificates", "name=x&key={key}", Refused),
        api: ("/admin/authorities", r#"{"title":"x","key":"{key}"}"#, Refused),
        machine: (&["authority", "add", "{file}"], Refused),
    },
    Kind {
        what: "a provider of sign-ins",
        page: ("/-/settings/identities/new/none", "", Refused),
        api: ("/admin/oidc", r#"{"name":"work","issuer":"https://127.0.0.1:1","client_id":"x"}"#, Refused),
        machine: (&["oidc", "add", "work", "--issuer", "https://id.example.org", "--client-id", "x"], Listed),
    },
    Kind {
        what: "a webhook for alarms",
        page: ("/-/alarms/webhooks", "url=https%3A%2F%2Fpager.example.org%2Fx", Listed),
        api: ("/admin/alarm-webhooks", r#"{"url":"https://pager.example.org/y"}"#, Refused),
        machine: (&["alarms", "webhook-add", "https://pager.example.org/z"], Listed),
    },
    Kind {
        what: "another's second factor removed",
        page: ("/-/settings/security/remove", "id=1", Refused),
        api: ("/outlast/orders", r#"{"act":"factor-remove","subject":"{factor}"}"#, Ordered),
        machine: (&["order", "ask", "factors-optional"], Refused),
    },
];

/// All credentials that were ever made, by id, and what else is no credential: accounts, providers, as the log has them.
fn inventory(story: &Story) -> BTreeMap<u64, Value> {
    let listed = story.site().cli(&["--json", "credentials"]).success();
    let mut made = BTreeMap::new();
    for row in serde_json::from_str::<Vec<Value>>(&listed).unwrap() {
        made.insert(row["id"].as_u64().unwrap(), row);
    }
    for kind in ["UserCreated", "OidcProviderSet"] {
        let lines = story.site().cli(&["audit", "--json", "--kind", kind]).success();
        for line in lines.trim().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            made.insert(line["entry"].as_u64().unwrap(), line);
        }
    }
    made
}

/// What a try came to: from the answer, and from what there is now and was not before.
fn came(what: &str, ordered: bool, taken: bool, before: &BTreeMap<u64, Value>, after: &BTreeMap<u64, Value>) -> Comes {
    let new: Vec<_> = after.iter().filter(|(id, _)| !before.contains_key(id)).map(|(_, row)| row).collect();
    if ordered {
        assert!(new.iter().all(|row| row["event"] == "UserCreated"), "{what}: {new:#?}");
        return Ordered;
    }
    match new.as_slice() {
        [] => {
            assert!(!taken, "{what}: it was taken, and nothing shows it");
            Refused
        }
        [one] => {
            if one["good"] == false {
                Asleep
            } else {
                Listed
            }
        }
        more => panic!("{what}: {} things at once: {more:#?}", more.len()),
    }
}

pub(super) fn every_kind_by_every_door(story: &mut Story, live: &Browser) {
    let key = Ssh::new(&story.world, "opal", &[]);
    key.add_to(&story.world, "opal");
    let mut wrong = Vec::new();
    for (n, kind) in KINDS.iter().enumerate() {
        let fresh = |door: &str| {
            let file = story.world.path(&format!("spare-{n}-{door}"));
            let public = ssh_keygen(&file, &[]);
            let own = story.world.path(&format!("own-{n}-{door}"));
            let officer = cli(["officer", "key", "--out", own.to_str().unwrap()]).success().trim().to_owned();
            (file.with_extension("pub").to_str().unwrap().to_owned(), public, officer)
        };
        let factor = story.factor.to_string();
        let filled = |text: &str, (file, key, officer): &(String, String, String), form: bool| {
            let quoted = |text: &str| if form { encoded(text) } else { text.to_owned() };
            let text = text.replace("{key}", &quoted(key)).replace("{officer}", &quoted(officer));
            text.replace("{file}", file).replace("{factor}", &factor)
        };
        let mut judge = |door: &str, comes: Comes, tries: &dyn Fn() -> (bool, bool, String), story: &Story| {
            let before = inventory(story);
            let (ordered, taken, said) = tries();
            let what = format!("{} by the {door}", kind.what);
            let found = came(&what, ordered, taken, &before, &inventory(story));
            if found != comes {
                wrong.push(format!("{what}: {found:?}, not {comes:?}: {said}"));
            }
        };
        let (path, body, comes) = kind.page;
        let body = filled(body, &fresh("page"), true);
        let page = || {
            let answer = live.post(path, &body);
            let to = answer.header("location").unwrap_or_default().to_owned();
            (to.starts_with("/-/orders/"), false, format!("{} {to} {}", answer.status, answer.text()))
        };
        judge("page", comes, &page, story);
        let (path, body, comes) = kind.api;
        let body = filled(body, &fresh("api"), false);
        let api = || {
            let answer = asks(story.site(), &story.operator, "POST", &format!("/api/v1{path}"), &body);
            (answer.status == 202, answer.status < 300, format!("{} {}", answer.status, answer.text()))
        };
        judge("API", comes, &api, story);
        let (arguments, comes) = kind.machine;
        let spare = fresh("machine");
        let arguments: Vec<String> = arguments.iter().map(|text| filled(text, &spare, false)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let machine = || {
            let said = story.site().cli(&arguments);
            (said.stdout.contains("order "), said.ok, format!("{}{}", said.stdout, said.stderr))
        };
        judge("command line", comes, &machine, story);
        let command = arguments.join(" ");
        let shell = || {
            let (status, out, error) = key.run(&[], Some(&command));
            (false, status == 0, format!("{status} {out}{error}"))
        };
        judge("SSH", Refused, &shell, story);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    wait_until("the officers hear of it", 30, || story.alarms().contains("privileged-credential"));
    let orders = story.site().cli(&["order", "list", "--json"]).success();
    let orders: Vec<Value> = serde_json::from_str(&orders).unwrap();
    story.orders = orders.iter().map(|order| order["id"].to_string()).collect();
    let what =
        format!("{} kinds of spare logins by four doors: each is refused, ordered, asleep or listed", KINDS.len());
    held("D4", &what);
}

/// A new account of his, with a token and a key: what an ordinary one gets, and is listed for.
pub(super) fn an_account(story: &mut Story) -> String {
    story.world.site.cli_with(&super::create("x", &[]), &password("x")).success();
    let lines = story.site().cli(&["audit", "--json", "--kind", "UserCreated"]).success();
    let last: Value = serde_json::from_str(lines.trim().lines().last().unwrap()).unwrap();
    story.since = last["time"].as_str().unwrap().to_owned();
    token(story.site(), "x", "repo:read,user:read,user:write")
}
