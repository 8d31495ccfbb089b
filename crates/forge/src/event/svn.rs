//! Subversion: revisions, their properties, locks. What is captured are FSFS's own files: whoever has them has the repository.

use super::site::Part;
use super::wire::hash32;
use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use journal::BlobName;
use minicbor::{Decode, Encode};

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnFile {
    /// Where, below the repository's directory.
    #[n(0)]
    pub name: String,
    /// What is in it.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// A repository of Subversion begins: what it has before its first revision, its UUID among it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnBegun {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// Its files; each named once.
    #[n(1)]
    pub files: Vec<SvnFile>,
}

impl Payload for SvnBegun {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        for file in &self.files {
            let sql = "INSERT INTO svn_file (repo, name, bytes, seq) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (repo, name) DO UPDATE SET bytes = excluded.bytes, seq = excluded.seq";
            let values = [self.repo.into(), (&file.name).into(), file.bytes.as_slice().into(), at.seq.into()];
            tx.execute(sql, &values)?;
        }
        let sql = "INSERT INTO svn_repository (repo, youngest, seq, bytes) VALUES (?1, 0, ?2, 0)
                   ON CONFLICT (repo) DO UPDATE SET seq = excluded.seq";
        tx.execute(sql, &[self.repo.into(), at.seq.into()])?;
        Ok(())
    }
}

/// A revision was committed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnCommitted {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// Its number: one more than the one before.
    #[n(1)]
    pub rev: u64,
    /// Its file, in parts.
    #[n(2)]
    pub file: Vec<Part>,
    /// SHA-256 of its file.
    #[n(3)]
    #[cbor(with = "hash32")]
    pub hash: [u8; 32],
    /// Its properties' file.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub properties: Vec<u8>,
}

impl Payload for SvnCommitted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let bytes = put_revision(tx, at, (self.repo, self.rev), &self.file, &self.hash, &self.properties)?;
        grown(tx, at, self.repo, self.rev, bytes)
    }

    fn blobs(&self) -> Vec<BlobName> {
        self.file.iter().map(|part| part.blob).collect()
    }
}

/// A revision's rows; how many bytes its file has.
fn put_revision(
    tx: &mut Tx,
    at: &Stamp,
    (repo, rev): (u64, u64),
    file: &[Part],
    hash: &[u8; 32],
    properties: &[u8],
) -> Result<u64, ApplyError> {
    let sql = "INSERT INTO svn_revision
               (repo, rev, seq, time_us, account, hash, properties, properties_before, properties_seq)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?3)";
    let values: [Value; 7] = [
        repo.into(),
        rev.into(),
        at.seq.into(),
        at.time_us.into(),
        at.actor.into(),
        hash.as_slice().into(),
        properties.into(),
    ];
    tx.execute(sql, &values)?;
    for (part, number) in file.iter().zip(0_u64..) {
        let sql = "INSERT INTO svn_part (repo, rev, part, blob, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.execute(sql, &[repo.into(), rev.into(), number.into(), (&part.blob).into(), part.bytes.into()])?;
    }
    Ok(file.iter().map(|part| part.bytes).sum())
}

/// A repository has a newest revision that it had not, and so many bytes more.
fn grown(tx: &mut Tx, at: &Stamp, repo: u64, youngest: u64, bytes: u64) -> Result<(), ApplyError> {
    let sql = "UPDATE svn_repository SET youngest = ?2, seq = ?3, bytes = bytes + ?4 WHERE repo = ?1";
    let changed = tx.execute(sql, &[repo.into(), youngest.into(), at.seq.into(), bytes.into()])?;
    must_change_one(changed, "Subversion repository", at)?;
    let sql = "UPDATE repository SET pushed_us = ?2, seq = ?3 WHERE id = ?1";
    must_change_one(tx.execute(sql, &[repo.into(), at.time_us.into(), at.seq.into()])?, "repository", at)
}

/// One revision of several that came at once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnRevision {
    /// Its file, in parts.
    #[n(0)]
    pub file: Vec<Part>,
    /// SHA-256 of its file.
    #[n(1)]
    #[cbor(with = "hash32")]
    pub hash: [u8; 32],
    /// Its properties' file.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub properties: Vec<u8>,
}

/// Revisions that others made, somewhere else, came in: from a dump, or past the commit gate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnLoaded {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The number of the first: one more than the newest before.
    #[n(1)]
    pub first: u64,
    /// The revisions, one after another; at least one.
    #[n(2)]
    pub revisions: Vec<SvnRevision>,
}

impl SvnLoaded {
    /// The number of the last.
    #[must_use]
    pub fn last(&self) -> u64 {
        (self.first + self.revisions.len() as u64).saturating_sub(1)
    }
}

impl Payload for SvnLoaded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let mut bytes = 0;
        for (revision, rev) in self.revisions.iter().zip(self.first..) {
            let SvnRevision { file, hash, properties } = revision;
            bytes += put_revision(tx, at, (self.repo, rev), file, hash, properties)?;
        }
        grown(tx, at, self.repo, self.last(), bytes)
    }

    fn blobs(&self) -> Vec<BlobName> {
        self.revisions.iter().flat_map(|revision| &revision.file).map(|part| part.blob).collect()
    }
}

/// A revision has other properties: its log message was corrected.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnRevpropsSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The revision.
    #[n(1)]
    pub rev: u64,
    /// All its properties, as their file has them.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub properties: Vec<u8>,
}

impl Payload for SvnRevpropsSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let changed = if self.rev == 0 {
            let sql = "UPDATE svn_file SET bytes = ?2, seq = ?3 WHERE repo = ?1 AND name = 'db/revprops/0/0'";
            tx.execute(sql, &[self.repo.into(), self.properties.as_slice().into(), at.seq.into()])?
        } else {
            let sql = "UPDATE svn_revision SET properties_before = properties, properties = ?3, properties_seq = ?4
                       WHERE repo = ?1 AND rev = ?2";
            let values = [self.repo.into(), self.rev.into(), self.properties.as_slice().into(), at.seq.into()];
            tx.execute(sql, &values)?
        };
        must_change_one(changed, "Subversion revision", at)?;
        touch(tx, self.repo, at)
    }
}

/// A path was locked, or its lock renewed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnLocked {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The lock's file's name: the path's MD5 in hexadecimal digits.
    #[n(1)]
    pub name: String,
    /// What is in it: path, token, owner, comment, times.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub lock: Vec<u8>,
}

impl Payload for SvnLocked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO svn_lock (repo, name, lock, seq) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (repo, name) DO UPDATE SET lock = excluded.lock, seq = excluded.seq";
        tx.execute(sql, &[self.repo.into(), (&self.name).into(), self.lock.as_slice().into(), at.seq.into()])?;
        touch(tx, self.repo, at)
    }
}

/// A lock ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SvnUnlocked {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The lock's file's name.
    #[n(1)]
    pub name: String,
}

impl Payload for SvnUnlocked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM svn_lock WHERE repo = ?1 AND name = ?2";
        must_change_one(tx.execute(sql, &[self.repo.into(), (&self.name).into()])?, "lock", at)?;
        touch(tx, self.repo, at)
    }
}

fn touch(tx: &mut Tx, repo: u64, at: &Stamp) -> Result<(), ApplyError> {
    let sql = "UPDATE svn_repository SET seq = ?2 WHERE repo = ?1";
    must_change_one(tx.execute(sql, &[repo.into(), at.seq.into()])?, "Subversion repository", at)
}
