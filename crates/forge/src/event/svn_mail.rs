//! Who is told of commits to Subversion by mail.

use super::{ApplyError, Payload, Stamp};
use crate::db::Tx;
use minicbor::{Decode, Encode};

/// An account is told of each commit to a repository by mail from now on, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnMailSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// Who.
    #[n(1)]
    pub account: u64,
    /// Whether.
    #[n(2)]
    pub on: bool,
}

impl Payload for SvnMailSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = match self.on {
            true => {
                "INSERT INTO svn_mail (repo, account, seq) VALUES (?1, ?2, ?3)
                     ON CONFLICT (repo, account) DO UPDATE SET seq = excluded.seq"
            }
            false => "DELETE FROM svn_mail WHERE repo = ?1 AND account = ?2 AND seq < ?3",
        };
        tx.execute(sql, &[self.repo.into(), self.account.into(), at.seq.into()])?;
        Ok(())
    }
}
