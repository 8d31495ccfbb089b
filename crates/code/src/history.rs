//! Revisions, names, who wrote what when.

use crate::CodePath;
use std::fmt;

/// What names a revision for ever: a full object id in hex, or `r123`; and `PATH@r123`, a part of the tree at a revision.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionId(pub String);

impl RevisionId {
    /// The path that its root is, where it names only a part of the tree; otherwise the root.
    #[must_use]
    pub fn root(&self) -> CodePath {
        let root = self.0.rsplit_once('@').map_or("", |(root, _)| root);
        root.parse().unwrap_or_default()
    }

    /// Whether it names only a part of the tree at a revision.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.0.contains('@')
    }

    /// As people write it: ten digits of a hash, all of a number.
    #[must_use]
    pub fn short(&self) -> &str {
        if self.0.starts_with('r') || self.is_part() { &self.0 } else { self.0.get(..10).unwrap_or(&self.0) }
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A moment as its author's clock had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time {
    /// Seconds since 1970, UTC.
    pub seconds: i64,
    /// The author's distance from UTC, seconds.
    pub offset: i32,
}

/// Who a revision says wrote it. Nothing vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Person {
    /// The name, made visible.
    pub name: String,
    /// The address, made visible.
    pub email: String,
    /// When.
    pub time: Time,
}

/// A signature that a revision carries. It is shown, not believed: whose key it is, is known elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// OpenPGP; the issuer's key id or fingerprint in hex, where the signature names it.
    OpenPgp(Option<String>),
    /// SSH; the key's `SHA256:` fingerprint, and whether the signature is right for that key.
    Ssh {
        /// The key's fingerprint.
        fingerprint: String,
        /// The key and the signed bytes fit the signature.
        valid: bool,
    },
    /// X.509.
    X509,
    /// Something that could not be read.
    Unknown,
}

/// A revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its name for ever.
    pub id: RevisionId,
    /// What it was made from.
    pub parents: Vec<RevisionId>,
    /// Who wrote the change.
    pub author: Person,
    /// Who put it in.
    pub committer: Person,
    /// What was said: visible text.
    pub message: String,
    /// The signature it carries.
    pub signature: Option<Signature>,
}

impl Revision {
    /// The message's first line.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.trim_start().lines().next().unwrap_or_default()
    }

    /// The message after its first line.
    #[must_use]
    pub fn body(&self) -> &str {
        self.message.trim_start().split_once('\n').map_or("", |(_, rest)| rest.trim())
    }
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// It moves on.
    Branch,
    /// It stays.
    Tag,
}

/// A branch or tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is.
    pub kind: NameKind,
    /// The short name, without `refs/heads/`.
    pub name: String,
    /// The revision it stands for.
    pub revision: Revision,
    /// Revisions it has and the default branch has not, and the other way round; None: not asked for, or too many.
    pub ahead_behind: Option<(u32, u32)>,
    /// An annotated tag's own message.
    pub annotation: Option<String>,
}

/// What of the history is asked for.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Only what changed here; the root: everything.
    pub path: CodePath,
    /// Follow a file to what it was called before.
    pub follow: bool,
    /// Words that the message or the author must have, in any case.
    pub words: Option<String>,
    /// Leave out what comes before (and is) this revision.
    pub without: Option<RevisionId>,
    /// Pass over so many.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

/// One line of a path's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStep {
    /// The revision.
    pub revision: Revision,
    /// What the path was called in it.
    pub path: CodePath,
}

/// One row of a drawn history: its lane, and the lines that go from this row to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphRow {
    /// The revision.
    pub revision: Revision,
    /// Names that stand on it.
    pub names: Vec<(NameKind, String)>,
    /// Which lane its dot is in, from 0.
    pub lane: u16,
    /// Lines to the next row: from lane, to lane, colour.
    pub lines: Vec<(u16, u16, u16)>,
}

/// Lines that came with one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlameHunk {
    /// The first line, from 1.
    pub line: u32,
    /// How many.
    pub lines: u32,
    /// Index into [`Blame::revisions`].
    pub revision: usize,
    /// What the file was called then, where it was called otherwise.
    pub path: Option<CodePath>,
}

/// Who wrote each line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// Each revision once.
    pub revisions: Vec<Revision>,
    /// The whole file, in order.
    pub hunks: Vec<BlameHunk>,
}
