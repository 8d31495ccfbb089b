//! Text in files.

use super::GitSource;
use code::{ReadError, RevisionId, Search, SearchHit};

pub(super) fn search(_source: &GitSource, _at: &RevisionId, _search: &Search) -> Result<Vec<SearchHit>, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
