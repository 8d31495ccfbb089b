//! One repository on its way out.

use super::bundle;
use super::files::{self, failed};
use super::shape::RepositoryFile;
use crate::error::Error;
use crate::event::Oid;
use crate::event::repo::Format;
use crate::repo::{Opened, Repo, Repositories, object_id, ref_name};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How often it is begun anew when pushes move what it packs.
const TRIES: usize = 5;

/// Makes `dir` this repository, unless it is already. True if it was.
pub(super) async fn export(
    repositories: &Repositories,
    repo: &Repo,
    collaborators: BTreeMap<String, String>,
    dir: &Path,
) -> Result<bool, Error> {
    let part = &part_of(dir);
    let mut last = None;
    for _ in 0..TRIES {
        let opened = repositories.open_id(repo.id).await?;
        let refs = opened.refs.refs().iter().map(|r| (r.name.as_str().to_owned(), r.id.to_string())).collect();
        let wanted = RepositoryFile::new(repo, refs, collaborators.clone());
        if is_there(dir, &wanted)? {
            return Ok(true);
        }
        remove(part)?;
        fs::create_dir_all(part).map_err(failed(part))?;
        match fill(&opened, wanted, repo, part).await {
            Ok(()) => {
                remove(dir)?;
                fs::rename(part, dir).map_err(failed(dir))?;
                return Ok(false);
            }
            // A ref that was deleted meanwhile takes its objects out of the pack: the next try sees it gone.
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::internal("not exported")))
}

async fn fill(opened: &Opened, mut wanted: RepositoryFile, repo: &Repo, dir: &Path) -> Result<(), Error> {
    let bare = dir.join("repository.git");
    let broke = |e: &dyn std::fmt::Display| Error::internal(format!("exporting {}: {e}", repo.path));
    let head = ref_name(&repo.head)?;
    let git = git::Repository::create(opened.git.git(), &bare, opened.git.format(), &head).map_err(|e| broke(&e))?;
    if !wanted.refs.is_empty() {
        let path = dir.join("repository.bundle");
        bundle::write(opened, &wanted.refs, &repo.head, &path).await?;
        // The bare repository is made from the bundle: whatever is in one is in the other.
        git.import_pack(bundle::pack(&path, repo.format).await?).await.map_err(|e| broke(&e))?;
        let moves = wanted.refs.iter().map(|(name, id)| Ok((ref_name(name)?, Some(object_id(&oid(id)?)?))));
        git.set_refs(&moves.collect::<Result<Vec<_>, Error>>()?).map_err(|e| broke(&e))?;
        let problems = git.fsck().await.map_err(|e| broke(&e))?;
        if !problems.is_empty() {
            return Err(broke(&problems.join("; ")));
        }
        wanted.bundle = Some(files::hash(&path)?.to_string());
    }
    let json = serde_json::to_vec_pretty(&wanted).map_err(|e| broke(&e))?;
    files::put(&dir.join("repository.json"), &json)
}

/// Whether an earlier run left it as it is to be.
fn is_there(dir: &Path, wanted: &RepositoryFile) -> Result<bool, Error> {
    let Ok(text) = fs::read(dir.join("repository.json")) else { return Ok(false) };
    let Ok(there) = serde_json::from_slice::<RepositoryFile>(&text) else { return Ok(false) };
    let bundle = there.bundle.clone();
    if (RepositoryFile { bundle: None, ..there }) != *wanted {
        return Ok(false);
    }
    match bundle {
        None => Ok(wanted.refs.is_empty()),
        Some(hash) => Ok(files::hash(&dir.join("repository.bundle")).is_ok_and(|found| found.to_string() == hash)),
    }
}

/// Where a directory is made before it is there.
pub(super) fn part_of(dir: &Path) -> PathBuf {
    let mut part = dir.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

pub(super) fn remove(dir: &Path) -> Result<(), Error> {
    if dir.exists() { fs::remove_dir_all(dir).map_err(failed(dir)) } else { Ok(()) }
}

/// An object id in hexadecimal.
pub(super) fn oid(text: &str) -> Result<Oid, Error> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes
        .filter(|_| rest.is_empty())
        .and_then(|bytes| Oid::new(&bytes))
        .ok_or_else(|| Error::invalid(format!("{text:?} is no object id")))
}

/// The format with this word.
pub(super) fn format(text: &str) -> Result<Format, Error> {
    Format::parse(text).ok_or_else(|| Error::invalid(format!("{text:?} is no object format")))
}
