//! Whose a commit's signature is.

use super::{CodeReader, Site};
use crate::error::Error;
use crate::openpgp::{AccountKey, OpenPgpKeyAdd, OpenPgpKeyRemove, openpgp_key_list};
use crate::people::{Principal, Scope};
pub use crate::signer::Signer;
use code::Revision;
use git::openpgp::OpenPgpKey;

impl Site {
    /// Whose a commit's signature is; None: it has none.
    pub async fn commit_signer(&self, reader: &CodeReader, revision: &Revision) -> Result<Option<Signer>, Error> {
        let Some(signature) = revision.signature.clone() else { return Ok(None) };
        let id = revision.id.clone();
        let carried = async || Ok(reader.in_turn(move |source| git::read::carried(source, &id)).await??);
        self.push.signers.whose(&revision.committer.email, signature, carried).await.map(Some)
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
