//! The live site as of one entry: what a drill's result is compared with.

use crate::db::Db;
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::repo::{Repositories, refs_as_of};
use crate::{log, projector, replay, snapshot};
use journal::Hash;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// How often the refs on the disk are read again, while pushes move them.
const REFS_TRIES: usize = 50;
const REFS_WAIT: Duration = Duration::from_millis(20);

/// A copy of all tables as of an entry.
pub(super) struct Live {
    pub(super) database: Db,
    /// Entries in it.
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) rows: u64,
}

/// Copies the tables in one reading, so that the site can go on writing while they are compared. Blocks.
pub(super) fn copy(live: &Db, scratch: &Path) -> Result<Live, Error> {
    let path = scratch.join("live.snapshot");
    let failed = |e: std::io::Error| Error::internal(format!("{}: {e}", path.display()));
    snapshot::write(live, File::create(&path).map_err(failed)?)?;
    let database = Db::sqlite_scratch(&scratch.join("live.db"))?;
    let header = snapshot::load(&database, File::open(&path).map_err(failed)?)?;
    std::fs::remove_file(&path).map_err(failed)?;
    let rows = database.read(replay::table_hashes)?.iter().map(|table| table.rows).sum();
    Ok(Live { database, size: header.through(), root: header.checkpoint.root, rows })
}

/// Whether the refs of the live repositories on the disk are those that the journal says. What is not, in words.
pub(super) async fn check_refs(db: &Db, repositories: &Repositories) -> Result<Vec<String>, Error> {
    let mut wrong = Vec::new();
    // A repository of Subversion has no refs: it is compared with what was rebuilt.
    let git = projector::all_repos(db).await?.into_iter().filter(|(_, kind)| *kind == RepoKind::Git);
    for (id, _) in git {
        match check_refs_of(db, repositories, id).await {
            Ok(None) | Err(Error::NotFound(_) | Error::NotHeldYet { .. }) => {}
            Ok(Some(text)) => wrong.push(format!("repository {id} on this site: {text}")),
            Err(error) => wrong.push(format!("repository {id} on this site: {error}")),
        }
    }
    Ok(wrong)
}

async fn check_refs_of(db: &Db, repositories: &Repositories, id: u64) -> Result<Option<String>, Error> {
    let mut found = None;
    for _ in 0..REFS_TRIES {
        let opened = repositories.open_id(id).await?;
        let (_, there) = opened.git.refs().await.map_err(|e| Error::internal(e.to_string()))?;
        let applied = opened.applied;
        let expected = db.read_async(move |tx| refs_as_of(tx, id, applied)).await?;
        found = there
            .iter()
            .find(|r| expected.get(r.name.as_str()).is_none_or(|oid| oid.as_bytes() != r.id.as_bytes()))
            .map(|r| format!("the ref {} is not where the journal says", r.name))
            .or_else(|| (there.len() != expected.len()).then(|| "a ref of the journal is missing".to_owned()));
        if found.is_none() {
            return Ok(None);
        }
        tokio::time::sleep(REFS_WAIT).await;
    }
    Ok(found)
}

/// The time of the entry before `size`; None: this database reaches not so far back.
pub(super) async fn time_before(db: &Db, size: u64) -> Result<Option<i64>, Error> {
    let Some(seq) = size.checked_sub(1) else { return Ok(None) };
    let row = db.read_async(move |tx| Ok::<_, Error>(log::entry_fetch(tx, seq)?)).await?;
    Ok(row.map(|row| row.stamp.time_us))
}
