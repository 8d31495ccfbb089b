//! Subversion's rules: who may see and change which paths, and what a commit must be like.

use super::repo::Access;
use super::{ApplyError, Payload, Stamp, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// What one may do below a path.
    PathAccess {
        /// Not even see that it is there.
        0 Nothing = "none",
        /// Read it.
        1 Read = "read",
        /// And change it, as far as one may write to the repository.
        2 Write = "write",
    }
}

wire::words! {
    /// Whom a rule of paths is about.
    Actor {
        /// Whoever there is no other rule for, people who are not signed in among them.
        0 Anyone = "anyone",
        /// An account.
        1 Person = "person",
        /// Those in a team.
        2 Team = "team",
    }
}

/// What somebody may do below a path.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PathRule {
    /// The path: `/` for all of it, else with a slash at its beginning and none at its end.
    #[n(0)]
    pub path: String,
    /// Who.
    #[n(1)]
    pub actor: Actor,
    /// The account's or the team's id; 0 for anyone.
    #[n(2)]
    pub id: u64,
    /// What.
    #[n(3)]
    pub access: PathAccess,
}

/// A repository has these rules of paths from now on, and no others.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnPathRulesSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The rules, in the order in which they are shown; for each path and actor one.
    #[n(1)]
    pub rules: Vec<PathRule>,
}

impl Payload for SvnPathRulesSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM svn_path_rule WHERE repo = ?1", &[self.repo.into()])?;
        for (place, rule) in (0_u64..).zip(&self.rules) {
            let sql = "INSERT INTO svn_path_rule (repo, place, path, actor, actor_id, access, seq)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let values: [Value; 7] = [
                self.repo.into(),
                place.into(),
                (&rule.path).into(),
                rule.actor.as_str().into(),
                rule.id.into(),
                rule.access.as_str().into(),
                at.seq.into(),
            ];
            tx.execute(sql, &values)?;
        }
        Ok(())
    }
}

/// What a repository's commits must be like from now on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnCommitRulesSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// Characters that a log message has at least.
    #[n(1)]
    pub message_chars_min: u64,
    /// What a log message must be like: `*` stands for anything, `?` for one character; empty: like anything.
    #[n(2)]
    pub message_pattern: String,
    /// Bytes of one file; None: as many as it likes.
    #[n(3)]
    pub file_bytes_max: Option<u64>,
    /// Names that nothing new may have, one a line: `*` stands for anything, `?` for one character.
    #[n(4)]
    pub forbidden_names: String,
    /// Two names in one directory must differ in more than upper and lower case.
    #[n(5)]
    pub no_case_clashes: bool,
    /// What lies in a directory `tags` never changes.
    #[n(6)]
    pub tags_fixed: bool,
    /// Who may correct a log message; None: nobody.
    #[n(7)]
    pub message_by: Option<Access>,
    /// Whether administrators may change a revision's author and date.
    #[n(8)]
    pub author_changes: bool,
}

impl Payload for SvnCommitRulesSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql =
            "INSERT INTO svn_commit_rules (repo, message_chars_min, message_pattern, file_bytes_max, forbidden_names,
                   no_case_clashes, tags_fixed, message_by, author_changes, seq)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                   ON CONFLICT (repo) DO UPDATE SET message_chars_min = excluded.message_chars_min,
                   message_pattern = excluded.message_pattern, file_bytes_max = excluded.file_bytes_max,
                   forbidden_names = excluded.forbidden_names, no_case_clashes = excluded.no_case_clashes,
                   tags_fixed = excluded.tags_fixed, message_by = excluded.message_by,
                   author_changes = excluded.author_changes, seq = excluded.seq";
        let values: [Value; 10] = [
            self.repo.into(),
            self.message_chars_min.into(),
            (&self.message_pattern).into(),
            self.file_bytes_max.into(),
            (&self.forbidden_names).into(),
            self.no_case_clashes.into(),
            self.tags_fixed.into(),
            self.message_by.map(Access::as_str).into(),
            self.author_changes.into(),
            at.seq.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}
