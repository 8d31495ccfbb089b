//! The last change of every path of one commit, on disk.
//!
//! The file `last-changes` in the repository's directory is a cache: it is written whole, renamed into place, and what is
//! not whole is not looked at. All numbers are little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `OLLCHG01` |
//! | 4 | bytes of an id, `h` |
//! | 4, 4, 4 | how many commits, directories, entries |
//! | `h` | the commit whose tree it is about |
//! | `h` each | commits |
//! | 16 + `h` + 4 + 4 each | directories, sorted: the path's SHA-256 cut off, the tree's id, its first entry, how many |
//! | 4 each | entries in the order of their trees: which commit |
//! | 32 | SHA-256 of all that |

use gix::{ObjectId, oid};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

const MAGIC: &[u8; 8] = b"OLLCHG01";
const FILE: &str = "last-changes";
const PART: &str = "last-changes.part";
const HEADER_BYTES: usize = 24;
const PATH_BYTES: usize = 16;
const SUM_BYTES: usize = 32;
/// A larger file is not ours.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The index, in memory.
pub(super) struct Index {
    bytes: Vec<u8>,
    id_bytes: usize,
    commits: usize,
    directories: usize,
}

/// A directory's entries in an index.
#[derive(Clone, Copy)]
pub(super) struct Block {
    first: usize,
    count: usize,
}

impl Index {
    /// Reads a repository's index. None: there is none, or it is damaged.
    pub(super) fn load(repository: &Path, id_bytes: usize) -> Option<Self> {
        let path = repository.join(FILE);
        let size = fs::metadata(&path).ok()?.len();
        let index = (size <= FILE_BYTES_MAX).then(|| fs::read(&path).ok())?.and_then(|b| Self::from_bytes(b, id_bytes));
        if index.is_none() {
            tracing::warn!(path = %path.display(), "this cache is damaged and will be made anew");
        }
        index
    }

    fn from_bytes(bytes: Vec<u8>, id_bytes: usize) -> Option<Self> {
        let body = bytes.len().checked_sub(SUM_BYTES)?;
        if !bytes.starts_with(MAGIC) || Sha256::digest(&bytes[..body])[..] != bytes[body..] {
            return None;
        }
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
        let (commits, directories, entries) = (number(12)?, number(16)?, number(20)?);
        let index = Self { id_bytes, commits, directories, bytes: Vec::new() };
        let whole = number(8)? == id_bytes && index.entries_at() + 4 * entries == body;
        whole.then_some(Self { bytes, ..index })
    }

    fn commits_at(&self) -> usize {
        HEADER_BYTES + self.id_bytes
    }

    fn directories_at(&self) -> usize {
        self.commits_at() + self.commits * self.id_bytes
    }

    fn directory_bytes(&self) -> usize {
        PATH_BYTES + self.id_bytes + 8
    }

    fn entries_at(&self) -> usize {
        self.directories_at() + self.directories * self.directory_bytes()
    }

    fn number(&self, at: usize) -> usize {
        let bytes = self.bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default()) as usize
    }

    /// The commit whose tree it is about.
    pub(super) fn tip(&self) -> Option<ObjectId> {
        Some(oid::try_from_bytes(&self.bytes[HEADER_BYTES..HEADER_BYTES + self.id_bytes]).ok()?.to_owned())
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// A directory of the tip, if it has this tree.
    pub(super) fn directory(&self, path: &[u8], tree: &oid) -> Option<Block> {
        let key = key(path);
        let record =
            |at: usize| &self.bytes[self.directories_at() + at * self.directory_bytes()..][..self.directory_bytes()];
        let (mut low, mut high) = (0, self.directories);
        while low < high {
            let middle = low.midpoint(high);
            if record(middle)[..PATH_BYTES] < key[..] { low = middle + 1 } else { high = middle }
        }
        let found = (low < self.directories).then(|| record(low)).filter(|record| record[..PATH_BYTES] == key)?;
        if &found[PATH_BYTES..PATH_BYTES + self.id_bytes] != tree.as_bytes() {
            return None;
        }
        let at = self.directories_at() + low * self.directory_bytes() + PATH_BYTES + self.id_bytes;
        Some(Block { first: self.number(at), count: self.number(at + 4) })
    }

    /// The last change of a directory's entry, counted in its tree's order.
    pub(super) fn entry(&self, block: Block, at: usize) -> Option<ObjectId> {
        let at = (at < block.count).then(|| self.entries_at() + 4 * (block.first + at))?;
        let commit = self.number(at);
        let start = (commit < self.commits).then(|| self.commits_at() + commit * self.id_bytes)?;
        Some(oid::try_from_bytes(&self.bytes[start..start + self.id_bytes]).ok()?.to_owned())
    }
}

fn key(path: &[u8]) -> [u8; PATH_BYTES] {
    let mut key = [0; PATH_BYTES];
    key.copy_from_slice(&Sha256::digest(path)[..PATH_BYTES]);
    key
}

/// Makes an index and puts it into place, whole or not at all.
pub(super) fn write<'a>(
    repository: &Path,
    tip: &oid,
    directories: impl Iterator<Item = (&'a [u8], &'a oid, Vec<ObjectId>)>,
) -> io::Result<Vec<u8>> {
    let mut numbers: HashMap<ObjectId, u32> = HashMap::new();
    let (mut commits, mut entries) = (Vec::new(), Vec::new());
    let mut records: Vec<([u8; PATH_BYTES], &oid, u32, u32)> = Vec::new();
    let small = |count: usize| u32::try_from(count).map_err(io::Error::other);
    for (path, tree, changes) in directories {
        records.push((key(path), tree, small(entries.len() / 4)?, small(changes.len())?));
        for commit in changes {
            let next = small(numbers.len())?;
            let number = *numbers.entry(commit).or_insert_with(|| {
                commits.extend_from_slice(commit.as_slice());
                next
            });
            entries.extend_from_slice(&number.to_le_bytes());
        }
    }
    records.sort_unstable_by_key(|record| record.0);
    let mut bytes = MAGIC.to_vec();
    for number in [tip.as_bytes().len(), numbers.len(), records.len(), entries.len() / 4] {
        bytes.extend_from_slice(&small(number)?.to_le_bytes());
    }
    bytes.extend_from_slice(tip.as_bytes());
    bytes.extend_from_slice(&commits);
    for (key, tree, first, count) in records {
        bytes.extend_from_slice(&key);
        bytes.extend_from_slice(tree.as_bytes());
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    bytes.extend_from_slice(&entries);
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    put(repository, &bytes)?;
    Ok(bytes)
}

fn put(repository: &Path, bytes: &[u8]) -> io::Result<()> {
    // One at a time: they have one name, so that a crash leaves no more than one.
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let part = repository.join(PART);
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&part, repository.join(FILE))
}

/// Makes an index of bytes that were just written.
pub(super) fn read(bytes: Vec<u8>, id_bytes: usize) -> Option<Index> {
    Index::from_bytes(bytes, id_bytes)
}
