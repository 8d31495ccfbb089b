//! What a revision's id names: all of a revision, or a part of its tree.

use super::{SvnSource, unread};
use code::{CodePath, Person, ReadError, Revision, RevisionId, Time, visible};
use fsfs::{Node, seconds};
use std::sync::Arc;

/// The most bytes of a log message that are shown.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A revision and the path that counts as its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) rev: u64,
    pub(crate) root: CodePath,
}

impl Place {
    pub(crate) fn id(&self) -> RevisionId {
        // Ids are text; a root that is none has no id of its own, see `names`.
        let root = std::str::from_utf8(self.root.as_bytes()).unwrap_or_default();
        RevisionId(if root.is_empty() { format!("r{}", self.rev) } else { format!("{root}@r{}", self.rev) })
    }

    /// A path below the root, from the repository's root.
    pub(crate) fn path(&self, path: &CodePath) -> Result<CodePath, ReadError> {
        join(&self.root, path)
    }
}

pub(crate) fn join(above: &CodePath, path: &CodePath) -> Result<CodePath, ReadError> {
    if above.is_root() {
        return Ok(path.clone());
    }
    let whole = [above.as_bytes(), b"/", path.as_bytes()].concat();
    CodePath::parse(&whole).map_err(|error| ReadError::Invalid(error.to_string()))
}

/// `r123`, or `123`.
pub(crate) fn revision_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('r').unwrap_or(text);
    let all = !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all { digits.parse().ok() } else { None }
}

/// A path of the repository's own kind: with a slash first.
pub(crate) fn from_fs(path: &[u8]) -> Result<CodePath, ReadError> {
    CodePath::parse(path).map_err(|error| ReadError::Damaged(error.to_string()))
}

impl SvnSource {
    /// What an id names. It need not be there.
    pub(crate) fn place(&self, id: &RevisionId) -> Result<Place, ReadError> {
        let none = || ReadError::NotFound(format!("revision {}", visible(id.0.as_bytes())));
        let (root, rev) = id.0.rsplit_once('@').unwrap_or(("", &id.0));
        let rev = revision_number(rev).filter(|rev| *rev <= self.youngest).ok_or_else(none)?;
        let root = root.parse().map_err(|_| none())?;
        Ok(Place { rev, root })
    }

    /// What is at a path of a place.
    pub(crate) fn node(&self, place: &Place, path: &CodePath) -> Result<Arc<Node>, ReadError> {
        let whole = place.path(path)?;
        let found = self.fs.at(place.rev, whole.as_bytes()).map_err(unread)?;
        found.ok_or_else(|| ReadError::NotFound(format!("{} in r{}", whole.shown(), place.rev)))
    }

    /// A revision of everything, as people are shown it.
    pub(crate) fn revision(&self, rev: u64) -> Result<Revision, ReadError> {
        let properties = self.fs.recent_revision_properties(rev, self.generation).map_err(unread)?;
        let author = visible(properties.get("svn:author").unwrap_or_default());
        let name = if author.is_empty() { "nobody known".to_owned() } else { author };
        let seconds = properties.text("svn:date").and_then(|date| seconds(&date)).unwrap_or(0);
        let person = Person { email: name.clone(), name, time: Time { seconds, offset: 0 } };
        let message = properties.get("svn:log").unwrap_or_default();
        let message = &message[..message.len().min(MESSAGE_BYTES_MAX)];
        Ok(Revision {
            id: RevisionId(format!("r{rev}")),
            parents: rev.checked_sub(1).map(|before| RevisionId(format!("r{before}"))).into_iter().collect(),
            author: person.clone(),
            committer: person,
            message: visible(message),
            signature: None,
        })
    }

    /// What is the newest that may be seen.
    pub(crate) fn youngest(&self) -> u64 {
        self.youngest
    }
}
