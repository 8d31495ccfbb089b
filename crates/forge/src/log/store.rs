//! The journal's own tables: SQL, noun first.

use super::edges::{Edges, TILE_WIDTH, subtree_root};
use super::edges::{FullTile, width};
use crate::db::{DbError, DbErrorKind, Row, Tx, Value};
use crate::error::Error;
use crate::event::Stamp;
use journal::checkpoint::Checkpoint;
use journal::note::SignedNote;
use journal::{Hash, merkle};
use std::ops::Range;

/// The kind of a row whose entry a recovery passed over: no event has it. Such a row keeps the envelope and says nothing of what is in it.
pub(crate) const SKIPPED: u32 = 0;

/// A row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Its number, time, actor and credential.
    pub stamp: Stamp,
    /// The event's kind.
    pub kind: u32,
    /// The entry's plaintext; of one that was passed over the envelope.
    pub entry: Vec<u8>,
    /// The event's bytes, where the entry only names the blobs they are in.
    pub event: Option<Vec<u8>>,
    /// The hash of the sealed entry.
    pub leaf_hash: Hash,
}

impl EntryRow {
    /// An entry that is a leaf of the log and nothing else. Whatever it says of itself is not believed: it has the time of the one before.
    pub(crate) fn skipped(seq: u64, time_us: i64, envelope: &[u8]) -> Self {
        let stamp = Stamp { seq, time_us, actor: None, credential: None };
        let leaf_hash = merkle::leaf_hash(envelope);
        Self { stamp, kind: SKIPPED, entry: envelope.to_vec(), event: None, leaf_hash }
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.kind == SKIPPED
    }
}

/// A batch's checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Entries it covers: all with seq < `size`.
    pub size: u64,
    /// The first entry of its batch.
    pub first: u64,
    /// The epoch whose key signed it, and whose data key sealed the batch.
    pub epoch: u64,
    /// The tree's root.
    pub root: Hash,
    /// The signed note.
    pub note: String,
}

impl CheckpointRow {
    /// What the note says, in the words that were signed. The signature is not checked.
    pub fn signed(&self) -> Result<Checkpoint, Error> {
        let bad =
            |e: &dyn std::fmt::Display| Error::damaged(format!("the stored checkpoint of size {}: {e}", self.size));
        let note: SignedNote = self.note.parse().map_err(|e| bad(&e))?;
        note.text().parse().map_err(|e| bad(&e))
    }
}

pub(crate) fn entry_insert(tx: &mut Tx, row: &EntryRow) -> Result<(), DbError> {
    let sql = "INSERT INTO journal (seq, time_us, actor, credential, kind, entry, event, leaf_hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values: [Value; 8] = [
        row.stamp.seq.into(),
        row.stamp.time_us.into(),
        row.stamp.actor.into(),
        row.stamp.credential.into(),
        row.kind.into(),
        (&row.entry).into(),
        row.event.as_ref().into(),
        (&row.leaf_hash).into(),
    ];
    tx.execute(sql, &values)?;
    Ok(())
}

fn entry_row(row: &Row) -> Result<EntryRow, DbError> {
    let stamp = Stamp { seq: row.get(0)?, time_us: row.get(1)?, actor: row.get(2)?, credential: row.get(3)? };
    Ok(EntryRow { stamp, kind: row.get(4)?, entry: row.get(5)?, event: row.get(6)?, leaf_hash: row.get(7)? })
}

/// The entries `first .. end`, in order, without those that a recovery passed over.
pub fn entry_each<E: From<DbError>>(
    tx: &mut Tx,
    first: u64,
    end: u64,
    mut each: impl FnMut(EntryRow) -> Result<(), E>,
) -> Result<(), E> {
    leaf_each(tx, first, end, |row| if row.is_skipped() { Ok(()) } else { each(row) })
}

/// All rows of the journal `first .. end`, in order: what the log's tree is made of.
pub(crate) fn leaf_each<E: From<DbError>>(
    tx: &mut Tx,
    first: u64,
    end: u64,
    mut each: impl FnMut(EntryRow) -> Result<(), E>,
) -> Result<(), E> {
    let sql = "SELECT seq, time_us, actor, credential, kind, entry, event, leaf_hash FROM journal
               WHERE seq >= ?1 AND seq < ?2 ORDER BY seq";
    tx.query_each(sql, &[first.into(), end.into()], |row| each(entry_row(&row)?))
}

/// The entries below `size` that are kept as passed over.
pub(crate) fn skipped_list(tx: &mut Tx, size: u64) -> Result<Vec<u64>, DbError> {
    let rows = tx.query("SELECT seq FROM journal WHERE kind = 0 AND seq < ?1 ORDER BY seq", &[size.into()])?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// All entries whose events name a repository's content in blobs ([`CONTENT_KINDS`](crate::orders::CONTENT_KINDS)), in order.
pub(crate) fn entry_each_content<E: From<DbError>>(
    tx: &mut Tx,
    mut each: impl FnMut(EntryRow) -> Result<(), E>,
) -> Result<(), E> {
    let sql = "SELECT seq, time_us, actor, credential, kind, entry, event, leaf_hash FROM journal
               WHERE kind IN (80, 81, 221, 227) ORDER BY seq";
    tx.query_each(sql, &[], |row| each(entry_row(&row)?))
}

/// One entry; None: it is not here, or was passed over.
pub fn entry_fetch(tx: &mut Tx, seq: u64) -> Result<Option<EntryRow>, DbError> {
    let mut found = None;
    entry_each(tx, seq, seq + 1, |row| {
        found = Some(row);
        Ok::<_, DbError>(())
    })?;
    Ok(found)
}

/// The first entry this database has, which is 0 unless it was made from a snapshot; and the time of the last.
pub(crate) fn entry_bounds(tx: &mut Tx) -> Result<Option<(u64, i64)>, DbError> {
    let row = tx.query_one("SELECT min(seq), max(seq) FROM journal", &[])?;
    let (Some(first), Some(last)) = (row.get::<Option<u64>>(0)?, row.get::<Option<u64>>(1)?) else { return Ok(None) };
    let time = tx.query_one("SELECT time_us FROM journal WHERE seq = ?1", &[last.into()])?.get(0)?;
    Ok(Some((first, time)))
}

/// The number after that of the last entry.
pub(crate) fn entries_written(tx: &mut Tx) -> Result<u64, DbError> {
    let last: Option<u64> = tx.query_one("SELECT max(seq) FROM journal", &[])?.get(0)?;
    Ok(last.map_or(0, |last| last + 1))
}

/// When the entry before this one was written; 0 where it is not here.
pub(crate) fn time_before(tx: &mut Tx, seq: u64) -> Result<i64, DbError> {
    let sql = "SELECT coalesce(max(time_us), 0) FROM journal WHERE seq = ?1";
    tx.query_one(sql, &[seq.saturating_sub(1).into()])?.get(0)
}

/// The entries that a database made from a snapshot does not have yet; None when it has all.
///
/// They are [filled in](crate::replay::fill) from the front.
pub fn unfilled(tx: &mut Tx) -> Result<Option<Range<u64>>, DbError> {
    let row = tx.query_opt("SELECT first, until FROM gap WHERE id = 0", &[])?;
    row.map(|row| Ok(row.get(0)?..row.get(1)?)).transpose()
}

/// From now on these are the entries that are lacking; none if the range is empty.
pub(crate) fn unfilled_set(tx: &mut Tx, gap: Range<u64>) -> Result<(), DbError> {
    tx.execute("DELETE FROM gap", &[])?;
    if !gap.is_empty() {
        let sql = "INSERT INTO gap (id, first, until) VALUES (0, ?1, ?2)";
        tx.execute(sql, &[gap.start.into(), gap.end.into()])?;
    }
    Ok(())
}

pub(crate) fn checkpoint_insert(tx: &mut Tx, row: &CheckpointRow) -> Result<(), DbError> {
    let sql = "INSERT INTO checkpoint (size, first, epoch, root, note) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = [row.size.into(), row.first.into(), row.epoch.into(), (&row.root).into(), (&row.note).into()];
    tx.execute(sql, &values)?;
    Ok(())
}

/// As [`checkpoint_insert`]; does nothing where there is one of that size already.
pub(crate) fn checkpoint_put(tx: &mut Tx, row: &CheckpointRow) -> Result<(), DbError> {
    if checkpoint_fetch(tx, row.size)?.is_some() { Ok(()) } else { checkpoint_insert(tx, row) }
}

fn checkpoint_row(row: &Row) -> Result<CheckpointRow, DbError> {
    let (size, first, epoch) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(CheckpointRow { size, first, epoch, root: row.get(3)?, note: row.get(4)? })
}

/// The newest checkpoint.
pub fn checkpoint_last(tx: &mut Tx) -> Result<Option<CheckpointRow>, DbError> {
    let sql = "SELECT size, first, epoch, root, note FROM checkpoint ORDER BY size DESC LIMIT 1";
    tx.query_opt(sql, &[])?.as_ref().map(checkpoint_row).transpose()
}

/// The checkpoint of this size.
pub fn checkpoint_fetch(tx: &mut Tx, size: u64) -> Result<Option<CheckpointRow>, DbError> {
    let sql = "SELECT size, first, epoch, root, note FROM checkpoint WHERE size = ?1";
    tx.query_opt(sql, &[size.into()])?.as_ref().map(checkpoint_row).transpose()
}

/// Checkpoints larger than `size`, smallest first.
pub fn checkpoint_list(tx: &mut Tx, size: u64, limit: u64) -> Result<Vec<CheckpointRow>, DbError> {
    let sql = "SELECT size, first, epoch, root, note FROM checkpoint WHERE size > ?1 ORDER BY size LIMIT ?2";
    tx.query(sql, &[size.into(), limit.into()])?.iter().map(checkpoint_row).collect()
}

pub(crate) fn cosignature_insert(tx: &mut Tx, size: u64, vault: &str, line: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO cosignature (size, vault, line) VALUES (?1, ?2, ?3) ON CONFLICT (size, vault) DO NOTHING";
    tx.execute(sql, &[size.into(), vault.into(), line.into()])?;
    Ok(())
}

/// What the vaults signed over the checkpoint of this size: vault and line.
pub fn cosignature_list(tx: &mut Tx, size: u64) -> Result<Vec<(String, String)>, DbError> {
    let sql = "SELECT vault, line FROM cosignature WHERE size = ?1 ORDER BY vault";
    tx.query(sql, &[size.into()])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Sizes above `seq` that somebody cosigned, smallest first.
pub(crate) fn cosigned_sizes(tx: &mut Tx, seq: u64, limit: u64) -> Result<Vec<u64>, DbError> {
    let sql = "SELECT DISTINCT size FROM cosignature WHERE size > ?1 ORDER BY size LIMIT ?2";
    tx.query(sql, &[seq.into(), limit.into()])?.iter().map(|row| row.get(0)).collect()
}

/// Sizes above `seq` that this one cosigned, smallest first.
pub(crate) fn sizes_cosigned_by(tx: &mut Tx, name: &str, seq: u64, limit: u64) -> Result<Vec<u64>, DbError> {
    let sql = "SELECT size FROM cosignature WHERE vault = ?1 AND size > ?2 ORDER BY size LIMIT ?3";
    tx.query(sql, &[name.into(), seq.into(), limit.into()])?.iter().map(|row| row.get(0)).collect()
}

/// The largest size that this one cosigned; 0: none.
pub(crate) fn size_cosigned_by(tx: &mut Tx, name: &str) -> Result<u64, DbError> {
    let sql = "SELECT coalesce(max(size), 0) FROM cosignature WHERE vault = ?1";
    tx.query_one(sql, &[name.into()])?.get(0)
}

pub(crate) fn tile_put(tx: &mut Tx, level: u8, place: u64, hashes: &[Hash]) -> Result<(), DbError> {
    let sql = "INSERT INTO tile (level, place, hashes) VALUES (?1, ?2, ?3)
               ON CONFLICT (level, place) DO UPDATE SET hashes = excluded.hashes";
    let bytes: Vec<u8> = hashes.iter().flat_map(|h| h.0).collect();
    tx.execute(sql, &[u32::from(level).into(), place.into(), bytes.into()])?;
    Ok(())
}

pub(crate) fn tile_put_full(tx: &mut Tx, tile: &FullTile) -> Result<(), DbError> {
    tile_put(tx, tile.level, tile.place, &tile.hashes)
}

/// The first `width` hashes of a tile: stored, or made from the level below. None when this database does not reach so
/// far back.
pub fn tile_fetch(tx: &mut Tx, level: u8, place: u64, width: u64) -> Result<Option<Vec<Hash>>, DbError> {
    let mut hashes = tile_stored(tx, level, place)?;
    if (hashes.len() as u64) < width {
        let (from, to) = (place * TILE_WIDTH + hashes.len() as u64, place * TILE_WIDTH + width);
        hashes.extend(if level == 0 { leaves(tx, from, to)? } else { roots(tx, level - 1, from, to)? });
    }
    hashes.truncate(width as usize);
    Ok((hashes.len() as u64 == width).then_some(hashes))
}

/// The hashes of a tile that are stored: all, none, or those that came with a snapshot.
pub(crate) fn tile_stored(tx: &mut Tx, level: u8, place: u64) -> Result<Vec<Hash>, DbError> {
    let sql = "SELECT hashes FROM tile WHERE level = ?1 AND place = ?2";
    let stored = tx.query_opt(sql, &[u32::from(level).into(), place.into()])?;
    stored.map_or(Ok(Vec::new()), |row| hashes_of(&row))
}

fn leaves(tx: &mut Tx, from: u64, to: u64) -> Result<Vec<Hash>, DbError> {
    let sql = "SELECT leaf_hash FROM journal WHERE seq >= ?1 AND seq < ?2 ORDER BY seq";
    tx.query(sql, &[from.into(), to.into()])?.iter().map(|row| row.get(0)).collect()
}

fn roots(tx: &mut Tx, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, DbError> {
    let sql = "SELECT hashes FROM tile WHERE level = ?1 AND place >= ?2 AND place < ?3 ORDER BY place";
    let tiles = tx.query(sql, &[u32::from(level).into(), from.into(), to.into()])?;
    let tiles: Result<Vec<_>, _> = tiles.iter().map(hashes_of).collect();
    Ok(tiles?.iter().take_while(|t| t.len() as u64 == TILE_WIDTH).map(|t| subtree_root(t)).collect())
}

fn hashes_of(row: &Row) -> Result<Vec<Hash>, DbError> {
    let bytes: Vec<u8> = row.get(0)?;
    let (chunks, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || chunks.len() as u64 > TILE_WIDTH {
        return Err(DbError::new(DbErrorKind::Corrupt, "a tile is no row of at most 256 hashes"));
    }
    Ok(chunks.iter().map(|c| Hash(*c)).collect())
}

/// The right edge of the tree of this size.
pub fn edges_fetch(tx: &mut Tx, size: u64) -> Result<Option<Edges>, DbError> {
    let mut levels = Vec::new();
    for level in 0..Edges::depth(size) {
        let place = size.checked_shr(8 * (level as u32 + 1)).unwrap_or(0);
        match tile_fetch(tx, level as u8, place, width(size, level))? {
            Some(hashes) => levels.push(hashes),
            None => return Ok(None),
        }
    }
    Ok(Edges::new(size, levels))
}
