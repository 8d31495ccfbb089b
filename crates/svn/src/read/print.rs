//! What a repository is, in few bytes: for telling whether two are the same, and whether one can be read at all.

use super::unread;
use code::ReadError;
use fsfs::{Caches, ChangedPath, Fs, NodeKind};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Memory for reading one.
const CACHE_BYTES_MAX: usize = 32 << 20;
/// What is read of a content at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A repository's UUID, and for each revision the SHA-256 of all that it changed: paths, copies, properties, contents. Properties
/// of revisions are not in it: they may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnPrint {
    /// Its UUID.
    pub uuid: String,
    /// From revision 0 on.
    pub revisions: Vec<[u8; 32]>,
}

impl SvnPrint {
    /// Reads a repository up to a revision, or all of it. Every content that a revision brought is read, and is what was committed.
    ///
    /// # Errors
    /// When anything can't be read, or is not what was committed.
    pub fn read(root: &Path, through: Option<u64>) -> Result<Self, ReadError> {
        let fs = Fs::open(root, Arc::new(Caches::new(CACHE_BYTES_MAX))).map_err(unread)?;
        let youngest = fs.youngest().map_err(unread)?;
        let through = through.map_or(youngest, |through| through.min(youngest));
        let revisions = (0..=through).map(|rev| {
            fs.root(rev).map_err(unread)?;
            fs.revision_properties(rev).map_err(unread)?;
            let mut hash = Sha256::new();
            for change in fs.changes(rev).map_err(unread)? {
                add(&fs, rev, &change, &mut hash)?;
            }
            Ok(hash.finalize().into())
        });
        Ok(Self { uuid: fs.uuid().to_owned(), revisions: revisions.collect::<Result<_, ReadError>>()? })
    }

    /// In what another repository is not this one, in words: the first of it.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.uuid != other.uuid {
            return Some(format!("its UUID is {}, not {}", other.uuid, self.uuid));
        }
        let differs = self.revisions.iter().zip(&other.revisions).position(|(a, b)| a != b);
        if let Some(rev) = differs {
            return Some(format!("r{rev} is another"));
        }
        let (here, there) = (self.revisions.len(), other.revisions.len());
        (here != there).then(|| format!("it has {there} revisions, not {here}"))
    }
}

fn add(fs: &Fs, rev: u64, change: &ChangedPath, hash: &mut Sha256) -> Result<(), ReadError> {
    let part = |hash: &mut Sha256, bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(hash, &change.path);
    part(hash, format!("{:?} {:?}", change.action, change.copied_from).as_bytes());
    let Some(node) = fs.at(rev, &change.path).map_err(unread)? else { return Ok(()) };
    for (name, value) in fs.properties(&node).map_err(unread)?.iter() {
        part(hash, name);
        part(hash, value);
    }
    if node.kind == NodeKind::File && (change.text || change.copied_from.is_some()) {
        // What was copied with its directory is read where it came from.
        hash.update(fs.size(&node).map_err(unread)?.to_be_bytes());
        if let Some(mut content) = fs.open_content(&node).map_err(unread)? {
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                let count = content.read(&mut piece)?;
                if count == 0 {
                    break;
                }
                hash.update(&piece[..count]);
            }
        }
    }
    Ok(())
}
