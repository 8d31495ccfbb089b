//! Whose a commit's signature is.

use crate::db::Db;
use crate::error::Error;
use crate::openpgp::openpgp_keys_of_issuer;
use crate::people::query::{User, user_by_id};
use crate::ssh::query::ssh_key_by_fingerprint;
use code::Signature;
use git::child::{Git, Verdict};
use git::read::Carried;
use std::path::PathBuf;

/// What is known of a commit's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// It is right, of a key of this account, whose mail address the commit names.
    Verified(String),
    /// It is right, of a key of this account; but the commit names somebody else.
    Another(String),
    /// It is right, of a key of this account that has expired or was revoked.
    Expired(String),
    /// It does not fit the commit.
    Bad,
    /// It is of a key that no account has added, as far as it says so.
    Unknown(String),
    /// It could not be looked at; why.
    Unchecked(String),
}

impl Signer {
    /// What is wrong with it, for who must have a verified one; None: nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        Some(match self {
            Self::Verified(_) => return None,
            Self::Another(name) => format!("is signed by {name}, and names another committer"),
            Self::Expired(name) => format!("is signed with a key of {name}'s that has expired"),
            Self::Bad => "has a signature that does not fit it".to_owned(),
            Self::Unknown(key) => format!("is signed with {key}, which is nobody's here"),
            Self::Unchecked(why) => format!("has a signature that can't be checked: {why}"),
        })
    }
}

/// Finds out.
#[derive(Clone, Debug)]
pub(crate) struct Signers {
    pub(crate) db: Db,
    pub(crate) git: Git,
    /// Where keys and signatures lie while they are looked at.
    pub(crate) scratch: PathBuf,
}

impl Signers {
    /// Whose a signature of a commit is whose committer has this mail address. `carried` brings its bytes, where they are needed.
    pub(crate) async fn whose(
        &self,
        email: &str,
        signature: Signature,
        carried: impl AsyncFnOnce() -> Result<Option<Carried>, Error>,
    ) -> Result<Signer, Error> {
        Ok(match signature {
            Signature::Ssh { fingerprint, valid } => self.ssh(fingerprint, valid, email).await?,
            Signature::OpenPgp(Some(issuer)) => self.openpgp(issuer, email, carried).await?,
            Signature::OpenPgp(None) => Signer::Unknown("an OpenPGP key that it does not name".into()),
            Signature::X509 => Signer::Unchecked("X.509 signatures are not looked at".into()),
            Signature::Unknown => Signer::Unchecked("a signature of an unknown kind".into()),
        })
    }

    async fn ssh(&self, fingerprint: String, valid: bool, email: &str) -> Result<Signer, Error> {
        let wanted = fingerprint.clone();
        let read = move |tx: &mut crate::db::Tx| {
            let key = ssh_key_by_fingerprint(tx, &wanted)?.filter(|key| key.repo.is_none());
            Ok::<_, Error>(key.map_or(Ok(None), |key| user_by_id(tx, key.account))?)
        };
        Ok(match (valid, self.db.read_async(read).await?) {
            (false, _) => Signer::Bad,
            (true, None) => Signer::Unknown(format!("the SSH key {fingerprint}")),
            (true, Some(user)) => named(user, email),
        })
    }

    async fn openpgp(
        &self,
        issuer: String,
        email: &str,
        carried: impl AsyncFnOnce() -> Result<Option<Carried>, Error>,
    ) -> Result<Signer, Error> {
        let wanted = issuer.clone();
        let read = move |tx: &mut crate::db::Tx| {
            let mut found = Vec::new();
            for key in openpgp_keys_of_issuer(tx, &wanted)? {
                found.extend(user_by_id(tx, key.account)?.map(|user| (key, user)));
            }
            Ok::<_, Error>(found)
        };
        let mut keys = self.db.read_async(read).await?;
        // Of several accounts with the key, the one that the commit names.
        keys.sort_by_key(|(_, user)| !is_of(user, email));
        let Some((key, user)) = keys.into_iter().next() else {
            return Ok(Signer::Unknown(format!("the OpenPGP key {issuer}")));
        };
        let Some(carried) = carried().await? else { return Ok(Signer::Unchecked("the signature is too large".into())) };
        let verdict =
            git::child::verify(&self.git, &self.scratch, &key.packets, &carried.armored, &carried.signed).await;
        Ok(match verdict {
            Ok(Verdict::Good(_)) => named(user, email),
            Ok(Verdict::Expired) => Signer::Expired(user.name),
            Ok(Verdict::Bad) => Signer::Bad,
            Ok(Verdict::Unknown) => Signer::Unknown(format!("the OpenPGP key {issuer}")),
            Err(error) => Signer::Unchecked(error.to_string()),
        })
    }
}

fn is_of(user: &User, email: &str) -> bool {
    user.email.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(email))
}

fn named(user: User, email: &str) -> Signer {
    if is_of(&user, email) { Signer::Verified(user.name) } else { Signer::Another(user.name) }
}
