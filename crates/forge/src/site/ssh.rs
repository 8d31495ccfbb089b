//! SSH keys, and who comes with one.

use super::Site;
use super::people::submitter;
use crate::access::Administer;
use crate::error::Error;
use crate::names::{RepoPath, UserName};
use crate::people::last_use::LastUse;
use crate::people::{Principal, Proved, Scope};
use crate::ssh::command::{KeyOwner, NewSshKey, Remover, SshKeyAdd, SshKeyRemove};
use crate::ssh::query::{deploy_key_list, ssh_key_by_id, ssh_key_list};
use crate::ssh::{SshKey, SshPublicKey};
use crate::writer::Submitter;
use std::net::IpAddr;

impl Site {
    /// Who holds this key. None when nobody does, any more.
    pub async fn ssh_principal(&self, key: &SshPublicKey) -> Result<Option<Principal>, Error> {
        self.authenticator.from_ssh_key(key).await
    }

    /// Notes that a credential was used now, from this address.
    pub fn used(&self, who: &Principal, address: IpAddr) {
        if let Some(credential) = who.credential() {
            self.last_uses.note(credential, address);
        }
    }

    /// When a credential was used last, and from where.
    #[must_use]
    pub fn last_use(&self, credential: u64) -> Option<LastUse> {
        self.last_uses.get(credential)
    }

    /// Adds a key to the asker's account.
    pub async fn ssh_key_add(&self, by: &Proved, new: NewSshKey) -> Result<SshKey, Error> {
        let who = by.who();
        who.needs(Scope::UserWrite)?;
        self.key_add(who.submitter(), KeyOwner::Account(who.user()), new).await
    }

    /// Adds a key to an account, at the admin socket.
    pub async fn ssh_key_add_for(&self, user: &UserName, new: NewSshKey) -> Result<SshKey, Error> {
        let account = self.user_fetch(user).await?.id;
        self.key_add(Submitter::default(), KeyOwner::Account(account), new).await
    }

    /// Adds a deploy key to a repository.
    pub async fn deploy_key_add(
        &self,
        by: &Proved,
        path: &RepoPath,
        new: NewSshKey,
        writes: bool,
    ) -> Result<SshKey, Error> {
        let who = by.who();
        let proof = Box::new(self.authorize::<Administer>(Some(who), path).await?);
        self.key_add(who.submitter(), KeyOwner::Repo { proof, by: who.user(), writes }, new).await
    }

    async fn key_add(&self, by: Submitter, owner: KeyOwner, new: NewSshKey) -> Result<SshKey, Error> {
        let id = self.ledger.submit(by, SshKeyAdd { owner, new }).await?.output;
        let key = self.db().read_async(move |tx| ssh_key_by_id(tx, id).map_err(Error::from)).await?;
        key.ok_or_else(|| Error::internal("the key is gone"))
    }

    /// The asker's keys.
    pub async fn ssh_key_list(&self, who: &Principal) -> Result<Vec<SshKey>, Error> {
        who.needs(Scope::UserRead)?;
        let account = who.user();
        self.db().read_async(move |tx| Ok(ssh_key_list(tx, account)?)).await
    }

    /// An account's keys, at the admin socket.
    pub async fn ssh_key_list_of(&self, user: &UserName) -> Result<Vec<SshKey>, Error> {
        let account = self.user_fetch(user).await?.id;
        self.db().read_async(move |tx| Ok(ssh_key_list(tx, account)?)).await
    }

    /// A repository's deploy keys.
    pub async fn deploy_key_list(&self, who: &Principal, path: &RepoPath) -> Result<Vec<SshKey>, Error> {
        let repo = self.authorize::<Administer>(Some(who), path).await?.repo().id;
        self.db().read_async(move |tx| Ok(deploy_key_list(tx, repo)?)).await
    }

    /// Ends a key of the asker's, or at the admin socket (None) anybody's. Effective when it returns, with or without vaults.
    pub async fn ssh_key_remove(&self, by: Option<&Principal>, key: u64) -> Result<(), Error> {
        by.map_or(Ok(()), |who| who.needs(Scope::UserWrite))?;
        let remover = by.map_or(Remover::Site, |who| Remover::Account(who.user()));
        self.change_rights(submitter(by), SshKeyRemove { key, by: remover }).await.map(drop)
    }

    /// Ends a deploy key. Effective when it returns, with or without vaults.
    pub async fn deploy_key_remove(&self, who: &Principal, path: &RepoPath, key: u64) -> Result<(), Error> {
        let by = Remover::Repo(Box::new(self.authorize::<Administer>(Some(who), path).await?));
        self.change_rights(who.submitter(), SshKeyRemove { key, by }).await.map(drop)
    }
}
