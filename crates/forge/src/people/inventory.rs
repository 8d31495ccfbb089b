//! Every credential there is, in one list: what kind, whose, made when and with what, from where, until when.
//!
//! Who takes back a site that somebody broke into looks here for what was made meanwhile, and what that made in turn: `made_by` leads from
//! each to the credential that made it.

use crate::db::{DbError, Row, Tx};
use std::collections::BTreeSet;

/// Credentials that one look gives at most, of each kind.
pub const INVENTORY_MAX: u32 = 10_000;

/// What kind of credential something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialKind {
    /// A password.
    Password,
    /// A session of the pages.
    Session,
    /// An access token.
    Token,
    /// A passkey or a security key.
    Passkey,
    /// An app that shows one-time passwords.
    App,
    /// Recovery codes; those that were made together share an id.
    RecoveryCode,
    /// A link that sets a password once.
    ResetLink,
    /// An account's SSH key.
    SshKey,
    /// A repository's SSH key: whose, is who added it.
    DeployKey,
    /// An authority whose SSH certificates open the door: whose, is the organisation that trusts it.
    SshAuthority,
    /// An SSH certificate that opened it.
    SshCertificate,
    /// What signs, and where go, the alarms that are posted: the site's own, and nobody's in particular.
    WebhookSecret,
    /// Who a provider of OpenID Connect says that it is.
    Identity,
    /// A provider whose word signs in whom it is linked with, as it was set last: the site's own, and nobody's in particular.
    Provider,
    /// A key that an officer signs orders with.
    OfficerKey,
    /// A share of the recovery key, as far as it was published.
    RecoveryShare,
}

impl CredentialKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Session => "session",
            Self::Token => "token",
            Self::Passkey => "passkey",
            Self::App => "app",
            Self::RecoveryCode => "recovery code",
            Self::ResetLink => "reset link",
            Self::SshKey => "SSH key",
            Self::DeployKey => "deploy key",
            Self::SshAuthority => "SSH authority",
            Self::SshCertificate => "SSH certificate",
            Self::WebhookSecret => "webhook secret",
            Self::Identity => "identity",
            Self::Provider => "sign-in provider",
            Self::OfficerKey => "officer key",
            Self::RecoveryShare => "recovery share",
        }
    }

    /// Whether it is what somebody shows to sign in, or holds for the day when all else is lost, and not what they made by signing in.
    #[must_use]
    pub fn is_factor(self) -> bool {
        let made_inside =
            matches!(self, Self::Session | Self::Token | Self::ResetLink | Self::SshKey | Self::DeployKey);
        !made_inside
            && !matches!(self, Self::SshAuthority | Self::SshCertificate | Self::WebhookSecret | Self::Provider)
    }
}

/// A kind of credential reads its rows by one of these. The columns are those of [`Credential`], in order; `?1` is the first entry
/// wanted, `?2` the first time, `?3` the account or 0, `?4` how many. A kind that is added is added here.
const SOURCES: &[(CredentialKind, &str)] = &[
    (
        CredentialKind::Password,
        "SELECT t.seq, t.account, n.name, CAST('' AS TEXT), t.made_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
         FROM password_made t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.seq
         WHERE t.seq >= ?1 AND t.made_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.seq DESC LIMIT ?4",
    ),
    (
        CredentialKind::Session,
        "SELECT t.id, t.account, n.name, t.agent || ' (' || t.how || ')', t.created_us, j.actor, j.credential,
                t.address, t.expires_us, t.ended_us, CAST(NULL AS BIGINT)
         FROM session t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.created_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::Token,
        "SELECT t.id, t.account, n.name, t.name || ' (' || t.scopes || ')', t.created_us, j.actor, j.credential,
                CAST(NULL AS TEXT), t.expires_us, t.revoked_us, t.sleeps_until_us
         FROM token t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.created_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::Passkey,
        "SELECT t.id, t.account, n.name, t.name, t.created_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.removed_us, t.sleeps_until_us
         FROM authenticator t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.created_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::App,
        "SELECT t.id, t.account, n.name, t.name, t.created_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.removed_us, t.sleeps_until_us
         FROM totp t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.created_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::RecoveryCode,
        "SELECT t.seq, t.account, n.name, CAST('' AS TEXT), t.made_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.used_us, CAST(NULL AS BIGINT)
         FROM recovery_code t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.seq
         WHERE t.seq >= ?1 AND t.made_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.seq DESC LIMIT ?4",
    ),
    (
        CredentialKind::ResetLink,
        "SELECT t.id, t.account, n.name, CAST('' AS TEXT), t.made_us, j.actor, j.credential,
                CAST(NULL AS TEXT), t.expires_us, t.ended_us, CAST(NULL AS BIGINT)
         FROM password_reset t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.made_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::SshKey,
        "SELECT t.id, t.account, n.name, t.name || ' (' || t.fingerprint || ')', t.created_us, j.actor, j.credential,
                CAST(NULL AS TEXT), t.expires_us, t.removed_us, t.sleeps_until_us
         FROM ssh_key t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.created_us >= ?2 AND (?3 = 0 OR t.account = ?3)
               AND t.repo IS NULL ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::DeployKey,
        "SELECT t.id, t.account, n.name, t.name || ' (' || t.fingerprint || ')', t.created_us, j.actor, j.credential,
                CAST(NULL AS TEXT), t.expires_us, t.removed_us, t.sleeps_until_us
         FROM ssh_key t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.created_us >= ?2 AND (?3 = 0 OR t.account = ?3)
               AND t.repo IS NOT NULL ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::SshAuthority,
        "SELECT t.id, COALESCE(t.org, 0), COALESCE(n.name, ''), t.name || ' (' || t.fingerprint || ')', t.added_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.removed_us, CAST(NULL AS BIGINT)
         FROM ssh_authority t LEFT JOIN namespace n ON n.id = t.org LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.added_us >= ?2 AND (?3 = 0 OR t.org = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::SshCertificate,
        "SELECT t.id, t.account, n.name, t.key_id || ' (' || t.serial || ')', t.seen_us, j.actor, j.credential,
                CAST(NULL AS TEXT), t.expires_us, t.removed_us, CAST(NULL AS BIGINT)
         FROM ssh_certificate t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.seen_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::WebhookSecret,
        "SELECT t.id, CAST(0 AS BIGINT), CAST('' AS TEXT), 'alarms to ' || t.host, t.added_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.removed_us, CAST(NULL AS BIGINT)
         FROM alarm_hook t LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.added_us >= ?2 AND ?3 = 0 ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::Identity,
        "SELECT t.id, t.account, n.name, t.label || ' (' || t.issuer || ')', t.linked_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.removed_us, t.sleeps_until_us
         FROM oidc_identity t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.linked_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::Provider,
        "SELECT t.seq, CAST(0 AS BIGINT), CAST('' AS TEXT), t.name || ' (' || t.issuer || ')', t.set_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
         FROM oidc_provider t LEFT JOIN journal j ON j.seq = t.seq
         WHERE t.seq >= ?1 AND t.set_us >= ?2 AND ?3 = 0 ORDER BY t.seq DESC LIMIT ?4",
    ),
    (
        CredentialKind::OfficerKey,
        "SELECT t.id, t.account, n.name, t.name, t.added_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), t.removed_us, CAST(NULL AS BIGINT)
         FROM officer_key t JOIN namespace n ON n.id = t.account LEFT JOIN journal j ON j.seq = t.id
         WHERE t.id >= ?1 AND t.added_us >= ?2 AND (?3 = 0 OR t.account = ?3) ORDER BY t.id DESC LIMIT ?4",
    ),
    (
        CredentialKind::RecoveryShare,
        "SELECT t.seq, CAST(0 AS BIGINT), CAST('' AS TEXT), 'number ' || t.number, t.published_us, j.actor, j.credential,
                CAST(NULL AS TEXT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
         FROM recovery_share t LEFT JOIN journal j ON j.seq = t.seq
         WHERE t.seq >= ?1 AND t.published_us >= ?2 AND ?3 = 0 ORDER BY t.seq DESC LIMIT ?4",
    ),
];

/// A credential, without what makes it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// Its id: the entry of the journal that made it. Recovery codes are made together, and share one.
    pub id: u64,
    /// Whose it is; 0: nobody's in particular.
    pub account: u64,
    /// The name of that account.
    pub owner: String,
    /// What its owner calls it, or what it called itself.
    pub name: String,
    /// When it was made, microseconds since 1970.
    pub made_us: i64,
    /// The account that made it; None: the command line, or the entry is still with the vaults alone.
    pub made_by_account: Option<u64>,
    /// The credential it was made with; None: a password, or the command line.
    pub made_by: Option<u64>,
    /// The address it was made from, where that is known.
    pub address: Option<String>,
    /// Until when it is good.
    pub expires_us: Option<i64>,
    /// Since when it is no longer good.
    pub ended_us: Option<i64>,
    /// Until when it does nothing yet.
    pub sleeps_until_us: Option<i64>,
}

impl Credential {
    /// Whether it opens anything at this time.
    #[must_use]
    pub fn is_good(&self, now_us: i64) -> bool {
        self.ended_us.is_none()
            && self.expires_us.is_none_or(|until| now_us < until)
            && self.sleeps_until_us.is_none_or(|until| until <= now_us)
    }

    /// Whether it was made since then, or was good until it was ended since then. One that had run out before was ended for nothing.
    #[must_use]
    pub fn changed_since(&self, since_us: i64) -> bool {
        let ended = self.ended_us.is_some_and(|at| at >= since_us);
        self.made_us >= since_us || ended && self.expires_us.is_none_or(|until| until >= since_us)
    }
}

/// Which credentials are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct InventoryFilter {
    /// Those made by this entry of the journal or a later one.
    pub since_entry: u64,
    /// Those made at this time or later, microseconds since 1970.
    pub since_us: i64,
    /// Those of this account; None: everybody's.
    pub account: Option<u64>,
}

/// The credentials that were ever made, the newest first, [`INVENTORY_MAX`] of each kind at most; those that are no longer good too: they
/// may have made others.
pub fn inventory(tx: &mut Tx, filter: &InventoryFilter) -> Result<Vec<Credential>, DbError> {
    let mut listed = read(tx, filter, INVENTORY_MAX.into())?;
    listed.sort_by_key(|made| std::cmp::Reverse((made.id, made.kind)));
    Ok(listed)
}

/// Each one there is or was: who shuts an intruder out must overlook none.
pub(crate) fn inventory_whole(tx: &mut Tx) -> Result<Vec<Credential>, DbError> {
    read(tx, &InventoryFilter::default(), i64::MAX)
}

/// The credentials that something was written with since then.
pub(crate) fn acted_since(tx: &mut Tx, since_us: i64) -> Result<BTreeSet<u64>, DbError> {
    let sql = "SELECT DISTINCT credential FROM journal WHERE time_us >= ?1 AND credential IS NOT NULL";
    tx.query(sql, &[since_us.into()])?.iter().map(|row| row.get(0)).collect()
}

/// Each one there is or was, and those that something was written with since then.
pub(crate) fn inventory_since(tx: &mut Tx, since_us: i64) -> Result<(Vec<Credential>, BTreeSet<u64>), DbError> {
    Ok((inventory_whole(tx)?, acted_since(tx, since_us)?))
}

fn read(tx: &mut Tx, filter: &InventoryFilter, limit: i64) -> Result<Vec<Credential>, DbError> {
    let mut listed = Vec::new();
    for (kind, sql) in SOURCES {
        let account = filter.account.unwrap_or(0);
        let values = [filter.since_entry.into(), filter.since_us.into(), account.into(), limit.into()];
        for row in tx.query(sql, &values)? {
            listed.push(credential_of(*kind, &row)?);
        }
    }
    Ok(listed)
}

fn credential_of(kind: CredentialKind, row: &Row) -> Result<Credential, DbError> {
    Ok(Credential {
        kind,
        id: row.get(0)?,
        account: row.get(1)?,
        owner: row.get(2)?,
        name: row.get(3)?,
        made_us: row.get(4)?,
        made_by_account: row.get(5)?,
        made_by: row.get(6)?,
        address: row.get(7)?,
        expires_us: row.get(8)?,
        ended_us: row.get(9)?,
        sleeps_until_us: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TABLES;

    /// Columns in which something lies that opens something, or what checks it.
    const LOOKS: &[&str] = &["hash", "secret", "sealed", "password", "public_key", "credential", "digest", "issuer"];
    /// Tables with such columns that hold no credential.
    const NONE: &[(&str, &str)] = &[
        ("account", "its password is in password_made"),
        ("canary", "it opens nothing"),
        ("filed_order", "the hash of an order"),
        ("mail_transport", "what the site signs in with elsewhere"),
        ("order_signature", "the hash of an order"),
        ("svn_revision", "the hash of a revision"),
        ("trashed_account", "its password is in password_made, and opens nothing until the account is back"),
    ];

    #[test]
    fn no_table_of_credentials_escapes_the_inventory() {
        for table in TABLES.iter().filter(|table| table.columns.iter().any(|column| LOOKS.contains(column))) {
            let read = SOURCES.iter().any(|(_, sql)| sql.contains(&format!("FROM {} t ", table.name)));
            assert_ne!(read, NONE.iter().any(|(name, _)| *name == table.name), "{} is in neither or both", table.name);
        }
    }
}
