//! Six people who ask the same things.

use super::PRIVATE;
use super::routes::Row;
use crate::common::{Answer, World, request};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    Nobody,
    Stranger,
    Reader,
    Writer,
    Owner,
    Operator,
}

impl Person {
    pub(super) const ALL: [Self; 6] =
        [Self::Nobody, Self::Stranger, Self::Reader, Self::Writer, Self::Owner, Self::Operator];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Stranger => "sam",
            Self::Reader => "rob",
            Self::Writer => "wil",
            Self::Owner => "ann",
            Self::Operator => "opal",
        }
    }
}

/// A site with the six, and a private repository of Ann's.
pub(super) struct People {
    world: World,
    tokens: Vec<(Person, String)>,
    /// The entry of the push.
    entry: u64,
}

const SCOPES: &str = "repo:read,repo:write,repo:create,user:read,user:write";

impl People {
    pub(super) fn new() -> Self {
        let world = World::new();
        let git = world.repository("secret");
        git.run(["branch", "side"]).success();
        let entry = world.push(&git, &["main", "side"]).entry;
        world.site.cli(&["user", "create", "eve", "--email", "eve@example.org"]).success();
        let mut tokens = vec![(Person::Owner, world.token.clone())];
        for person in [Person::Stranger, Person::Reader, Person::Writer, Person::Operator] {
            let email = format!("{}@example.org", person.name());
            let mut create = vec!["user", "create", person.name(), "--email", &email];
            create.extend((person == Person::Operator).then_some("--operator"));
            world.site.cli(&create).success();
            let scopes = if person == Person::Operator { format!("{SCOPES},admin") } else { SCOPES.to_owned() };
            let token = world.site.cli(&["token", "create", person.name(), "--scope", &scopes]).success();
            tokens.push((person, token.trim().to_owned()));
        }
        let people = Self { world, tokens, entry };
        for (person, permission) in [(Person::Reader, "read"), (Person::Writer, "write")] {
            let address = format!("/api/v1/repos/{PRIVATE}/collaborators/{}", person.name());
            let body = format!("{{\"permission\":\"{permission}\"}}");
            assert_eq!(people.send(Person::Owner, "PUT", &address, &body).status, 204);
        }
        people
    }

    /// Asks, as `person`.
    pub(super) fn send(&self, person: Person, method: &str, address: &str, body: &str) -> Answer {
        let mut headers = Vec::new();
        let credential = self.tokens.iter().find(|(who, _)| *who == person).map(|(_, token)| format!("Bearer {token}"));
        if let Some(credential) = &credential {
            headers.push(("Authorization", credential.as_str()));
        }
        if body.starts_with('{') {
            headers.push(("Content-Type", "application/json"));
        }
        request(&self.world.site.address, method, address, &headers, body.as_bytes()).unwrap()
    }

    /// The address of a route's example, about the repository `repo`.
    pub(super) fn address(&self, row: &Row, repo: &str) -> String {
        let spare = if row.address.contains("{spare}") { self.spare_token() } else { String::new() };
        let address = row.address.replace("{repo}", repo).replace("{spare}", &spare);
        address.replace("{entry}", &self.entry.to_string())
    }

    /// A token of Ann's that may be revoked.
    fn spare_token(&self) -> String {
        self.world.site.cli(&["token", "create", "ann", "--scope", "repo:read", "--name", "spare"]).success();
        let listed: serde_json::Value =
            serde_json::from_str(&self.send(Person::Owner, "GET", "/api/v1/users/ann/tokens", "").text()).unwrap();
        let ids = listed.as_array().unwrap().iter().filter_map(|token| token["id"].as_u64());
        ids.max().unwrap().to_string()
    }

    /// How many entries the journal has.
    pub(super) fn journal(&self) -> u64 {
        self.world.metric("outlast_journal_entries", "").unwrap().round() as u64
    }
}

/// Whether an answer says no: not signed in, not allowed, not there, not this way, or sign in first.
pub(super) fn refuses(answer: &Answer) -> bool {
    let to_sign_in = || answer.header("location").is_some_and(|to| to.starts_with("/-/sign-in"));
    matches!(answer.status, 401 | 403 | 404 | 405) || (answer.status == 303 && to_sign_in())
}

/// All of an answer but its time, with the repository's name taken out.
pub(super) fn comparable(answer: &Answer, repo: &str) -> String {
    let name = repo.rsplit('/').next().unwrap();
    let headers = answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date"));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), answer.text()).replace(name, "NAME")
}
