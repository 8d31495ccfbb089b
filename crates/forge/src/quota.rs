//! Quotas: how many repositories an owner may have, and how many bytes of them, of each and of all together.
//!
//! Invariants:
//! 1. What is set for a repository wins over what is set for its owner, that over what is set for every owner, that over the
//!    defaults here. The owner is the outermost namespace: organisations in an organisation share its quota.
//! 2. Bytes are those of packs as they lie in the vaults: what was pushed and not yet consolidated counts as it was pushed. Of a
//!    repository of Subversion they are those of its revisions' files.
//! 3. A push is stopped at the byte that is too much, and is not in the journal. Two that come at once may together go over by less
//!    than one of them.

use crate::access::up_from;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::role::QuotaSet;
use crate::names::{OwnerPath, RepoPath};
use crate::people::query::namespace_fetch;
use crate::repo::query::{Repo, repo_fetch};
use crate::writer::{Command, Decide};

/// Repositories of one owner, unless the operator sets another number.
pub const OWNER_REPOS_DEFAULT: u64 = 10_000;
/// Bytes of all repositories of one owner: 1 TiB.
pub const OWNER_BYTES_DEFAULT: u64 = 1 << 40;
/// Bytes of one repository: 100 GiB.
pub const REPO_BYTES_DEFAULT: u64 = 100 << 30;

/// What is set for somebody or something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Repositories of the owner.
    pub repos: Option<u64>,
    /// Bytes of all of them; for a repository, its bytes.
    pub bytes: Option<u64>,
    /// Bytes of each.
    pub repo_bytes: Option<u64>,
}

/// Used, and how much may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Used.
    pub used: u64,
    /// May be used.
    pub max: u64,
}

impl Level {
    fn left(self) -> u64 {
        self.max.saturating_sub(self.used)
    }
}

/// An owner's or a repository's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Repositories of the owner.
    pub repos: Level,
    /// Bytes of all of them.
    pub bytes: Level,
    /// Bytes of the repository; None: it was asked for the owner.
    pub repo: Option<Level>,
}

fn quota_fetch(tx: &mut Tx, subject: u64) -> Result<Quota, DbError> {
    let sql = "SELECT repos, bytes, repo_bytes FROM quota WHERE subject = ?1";
    let row = tx.query_opt(sql, &[subject.into()])?;
    row.map_or(Ok(Quota::default()), |row| {
        Ok(Quota { repos: row.get(0)?, bytes: row.get(1)?, repo_bytes: row.get(2)? })
    })
}

/// What is set for an owner or a repository itself.
pub(crate) fn quota_of(tx: &mut Tx, subject: u64) -> Result<Quota, DbError> {
    quota_fetch(tx, subject)
}

/// What is set for every owner.
pub(crate) fn quota_of_everybody(tx: &mut Tx) -> Result<Quota, DbError> {
    quota_fetch(tx, 0)
}

/// The outermost namespace that one lies in: whose quota it is.
fn owner_of(tx: &mut Tx, namespace: u64) -> Result<u64, DbError> {
    let sql = up_from!("SELECT id FROM chain WHERE parent = 0");
    tx.query_one(sql, &[namespace.into()])?.get(0)
}

/// What the owner of a namespace uses, and may.
pub fn usage(tx: &mut Tx, namespace: u64, repo: Option<u64>) -> Result<Usage, DbError> {
    let owner = owner_of(tx, namespace)?;
    let (own, all) = (quota_fetch(tx, owner)?, quota_fetch(tx, 0)?);
    let sql = "WITH RECURSIVE below(id) AS (
                   SELECT id FROM namespace WHERE id = ?1
                   UNION SELECT n.id FROM namespace n JOIN below b ON n.parent = b.id)
               SELECT count(*), CAST(COALESCE(SUM(
                   COALESCE((SELECT SUM(p.bytes) FROM pack p WHERE p.repo = r.id), 0)
                   + COALESCE((SELECT s.bytes FROM svn_repository s WHERE s.repo = r.id), 0)), 0) AS BIGINT)
               FROM below b JOIN repository r ON r.namespace = b.id";
    let row = tx.query_one(sql, &[owner.into()])?;
    let repos = Level { used: row.get(0)?, max: own.repos.or(all.repos).unwrap_or(OWNER_REPOS_DEFAULT) };
    let bytes = Level { used: row.get(1)?, max: own.bytes.or(all.bytes).unwrap_or(OWNER_BYTES_DEFAULT) };
    let Some(repo) = repo else { return Ok(Usage { repos, bytes, repo: None }) };
    let sql = "SELECT CAST(COALESCE((SELECT SUM(bytes) FROM pack WHERE repo = ?1), 0)
               + COALESCE((SELECT bytes FROM svn_repository WHERE repo = ?1), 0) AS BIGINT)";
    let set = quota_fetch(tx, repo)?.bytes.or(own.repo_bytes).or(all.repo_bytes);
    let used = tx.query_one(sql, &[repo.into()])?.get(0)?;
    Ok(Usage { repos, bytes, repo: Some(Level { used, max: set.unwrap_or(REPO_BYTES_DEFAULT) }) })
}

/// How many bytes a push into a repository may bring, and what to say when it brings more.
pub(crate) fn room(tx: &mut Tx, repo: &Repo) -> Result<(u64, String), DbError> {
    let Usage { bytes, repo: level, .. } = usage(tx, repo.namespace, Some(repo.id))?;
    let level = level.unwrap_or(bytes);
    let (what, level) = if level.left() <= bytes.left() { ("this repository", level) } else { ("its owner", bytes) };
    let text = format!(
        "over quota: {what} uses {} of {} bytes; remove something, or ask the site's operator for more",
        level.used, level.max
    );
    Ok((level.left(), text))
}

/// How many bytes a new repository in a namespace may bring, and what to say when it brings more.
pub(crate) fn room_for_new(tx: &mut Tx, namespace: u64) -> Result<(u64, String), DbError> {
    let owner = owner_of(tx, namespace)?;
    let each = quota_fetch(tx, owner)?.repo_bytes.or(quota_of_everybody(tx)?.repo_bytes).unwrap_or(REPO_BYTES_DEFAULT);
    let left = usage(tx, namespace, None)?.bytes.left().min(each);
    Ok((left, format!("over quota: there is room for {left} bytes; ask the site's operator for more")))
}

/// Refuses one more repository in a namespace when its owner has as many as it may.
pub(crate) fn one_more_repo(tx: &mut Tx, namespace: u64) -> Result<(), Error> {
    let repos = usage(tx, namespace, None)?.repos;
    if repos.left() > 0 {
        return Ok(());
    }
    let text = format!(
        "over quota: the owner has {} of {} repositories; ask the site's operator for more",
        repos.used, repos.max
    );
    Err(Error::NoRoom(text))
}

/// What a quota is set for.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Every owner for which nothing else is set.
    Everybody,
    /// A person or an outermost organisation.
    Owner(OwnerPath),
    /// A repository.
    Repo(RepoPath),
}

/// Sets a quota. Decided without a look at who asks: a guard before it does.
#[derive(Debug)]
pub struct QuotaPut {
    /// For what.
    pub subject: Subject,
    /// How much; all None: the defaults again.
    pub quota: Quota,
}

impl Command for QuotaPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let Quota { repos, bytes, repo_bytes } = self.quota;
        let subject = match &self.subject {
            Subject::Everybody => 0,
            Subject::Owner(path) if path.names().len() > 1 => {
                return Err(Error::invalid("what lies in an organisation shares that one's quota: set it there"));
            }
            Subject::Owner(path) => namespace_fetch(tx, path.names())?.ok_or_else(|| Error::not_found(path))?.0,
            Subject::Repo(_) if repos.is_some() || repo_bytes.is_some() => {
                return Err(Error::invalid("a repository has a quota of bytes and no other"));
            }
            Subject::Repo(path) => repo_fetch(tx, path)?.ok_or_else(|| Error::not_found(path))?.id,
        };
        let same = quota_fetch(tx, subject)? == self.quota;
        let event = QuotaSet { subject, repos, bytes, repo_bytes };
        Ok(((!same).then(|| event.into()).into_iter().collect(), ()))
    }
}
