//! Node revisions: what a file or directory is in a revision, as FSFS keeps it.

use crate::error::{Result, damaged};
use crate::files::parse;
use std::fmt;

/// What names a node revision: `node.copy.rREVISION/ITEM`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    text: Box<str>,
    rev: u64,
    item: u64,
}

impl NodeId {
    /// Reads one; those of transactions are none.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let read = || {
            let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= 200)?;
            let (lines, place) = text.split_once(".r").filter(|(lines, _)| lines.contains('.'))?;
            let (rev, item) = place.split_once('/')?;
            let (rev, item) = (parse(rev.as_bytes())?, parse(item.as_bytes())?);
            let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
            lines.bytes().all(good).then(|| Self { text: text.into(), rev, item })
        };
        read().map_or_else(|| damaged("an id of a node is none"), Ok)
    }

    /// The revision it was made in.
    #[must_use]
    pub fn rev(&self) -> u64 {
        self.rev
    }

    /// Its number or place in that revision.
    #[must_use]
    pub fn item(&self) -> u64 {
        self.item
    }

    /// What is the same in all revisions and copies of the node.
    #[must_use]
    pub fn line(&self) -> &str {
        self.text.split('.').next().unwrap_or_default()
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// File or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

impl NodeKind {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        match bytes {
            b"file" => Ok(Self::File),
            b"dir" => Ok(Self::Directory),
            _ => damaged("a node is neither file nor directory"),
        }
    }
}

/// Where some content is and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rep {
    pub(crate) rev: u64,
    pub(crate) item: u64,
    /// Bytes as they lie there.
    pub(crate) stored: u64,
    /// Bytes of the content; 0 also where that was not noted.
    pub(crate) expanded: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) sha1: Option<[u8; 20]>,
}

/// The MD5 of nothing.
const MD5_OF_NOTHING: [u8; 16] =
    [0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e];

impl Rep {
    /// `REVISION ITEM STORED EXPANDED MD5 [SHA1 UNIQUIFIER]`
    fn parse(bytes: &[u8]) -> Result<Self> {
        let mut words = bytes.split(|byte| *byte == b' ');
        let mut read = || {
            let mut number = || parse(words.next()?);
            let (rev, item, stored, expanded) = (number()?, number()?, number()?, number()?);
            let md5 = unhex(words.next()?)?;
            // `-`: not known.
            let sha1 = words.next().and_then(unhex);
            Some(Self { rev, item, stored, expanded, md5, sha1 })
        };
        read().map_or_else(|| damaged("where a content is can't be read"), Ok)
    }

    /// Bytes of the content, where they are noted.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        (self.expanded > 0 || self.md5 == MD5_OF_NOTHING).then_some(self.expanded)
    }

    /// MD5 of the content.
    #[must_use]
    pub fn md5(&self) -> &[u8; 16] {
        &self.md5
    }

    /// SHA-1 of the content, where it is noted.
    #[must_use]
    pub fn sha1(&self) -> Option<&[u8; 20]> {
        self.sha1.as_ref()
    }

    /// Where it is: equal places are equal contents.
    #[must_use]
    pub fn place(&self) -> (u64, u64) {
        (self.rev, self.item)
    }
}

/// Bytes from hexadecimal digits.
fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// A place in history: a revision and a path, beginning with a slash.
pub type Place = (u64, Vec<u8>);

/// What a file or directory is in a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name; the revision in it is that of its last change.
    pub id: NodeId,
    /// File or directory.
    pub kind: NodeKind,
    /// What it was before.
    pub predecessor: Option<NodeId>,
    /// The content; None: empty.
    pub text: Option<Rep>,
    pub(crate) properties: Option<Rep>,
    /// What it was called in the revision in which it was made; with a slash first.
    pub created_path: Vec<u8>,
    /// What it was copied from, if it was itself.
    pub copied_from: Option<Place>,
    /// The copy that it, or what it's in, came with.
    pub(crate) copyroot: Place,
}

impl Node {
    /// Reads the lines of one; what follows the empty line is not among them.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (mut id, mut kind, mut predecessor, mut path) = (None, None, None, None);
        let (mut text, mut properties, mut copied_from, mut copyroot) = (None, None, None, None);
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(colon) = line.windows(2).position(|pair| pair == b": ") else {
                return damaged("a line of a node has no colon");
            };
            let value = &line[colon + 2..];
            match &line[..colon] {
                b"id" => id = Some(NodeId::parse(value)?),
                b"type" => kind = Some(NodeKind::parse(value)?),
                b"pred" => predecessor = Some(NodeId::parse(value)?),
                b"text" => text = Some(Rep::parse(value)?),
                b"props" => properties = Some(Rep::parse(value)?),
                b"cpath" => path = Some(value.to_vec()),
                b"copyfrom" => copied_from = Some(place(value)?),
                b"copyroot" => copyroot = Some(place(value)?),
                _ => {}
            }
        }
        let (Some(id), Some(kind), Some(created_path)) = (id, kind, path) else {
            return damaged("a node lacks its id, kind or path");
        };
        if !created_path.starts_with(b"/") {
            return damaged("a node's path has no slash");
        }
        let copyroot = copyroot.unwrap_or_else(|| (id.rev, created_path.clone()));
        Ok(Self { id, kind, predecessor, text, properties, created_path, copied_from, copyroot })
    }

    /// Whether it has properties.
    #[must_use]
    pub fn has_properties(&self) -> bool {
        self.properties.is_some()
    }

    /// Whether both have the same properties, as far as that shows without reading them.
    #[must_use]
    pub fn surely_same_properties(&self, other: &Self) -> bool {
        self.properties.as_ref().map(Rep::place) == other.properties.as_ref().map(Rep::place)
    }

    pub(crate) fn weight(&self) -> usize {
        600 + self.created_path.len() + self.copyroot.1.len()
    }
}

/// `REVISION PATH`
pub(crate) fn place(bytes: &[u8]) -> Result<Place> {
    let mut parts = bytes.splitn(2, |byte| *byte == b' ');
    let rev = parts.next().and_then(parse);
    let path = parts.next().filter(|path| path.starts_with(b"/"));
    rev.zip(path)
        .map_or_else(|| damaged("where a copy came from can't be read"), |(rev, path)| Ok((rev, path.to_vec())))
}
