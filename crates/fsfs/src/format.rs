//! Which of FSFS's formats a repository has (`db/format`; Subversion's `libsvn_fs_fs/structure`).

use crate::error::{FsError, Result, damaged};
use crate::files::parse;

/// The newest format that is read.
const FORMAT_MAX: u64 = 8;
/// The first in which revisions can be packed.
const PACKED: u64 = 4;
/// The first in which revision properties can be packed.
const PACKED_REVPROPS: u64 = 6;

/// A repository's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// 1 to 8.
    pub number: u64,
    /// Revisions in a directory; None: all in one.
    pub shard: Option<u64>,
    /// Items are named by numbers that an index leads to, not by where they are.
    pub logical: bool,
}

impl Format {
    /// Reads `db/format`.
    ///
    /// # Errors
    /// When it is none, or a format that is not read.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let number = lines.next().and_then(parse);
        let Some(number) = number else { return damaged("db/format is no number") };
        if !(1..=FORMAT_MAX).contains(&number) {
            return Err(FsError::Unsupported(format!("FSFS format {number}: formats 1 to {FORMAT_MAX} are read")));
        }
        let mut format = Self { number, shard: None, logical: false };
        for line in lines.filter(|line| !line.is_empty()) {
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            match words.as_slice() {
                [b"layout", b"linear"] => format.shard = None,
                [b"layout", b"sharded", size] => {
                    format.shard = parse(size).filter(|size| *size > 0);
                    if format.shard.is_none() {
                        return damaged("db/format names no size of a shard");
                    }
                }
                [b"addressing", b"physical", ..] => format.logical = false,
                [b"addressing", b"logical", ..] => format.logical = true,
                _ => {
                    let line = String::from_utf8_lossy(line).into_owned();
                    return Err(FsError::Unsupported(format!("db/format says something that is not known: {line}")));
                }
            }
        }
        Ok(format)
    }

    pub(crate) fn may_be_packed(&self) -> bool {
        self.number >= PACKED && self.shard.is_some()
    }

    pub(crate) fn may_pack_properties(&self) -> bool {
        self.number >= PACKED_REVPROPS && self.shard.is_some()
    }

    /// Where a revision's own file is, below `revs` or `revprops`.
    pub(crate) fn path(&self, kind: &str, rev: u64) -> String {
        match self.shard {
            Some(shard) => format!("db/{kind}/{}/{rev}", rev / shard),
            None => format!("db/{kind}/{rev}"),
        }
    }

    /// The first revision of the one's shard, and a file of its pack.
    pub(crate) fn pack_path(&self, kind: &str, rev: u64, file: &str) -> (u64, String) {
        let shard = self.shard.unwrap_or(u64::MAX);
        (rev / shard * shard, format!("db/{kind}/{}.pack/{file}", rev / shard))
    }
}
