//! Whether a certificate opens the door, and for whom.

use super::query::{
    SshAuthority, authority_by_id, authority_by_key, certificate_by_digest, certificate_by_id, is_revoked,
};
use super::shown::CertificateShown;
use crate::access::org_role;
use crate::db::{DbError, Tx};
use crate::lockdown::is_shut_out;
use crate::names::{UserName, is_harmless};
use crate::people::factor::factors;
use crate::people::query::{credentials_revoked, user_fetch};
use crate::people::{Principal, Scopes, policy};
use std::net::IpAddr;

const SECOND_US: i64 = 1_000_000;

fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND_US)
}

/// A certificate that is good now.
#[derive(Debug)]
pub(crate) struct Good {
    /// Who signed it.
    pub(crate) authority: u64,
    /// Whose it is, with its id as the credential once it is an entry.
    pub(crate) principal: Principal,
    /// Until when it is good, microseconds since 1970.
    pub(crate) expires_us: i64,
}

/// Whom a certificate lets in; None: nobody. `asked` is the name that the client used in the address.
pub(crate) fn judge(
    tx: &mut Tx,
    shown: &CertificateShown,
    asked: &str,
    from: IpAddr,
    now_us: i64,
) -> Result<Option<Good>, DbError> {
    let Some(authority) = authority_by_key(tx, &shown.authority.fingerprint())? else { return Ok(None) };
    let (begins_us, expires_us) = (micros(shown.after_s), micros(shown.before_s));
    let in_time = begins_us <= now_us && now_us < expires_us;
    if !in_time || expires_us.saturating_sub(begins_us) > authority.age_max_us || !shown.keeps(from) {
        return Ok(None);
    }
    if !shown.key_id.chars().all(is_harmless) || is_revoked(tx, authority.id, &shown.serial.to_string(), &shown.key_id)?
    {
        return Ok(None);
    }
    let name = shown.principal(asked).and_then(|name| name.parse::<UserName>().ok());
    let user = name.map_or(Ok(None), |name| user_fetch(tx, &name))?;
    let Some(user) = user else { return Ok(None) };
    let begun_before = credentials_revoked(tx, user.id)?.is_some_and(|revoked_us| begins_us < revoked_us);
    let seen = certificate_by_digest(tx, &shown.digest, user.id)?;
    if begun_before
        || seen.as_ref().is_some_and(|seen| seen.removed_us.is_some())
        || !may(tx, &authority, user.id, now_us)?
    {
        return Ok(None);
    }
    let principal = Principal {
        user: user.id,
        name: user.name,
        credential: seen.map(|seen| seen.id),
        scopes: Scopes::from_stored(if authority.org.is_some() { "repo:write" } else { "repo:write,repo:create" }),
        operator: false,
        expires_us: Some(expires_us),
        repos: None,
        within: authority.org,
        session: None,
    };
    Ok(Some(Good { authority: authority.id, principal, expires_us }))
}

/// Whether an authority's word is good for an account.
fn may(tx: &mut Tx, authority: &SshAuthority, account: u64, now_us: i64) -> Result<bool, DbError> {
    // Where a second factor is required, no door opens to an account without one.
    if is_shut_out(tx, account)? || (policy::required(tx)? && !factors(tx, account, now_us)?.any()) {
        return Ok(false);
    }
    authority.org.map_or(Ok(true), |org| Ok(org_role(tx, account, org)?.is_some()))
}

/// Whether a certificate that is an entry is still good, as far as can be said without seeing it. None: it is none.
pub(crate) fn certificate_good(tx: &mut Tx, id: u64, now_us: i64) -> Result<Option<bool>, DbError> {
    let Some(seen) = certificate_by_id(tx, id)? else { return Ok(None) };
    let trusted = authority_by_id(tx, seen.authority)?.filter(|authority| authority.removed_us.is_none());
    let Some(authority) = trusted.filter(|_| seen.removed_us.is_none() && now_us < seen.expires_us) else {
        return Ok(Some(false));
    };
    may(tx, &authority, seen.account, now_us).map(Some)
}
