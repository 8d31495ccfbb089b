//! Erasure by order: what the law wants gone is gone from the site, and the vaults' owners are told what to remove.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// The content of a repository that was forgotten is erased: the site has it no more, and each vault's owner removes these blobs by the
/// order. That they are missing in a vault is lawful from here on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoErased {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The hash of the list that officers signed.
    #[cbor(n(1), with = "wire::hash32")]
    pub list: [u8; 32],
    /// The names of the blobs in it, 32 bytes each, ascending.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub blobs: Vec<u8>,
}

impl Payload for RepoErased {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE emptied_repository SET namespace = NULL, name = NULL, erasure = ?2
                   WHERE id = ?1 AND erasure IS NULL";
        must_change_one(tx.execute(sql, &[self.repo.into(), at.seq.into()])?, "repository that was forgotten", at)?;
        let sql = "INSERT INTO erasure (id, repo, list, erased_us) VALUES (?1, ?2, ?3, ?4)";
        let values: [Value; 4] = [at.seq.into(), self.repo.into(), (&self.list).into(), at.time_us.into()];
        tx.execute(sql, &values)?;
        let (names, _) = self.blobs.as_chunks::<32>();
        for name in names {
            let sql = "INSERT INTO erased_blob (blob, erasure) VALUES (?1, ?2) ON CONFLICT (blob) DO NOTHING";
            tx.execute(sql, &[name.into(), at.seq.into()])?;
        }
        Ok(())
    }
}
