//! Reading authorities and their certificates.

use crate::db::{DbError, Row, Tx};

/// Whose certificates open the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAuthority {
    /// Its id.
    pub id: u64,
    /// The organisation that trusts it; None: the site.
    pub org: Option<u64>,
    /// What people call it.
    pub name: String,
    /// `SHA256:...` of its key.
    pub fingerprint: String,
    /// How long a certificate may be good, microseconds.
    pub age_max_us: i64,
    /// Since when, microseconds since 1970.
    pub added_us: i64,
    /// Since when no more.
    pub removed_us: Option<i64>,
}

/// A certificate that opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshCertificate {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub account: u64,
    /// The name of that account.
    pub owner: String,
    /// Who signed it.
    pub authority: u64,
    /// Its number there.
    pub serial: String,
    /// What the authority calls it.
    pub key_id: String,
    /// When it opened the door first, microseconds since 1970.
    pub seen_us: i64,
    /// Until when it is good.
    pub expires_us: i64,
    /// Since when it is not.
    pub removed_us: Option<i64>,
}

fn authority_of(row: &Row) -> Result<SshAuthority, DbError> {
    Ok(SshAuthority {
        id: row.get(0)?,
        org: row.get(1)?,
        name: row.get(2)?,
        fingerprint: row.get(3)?,
        age_max_us: row.get(4)?,
        added_us: row.get(5)?,
        removed_us: row.get(6)?,
    })
}

/// The authority with this id.
pub fn authority_by_id(tx: &mut Tx, id: u64) -> Result<Option<SshAuthority>, DbError> {
    let sql = "SELECT id, org, name, fingerprint, age_max_us, added_us, removed_us FROM ssh_authority WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| authority_of(&row)).transpose()
}

/// The authority with this key that is trusted now.
pub(crate) fn authority_by_key(tx: &mut Tx, fingerprint: &str) -> Result<Option<SshAuthority>, DbError> {
    let sql = "SELECT id, org, name, fingerprint, age_max_us, added_us, removed_us FROM ssh_authority
               WHERE fingerprint = ?1 AND removed_us IS NULL ORDER BY id LIMIT 1";
    tx.query_opt(sql, &[fingerprint.into()])?.map(|row| authority_of(&row)).transpose()
}

/// The authorities that are trusted now, by id: those of an organisation, or all (None).
pub fn authority_list(tx: &mut Tx, org: Option<u64>) -> Result<Vec<SshAuthority>, DbError> {
    let sql = "SELECT id, org, name, fingerprint, age_max_us, added_us, removed_us FROM ssh_authority
               WHERE removed_us IS NULL AND (?1 = 0 OR org = ?1) ORDER BY id";
    tx.query(sql, &[org.unwrap_or(0).into()])?.iter().map(authority_of).collect()
}

/// Whether anybody's certificates open anything.
pub(crate) fn any_authority(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(tx.query_opt("SELECT 1 FROM ssh_authority WHERE removed_us IS NULL LIMIT 1", &[])?.is_some())
}

fn certificate_of(row: &Row) -> Result<SshCertificate, DbError> {
    Ok(SshCertificate {
        id: row.get(0)?,
        account: row.get(1)?,
        owner: row.get(2)?,
        authority: row.get(3)?,
        serial: row.get(4)?,
        key_id: row.get(5)?,
        seen_us: row.get(6)?,
        expires_us: row.get(7)?,
        removed_us: row.get(8)?,
    })
}

/// The certificate with this id.
pub(crate) fn certificate_by_id(tx: &mut Tx, id: u64) -> Result<Option<SshCertificate>, DbError> {
    let sql = "SELECT c.id, c.account, n.name, c.authority, c.serial, c.key_id, c.seen_us, c.expires_us, c.removed_us
               FROM ssh_certificate c JOIN namespace n ON n.id = c.account WHERE c.id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| certificate_of(&row)).transpose()
}

/// The certificate of these bytes, for this account: one that names several is one for each.
pub(crate) fn certificate_by_digest(
    tx: &mut Tx,
    digest: &[u8; 32],
    account: u64,
) -> Result<Option<SshCertificate>, DbError> {
    let sql = "SELECT c.id, c.account, n.name, c.authority, c.serial, c.key_id, c.seen_us, c.expires_us, c.removed_us
               FROM ssh_certificate c JOIN namespace n ON n.id = c.account
               WHERE c.digest = ?1 AND c.account = ?2 ORDER BY c.id LIMIT 1";
    tx.query_opt(sql, &[digest.as_slice().into(), account.into()])?.map(|row| certificate_of(&row)).transpose()
}

/// Certificates of an authority's that opened the door and are neither over nor revoked, the newest first.
pub fn certificate_list(tx: &mut Tx, authority: u64, now_us: i64, limit: u32) -> Result<Vec<SshCertificate>, DbError> {
    let sql = "SELECT c.id, c.account, n.name, c.authority, c.serial, c.key_id, c.seen_us, c.expires_us, c.removed_us
               FROM ssh_certificate c JOIN namespace n ON n.id = c.account
               WHERE c.authority = ?1 AND c.removed_us IS NULL AND c.expires_us > ?2 ORDER BY c.id DESC LIMIT ?3";
    tx.query(sql, &[authority.into(), now_us.into(), limit.into()])?.iter().map(certificate_of).collect()
}

/// Whether an authority's certificates of this number or name were revoked.
pub(crate) fn is_revoked(tx: &mut Tx, authority: u64, serial: &str, key_id: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM ssh_revocation WHERE authority = ?1 AND (serial = ?2 OR key_id = ?3) LIMIT 1";
    Ok(tx.query_opt(sql, &[authority.into(), serial.into(), key_id.into()])?.is_some())
}
