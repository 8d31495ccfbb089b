//! How two revisions are related.

use super::GitSource;
use super::commits::Commits;
use code::{Comparison, ReadError, RevisionId};

pub(super) fn ahead_behind(
    _commits: &mut Commits<'_>,
    _base: &gix::oid,
    _head: &gix::oid,
) -> Result<(u32, u32), ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}

pub(super) fn count(_source: &GitSource, _at: &RevisionId) -> Result<u64, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}

pub(super) fn compare(
    _source: &GitSource,
    _base: &RevisionId,
    _head: &RevisionId,
    _limit: usize,
) -> Result<Comparison, ReadError> {
    Err(ReadError::TooMuch("not yet".to_owned()))
}
