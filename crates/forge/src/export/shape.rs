//! The documented JSON of an export (docs/formats/export.schema.json). Fields are added, never changed.

use crate::people::query::User;
use crate::repo::Repo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `people.json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleFile {
    /// `outlast-export-people/1`
    pub format: String,
    /// The accounts.
    pub people: Vec<PersonFile>,
}

/// An account. No password, token or key leaves with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFile {
    /// Its name.
    pub name: String,
    /// Where to write to it.
    pub email: Option<String>,
    /// The name as people write it.
    pub full_name: Option<String>,
    /// A few words of theirs.
    pub bio: Option<String>,
    /// An address of theirs.
    pub website: Option<String>,
    /// Microseconds since 1970.
    pub created_us: i64,
}

impl From<User> for PersonFile {
    fn from(user: User) -> Self {
        let User { name, email, full_name, bio, website, created_us, .. } = user;
        Self { name, email, full_name, bio, website, created_us }
    }
}

/// `repositories/OWNER/NAME/repository.json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryFile {
    /// `outlast-export-repository/1`
    pub format: String,
    /// `OWNER/NAME`
    pub path: String,
    /// `sha1` or `sha256`
    pub object_format: String,
    /// `public`, `internal` or `private`
    pub visibility: String,
    /// What HEAD points to, a full ref name.
    pub head: String,
    /// What it is, in a few words.
    pub description: Option<String>,
    /// Where there is more.
    pub website: Option<String>,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// When it was last pushed to.
    pub pushed_us: Option<i64>,
    /// Each ref and the object it is at, in hexadecimal.
    pub refs: BTreeMap<String, String>,
    /// Who may use it besides its owner, and how.
    pub collaborators: BTreeMap<String, String>,
    /// SHA-256 of the bundle; none when there is nothing in it.
    pub bundle: Option<String>,
    /// What it is as a repository of Subversion; none: it is one of Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svn: Option<SvnFile>,
}

/// A repository of Subversion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SvnFile {
    /// Its UUID.
    pub uuid: String,
    /// Its newest revision.
    pub youngest: u64,
    /// The entry of the journal that last changed it.
    pub entry: u64,
    /// SHA-256 of `repository.dump`.
    pub dump: String,
}

impl RepositoryFile {
    /// Without its bundle's hash, which is known when that is written.
    pub(super) fn new(repo: &Repo, refs: BTreeMap<String, String>, collaborators: BTreeMap<String, String>) -> Self {
        Self {
            format: REPOSITORY_FORMAT.to_owned(),
            path: repo.path.clone(),
            object_format: repo.format.as_str().to_owned(),
            visibility: repo.visibility.as_str().to_owned(),
            head: repo.head.clone(),
            description: repo.description.clone(),
            website: repo.website.clone(),
            created_us: repo.created_us,
            pushed_us: repo.pushed_us,
            refs,
            collaborators,
            bundle: None,
            svn: None,
        }
    }
}

pub(super) const PEOPLE_FORMAT: &str = "outlast-export-people/1";
pub(super) const REPOSITORY_FORMAT: &str = "outlast-export-repository/1";
