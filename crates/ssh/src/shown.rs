//! What somebody came in with.

use forge::certificate::{CertificateShown, KEY_ID_BYTES_MAX, PRINCIPALS_MAX};
use forge::ssh::SshPublicKey;
use forge::{Error, Principal, Site};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PublicKey};
use std::net::IpAddr;
use std::sync::Arc;

/// A key, or a certificate with the name in the address and where they come from.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Key(SshPublicKey),
    Certificate(Arc<CertificateShown>, String, IpAddr),
}

impl Shown {
    /// Who that is now. None: nobody, any more.
    pub(crate) async fn principal(&self, site: &Site) -> Result<Option<Principal>, Error> {
        match self {
            Self::Key(key) => site.ssh_principal(key).await,
            Self::Certificate(shown, asked, from) => site.ssh_certificate_principal(shown, asked, *from).await,
        }
    }

    /// The one command that it is for.
    pub(crate) fn forced(&self) -> Option<&str> {
        match self {
            Self::Key(_) => None,
            Self::Certificate(shown, ..) => shown.forced(),
        }
    }
}

/// What a certificate says whose signatures russh has found right, if it is a user's and by no signature of old.
pub(crate) fn certificate(shown: &Certificate) -> Option<CertificateShown> {
    let old = matches!(shown.signature().algorithm(), Algorithm::Rsa { hash: None });
    let (key_id, principals) = (shown.key_id(), shown.valid_principals());
    if shown.cert_type() != CertType::User
        || old
        || key_id.len() > KEY_ID_BYTES_MAX
        || principals.len() > PRINCIPALS_MAX
    {
        return None;
    }
    Some(CertificateShown {
        authority: key(shown.signature_key())?,
        subject: key(shown.public_key())?,
        serial: shown.serial(),
        key_id: key_id.to_owned(),
        principals: principals.to_vec(),
        after_s: shown.valid_after(),
        before_s: shown.valid_before(),
        critical: shown.critical_options().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        digest: forge::certificate::digest(&shown.to_bytes().ok()?),
    })
}

fn key(data: &KeyData) -> Option<SshPublicKey> {
    SshPublicKey::from_blob(&PublicKey::new(data.clone(), "").to_bytes().ok()?).ok()
}
