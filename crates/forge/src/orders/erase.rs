//! Erasing the content of a deleted repository, here and at the vaults: which blobs those are, and whether it may be done.
//!
//! The unit is a whole repository: its packs and revisions are blobs that nothing else needs. A part of one could not be told apart, since a
//! blob is encrypted and its name is in the log for ever.

use super::Act;
use super::order::Order;
use super::trash::{counts, may_restore, trashed_by_id};
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::erase::RepoErased;
use crate::event::site::Part;
use crate::event::trash::TrashEmptied;
use crate::log;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::query::namespace_path;
use journal::erasure::{ERASE_BLOBS_MAX, EraseList};
use journal::{BlobName, Hash, Origin};
use std::collections::{BTreeMap, BTreeSet};

type Counts = Vec<(&'static str, u64)>;

/// A repository that was deleted: in the trash, or forgotten.
struct Gone {
    id: u64,
    path: String,
    trashed_us: i64,
    in_trash: bool,
}

/// The act, for who may ask; `alone`: one who must be allowed to bring it back from the trash.
pub(super) fn asked(tx: &mut Tx, alone: Option<&Principal>, subject: &str) -> Result<Act, Error> {
    let gone = match subject.parse::<u64>() {
        Ok(id) => gone_by_id(tx, id)?,
        Err(_) => gone_by_path(tx, &subject.parse()?)?,
    };
    let none = || Error::not_found(format!("the deleted repository {subject}"));
    let gone = gone.ok_or_else(none)?;
    if let Some(who) = alone {
        let trashed = trashed_by_id(tx, gone.id)?.ok_or_else(none)?;
        if !may_restore(tx, who, &trashed)? {
            return Err(none());
        }
    }
    let (list, bytes) = content(tx, gone.id)?;
    let (repo, path, trashed_us) = (gone.id, gone.path, gone.trashed_us);
    Ok(Act::Erase { repo, path, list: list.hash().0, blobs: list.names().len() as u64, bytes, trashed_us })
}

/// Whether it can be done, and what it takes away. Invariant 6 of [orders](super).
pub(super) fn effects(tx: &mut Tx, repo: u64, trashed_us: i64, of: (u64, u64)) -> Result<Counts, Error> {
    let gone = gone_by_id(tx, repo)?.ok_or_else(|| Error::not_found(format!("the deleted repository {repo}")))?;
    if gone.trashed_us != trashed_us {
        return Err(Error::conflict(format!("{} was brought back meanwhile, and there may be more of it", gone.path)));
    }
    let mut effects = if gone.in_trash { counts(tx, repo)? } else { Vec::new() };
    effects.retain(|(what, _)| *what != "bytes of packs");
    effects.extend([("blobs to be erased from the vaults", of.0), ("bytes of content in them", of.1)]);
    Ok(effects)
}

/// What it does here: a repository in the trash is forgotten first.
pub(super) fn events(tx: &mut Tx, repo: u64, list: Option<&EraseList>) -> Result<Vec<Event>, Error> {
    let list = list.ok_or_else(|| Error::internal("an erasure is carried out with its list"))?;
    let forget = trashed_by_id(tx, repo)?.map(|_| TrashEmptied { repo }.into());
    let blobs = list.names().iter().flat_map(|name| name.0.0).collect();
    Ok(forget.into_iter().chain([RepoErased { repo, list: list.hash().0, blobs }.into()]).collect())
}

/// The list whose hash is in an order for an erasure, made again from the journal.
///
/// # Errors
/// [`Error::Invalid`] for another act, [`Error::Conflict`] when the repository has more by now than was asked for.
pub fn erase_list(tx: &mut Tx, order: &Order) -> Result<EraseList, Error> {
    let Act::Erase { repo, list: hash, .. } = &order.act else {
        return Err(Error::invalid("this order erases nothing: it has no list"));
    };
    let (list, _) = content(tx, *repo)?;
    if list.hash().0 == *hash {
        return Ok(list);
    }
    Err(Error::conflict("the repository has other content by now than the order names: ask for it anew"))
}

/// All blobs of content that a repository has in the vaults, those of packs that were consolidated since among them, and their bytes.
fn content(tx: &mut Tx, repo: u64) -> Result<(EraseList, u64), Error> {
    if let Some(gap) = log::unfilled(tx)? {
        let (first, last) = (gap.start, gap.end - 1);
        return Err(Error::invalid(format!(
            "entries {first} to {last} are still being brought back from the vaults, and may name more of it: try again later"
        )));
    }
    let (mut blobs, mut sizes) = (BTreeSet::new(), BTreeMap::new());
    each_content(tx, |seq, of, parts| {
        if of == repo {
            blobs.extend(parts.iter().map(|part| (seq, part.blob)));
            sizes.extend(parts.iter().map(|part| (part.blob, part.bytes)));
        }
    })?;
    let mut shared = BTreeSet::new();
    each_content(tx, |_, of, parts| {
        let others = parts.iter().filter(|part| of != repo && sizes.contains_key(&part.blob));
        shared.extend(others.map(|part| part.blob));
    })?;
    blobs.retain(|(_, name)| !shared.contains(name));
    sizes.retain(|name, _| !shared.contains(name));
    if blobs.is_empty() {
        return Err(Error::conflict(
            "no content of that repository alone was ever brought to a vault: nothing is erased",
        ));
    }
    if blobs.len() > ERASE_BLOBS_MAX {
        return Err(Error::invalid(format!("it has {} blobs, and one order erases {ERASE_BLOBS_MAX}", blobs.len())));
    }
    let origin: String = tx.query_one("SELECT origin FROM site", &[])?.get(0)?;
    let origin: Origin = origin.parse().map_err(|e| Error::damaged(format!("the log's name: {e}")))?;
    Ok((EraseList { origin, repository: repo, blobs }, sizes.values().sum()))
}

/// The kinds of events that name a repository's content: pushes, consolidated packs, revisions of Subversion. A new one belongs here, in
/// [`content_of`] and in the query of `log::entry_each_content`; a test finds one that is not.
pub const CONTENT_KINDS: &[u32] = &[80, 81, 221, 227];

/// Goes through the entries that name a repository's content.
fn each_content(tx: &mut Tx, mut each: impl FnMut(u64, u64, &[Part])) -> Result<(), Error> {
    log::entry_each_content(tx, |row| {
        let seq = row.stamp.seq;
        if let Some((repo, parts)) = content_of(&log::read_row(&row)?.1) {
            each(seq, repo, &parts);
        }
        Ok(())
    })
}

/// The content that an event names, and of which repository.
fn content_of(event: &Event) -> Option<(u64, Vec<Part>)> {
    match event {
        Event::Pushed(e) => Some((e.repo, e.pack.clone())),
        Event::PackConsolidated(e) => Some((e.repo, e.pack.clone())),
        Event::SvnCommitted(e) => Some((e.repo, e.file.clone())),
        Event::SvnLoaded(e) => Some((e.repo, e.revisions.iter().flat_map(|revision| revision.file.clone()).collect())),
        _ => None,
    }
}

fn gone_by_id(tx: &mut Tx, id: u64) -> Result<Option<Gone>, DbError> {
    if let Some(trashed) = trashed_by_id(tx, id)? {
        return Ok(Some(Gone { id, path: trashed.path, trashed_us: trashed.trashed_us, in_trash: true }));
    }
    let sql = "SELECT namespace, name, trashed_us FROM emptied_repository WHERE id = ?1 AND erasure IS NULL";
    let Some(row) = tx.query_opt(sql, &[id.into()])? else { return Ok(None) };
    let (namespace, name, trashed_us): (u64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Some(Gone { id, path: format!("{}/{name}", namespace_path(tx, namespace)?), trashed_us, in_trash: false }))
}

/// The one with this path, when there is only one: names are used again.
fn gone_by_path(tx: &mut Tx, path: &RepoPath) -> Result<Option<Gone>, Error> {
    let sql = "SELECT id FROM trashed_repository WHERE lower(name) = ?1
               UNION ALL SELECT id FROM emptied_repository WHERE lower(name) = ?1 AND erasure IS NULL ORDER BY id";
    let wanted = path.to_string().to_ascii_lowercase();
    let name = wanted.rsplit('/').next().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for row in tx.query(sql, &[(&name).into()])? {
        let gone = gone_by_id(tx, row.get(0)?)?;
        found.extend(gone.filter(|gone| gone.path.to_ascii_lowercase() == wanted));
    }
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(|gone| gone.id.to_string()).collect();
        return Err(Error::invalid(format!(
            "several deleted repositories were {path}: say which, {}",
            ids.join(" or ")
        )));
    }
    Ok(found.pop())
}

/// What may be missing in a vault.
pub(crate) fn erased_blobs(tx: &mut Tx) -> Result<BTreeSet<BlobName>, DbError> {
    let rows = tx.query("SELECT blob FROM erased_blob ORDER BY blob", &[])?;
    rows.iter().map(|row| Ok(BlobName(row.get(0)?))).collect()
}

/// The orders to erase that were carried out here, with their hashes.
pub(crate) fn erasures_done(tx: &mut Tx) -> Result<Vec<(u64, Hash)>, Error> {
    let mut done = Vec::new();
    for row in tx.query("SELECT id, body FROM filed_order WHERE state = 'executed' ORDER BY id", &[])? {
        let (id, body): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let order = Order::decode(&body).map_err(|e| Error::damaged(format!("order {id}: {e}")))?;
        if matches!(order.act, Act::Erase { .. }) {
            done.push((id, Hash(Order::hash_of(&body))));
        }
    }
    Ok(done)
}
