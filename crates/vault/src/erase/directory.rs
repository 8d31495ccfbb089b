//! Removing from a directory: files of blobs go; a segment that holds small blobs is written anew without them and put in its place.
//!
//! The file system forgets the bytes, as it does with any file that is removed. What a disk, a snapshot or a copy of the directory still has
//! is its owner's to see to.

use super::{EraseError, Hand, refused};
use crate::core::stripped;
use crate::segment::{Scan, header, scan};
use journal::BlobName;
use journal::batch::Batch;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A segment that is written anew. It lies beside the segments, because what is among them must be one.
const PART: &str = "erasing";

/// The store's directory.
pub(super) struct DirectoryHand(pub(super) PathBuf);

impl Hand for DirectoryHand {
    fn take(&self, names: &BTreeSet<BlobName>) -> Result<HashMap<BlobName, u64>, EraseError> {
        let mut changed = BTreeSet::new();
        for name in names {
            let hex = name.to_string();
            let directory = self.0.join("blob").join(&hex[..2]);
            match fs::remove_file(directory.join(&hex)) {
                Ok(()) => drop(changed.insert(directory)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        changed.iter().try_for_each(|directory| File::open(directory)?.sync_all())?;
        self.segments(names)?;
        Ok(HashMap::new())
    }
}

impl DirectoryHand {
    fn segments(&self, names: &BTreeSet<BlobName>) -> Result<(), EraseError> {
        let directory = self.0.join("segment");
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let bytes = fs::read(&path)?;
            if let Some(anew) = without(&bytes, names, &path)? {
                self.replace(&path, &anew)?;
            }
        }
        File::open(&directory)?.sync_all()?;
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let part = self.0.join(PART);
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.sync_all()?;
        fs::rename(&part, path)
    }
}

/// A segment without these blobs; None: it can stay as it is. What stands behind its last record was never acknowledged, and may be the
/// beginning of a batch that holds one: it goes too.
fn without(bytes: &[u8], names: &BTreeSet<BlobName>, path: &Path) -> Result<Option<Vec<u8>>, EraseError> {
    let (mut anew, mut changed, mut at) = (Vec::with_capacity(bytes.len()), false, 0);
    loop {
        match scan(bytes, at) {
            Scan::Record { payload, next } => {
                let Ok(batch) = Batch::decode(payload) else {
                    return refused(format!("{}, byte {at}: a record that is no batch", path.display()));
                };
                let less = stripped(&batch, &|name| names.contains(name));
                changed |= less.is_some();
                let payload = less.as_deref().unwrap_or(payload);
                anew.extend_from_slice(&header(payload));
                anew.extend_from_slice(payload);
                at = next;
            }
            Scan::End => break,
            Scan::Torn | Scan::Damaged(_) => {
                changed = true;
                break;
            }
        }
    }
    Ok(changed.then_some(anew))
}
