//! Git's view of a repository of Subversion.

use super::{ApplyError, Payload, Stamp};
use crate::db::Tx;
use minicbor::{Decode, Encode};

/// Which paths of a repository Git has as branches and tags from now on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnLayoutSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// `detect`, `root`, or `trunk=PATH`, `branches=PATH` and `tags=PATH` with tabs between them.
    #[n(1)]
    pub layout: String,
}

impl Payload for SvnLayoutSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO svn_layout (repo, layout, seq) VALUES (?1, ?2, ?3)
                   ON CONFLICT (repo) DO UPDATE SET layout = excluded.layout, seq = excluded.seq";
        tx.execute(sql, &[self.repo.into(), (&self.layout).into(), at.seq.into()])?;
        Ok(())
    }
}
