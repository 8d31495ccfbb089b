//! The last change of paths.

use super::GitSource;
use code::{CodePath, LastChange, ReadError, Revision, RevisionId};
use std::time::Duration;

pub(super) fn last_changes(
    _source: &GitSource,
    _at: &RevisionId,
    _path: &CodePath,
    _patience: Duration,
) -> Result<Vec<LastChange>, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}

pub(super) fn last_change(
    _source: &GitSource,
    _at: &RevisionId,
    _path: &CodePath,
) -> Result<Option<Revision>, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
