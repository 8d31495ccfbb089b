//! Pushes: the refs they move and the packs they bring.

use super::site::Part;
use super::{ApplyError, Oid, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use journal::BlobName;
use minicbor::{Decode, Encode};

/// One ref's move. Made (no `old`), moved (both) or deleted (no `new`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RefMove {
    /// The full name.
    #[n(0)]
    pub name: String,
    /// Where it was.
    #[n(1)]
    pub old: Option<Oid>,
    /// Where it is now.
    #[n(2)]
    pub new: Option<Oid>,
}

/// A push was taken: all its moves together.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pushed {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The refs it moves, each named once.
    #[n(1)]
    pub updates: Vec<RefMove>,
    /// The pack it brought, as received, in parts; empty: none was needed.
    #[n(2)]
    pub pack: Vec<Part>,
    /// What the pusher said with `git push -o`.
    #[n(3)]
    pub options: Vec<String>,
}

impl Payload for Pushed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        for update in &self.updates {
            update.apply(tx, self.repo, at)?;
        }
        insert_pack(tx, self.repo, at.seq, false, &self.pack)?;
        let sql = "UPDATE repository SET pushed_us = ?2, seq = ?3 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.repo.into(), at.time_us.into(), at.seq.into()])?, "repository", at)
    }

    fn blobs(&self) -> Vec<BlobName> {
        self.pack.iter().map(|p| p.blob).collect()
    }
}

impl RefMove {
    fn apply(&self, tx: &mut Tx, repo: u64, at: &Stamp) -> Result<(), ApplyError> {
        let Some(new) = &self.new else {
            tx.execute("DELETE FROM ref WHERE repo = ?1 AND name = ?2", &[repo.into(), (&self.name).into()])?;
            return Ok(());
        };
        let sql = "INSERT INTO ref (repo, name, oid, seq) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (repo, name) DO UPDATE SET oid = excluded.oid, seq = excluded.seq";
        tx.execute(sql, &[repo.into(), (&self.name).into(), new.as_bytes().into(), at.seq.into()])?;
        Ok(())
    }
}

/// One pack now stands for all packs of a repository through an entry. Only the database forgets the old ones.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PackConsolidated {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The last push whose pack it takes in.
    #[n(1)]
    pub through_seq: u64,
    /// The pack, in parts.
    #[n(2)]
    pub pack: Vec<Part>,
}

impl Payload for PackConsolidated {
    fn apply(&self, tx: &mut Tx, _: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM pack WHERE repo = ?1 AND seq <= ?2";
        tx.execute(sql, &[self.repo.into(), self.through_seq.into()])?;
        insert_pack(tx, self.repo, self.through_seq, true, &self.pack)
    }

    fn blobs(&self) -> Vec<BlobName> {
        self.pack.iter().map(|p| p.blob).collect()
    }
}

/// Packs are imported in the order of `seq`: a thin one may need an earlier one.
fn insert_pack(tx: &mut Tx, repo: u64, seq: u64, consolidated: bool, parts: &[Part]) -> Result<(), ApplyError> {
    let sql = "INSERT INTO pack (repo, seq, part, blob, bytes, consolidated) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    for (i, part) in parts.iter().enumerate() {
        let place: [Value; 3] = [repo.into(), seq.into(), (i as u64).into()];
        let [repo, seq, index] = place;
        tx.execute(sql, &[repo, seq, index, (&part.blob).into(), part.bytes.into(), consolidated.into()])?;
    }
    Ok(())
}
