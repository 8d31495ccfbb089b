//! What a token may be used for.

use crate::error::Error;
use std::collections::BTreeSet;
use std::fmt;

/// One permission of a token. It never gives more than its owner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Fetch from private repositories.
    RepoRead,
    /// Push, and change repositories.
    RepoWrite,
    /// Make repositories.
    RepoCreate,
    /// Make and change organisations, who is in them, and their teams.
    OrgWrite,
    /// Give people a role in what one administers or owns: besides the scope for the place.
    Access,
    /// See one's own account and the insides of one's organisations.
    UserRead,
    /// Change it, and list and revoke one's tokens.
    UserWrite,
    /// Use the operator's part of the API, if the owner is an operator.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RepoRead,
        Self::RepoWrite,
        Self::RepoCreate,
        Self::OrgWrite,
        Self::Access,
        Self::UserRead,
        Self::UserWrite,
        Self::Admin,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepoRead => "repo:read",
            Self::RepoWrite => "repo:write",
            Self::RepoCreate => "repo:create",
            Self::OrgWrite => "org:write",
            Self::Access => "access",
            Self::UserRead => "user:read",
            Self::UserWrite => "user:write",
            Self::Admin => "admin",
        }
    }

    /// What having this one includes.
    #[must_use]
    pub fn implies(self, other: Self) -> bool {
        let wider = matches!((self, other), (Self::RepoWrite, Self::RepoRead) | (Self::UserWrite, Self::UserRead));
        self == other || wider
    }
}

/// The scopes of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// From words as people write them. Unknown words, and none at all, are refused; `repo` and `user` stand for all of theirs.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut scopes = BTreeSet::new();
        for word in words.into_iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty()) {
            let named: Vec<_> = Scope::ALL.into_iter().filter(|s| stands_for(word, *s)).collect();
            if named.is_empty() {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                return Err(Error::invalid(format!("a scope is one of {known}")));
            }
            scopes.extend(named);
        }
        if scopes.is_empty() {
            return Err(Error::invalid("a token needs at least one scope, for instance repo:write"));
        }
        Ok(Self(scopes))
    }

    /// From the words a journal keeps. A word of a later release is skipped: it gives nothing here.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.split(',').filter_map(|w| Scope::ALL.into_iter().find(|s| s.as_str() == w)).collect())
    }

    /// Every scope there is: what the site itself acts with.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.into())
    }

    /// Whether this one is among them, or is part of a wider one that is.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.0.iter().any(|s| s.implies(scope))
    }

    /// The words, in a fixed order.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(|s| s.as_str().to_owned()).collect()
    }
}

fn stands_for(word: &str, scope: Scope) -> bool {
    scope.as_str() == word || scope.as_str().split_once(':').is_some_and(|(group, _)| group == word)
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_words_separated_by_commas() {
        let scopes = Scopes::parse(["repo:write, user:read"]).unwrap();
        assert_eq!(scopes.to_string(), "repo:write,user:read");
        assert!(scopes.has(Scope::RepoRead), "writing includes reading");
        assert!(!scopes.has(Scope::UserWrite) && !scopes.has(Scope::Admin) && !scopes.has(Scope::RepoCreate));
        assert_eq!(Scopes::from_stored(&scopes.to_string()), scopes);
        assert_eq!(Scopes::parse(["repo"]).unwrap().words(), ["repo:read", "repo:write", "repo:create"]);
    }

    #[test]
    fn unknown_words_are_refused_and_when_stored_give_nothing() {
        for bad in ["", ",", "all", "*", "repo:", "REPO:READ", "repo:read;admin"] {
            assert!(Scopes::parse([bad]).is_err(), "{bad}");
        }
        assert_eq!(Scopes::from_stored("future:thing"), Scopes::default());
    }
}
