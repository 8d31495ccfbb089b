//! One repository of Subversion on its way out: a dump, which `svnadmin load` reads.

use super::files::{self, failed};
use super::repository::{part_of, remove};
use super::shape::{RepositoryFile, SvnFile};
use crate::error::Error;
use crate::repo::Repo;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use svn::SvnSource;

/// Bytes that are written at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Makes `dir` this repository, unless it is already. True if it was. Blocks.
pub(super) fn export(
    source: &SvnSource,
    entry: u64,
    repo: &Repo,
    collaborators: BTreeMap<String, String>,
    dir: &Path,
) -> Result<bool, Error> {
    let svn = SvnFile { uuid: source.uuid().to_owned(), youngest: source.newest(), entry, dump: String::new() };
    let mut wanted = RepositoryFile::new(repo, BTreeMap::new(), collaborators);
    wanted.svn = Some(svn);
    if is_there(dir, &wanted)? {
        return Ok(true);
    }
    let part = part_of(dir);
    remove(&part)?;
    fs::create_dir_all(&part).map_err(failed(&part))?;
    let path = part.join("repository.dump");
    let file = File::create_new(&path).map_err(failed(&path))?;
    let mut out = BufWriter::with_capacity(PIECE_BYTES, file);
    source.dump(&mut out)?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed(&path))?;
    if let Some(svn) = &mut wanted.svn {
        svn.dump = files::hash(&path)?.to_string();
    }
    let json = serde_json::to_vec_pretty(&wanted).map_err(|e| Error::internal(e.to_string()))?;
    files::put(&part.join("repository.json"), &json)?;
    remove(dir)?;
    fs::rename(&part, dir).map_err(failed(dir))?;
    Ok(false)
}

/// Whether an earlier run left it as it is to be.
fn is_there(dir: &Path, wanted: &RepositoryFile) -> Result<bool, Error> {
    let Ok(text) = fs::read(dir.join("repository.json")) else { return Ok(false) };
    let Ok(mut there) = serde_json::from_slice::<RepositoryFile>(&text) else { return Ok(false) };
    let Some(svn) = &mut there.svn else { return Ok(false) };
    let dump = std::mem::take(&mut svn.dump);
    Ok(there == *wanted && files::hash(&dir.join("repository.dump")).is_ok_and(|found| found.to_string() == dump))
}
