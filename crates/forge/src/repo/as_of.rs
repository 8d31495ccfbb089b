//! A repository as of an entry: what it must look like on the disk.
//!
//! The tables show everything that is committed; on the disk there may be only what is held. The few entries between are undone
//! from the tables' state: each push says where its refs were before.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::Oid;
use crate::event::push::Pushed;
use crate::log;
use journal::BlobName;
use std::collections::BTreeMap;

/// The parts of one pack, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackRow {
    pub(crate) seq: u64,
    pub(crate) parts: Vec<BlobName>,
    pub(crate) bytes: u64,
    pub(crate) consolidated: bool,
}

/// The refs as of the entries below `held`.
pub(crate) fn refs_as_of(tx: &mut Tx, repo: u64, held: u64) -> Result<BTreeMap<String, Oid>, Error> {
    let mut refs = BTreeMap::new();
    tx.query_each("SELECT name, oid FROM ref WHERE repo = ?1", &[repo.into()], |row| {
        let (name, oid): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let oid = Oid::new(&oid).ok_or_else(|| Error::damaged(format!("ref {name} of repository {repo}")))?;
        refs.insert(name, oid);
        Ok::<_, Error>(())
    })?;
    let mut later = Vec::new();
    pushes_each(tx, held, u64::MAX >> 1, |_, push| {
        later.extend((push.repo == repo).then_some(push));
        Ok(())
    })?;
    for update in later.iter().rev().flat_map(|push| &push.updates) {
        match &update.old {
            Some(old) => refs.insert(update.name.clone(), old.clone()),
            None => refs.remove(&update.name),
        };
    }
    Ok(refs)
}

/// The packs of pushes from `from` on and below `held`, in the order they are imported in.
pub(crate) fn packs_between(tx: &mut Tx, repo: u64, from: u64, held: u64) -> Result<Vec<PackRow>, Error> {
    let sql = "SELECT seq, blob, bytes, consolidated FROM pack WHERE repo = ?1 AND seq >= ?2 AND seq < ?3
               ORDER BY seq, part";
    let mut packs: Vec<PackRow> = Vec::new();
    for row in tx.query(sql, &[repo.into(), from.into(), held.into()])? {
        let (seq, blob, bytes): (u64, BlobName, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match packs.last_mut().filter(|pack| pack.seq == seq) {
            Some(pack) => {
                pack.parts.push(blob);
                pack.bytes += bytes;
            }
            None => packs.push(PackRow { seq, parts: vec![blob], bytes, consolidated: row.get(3)? }),
        }
    }
    Ok(packs)
}

/// Hands the pushes among the entries `from .. to` to `each`, in order, with their numbers.
pub(crate) fn pushes_each(
    tx: &mut Tx,
    from: u64,
    to: u64,
    mut each: impl FnMut(u64, Pushed) -> Result<(), Error>,
) -> Result<(), Error> {
    log::entry_each(tx, from, to, |row| match log::read_row(&row)?.1 {
        Event::Pushed(push) => each(row.stamp.seq, push),
        _ => Ok(()),
    })
}
