//! What an operator sees and does on pages. None of it opens anybody's private repository.

use super::Site;
use super::people::PAGE_MAX;
use crate::error::Error;
use crate::people::Principal;
use crate::people::query::{User, user_search};

/// What an owner's repositories take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerSpace {
    /// The owner's name.
    pub owner: String,
    /// How many repositories.
    pub repositories: u64,
    /// Bytes of their packs, as the vaults keep them.
    pub bytes: u64,
}

/// A batch that a vault has cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastBatch {
    /// The vault.
    pub vault: String,
    /// The newest size that it has cosigned.
    pub size: u64,
    /// When the last entry below that size was written, microseconds since 1970; None: it is not in this database.
    pub time_us: Option<i64>,
}

/// A snapshot of the database in the vaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its entry.
    pub entry: u64,
    /// Entries that are applied in it.
    pub through: u64,
    /// Microseconds since 1970.
    pub taken_us: i64,
    /// Bytes of it.
    pub bytes: u64,
}

impl Site {
    /// Accounts with a text in their name or mail address, by id, above `after`.
    pub async fn user_search(&self, by: &Principal, text: &str, after: u64, limit: u32) -> Result<Vec<User>, Error> {
        by.needs_operator()?;
        let (text, limit) = (text.to_owned(), limit.clamp(1, PAGE_MAX));
        self.db().read_async(move |tx| Ok(user_search(tx, &text, after, limit)?)).await
    }

    /// The owners whose repositories take most, by what they take.
    pub async fn owner_spaces(&self, by: &Principal, limit: u32) -> Result<Vec<OwnerSpace>, Error> {
        by.needs_operator()?;
        let read = move |tx: &mut crate::db::Tx| {
            let sql = "SELECT n.name, count(*), CAST(sum(s.bytes) AS BIGINT) FROM (
                           SELECT r.namespace AS namespace,
                                  (SELECT coalesce(sum(p.bytes), 0) FROM pack p WHERE p.repo = r.id) AS bytes
                           FROM repository r) s
                       JOIN namespace n ON n.id = s.namespace
                       GROUP BY n.id, n.name ORDER BY 3 DESC, n.id LIMIT ?1";
            let rows = tx.query(sql, &[limit.into()])?;
            let space = |row: &crate::db::Row| {
                Ok(OwnerSpace { owner: row.get(0)?, repositories: row.get(1)?, bytes: row.get(2)? })
            };
            rows.iter().map(space).collect::<Result<_, Error>>()
        };
        self.db().read_async(read).await
    }

    /// What a repository's packs take, as the vaults keep them, in bytes; for those that one may see.
    pub async fn repo_bytes(&self, ids: Vec<u64>) -> Result<Vec<u64>, Error> {
        let read = move |tx: &mut crate::db::Tx| {
            let sql = "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pack WHERE repo = ?1";
            ids.iter().map(|id| Ok(tx.query_one(sql, &[(*id).into()])?.get(0)?)).collect::<Result<_, Error>>()
        };
        self.db().read_async(read).await
    }

    /// The newest batch that each vault has cosigned.
    pub async fn last_batches(&self) -> Result<Vec<LastBatch>, Error> {
        let read = move |tx: &mut crate::db::Tx| {
            let rows = tx.query("SELECT vault, max(size) FROM cosignature GROUP BY vault ORDER BY vault", &[])?;
            let mut batches = Vec::with_capacity(rows.len());
            for row in &rows {
                let (vault, size): (String, u64) = (row.get(0)?, row.get(1)?);
                let last =
                    tx.query_opt("SELECT time_us FROM journal WHERE seq = ?1", &[size.saturating_sub(1).into()])?;
                batches.push(LastBatch { vault, size, time_us: last.map(|row| row.get(0)).transpose()? });
            }
            Ok::<_, Error>(batches)
        };
        self.db().read_async(read).await
    }

    /// The newest snapshots of the database, the newest first.
    pub async fn snapshot_list(&self, limit: u32) -> Result<Vec<SnapshotInfo>, Error> {
        let read = move |tx: &mut crate::db::Tx| {
            let sql = "SELECT s.id, s.through, s.taken_us,
                              CAST(coalesce((SELECT sum(p.bytes) FROM snapshot_part p WHERE p.snapshot = s.id), 0) AS BIGINT)
                       FROM snapshot s ORDER BY s.id DESC LIMIT ?1";
            let info = |row: &crate::db::Row| {
                let (entry, through) = (row.get(0)?, row.get(1)?);
                Ok(SnapshotInfo { entry, through, taken_us: row.get(2)?, bytes: row.get(3)? })
            };
            tx.query(sql, &[limit.into()])?.iter().map(info).collect::<Result<_, Error>>()
        };
        self.db().read_async(read).await
    }

    /// Takes a snapshot of the database into the vaults now, for an operator, who is named in its entry. Gives the entry.
    pub async fn snapshot_take_for(&self, by: &Principal) -> Result<u64, Error> {
        by.needs_operator()?;
        self.snapshot_take_by(by.submitter()).await
    }

    /// How many entries come between two snapshots that nobody asks for.
    #[must_use]
    pub fn snapshot_every(&self) -> u64 {
        self.limits.snapshot_every_entries
    }
}
