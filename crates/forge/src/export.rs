//! Leaving with everything, and arriving with it: a directory that `git`, `sha256sum` and any reader of JSON understand.
//! `docs/formats/export.md` has the layout.
//!
//! Invariants:
//! 1. The manifest is written last and signed: a directory with one is whole.
//! 2. A repository is complete when it has its name: it is made beside, checked with `git fsck`, and renamed. A run that was cut
//!    short is finished by running it again; what is there already and still true is kept.
//! 3. An import reads nothing before the checksums of everything are right, and brings Git's objects in through the same door as
//!    a push.

mod archive;
mod bundle;
mod files;
mod import;
mod manifest;
mod repository;
mod run;
mod shape;
mod subversion;

pub use archive::ARCHIVES_MAX;
pub(crate) use archive::sweep;
pub use import::{ImportReport, ImportedRepository};
pub use manifest::{Manifest, ManifestError};
pub use run::ExportReport;
pub use shape::{PeopleFile, PersonFile, RepositoryFile, SvnFile};

use crate::error::Error;
use crate::names::{RepoPath, UserName};
use std::fmt;
use std::str::FromStr;

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All that the site has.
    Everything,
    /// What is in an owner's namespace, and its account.
    Owner(UserName),
    /// One repository, and its owner's account.
    Repository(RepoPath),
}

impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid =
            |e: &dyn fmt::Display| Error::invalid(format!("{e}; export `everything`, an OWNER, or OWNER/NAME"));
        match text {
            "everything" => Ok(Self::Everything),
            _ if text.contains('/') => text.parse().map(Self::Repository).map_err(|e| invalid(&e)),
            _ => text.parse().map(Self::Owner).map_err(|e| invalid(&e)),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Owner(name) => write!(f, "{name}"),
            Self::Repository(path) => write!(f, "{path}"),
        }
    }
}

impl Subject {
    /// Whether a repository at this path is meant.
    pub(crate) fn has(&self, path: &str) -> bool {
        let lower = path.to_lowercase();
        match self {
            Self::Everything => true,
            Self::Owner(name) => lower.starts_with(&format!("{}/", name.as_str().to_lowercase())),
            Self::Repository(wanted) => lower == wanted.to_string().to_lowercase(),
        }
    }

    /// Whether the account of this name is meant.
    fn has_person(&self, name: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Owner(owner) => owner.as_str().eq_ignore_ascii_case(name),
            Self::Repository(path) => {
                path.owner().first().is_some_and(|owner| owner.as_str().eq_ignore_ascii_case(name))
            }
        }
    }
}
