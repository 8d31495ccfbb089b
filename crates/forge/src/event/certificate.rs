//! SSH certificates: whose word makes somebody's key good for a while.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// An authority's certificates open the door, from now on. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SshAuthorityAdded {
    /// The organisation whose repositories they open, for those who belong to it; None: everything, for everybody.
    #[n(0)]
    pub org: Option<u64>,
    /// What people call it.
    #[n(1)]
    pub name: String,
    /// Its key as SSH sends it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// How long a certificate of its may be good at most, microseconds.
    #[n(3)]
    pub age_max_us: i64,
}

impl Payload for SshAuthorityAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO ssh_authority (id, org, name, public_key, fingerprint, age_max_us, added_us, removed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)";
        let values: [Value; 7] = [
            at.seq.into(),
            self.org.into(),
            (&self.name).into(),
            self.public_key.as_slice().into(),
            crate::ssh::fingerprint(&self.public_key).into(),
            self.age_max_us.into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// An authority's certificates open nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SshAuthorityRemoved {
    /// Which.
    #[n(0)]
    pub authority: u64,
}

impl Payload for SshAuthorityRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        authority_end(tx, self.authority, at)?;
        let sql = "UPDATE ssh_authority SET removed_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.authority.into(), at.time_us.into()])?, "SSH authority", at)
    }
}

/// Ends an authority that has not ended, if it is one, and the certificates of its that were seen.
pub(super) fn authority_end(tx: &mut Tx, authority: u64, at: &Stamp) -> Result<(), ApplyError> {
    let values: [Value; 2] = [authority.into(), at.time_us.into()];
    let sql = "UPDATE ssh_certificate SET removed_us = ?2 WHERE authority = ?1 AND removed_us IS NULL";
    tx.execute(sql, &values)?;
    tx.execute("UPDATE ssh_authority SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
    Ok(())
}

/// A certificate opened the door for the first time: from then on it is a credential like any other. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SshCertificateSeen {
    /// Whose it is.
    #[n(0)]
    pub account: u64,
    /// Who signed it.
    #[n(1)]
    pub authority: u64,
    /// Its number there; 0: it has none.
    #[n(2)]
    pub serial: u64,
    /// What the authority calls it.
    #[n(3)]
    pub key_id: String,
    /// SHA-256 of the certificate as SSH sends it.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub digest: Vec<u8>,
    /// Until when it is good, microseconds.
    #[n(5)]
    pub expires_us: i64,
}

impl Payload for SshCertificateSeen {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO ssh_certificate (id, account, authority, serial, key_id, digest, seen_us, expires_us, removed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)";
        let values: [Value; 8] = [
            at.seq.into(),
            self.account.into(),
            self.authority.into(),
            self.serial.to_string().into(),
            (&self.key_id).into(),
            self.digest.as_slice().into(),
            at.time_us.into(),
            self.expires_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// Certificates of an authority's open nothing any more, whether they were seen or not: those with this number, or with this name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SshCertificatesRevoked {
    /// The authority.
    #[n(0)]
    pub authority: u64,
    /// Their number.
    #[n(1)]
    pub serial: Option<u64>,
    /// What the authority calls them.
    #[n(2)]
    pub key_id: Option<String>,
}

impl Payload for SshCertificatesRevoked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let serial = self.serial.map(|serial| serial.to_string());
        let sql = "INSERT INTO ssh_revocation (id, authority, serial, key_id) VALUES (?1, ?2, ?3, ?4)";
        let values: [Value; 4] =
            [at.seq.into(), self.authority.into(), serial.as_ref().into(), self.key_id.as_ref().into()];
        tx.execute(sql, &values)?;
        let sql = "UPDATE ssh_certificate SET removed_us = ?1
                   WHERE authority = ?2 AND removed_us IS NULL AND (serial = ?3 OR key_id = ?4)";
        let values: [Value; 4] =
            [at.time_us.into(), self.authority.into(), serial.as_ref().into(), self.key_id.as_ref().into()];
        tx.execute(sql, &values)?;
        Ok(())
    }
}
