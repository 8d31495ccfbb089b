//! A repository: its numbers, its roots, and what is in it.

use crate::cache::{Caches, Key, Kind};
use crate::changes::{ChangedPath, parse_changes};
use crate::error::{FsError, Result, damaged};
use crate::files::{Files, number, read_until};
use crate::format::Format;
use crate::hash::{Properties, each};
use crate::node::{Node, NodeId, NodeKind};
use crate::stream::ContentReader;
use md5::{Digest as _, Md5};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most bytes of a node's lines.
const NODE_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a revision's list of changes.
const CHANGES_BYTES_MAX: usize = 128 << 20;
/// The most bytes of a directory.
const DIRECTORY_BYTES_MAX: u64 = 128 << 20;
/// The most bytes of a node's properties.
const PROPERTIES_BYTES_MAX: u64 = 64 << 20;
/// The deepest path.
const DEPTH_MAX: usize = 1_000;

/// Tells repositories apart in the caches.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name.
    pub name: Vec<u8>,
    /// File or directory.
    pub kind: NodeKind,
    /// What it is.
    pub id: NodeId,
}

/// A directory's entries, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory(pub Vec<DirEntry>);

impl Directory {
    /// Reads the content of one.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut entries = Vec::new();
        each(bytes, |name, value| {
            let Some(space) = value.iter().position(|byte| *byte == b' ') else {
                return damaged("an entry of a directory is none");
            };
            let good = !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0);
            if !good {
                return damaged("a directory has an entry of an impossible name");
            }
            let (kind, id) = (NodeKind::parse(&value[..space])?, NodeId::parse(&value[space + 1..])?);
            entries.push(DirEntry { name: name.to_vec(), kind, id });
            Ok(())
        })?;
        entries.sort_unstable_by(|a: &DirEntry, b| a.name.cmp(&b.name));
        entries.dedup_by(|a, b| a.name == b.name);
        Ok(Self(entries))
    }

    /// The entry of a name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&DirEntry> {
        let at = self.0.binary_search_by(|entry| entry.name.as_slice().cmp(name)).ok()?;
        self.0.get(at)
    }
}

/// One repository on the disk. Reading starts no process and writes nothing; it may be done from several threads.
#[derive(Debug)]
pub struct Fs {
    pub(crate) files: Files,
    pub(crate) caches: Arc<Caches>,
    format: Format,
    uuid: String,
    /// Revisions before this one are packed.
    packed_before: AtomicU64,
    serial: u64,
}

impl Fs {
    /// Opens the repository in a directory (that which has `db` in it).
    ///
    /// # Errors
    /// When there is none, or one of a format that is not read.
    pub fn open(root: &Path, caches: Arc<Caches>) -> Result<Self> {
        let files = Files::open(root)?;
        if files.must("db/fs-type")?.trim_ascii() != b"fsfs" {
            return Err(FsError::Unsupported("a repository is not kept as FSFS".to_owned()));
        }
        let format = Format::parse(&files.must("db/format")?)?;
        let uuid = files.must("db/uuid")?;
        let uuid = uuid.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let uuid = String::from_utf8_lossy(uuid).into_owned();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let fs = Self { files, caches, format, uuid, packed_before: AtomicU64::new(0), serial };
        fs.read_packed()?;
        Ok(fs)
    }

    /// What tells its directory from another that took its place (device and inode).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn identity(&self) -> Result<(u64, u64)> {
        self.files.identity()
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Its newest revision, now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn youngest(&self) -> Result<u64> {
        number(&self.files.must("db/current")?, "db/current")
    }

    pub(crate) fn read_packed(&self) -> Result<()> {
        if self.format.may_be_packed() {
            let bytes = self.files.small("db/min-unpacked-rev")?;
            let before = bytes.map_or(Ok(0), |bytes| number(&bytes, "db/min-unpacked-rev"))?;
            self.packed_before.store(before, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn is_packed(&self, rev: u64) -> bool {
        rev < self.packed_before.load(Ordering::Relaxed)
    }

    pub(crate) fn key(&self, kind: Kind, rev: u64, item: u64) -> Key {
        (self.serial, kind, rev, item)
    }

    /// A node.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn node(&self, id: &NodeId) -> Result<Arc<Node>> {
        self.node_at(id.rev(), id.item())
    }

    fn node_at(&self, rev: u64, item: u64) -> Result<Arc<Node>> {
        let key = self.key(Kind::Node, rev, item);
        if let Some(kept) = self.caches.get::<Node>(&key) {
            return Ok(kept);
        }
        let section = self.locate(rev, item)?;
        let lines = read_until(&section.file.file, section.at, section.end, b"\n\n", NODE_BYTES_MAX)?;
        let node = Node::parse(&lines)?;
        if (node.id.rev(), node.id.item()) != (rev, item) {
            return damaged(format!("item {item} of revision {rev} is another node"));
        }
        let node = Arc::new(node);
        self.caches.put(key, node.clone(), node.weight());
        Ok(node)
    }

    /// What a caller made of the repository and left with [`Fs::remember`], if it is still kept.
    #[must_use]
    pub fn recall<T: Send + Sync + 'static>(&self, about: &[u8]) -> Option<Arc<T>> {
        self.caches.get(&self.made(about))
    }

    /// Keeps what a caller made of the repository, as long as there is room. `about` must name all that it depends on.
    pub fn remember<T: Send + Sync + 'static>(&self, about: &[u8], made: Arc<T>, bytes: usize) {
        self.caches.put(self.made(about), made, bytes);
    }

    fn made(&self, about: &[u8]) -> Key {
        let digest = Md5::digest(about);
        let half = |at: usize| digest[at..at + 8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        self.key(Kind::Made, half(0), half(8))
    }

    /// The root directory of a revision.
    ///
    /// # Errors
    /// When there is no such revision, or it can't be read.
    pub fn root(&self, rev: u64) -> Result<Arc<Node>> {
        let key = self.key(Kind::Root, rev, 0);
        let item = match self.caches.get::<u64>(&key) {
            Some(item) => *item,
            None => {
                let (item, _) = self.root_and_changes(rev)?;
                self.caches.put(key, Arc::new(item), 8);
                item
            }
        };
        let root = self.node_at(rev, item)?;
        if root.kind == NodeKind::Directory { Ok(root) } else { damaged("a revision's root is no directory") }
    }

    /// What is in a directory.
    ///
    /// # Errors
    /// When it is none, or can't be read.
    pub fn directory(&self, node: &Node) -> Result<Arc<Directory>> {
        if node.kind != NodeKind::Directory {
            return Err(FsError::NotFound("such directory".to_owned()));
        }
        let Some(rep) = &node.text else { return Ok(Arc::default()) };
        let key = self.key(Kind::Directory, rep.rev, rep.item);
        if let Some(kept) = self.caches.get::<Directory>(&key) {
            return Ok(kept);
        }
        let bytes = self.whole(rep, DIRECTORY_BYTES_MAX)?;
        let directory = Arc::new(Directory::parse(&bytes)?);
        self.caches.put(key, directory.clone(), bytes.len() * 2 + directory.0.len() * 120);
        Ok(directory)
    }

    /// A node's properties.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn properties(&self, node: &Node) -> Result<Arc<Properties>> {
        let Some(rep) = &node.properties else { return Ok(Arc::default()) };
        let key = self.key(Kind::Properties, rep.rev, rep.item);
        if let Some(kept) = self.caches.get::<Properties>(&key) {
            return Ok(kept);
        }
        let properties = Arc::new(Properties::parse(&self.whole(rep, PROPERTIES_BYTES_MAX)?)?);
        self.caches.put(key, properties.clone(), properties.weight());
        Ok(properties)
    }

    /// A file's whole content, if it has at most so many bytes.
    ///
    /// # Errors
    /// [`FsError::TooMuch`] when it has more; when it is no file or can't be read.
    pub fn content(&self, node: &Node, bytes_max: u64) -> Result<Arc<Vec<u8>>> {
        file(node)?.map_or_else(|| Ok(Arc::default()), |rep| self.whole(rep, bytes_max))
    }

    /// A file's content, of any length, from its beginning to its end. The last read fails if it is not what was committed.
    ///
    /// # Errors
    /// When it is no file or can't be read.
    pub fn open_content(&self, node: &Node) -> Result<Option<ContentReader>> {
        file(node)?.map(|rep| self.open_rep(rep)).transpose()
    }

    /// Bytes of a file. Where that was not noted, all of it is read.
    ///
    /// # Errors
    /// When it is no file or can't be read.
    pub fn size(&self, node: &Node) -> Result<u64> {
        let Some(rep) = file(node)? else { return Ok(0) };
        match rep.size() {
            Some(size) => Ok(size),
            None => std::io::copy(&mut self.open_rep(rep)?, &mut std::io::sink()).map_err(crate::error::from_io),
        }
    }

    /// What is at a path of a revision, from the root down; None when there is nothing.
    ///
    /// # Errors
    /// When there is no such revision, or it can't be read.
    pub fn walk(&self, rev: u64, path: &[u8]) -> Result<Option<Vec<Arc<Node>>>> {
        let mut along = vec![self.root(rev)?];
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let here = &along[along.len() - 1];
            if here.kind != NodeKind::Directory || along.len() > DEPTH_MAX {
                return Ok(None);
            }
            let Some(id) = self.directory(here)?.get(name).map(|entry| entry.id.clone()) else { return Ok(None) };
            along.push(self.node(&id)?);
        }
        Ok(Some(along))
    }

    /// What is at a path of a revision.
    ///
    /// # Errors
    /// As [`Fs::walk`].
    pub fn at(&self, rev: u64, path: &[u8]) -> Result<Option<Arc<Node>>> {
        Ok(self.walk(rev, path)?.and_then(|mut along| along.pop()))
    }

    /// What a revision changed, by path.
    ///
    /// # Errors
    /// When there is no such revision, or it can't be read.
    pub fn changes(&self, rev: u64) -> Result<Vec<ChangedPath>> {
        let (_, item) = self.root_and_changes(rev)?;
        let section = self.locate(rev, item)?;
        let at_once = section.peek(2)?;
        if at_once.first() == Some(&b'\n') {
            return Ok(Vec::new());
        }
        parse_changes(&self.change_lines(&section)?)
    }

    /// Pairs of lines up to an empty one in the place of a first.
    fn change_lines(&self, section: &crate::revision::Section) -> Result<Vec<u8>> {
        let mut size = 4 << 10;
        loop {
            let bytes = section.peek(size)?;
            let (mut at, mut first) = (0, true);
            while let Some(length) = bytes[at..].iter().position(|byte| *byte == b'\n') {
                if first && length == 0 {
                    return Ok(bytes[..at].to_vec());
                }
                at += length + 1;
                first = !first;
            }
            if bytes.len() < size {
                return Ok(bytes);
            }
            if size >= CHANGES_BYTES_MAX {
                return Err(FsError::TooMuch("a revision changed too many paths".to_owned()));
            }
            size *= 4;
        }
    }
}

fn file(node: &Node) -> Result<Option<&crate::node::Rep>> {
    if node.kind == NodeKind::File { Ok(node.text.as_ref()) } else { Err(FsError::NotFound("such file".to_owned())) }
}
