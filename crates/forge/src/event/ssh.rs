//! SSH keys.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use crate::ssh::SshPublicKey;
use minicbor::{Decode, Encode};

/// An SSH key was added: to an account, or to a repository, for which it then acts as the account that added it. Its id is the
/// entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SshKeyAdded {
    /// Whose; of a deploy key: who added it.
    #[n(0)]
    pub account: u64,
    /// The repository it is for, and nothing else; None: the account's own key.
    #[n(1)]
    pub repo: Option<u64>,
    /// Whether a deploy key may push. An account's key may do what the account may.
    #[n(2)]
    pub writes: bool,
    /// What its owner calls it.
    #[n(3)]
    pub name: String,
    /// The key as SSH sends it.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// Until when it is good, microseconds.
    #[n(5)]
    pub expires_us: i64,
    /// Until when it does nothing: an officer's or operator's. None: it works at once.
    #[n(6)]
    pub sleeps_until_us: Option<i64>,
}

impl Payload for SshKeyAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        // What a later release may take for a key, this one keeps as it is: it lets nobody in.
        let algorithm = SshPublicKey::from_blob(&self.public_key).map_or("", |key| key.algorithm().name());
        let sql = "INSERT INTO ssh_key (id, account, repo, writes, name, algorithm, public_key, fingerprint, made_by,
                                        created_us, expires_us, removed_us, sleeps_until_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL, ?12)";
        let values: [Value; 12] = [
            at.seq.into(),
            self.account.into(),
            self.repo.into(),
            self.writes.into(),
            (&self.name).into(),
            algorithm.into(),
            self.public_key.as_slice().into(),
            crate::ssh::fingerprint(&self.public_key).into(),
            at.credential.into(),
            at.time_us.into(),
            self.expires_us.into(),
            self.sleeps_until_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// An SSH key is no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SshKeyRemoved {
    /// The key.
    #[n(0)]
    pub key: u64,
}

impl Payload for SshKeyRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE ssh_key SET removed_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.key.into(), at.time_us.into()])?, "SSH key", at)
    }
}
