//! Protections: which refs only some may push to, rewind or delete.

use super::repo::Access;
use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// What a protection is about.
    Protected {
        /// `refs/heads/...`
        0 Branch = "branch",
        /// `refs/tags/...`
        1 Tag = "tag",
    }
}

/// Who may do something to a protected ref, besides having the role for it without protection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Allowed {
    /// Everybody with this role or a higher one; None: nobody for their role.
    #[n(0)]
    pub role: Option<Access>,
    /// These accounts.
    #[n(1)]
    pub people: Vec<u64>,
    /// Those in these teams.
    #[n(2)]
    pub teams: Vec<u64>,
}

/// A protection was made or changed. A new one's id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProtectionSet {
    /// Which; None: a new one.
    #[n(0)]
    pub id: Option<u64>,
    /// The repository.
    #[n(1)]
    pub repo: u64,
    /// Branches or tags.
    #[n(2)]
    pub kind: Protected,
    /// Their names, without `refs/heads/` or `refs/tags/`; `*`, `**` and `?` stand for any.
    #[n(3)]
    pub pattern: String,
    /// Who makes such a ref, and moves it forward.
    #[n(4)]
    pub push: Allowed,
    /// Who moves it so that commits are left behind; a tag: anywhere.
    #[n(5)]
    pub force: Allowed,
    /// Who deletes it.
    #[n(6)]
    pub delete: Allowed,
    /// Of branches: each commit that comes must carry a verified signature. None: need not.
    #[n(7)]
    pub signed: Option<bool>,
    /// Of branches: paths that only some may change.
    #[n(8)]
    pub paths: Option<PathsProtected>,
}

/// Paths that only some may change.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PathsProtected {
    /// Which: from the root of the tree; `*`, `**` and `?` stand for any, and a slash at the end for all below.
    #[n(0)]
    pub patterns: Vec<String>,
    /// Who.
    #[n(1)]
    pub change: Allowed,
}

impl ProtectionSet {
    /// Whether both are the same rule, under whatever number.
    pub(crate) fn is_same_rule(&self, other: &Self) -> bool {
        let rule = |set: &Self| Self { id: None, ..set.clone() };
        rule(self) == rule(other)
    }
}

impl Payload for ProtectionSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let id = self.id.unwrap_or(at.seq);
        if self.id.is_none() {
            let sql = "INSERT INTO protection (id, repo, kind, pattern, push_role, force_role, delete_role, seq, signed, path_role,
                       created_us) VALUES (?1, ?2, ?3, ?4, NULL, NULL, NULL, ?1, ?5, NULL, ?6)";
            let [kind, pattern] = [self.kind.as_str().into(), (&self.pattern).into()];
            tx.execute(sql, &[id.into(), self.repo.into(), kind, pattern, false.into(), at.time_us.into()])?;
        }
        let paths = self.paths.as_ref();
        let values: [Value; 9] = [
            id.into(),
            self.kind.as_str().into(),
            (&self.pattern).into(),
            self.push.role.map(Access::as_str).into(),
            self.force.role.map(Access::as_str).into(),
            self.delete.role.map(Access::as_str).into(),
            at.seq.into(),
            self.signed.unwrap_or(false).into(),
            paths.and_then(|paths| paths.change.role).map(Access::as_str).into(),
        ];
        let sql =
            "UPDATE protection SET kind = ?2, pattern = ?3, push_role = ?4, force_role = ?5, delete_role = ?6, seq = ?7,
                   signed = ?8, path_role = ?9 WHERE id = ?1";
        must_change_one(tx.execute(sql, &values)?, "protection", at)?;
        parts_delete(tx, id)?;
        for pattern in paths.into_iter().flat_map(|paths| &paths.patterns) {
            let sql = "INSERT INTO protection_path (protection, pattern, seq) VALUES (?1, ?2, ?3)
                       ON CONFLICT (protection, pattern) DO NOTHING";
            tx.execute(sql, &[id.into(), pattern.into(), at.seq.into()])?;
        }
        let acts = [("push", &self.push), ("force", &self.force), ("delete", &self.delete)];
        for (act, allowed) in acts.into_iter().chain(paths.map(|paths| ("path", &paths.change))) {
            let people = allowed.people.iter().map(|id| ("person", *id));
            let teams = allowed.teams.iter().map(|id| ("team", *id));
            for (kind, actor) in people.chain(teams) {
                let sql = "INSERT INTO protection_actor (protection, act, kind, actor, seq) VALUES (?1, ?2, ?3, ?4, ?5)
                           ON CONFLICT (protection, act, kind, actor) DO NOTHING";
                tx.execute(sql, &[id.into(), act.into(), kind.into(), actor.into(), at.seq.into()])?;
            }
        }
        Ok(())
    }
}

/// Whom and which paths a protection names.
fn parts_delete(tx: &mut Tx, id: u64) -> Result<(), ApplyError> {
    tx.execute("DELETE FROM protection_actor WHERE protection = ?1", &[id.into()])?;
    tx.execute("DELETE FROM protection_path WHERE protection = ?1", &[id.into()])?;
    Ok(())
}

/// A protection is no more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProtectionRemoved {
    /// Which.
    #[n(0)]
    pub id: u64,
}

impl Payload for ProtectionRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        parts_delete(tx, self.id)?;
        must_change_one(tx.execute("DELETE FROM protection WHERE id = ?1", &[self.id.into()])?, "protection", at)
    }
}
