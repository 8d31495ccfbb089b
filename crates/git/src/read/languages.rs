//! Kinds of files.

use super::GitSource;
use code::{ReadError, RevisionId};

pub(super) fn languages(_source: &GitSource, _at: &RevisionId) -> Result<Vec<(String, u64)>, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
