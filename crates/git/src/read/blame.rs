//! Who wrote each line.

use super::GitSource;
use code::{Blame, CodePath, ReadError, RevisionId};

pub(super) fn blame(_source: &GitSource, _at: &RevisionId, _path: &CodePath) -> Result<Blame, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
