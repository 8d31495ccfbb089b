//! Whose a commit's signature is.

use super::{CodeReader, Site};
use crate::error::Error;
use crate::openpgp::{AccountKey, OpenPgpKeyAdd, OpenPgpKeyRemove, openpgp_key_list, openpgp_keys_of_issuer};
use crate::people::query::{User, user_by_id};
use crate::people::{Principal, Scope};
use crate::ssh::query::ssh_key_by_fingerprint;
use code::{Revision, Signature};
use git::child::Verdict;
use git::openpgp::OpenPgpKey;

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

impl Site {
    /// Whose a commit's signature is; None: it has none.
    pub async fn commit_signer(&self, reader: &CodeReader, revision: &Revision) -> Result<Option<Signer>, Error> {
        let email = revision.committer.email.clone();
        match revision.signature.clone() {
            None => Ok(None),
            Some(Signature::Ssh { fingerprint, valid }) => Ok(Some(self.ssh_signer(fingerprint, valid, &email).await?)),
            Some(Signature::OpenPgp(Some(issuer))) => self.openpgp_signer(reader, revision, issuer).await.map(Some),
            Some(Signature::OpenPgp(None)) => Ok(Some(Signer::Unknown("an OpenPGP key that it does not name".into()))),
            Some(Signature::X509) => Ok(Some(Signer::Unchecked("X.509 signatures are not looked at".into()))),
            Some(Signature::Unknown) => Ok(Some(Signer::Unchecked("a signature of an unknown kind".into()))),
        }
    }

    async fn ssh_signer(&self, fingerprint: String, valid: bool, email: &str) -> Result<Signer, Error> {
        let wanted = fingerprint.clone();
        let read = move |tx: &mut crate::db::Tx| {
            let key = ssh_key_by_fingerprint(tx, &wanted)?.filter(|key| key.repo.is_none());
            Ok::<_, Error>(key.map_or(Ok(None), |key| user_by_id(tx, key.account))?)
        };
        Ok(match (valid, self.db().read_async(read).await?) {
            (false, _) => Signer::Bad,
            (true, None) => Signer::Unknown(format!("the SSH key {fingerprint}")),
            (true, Some(user)) => named(user, email),
        })
    }

    async fn openpgp_signer(&self, reader: &CodeReader, revision: &Revision, issuer: String) -> Result<Signer, Error> {
        let (wanted, email) = (issuer.clone(), revision.committer.email.clone());
        let read = move |tx: &mut crate::db::Tx| {
            let mut found = Vec::new();
            for key in openpgp_keys_of_issuer(tx, &wanted)? {
                found.extend(user_by_id(tx, key.account)?.map(|user| (key, user)));
            }
            Ok::<_, Error>(found)
        };
        let mut keys = self.db().read_async(read).await?;
        // Of several accounts with the key, the one that the commit names.
        keys.sort_by_key(|(_, user)| !is_of(user, &email));
        let Some((key, user)) = keys.into_iter().next() else {
            return Ok(Signer::Unknown(format!("the OpenPGP key {issuer}")));
        };
        let id = revision.id.clone();
        let carried = reader.in_turn(move |source| git::read::carried(source, &id)).await??;
        let Some(carried) = carried else { return Ok(Signer::Unchecked("the signature is too large".into())) };
        let (git, scratch) = (self.repositories.git(), self.data.join("cache/signatures"));
        let verdict = git::child::verify(git, &scratch, &key.packets, &carried.armored, &carried.signed).await;
        Ok(match verdict {
            Ok(Verdict::Good(_)) => named(user, &email),
            Ok(Verdict::Expired) => Signer::Expired(user.name),
            Ok(Verdict::Bad) => Signer::Bad,
            Ok(Verdict::Unknown) => Signer::Unknown(format!("the OpenPGP key {issuer}")),
            Err(error) => Signer::Unchecked(error.to_string()),
        })
    }

    /// The asker's OpenPGP keys.
    pub async fn openpgp_key_list(&self, who: &Principal) -> Result<Vec<AccountKey>, Error> {
        who.needs(Scope::UserRead)?;
        let account = who.user();
        self.db().read_async(move |tx| Ok(openpgp_key_list(tx, account)?)).await
    }

    /// Adds an OpenPGP key to the asker's account.
    pub async fn openpgp_key_add(&self, who: &Principal, key: OpenPgpKey, name: String) -> Result<AccountKey, Error> {
        who.needs(Scope::UserWrite)?;
        let command = OpenPgpKeyAdd { account: who.user(), key, name };
        let id = self.ledger.submit(who.submitter(), command).await?.output;
        let keys = self.openpgp_key_list_of(who.user()).await?;
        keys.into_iter().find(|key| key.id == id).ok_or_else(|| Error::internal("the key is gone"))
    }

    async fn openpgp_key_list_of(&self, account: u64) -> Result<Vec<AccountKey>, Error> {
        self.db().read_async(move |tx| Ok(openpgp_key_list(tx, account)?)).await
    }

    /// Takes an OpenPGP key away from the asker's account: what it signed is an unknown key's from then on.
    pub async fn openpgp_key_remove(&self, who: &Principal, key: u64) -> Result<(), Error> {
        who.needs(Scope::UserWrite)?;
        let command = OpenPgpKeyRemove { account: who.user(), key };
        self.change_rights(who.submitter(), command).await.map(drop)
    }
}

fn is_of(user: &User, email: &str) -> bool {
    user.email.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(email))
}

fn named(user: User, email: &str) -> Signer {
    if is_of(&user, email) { Signer::Verified(user.name) } else { Signer::Another(user.name) }
}
