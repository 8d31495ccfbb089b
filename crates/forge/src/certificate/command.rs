//! What can be done to authorities and their certificates.

use super::judge::judge;
use super::query::{authority_by_id, authority_by_key, authority_list, certificate_by_id, is_revoked};
use super::shown::{CertificateShown, KEY_ID_BYTES_MAX};
use crate::access::{OrgProof, Own};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::certificate::{SshAuthorityAdded, SshAuthorityRemoved, SshCertificateSeen, SshCertificatesRevoked};
use crate::names::plain_text;
use crate::orders::founding;
use crate::ssh::SshPublicKey;
use crate::writer::{Command, Decide, Urgency};
use std::net::IpAddr;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// How long a certificate may be good where nobody says otherwise.
pub const SSH_CERTIFICATE_AGE_US: i64 = DAY_US;
/// The longest that an authority may be allowed to say.
pub const SSH_CERTIFICATE_AGE_MAX_US: i64 = 366 * DAY_US;
/// Authorities that one organisation, or the site, trusts.
pub const SSH_AUTHORITIES_MAX: usize = 20;
/// Characters of an authority's name.
pub const SSH_AUTHORITY_NAME_CHARS_MAX: usize = 100;

/// An authority to be trusted.
#[derive(Clone, Debug)]
pub struct NewAuthority {
    /// Its key.
    pub key: SshPublicKey,
    /// What people call it; empty: its fingerprint.
    pub name: String,
    /// How long a certificate may be good; None: [`SSH_CERTIFICATE_AGE_US`].
    pub age_max_us: Option<i64>,
}

/// Who says whom to trust.
#[derive(Debug)]
pub enum Place {
    /// An owner, for their organisation.
    Org(Box<OrgProof<Own>>),
    /// The operator at the machine, for the whole site or any organisation.
    Site,
}

impl Place {
    fn org(&self, tx: &mut Tx, ctx: &Decide) -> Result<Option<u64>, Error> {
        match self {
            Self::Org(proof) => Ok(Some(proof.recheck(tx, ctx)?.id)),
            Self::Site => Ok(None),
        }
    }
}

/// Trusts an authority. Gives its id. For the whole site only while there is no officers' rule: who has such a key can be anybody.
#[derive(Debug)]
pub struct AuthorityAdd {
    /// Where.
    pub place: Place,
    /// Which.
    pub new: NewAuthority,
}

impl Command for AuthorityAdd {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let org = self.place.org(tx, ctx)?;
        if org.is_none() {
            founding(tx, "an authority for the whole site")?;
        }
        let NewAuthority { key, name, age_max_us } = self.new;
        let fingerprint = key.fingerprint();
        if authority_by_key(tx, &fingerprint)?.is_some() {
            return Err(Error::conflict(
                "this authority is trusted already, and it is trusted at one place: make another key",
            ));
        }
        let there = authority_list(tx, None)?.iter().filter(|there| there.org == org).count();
        if there >= SSH_AUTHORITIES_MAX {
            return Err(Error::invalid(format!(
                "there are {SSH_AUTHORITIES_MAX} authorities already; remove some first"
            )));
        }
        let age_max_us = age_max_us.unwrap_or(SSH_CERTIFICATE_AGE_US);
        if !(1..=SSH_CERTIFICATE_AGE_MAX_US).contains(&age_max_us) {
            return Err(Error::invalid("a certificate is good for at most 366 days"));
        }
        let name = plain_text("an authority's name", &name, SSH_AUTHORITY_NAME_CHARS_MAX)?.unwrap_or(fingerprint);
        let event =
            SshAuthorityAdded { org, name: name.replace('\n', " "), public_key: key.blob().to_vec(), age_max_us };
        Ok((vec![event.into()], ctx.id(0)))
    }
}

/// The authority, if this is the place where it is trusted.
fn owned(tx: &mut Tx, ctx: &Decide, place: &Place, authority: u64) -> Result<u64, Error> {
    let org = place.org(tx, ctx)?;
    let found = authority_by_id(tx, authority)?.filter(|found| org.is_none() || found.org == org);
    let found = found.filter(|found| found.removed_us.is_none());
    found.map(|found| found.id).ok_or_else(|| Error::not_found("the authority"))
}

/// Trusts an authority no more, with or without vaults.
#[derive(Debug)]
pub struct AuthorityRemove {
    /// Where.
    pub place: Place,
    /// Which.
    pub authority: u64,
}

impl Command for AuthorityRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let authority = owned(tx, ctx, &self.place, self.authority)?;
        Ok((vec![SshAuthorityRemoved { authority }.into()], ()))
    }
}

/// Which certificates.
#[derive(Clone, Debug)]
pub enum Which {
    /// Those with this number.
    Serial(u64),
    /// Those that the authority calls so.
    KeyId(String),
}

/// Revokes certificates of an authority's, seen or not, with or without vaults. Doing it twice changes nothing.
#[derive(Debug)]
pub struct CertificatesRevoke {
    /// Where it is trusted.
    pub place: Place,
    /// The authority.
    pub authority: u64,
    /// Which of its certificates.
    pub which: Which,
}

impl Command for CertificatesRevoke {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let authority = owned(tx, ctx, &self.place, self.authority)?;
        let (serial, key_id) = match self.which {
            Which::Serial(0) => return Err(Error::invalid("0 is no number of a certificate: revoke it by its name")),
            Which::Serial(serial) => (Some(serial), None),
            Which::KeyId(key_id) if key_id.is_empty() || key_id.len() > KEY_ID_BYTES_MAX => {
                return Err(Error::invalid(
                    "say which: the certificate's number, or its name (ssh-keygen -L shows both)",
                ));
            }
            Which::KeyId(key_id) => (None, Some(key_id)),
        };
        let number = serial.map(|serial| serial.to_string()).unwrap_or_default();
        if is_revoked(tx, authority, &number, key_id.as_deref().unwrap_or_default())? {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![SshCertificatesRevoked { authority, serial, key_id }.into()], ()))
    }
}

/// A certificate opens the door: it becomes an entry, if it is none yet. Gives its id; None: it opens nothing.
#[derive(Debug)]
pub struct CertificateSee {
    /// The certificate.
    pub shown: CertificateShown,
    /// The name in the address.
    pub asked: String,
    /// Where they come from.
    pub from: IpAddr,
}

impl Command for CertificateSee {
    type Output = Option<u64>;
    // Who can read should be able to, with a certificate as with a key.
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Option<u64>), Error> {
        let Some(good) = judge(tx, &self.shown, &self.asked, self.from, ctx.now_us)? else {
            return Ok((Vec::new(), None));
        };
        if let Some(there) = good.principal.credential.map_or(Ok(None), |id| certificate_by_id(tx, id))? {
            return Ok((Vec::new(), Some(there.id)));
        }
        let CertificateShown { serial, key_id, digest, .. } = self.shown;
        let (account, authority, expires_us) = (good.principal.user, good.authority, good.expires_us);
        let event = SshCertificateSeen { account, authority, serial, key_id, digest: digest.to_vec(), expires_us };
        Ok((vec![event.into()], Some(ctx.id(0))))
    }
}
