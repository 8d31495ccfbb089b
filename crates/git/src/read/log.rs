//! History.

use super::GitSource;
use code::{LogQuery, LogStep, ReadError, RevisionId};

pub(super) fn log(_source: &GitSource, _at: &RevisionId, _query: &LogQuery) -> Result<(Vec<LogStep>, bool), ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
