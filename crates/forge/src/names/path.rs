//! Where a repository is: `owner/name`, or `group/sub/name`.

use super::{RepoName, UserName};
use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// How deep namespaces nest.
pub const NAMESPACE_DEPTH_MAX: usize = 8;

/// Whose a repository is: a person, an organisation, or one that lies in others, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerPath(Vec<UserName>);

impl OwnerPath {
    /// From its names, outermost first; at least one.
    pub(crate) fn from_names(names: Vec<UserName>) -> Self {
        Self(names)
    }

    /// The names, outermost first; at least one.
    #[must_use]
    pub fn names(&self) -> &[UserName] {
        &self.0
    }

    /// Those it lies in, and its own name.
    #[must_use]
    pub fn split(&self) -> (&[UserName], &UserName) {
        let (last, above) = self.0.split_last().expect("an owner has a name");
        (above, last)
    }
}

impl From<UserName> for OwnerPath {
    fn from(name: UserName) -> Self {
        Self(vec![name])
    }
}

impl FromStr for OwnerPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // Counted before anything is parsed: an address may be long.
        if text.split('/').count() > NAMESPACE_DEPTH_MAX {
            return Err(Error::invalid(format!("namespaces nest {NAMESPACE_DEPTH_MAX} deep and no deeper")));
        }
        text.split('/').enumerate().map(|(i, part)| segment(i, part)).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for OwnerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(UserName::as_str).collect();
        f.write_str(&names.join("/"))
    }
}

/// A repository's path: its namespaces, outermost first, and its name. No leading slash, no `.git` at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath {
    owner: Vec<UserName>,
    name: RepoName,
}

impl RepoPath {
    /// The repository `name` of a person.
    #[must_use]
    pub fn new(owner: UserName, name: RepoName) -> Self {
        Self { owner: vec![owner], name }
    }

    /// The namespaces, outermost first; at least one.
    #[must_use]
    pub fn owner(&self) -> &[UserName] {
        &self.owner
    }

    /// The namespaces as one text: `group/sub`.
    #[must_use]
    pub fn owner_text(&self) -> String {
        let names: Vec<&str> = self.owner.iter().map(UserName::as_str).collect();
        names.join("/")
    }

    /// The repository of Subversion that an address is below of, and how much of the address that is: `/OWNER/NAME.svn`, and
    /// whatever lies in it.
    #[must_use]
    pub fn split_svn(address: &str) -> Option<(Self, usize)> {
        let front = address.split_once("/-/").map_or(address, |(front, _)| front);
        let ends = front.match_indices(".svn").map(|(at, _)| at);
        let end = ends.into_iter().find(|at| matches!(front[at + 4..].bytes().next(), None | Some(b'/')))?;
        Some((address.get(1..end)?.parse().ok()?, end + 4))
    }

    /// The last part.
    #[must_use]
    pub fn name(&self) -> &RepoName {
        &self.name
    }
}

impl FromStr for RepoPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (owner, name) = text.rsplit_once('/').ok_or_else(|| Error::invalid("a repository is named OWNER/NAME"))?;
        let OwnerPath(owner) = owner.parse()?;
        Ok(Self { owner, name: name.parse()? })
    }
}

/// Only the first part of an address can be mistaken for one of the site's own.
fn segment(depth: usize, part: &str) -> Result<UserName, Error> {
    if depth == 0 {
        return part.parse();
    }
    super::check("a namespace's name", part, super::USER_NAME_BYTES_MAX)?;
    Ok(UserName(part.to_owned()))
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.iter().try_for_each(|name| write!(f, "{name}/"))?;
        self.name.fmt(f)
    }
}
