//! What can be done to SSH keys.

use super::public_key::SshPublicKey;
use super::query::{deploy_key_list, ssh_key_by_fingerprint, ssh_key_by_id, ssh_key_list};
use crate::access::{Administer, Authorized};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::ssh::{SshKeyAdded, SshKeyRemoved};
use crate::people::authenticate::still_good;
use crate::people::factor::made_inside_sleeps;
use crate::people::query::user_by_id;
use crate::repo::command::recheck;
use crate::settings::{Name, days_us};
use crate::writer::{Command, Decide, Urgency};

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// How long a key is good at most.
pub const SSH_KEY_AGE_MAX_US: i64 = 5 * 366 * DAY_US;
/// Keys of one account, and deploy keys of one repository.
pub const SSH_KEYS_MAX: usize = 100;
/// Characters of a key's name.
pub const SSH_KEY_NAME_CHARS_MAX: usize = 100;

/// A key to be added.
#[derive(Clone, Debug)]
pub struct NewSshKey {
    /// The key.
    pub key: SshPublicKey,
    /// What its owner calls it; empty: what stands behind the key, or its fingerprint.
    pub name: String,
    /// For how long it is good; None: as the site's settings have it.
    pub age_us: Option<i64>,
}

impl NewSshKey {
    fn name(&self) -> Result<String, Error> {
        let named = crate::names::plain_text("a key's name", &self.name, SSH_KEY_NAME_CHARS_MAX)?;
        let comment = || crate::names::plain_text("", self.key.comment(), SSH_KEY_NAME_CHARS_MAX).ok().flatten();
        let name = named.or_else(comment).unwrap_or_else(|| self.key.fingerprint());
        Ok(name.replace('\n', " "))
    }

    fn expires_us(&self, tx: &mut Tx, now_us: i64) -> Result<i64, Error> {
        let age = self.age_us.map_or_else(|| days_us(tx, Name::KeyDays), Ok)?;
        if !(1..=SSH_KEY_AGE_MAX_US).contains(&age) {
            return Err(Error::invalid("an SSH key is good for at most 5 years"));
        }
        Ok(now_us.saturating_add(age))
    }
}

/// For whom a key is.
#[derive(Debug)]
pub enum KeyOwner {
    /// An account.
    Account(u64),
    /// A repository; whether it may push too. Acts as the account `by`, which administers it.
    Repo {
        /// The right to change its settings.
        proof: Box<Authorized<Administer>>,
        /// The account.
        by: u64,
        /// Whether it may push.
        writes: bool,
    },
}

/// Adds a key. Gives its id.
#[derive(Debug)]
pub struct SshKeyAdd {
    /// For whom.
    pub owner: KeyOwner,
    /// The key.
    pub new: NewSshKey,
}

impl Command for SshKeyAdd {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        if !still_good(tx, ctx.by.credential, ctx.now_us)? {
            return Err(Error::Unauthenticated("you were signed out meanwhile: sign in again".into()));
        }
        let (account, repo, writes) = match &self.owner {
            KeyOwner::Account(account) => (*account, None, false),
            KeyOwner::Repo { proof, by, writes } => (*by, Some(recheck(tx, ctx, proof)?.id), *writes),
        };
        let user = user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
        let sleeps_until_us = made_inside_sleeps(tx, ctx, &user)?;
        let fingerprint = self.new.key.fingerprint();
        if let Some(there) = ssh_key_by_fingerprint(tx, &fingerprint)? {
            let same = there.repo == repo && (repo.is_some() || there.account == account);
            return Err(Error::conflict(if same {
                format!("this key is there already, as {:?}; to renew it, remove it first", there.name)
            } else {
                "this key is in use already, and a key belongs to one account or one repository: make another with ssh-keygen -t ed25519".to_owned()
            }));
        }
        let there = match repo {
            None => ssh_key_list(tx, account)?,
            Some(repo) => deploy_key_list(tx, repo)?,
        };
        if there.len() >= SSH_KEYS_MAX {
            return Err(Error::invalid(format!("there are {SSH_KEYS_MAX} keys already; remove some first")));
        }
        let (name, expires_us) = (self.new.name()?, self.new.expires_us(tx, ctx.now_us)?);
        let public_key = self.new.key.blob().to_vec();
        Ok((
            vec![SshKeyAdded { account, repo, writes, name, public_key, expires_us, sleeps_until_us }.into()],
            ctx.id(0),
        ))
    }
}

/// Whose key may be removed.
#[derive(Debug)]
pub enum Remover {
    /// The account it belongs to.
    Account(u64),
    /// Who administers the repository it is for.
    Repo(Box<Authorized<Administer>>),
    /// The operator's command line: anybody's.
    Site,
}

/// Ends a key, with or without vaults. Doing it twice changes nothing.
#[derive(Debug)]
pub struct SshKeyRemove {
    /// Which.
    pub key: u64,
    /// Who.
    pub by: Remover,
}

impl Command for SshKeyRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = match &self.by {
            Remover::Repo(proof) => Some(recheck(tx, ctx, proof)?.id),
            Remover::Account(_) | Remover::Site => None,
        };
        let found = ssh_key_by_id(tx, self.key)?.filter(|key| match &self.by {
            Remover::Account(account) => key.repo.is_none() && key.account == *account,
            Remover::Repo(_) => key.repo == repo,
            Remover::Site => true,
        });
        let key = found.ok_or_else(|| Error::not_found("the key"))?;
        let event = key.removed_us.is_none().then(|| SshKeyRemoved { key: key.id }.into());
        Ok((event.into_iter().collect(), ()))
    }
}
