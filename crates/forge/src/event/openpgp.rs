//! OpenPGP keys, which sign commits and let nobody in.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// An account added an OpenPGP public key. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenPgpKeyAdded {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// Its packets.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub packets: Vec<u8>,
    /// The fingerprints in hex, capital letters: its own, then its subkeys'.
    #[n(3)]
    pub fingerprints: Vec<String>,
}

impl Payload for OpenPgpKeyAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO openpgp_key (id, account, name, packets, fingerprints, created_us, removed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)";
        let values: [Value; 6] = [
            at.seq.into(),
            self.account.into(),
            (&self.name).into(),
            self.packets.as_slice().into(),
            self.fingerprints.join(" ").into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// An OpenPGP key stands for nobody any more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenPgpKeyRemoved {
    /// The key.
    #[n(0)]
    pub key: u64,
}

impl Payload for OpenPgpKeyRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE openpgp_key SET removed_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.key.into(), at.time_us.into()])?, "OpenPGP key", at)
    }
}
