//! What differs between trees.

use super::GitSource;
use code::{CodePath, DiffOptions, FileDiff, ReadError, RevisionId, Summary};

pub(super) fn changes(
    _source: &GitSource,
    _of: &RevisionId,
    _options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}

pub(super) fn file_diff(
    _source: &GitSource,
    _from: Option<&RevisionId>,
    _to: &RevisionId,
    _path: &CodePath,
    _options: DiffOptions,
) -> Result<FileDiff, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}

pub(super) fn diff(
    _source: &GitSource,
    _from: &RevisionId,
    _to: &RevisionId,
    _options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
