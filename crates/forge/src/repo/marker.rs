//! `outlast-seq`: a file in each repository that says up to where in the journal it is.
//!
//! It is written last, after objects and refs: a crash before leaves it behind, and what it is behind is applied again, which
//! changes nothing. It is a hint to a cache, not a record: a repository without one is filled anew.

use crate::error::Error;
use std::fs;
use std::path::Path;

const FILE: &str = "outlast-seq";

/// All entries of the repository below this number are in it; None: nothing is known.
pub(super) fn read(repo: &Path) -> Option<u64> {
    fs::read_to_string(repo.join(FILE)).ok()?.trim().parse().ok()
}

pub(super) fn write(repo: &Path, applied: u64) -> Result<(), Error> {
    let (new, file) = (repo.join("outlast-seq.new"), repo.join(FILE));
    fs::write(&new, format!("{applied}\n"))
        .and_then(|()| fs::rename(&new, &file))
        .map_err(|e| Error::internal(format!("{}: {e}", file.display())))
}
