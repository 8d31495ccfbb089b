//! The files of an export: written whole, hashed, listed as `sha256sum` does. Everything here blocks.

use crate::error::Error;
use journal::Hash;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The list of all files and their hashes, which `sha256sum -c` checks.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The signed note over that list.
pub(super) const MANIFEST: &str = "manifest";
/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 20;

pub(super) fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |e| Error::internal(format!("{}: {e}", path.display()))
}

/// Writes a file that only its owner reads, whole or not at all.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let mut file =
        File::options().create(true).truncate(true).write(true).mode(0o600).open(part).map_err(failed(part))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(part))?;
    fs::rename(part, path).map_err(failed(path))
}

pub(super) fn hash(path: &Path) -> Result<Hash, Error> {
    let (mut file, mut hasher, mut piece) =
        (File::open(path).map_err(failed(path))?, Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        let n = file.read(&mut piece).map_err(failed(path))?;
        if n == 0 {
            return Ok(Hash(hasher.finalize().into()));
        }
        hasher.update(&piece[..n]);
    }
}

/// Every file below `dir`, but the list and the manifest themselves, with its hash. A link is an error: none is made here.
pub(super) fn sums(dir: &Path) -> Result<BTreeMap<String, Hash>, Error> {
    let (mut found, mut dirs) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(&next).map_err(failed(&next))? {
            let entry = entry.map_err(failed(&next))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed(&next))?);
            let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
            if kind.is_dir() {
                dirs.push(path);
            } else if !kind.is_file() {
                return Err(Error::invalid(format!(
                    "{} is no plain file: it is not part of an export",
                    path.display()
                )));
            } else if name != SUMS && name != MANIFEST {
                found.insert(name, hash(&path)?);
            }
        }
    }
    Ok(found)
}

/// As `sha256sum` writes it.
pub(super) fn sums_text(sums: &BTreeMap<String, Hash>) -> String {
    sums.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect()
}
