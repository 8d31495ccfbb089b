//! Reading the tables of Subversion.

use super::layout::layout_fetch;
use crate::db::Tx;
use crate::error::Error;
use journal::BlobName;
use std::collections::BTreeMap;
use svn::Properties;
use svn_git::Layout;

/// What the tables say of a repository, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SvnState {
    /// Its newest revision.
    pub(crate) youngest: u64,
    /// The entry that last changed anything of it.
    pub(crate) seq: u64,
}

/// A revision as the journal has it.
#[derive(Clone, Debug)]
pub(crate) struct RevisionRow {
    pub(crate) rev: u64,
    pub(crate) hash: Vec<u8>,
    pub(crate) properties: Vec<u8>,
    pub(crate) properties_before: Option<Vec<u8>>,
    pub(crate) properties_seq: u64,
    pub(crate) parts: Vec<BlobName>,
    pub(crate) bytes: u64,
}

/// All of a repository, as of the entries below some number.
#[derive(Clone, Debug)]
pub(crate) struct SvnRows {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// From 1 on, without gaps.
    pub(crate) revisions: Vec<RevisionRow>,
    pub(crate) locks: BTreeMap<String, Vec<u8>>,
    /// Entries of it are not held yet: its locks may be ahead of what can be seen.
    pub(crate) pending: bool,
}

/// None: it is no repository of Subversion.
pub(crate) fn state_fetch(tx: &mut Tx, repo: u64) -> Result<Option<SvnState>, Error> {
    let row = tx.query_opt("SELECT youngest, seq FROM svn_repository WHERE repo = ?1", &[repo.into()])?;
    row.map(|row| Ok(SvnState { youngest: row.get(0)?, seq: row.get(1)? })).transpose()
}

/// A revision's properties; None: there is no such revision.
pub(crate) fn properties_fetch(tx: &mut Tx, repo: u64, rev: u64) -> Result<Option<Vec<u8>>, Error> {
    let row = match rev {
        0 => {
            let sql = "SELECT bytes FROM svn_file WHERE repo = ?1 AND name = 'db/revprops/0/0'";
            tx.query_opt(sql, &[repo.into()])?
        }
        _ => {
            let sql = "SELECT properties FROM svn_revision WHERE repo = ?1 AND rev = ?2";
            tx.query_opt(sql, &[repo.into(), rev.into()])?
        }
    };
    Ok(row.map(|row| row.get(0)).transpose()?)
}

/// Repositories that have revisions, each with a blob of its newest.
pub(crate) fn loaded_list(tx: &mut Tx) -> Result<Vec<(u64, BlobName)>, Error> {
    let sql = "SELECT p.repo, p.blob FROM svn_part p JOIN svn_repository s ON s.repo = p.repo AND s.youngest = p.rev
               WHERE p.part = 0 ORDER BY p.repo";
    tx.query(sql, &[])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Whether a lock is there.
pub(crate) fn lock_exists(tx: &mut Tx, repo: u64, name: &str) -> Result<bool, Error> {
    let sql = "SELECT name FROM svn_lock WHERE repo = ?1 AND name = ?2";
    Ok(tx.query_opt(sql, &[repo.into(), name.into()])?.is_some())
}

/// The newest revision below an entry.
pub(crate) fn youngest_below(tx: &mut Tx, repo: u64, held: u64) -> Result<u64, Error> {
    let sql = "SELECT coalesce(max(rev), 0) FROM svn_revision WHERE repo = ?1 AND seq < ?2";
    Ok(tx.query_one(sql, &[repo.into(), held.into()])?.get(0)?)
}

/// Up to where a repository may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SvnBounds {
    /// The newest revision that is held.
    pub(crate) youngest: u64,
    /// The entry that last changed anything of it.
    pub(crate) seq: u64,
}

/// Up to where a repository may be shown, as of the entries below `held`.
pub(crate) fn bounds_fetch(tx: &mut Tx, repo: u64, held: u64) -> Result<SvnBounds, Error> {
    let seq = state_fetch(tx, repo)?.map_or(0, |state| state.seq);
    Ok(SvnBounds { youngest: youngest_below(tx, repo, held)?, seq })
}

/// The entry that a revision is; None: there is no such revision, or it is not held.
pub(crate) fn entry_of(tx: &mut Tx, repo: u64, rev: u64, held: u64) -> Result<Option<u64>, Error> {
    let sql = "SELECT seq FROM svn_revision WHERE repo = ?1 AND rev = ?2 AND seq < ?3";
    let row = tx.query_opt(sql, &[repo.into(), rev.into(), held.into()])?;
    Ok(row.map(|row| row.get(0)).transpose()?)
}

/// None: it is no repository of Subversion, or its beginning is not held.
pub(crate) fn rows_fetch(tx: &mut Tx, repo: u64, held: u64) -> Result<Option<SvnRows>, Error> {
    let Some(state) = state_fetch(tx, repo)?.filter(|_| repo < held) else { return Ok(None) };
    let files = tx.query("SELECT name, bytes FROM svn_file WHERE repo = ?1 ORDER BY name", &[repo.into()])?;
    let files = files.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, Error>>()?;
    let mut parts: BTreeMap<u64, (Vec<BlobName>, u64)> = BTreeMap::new();
    let sql = "SELECT rev, blob, bytes FROM svn_part WHERE repo = ?1 ORDER BY rev, part";
    tx.query_each(sql, &[repo.into()], |row| {
        let (rev, blob, bytes): (u64, BlobName, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let of = parts.entry(rev).or_default();
        of.0.push(blob);
        of.1 += bytes;
        Ok::<_, Error>(())
    })?;
    let sql = "SELECT rev, hash, properties, properties_before, properties_seq FROM svn_revision
               WHERE repo = ?1 AND seq < ?2 ORDER BY rev";
    let mut revisions = Vec::new();
    tx.query_each(sql, &[repo.into(), held.into()], |row| {
        let rev: u64 = row.get(0)?;
        let (parts, bytes) = parts.remove(&rev).unwrap_or_default();
        revisions.push(RevisionRow {
            rev,
            hash: row.get(1)?,
            properties: row.get(2)?,
            properties_before: row.get(3)?,
            properties_seq: row.get(4)?,
            parts,
            bytes,
        });
        Ok::<_, Error>(())
    })?;
    let locks = tx.query("SELECT name, lock FROM svn_lock WHERE repo = ?1", &[repo.into()])?;
    let locks = locks.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, Error>>()?;
    Ok(Some(SvnRows { files, revisions, locks, pending: state.seq >= held }))
}

/// A lock that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnLockInfo {
    /// What names it: the path's MD5 in hexadecimal digits.
    pub name: String,
    /// What is locked, from the root, without a slash first.
    pub path: String,
    /// Who locked it.
    pub owner: String,
    /// Why.
    pub comment: String,
    /// Since when, as Subversion writes it.
    pub created: String,
}

/// Locks by path, up to a bound, as of the entries below `held`.
pub(crate) fn locks_fetch(tx: &mut Tx, repo: u64, held: u64, limit: u32) -> Result<Vec<SvnLockInfo>, Error> {
    let sql = "SELECT name, lock FROM svn_lock WHERE repo = ?1 AND seq < ?2 LIMIT ?3";
    let mut locks = Vec::new();
    for row in tx.query(sql, &[repo.into(), held.into(), limit.into()])? {
        let (name, lock): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let lock = Properties::parse(&lock).unwrap_or_default();
        let text = |name| lock.text(name).unwrap_or_default();
        let path = text("path").trim_start_matches('/').to_owned();
        let (owner, comment, created) = (text("owner"), text("comment"), text("creation_date"));
        locks.push(SvnLockInfo { name, path, owner, comment, created });
    }
    locks.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(locks)
}

/// What a Git view is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewBounds {
    /// The newest revision that is held.
    pub(crate) youngest: u64,
    /// The newest change of properties of a revision that was there before.
    pub(crate) changed: Option<ChangedProperties>,
    pub(crate) layout: Layout,
}

/// A change of a revision's properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedProperties {
    pub(crate) rev: u64,
    pub(crate) seq: u64,
    /// As they are now.
    pub(crate) properties: Properties,
}

impl ViewBounds {
    /// Whether these are not before others.
    pub(crate) fn covers(&self, others: &Self) -> bool {
        self.layout == others.layout && self.youngest >= others.youngest && self.mark() >= others.mark()
    }

    /// Another for each state of the properties of revisions, and larger for a later one.
    pub(crate) fn mark(&self) -> u64 {
        self.changed.as_ref().map_or(0, |changed| changed.seq)
    }
}

/// What a Git view is made of, as of the entries below `held`.
pub(crate) fn view_bounds_fetch(tx: &mut Tx, repo: u64, held: u64) -> Result<ViewBounds, Error> {
    let sql = "SELECT rev, properties_seq, properties FROM svn_revision
               WHERE repo = ?1 AND properties_seq > seq AND properties_seq < ?2 ORDER BY properties_seq DESC LIMIT 1";
    let row = tx.query_opt(sql, &[repo.into(), held.into()])?;
    let changed = row.map(|row| {
        let bytes: Vec<u8> = row.get(2)?;
        let properties = Properties::parse(&bytes).unwrap_or_default();
        Ok::<_, Error>(ChangedProperties { rev: row.get(0)?, seq: row.get(1)?, properties })
    });
    let (youngest, layout) = (youngest_below(tx, repo, held)?, layout_fetch(tx, repo)?);
    Ok(ViewBounds { youngest, changed: changed.transpose()?, layout })
}
