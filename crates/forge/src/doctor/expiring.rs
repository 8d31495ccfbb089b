//! What ends by itself: the certificate at the site's address, and credentials by which machines work.

use super::gather::ASK_WAIT;
use crate::db::Tx;
use crate::error::Error;
use crate::repo::query::namespace_path;
use vault::{CertificateLife, certificate_life};

/// What ends sooner is told, days.
const SOON_DAYS: u64 = 21;
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// How the certificate at an address stands, or why it could not be asked; `None` when the address is not https.
pub(super) async fn certificate(base_url: &str) -> Option<Result<CertificateLife, String>> {
    let (host, port) = host_of(base_url)?;
    let asked = tokio::time::timeout(ASK_WAIT, certificate_life(&host, port, SOON_DAYS)).await;
    Some(match asked {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ASK_WAIT.as_secs())),
    })
}

fn host_of(base_url: &str) -> Option<(String, u16)> {
    let authority = base_url.strip_prefix("https://")?.split('/').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    Some((host.trim_matches(['[', ']']).to_owned(), port))
}

/// Deploy keys, and tokens of operators, that end soon: whose they are, and in how many days.
pub(super) fn credentials(tx: &mut Tx, now_us: i64) -> Result<Vec<(String, u64)>, Error> {
    let until_us = now_us + DAY_US * i64::try_from(SOON_DAYS).unwrap_or(0);
    let keys = tx.query(
        "SELECT k.name, r.namespace, r.name, k.expires_us FROM ssh_key k JOIN repository r ON r.id = k.repo \
         WHERE k.removed_us IS NULL AND k.expires_us > ?1 AND k.expires_us < ?2 ORDER BY k.expires_us, k.id",
        &[now_us.into(), until_us.into()],
    )?;
    let mut found = Vec::new();
    let days = |ends_us: i64| u64::try_from((ends_us - now_us) / DAY_US).unwrap_or(0);
    for row in keys {
        let (key, owner, repo) = (row.get::<String>(0)?, namespace_path(tx, row.get(1)?)?, row.get::<String>(2)?);
        found.push((format!("deploy key {key} of {owner}/{repo}"), days(row.get(3)?)));
    }
    let tokens = tx.query(
        "SELECT t.name, t.account, t.expires_us FROM token t JOIN account a ON a.id = t.account \
         WHERE a.operator AND t.revoked_us IS NULL AND t.expires_us > ?1 AND t.expires_us < ?2 ORDER BY t.expires_us, t.id",
        &[now_us.into(), until_us.into()],
    )?;
    for row in tokens {
        let (token, whose) = (row.get::<String>(0)?, namespace_path(tx, row.get(1)?)?);
        found.push((format!("token {token} of {whose}"), days(row.get(2)?)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_certificate_is() {
        let at = |url| host_of(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(at("https://code.example.org").unwrap(), "code.example.org 443");
        assert_eq!(at("https://code.example.org:8443/").unwrap(), "code.example.org 8443");
        assert_eq!(at("https://[2001:db8::1]:8443").unwrap(), "2001:db8::1 8443");
        assert_eq!(at("https://[2001:db8::1]").unwrap(), "2001:db8::1 443");
        assert_eq!(at("http://code.example.org"), None);
    }
}
