//! The drawn history.

use super::GitSource;
use code::{GraphRow, ReadError};

pub(super) fn graph(_source: &GitSource, _skip: usize, _limit: usize) -> Result<(Vec<GraphRow>, bool), ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
