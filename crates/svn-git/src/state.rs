//! What is noted of a view: which object each node became, and which commits each branch had. One file that grows by a frame at a
//! time; a frame counts when it is whole.
//!
//! ```text
//! file  = frame*          frame = length (4 bytes) | CRC-32 (4 bytes) | CBOR
//! frame = the head of the file, or what was made of some revisions
//! ```

use crate::{How, ViewError};
use git::ObjectId;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

/// Another when what is made of a history, or how it is noted, changes: what was noted before is not read then.
const VERSION: u64 = 1;
/// Bytes of a node in a frame: revision, item, mode, id.
const NODE_BYTES: usize = 8 + 8 + 1 + 20;
/// Other branches that are remembered as merged into one.
const REACH_MAX: usize = 1_000;

/// What a node became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) mode: Mode,
    pub(crate) id: ObjectId,
}

/// As what it stands in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    File,
    Executable,
    Link,
    Tree,
    /// A directory without files, which Git does not know.
    Nothing,
}

impl Mode {
    const ALL: [Self; 5] = [Self::File, Self::Executable, Self::Link, Self::Tree, Self::Nothing];

    pub(crate) fn octal(self) -> &'static [u8] {
        match self {
            Self::File => b"100644",
            Self::Executable => b"100755",
            Self::Link => b"120000",
            Self::Tree | Self::Nothing => b"40000",
        }
    }
}

/// A place that a branch was copied or merged from: path and revision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Origin {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) path: Vec<u8>,
    #[n(1)]
    pub(crate) rev: u64,
}

/// What happened to a branch in a revision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Step {
    #[n(0)]
    pub(crate) rev: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) branch: Vec<u8>,
    /// The commit that it is at; empty: it is gone.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) commit: Vec<u8>,
    /// The object of the tag; empty: it is none.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) tag: Vec<u8>,
    /// It is another from here on than it was before.
    #[n(4)]
    pub(crate) anew: bool,
    /// Where it was copied from.
    #[n(5)]
    pub(crate) from: Option<Origin>,
    /// What was merged into it as a whole.
    #[n(6)]
    pub(crate) merged: Vec<Origin>,
}

#[derive(Encode, Decode)]
struct Head {
    #[n(0)]
    version: u64,
    #[n(1)]
    uuid: String,
    #[n(2)]
    layout: String,
    #[n(3)]
    authors: String,
}

/// What was made of some revisions.
#[derive(Debug, Default, Encode, Decode)]
struct Frame {
    /// The last of them.
    #[n(0)]
    through: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    nodes: Vec<u8>,
    #[n(2)]
    steps: Vec<Step>,
    /// Bytes of the pack.
    #[n(3)]
    bytes: u64,
    /// There was a trunk by then.
    #[n(4)]
    usual: bool,
    /// Which state of the revisions' properties it was made of.
    #[n(5)]
    mark: u64,
}

/// A branch through time.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Where it was from which revision on; None: gone.
    stands: Vec<(u64, Option<ObjectId>)>,
    pub(crate) tag: Option<ObjectId>,
    /// Up to which revision all of other branches is in it.
    reach: Arc<BTreeMap<Vec<u8>, u64>>,
}

impl Line {
    /// Where it is.
    pub(crate) fn tip(&self) -> Option<ObjectId> {
        self.stands.last().and_then(|(_, commit)| *commit)
    }

    /// Where it was in a revision.
    pub(crate) fn at(&self, rev: u64) -> Option<ObjectId> {
        let count = self.stands.partition_point(|(since, _)| *since <= rev);
        self.stands[..count].last().and_then(|(_, commit)| *commit)
    }

    /// Its commits after a revision and up to another.
    pub(crate) fn between(&self, after: u64, through: u64) -> impl Iterator<Item = (u64, ObjectId)> {
        let first = self.stands.partition_point(|(rev, _)| *rev <= after);
        let wanted = self.stands[first..].iter().take_while(move |(rev, _)| *rev <= through);
        wanted.filter_map(|(rev, commit)| Some((*rev, (*commit)?)))
    }

    /// Up to which revision all of another branch is in it.
    pub(crate) fn reaches(&self, other: &[u8]) -> u64 {
        self.reach.get(other).copied().unwrap_or(0)
    }
}

/// All that is noted.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) through: u64,
    /// `trunk` was seen: the usual layout.
    pub(crate) usual: bool,
    pub(crate) lines: BTreeMap<Vec<u8>, Line>,
    pub(crate) commits: u64,
    pub(crate) bytes: u64,
    /// Which state of the revisions' properties it is made of.
    pub(crate) mark: u64,
    nodes: HashMap<(u64, u64), Made>,
    /// What is not on the disk yet.
    fresh: Frame,
}

impl State {
    pub(crate) fn made(&self, node: (u64, u64)) -> Option<Made> {
        self.nodes.get(&node).copied()
    }

    pub(crate) fn note(&mut self, node: (u64, u64), made: Made) {
        let mode = Mode::ALL.iter().position(|mode| *mode == made.mode).unwrap_or_default();
        let parts = [&node.0.to_be_bytes()[..], &node.1.to_be_bytes(), &[u8::try_from(mode).unwrap_or(0)]];
        self.fresh.nodes.extend(parts.concat());
        self.fresh.nodes.extend_from_slice(made.id.as_bytes());
        self.nodes.insert(node, made);
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Forgets the commits, and keeps what nodes became: they are the same in any layout.
    pub(crate) fn forget_commits(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        let fresh = Frame { nodes: std::mem::take(&mut self.fresh.nodes), ..Frame::default() };
        *self = Self { usual: self.usual, bytes: self.bytes, mark: self.mark, nodes, fresh, ..Self::default() };
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.take(&step);
        self.fresh.steps.push(step);
    }

    /// What a step makes of what is known.
    fn take(&mut self, step: &Step) {
        let source = step.from.as_ref().and_then(|from| self.reach_of(from));
        let merged: Vec<_> = step.merged.iter().map(|from| (from, self.reach_of(from))).collect();
        let line = self.lines.entry(step.branch.clone()).or_default();
        let commit = ObjectId::from_bytes(&step.commit).filter(|_| !step.commit.is_empty());
        if step.anew || commit.is_none() {
            line.reach = source.unwrap_or_default();
        }
        for (from, reach) in merged {
            let of_line = Arc::make_mut(&mut line.reach);
            let theirs = reach.iter().flat_map(|reach| reach.iter()).map(|(path, rev)| (path.clone(), *rev));
            for (path, rev) in theirs.chain([(from.path.clone(), from.rev)]) {
                if of_line.len() < REACH_MAX || of_line.contains_key(&path) {
                    let now = of_line.entry(path).or_default();
                    *now = rev.max(*now);
                }
            }
        }
        line.stands.push((step.rev, commit));
        line.tag = ObjectId::from_bytes(&step.tag).filter(|_| !step.tag.is_empty());
        self.commits += 1;
    }

    /// What is in a branch at a place: itself, and what it has if it is not older than that.
    fn reach_of(&self, from: &Origin) -> Option<Arc<BTreeMap<Vec<u8>, u64>>> {
        let line = self.lines.get(&from.path)?;
        let is_newest = line.stands.last().is_some_and(|(rev, _)| *rev <= from.rev);
        let mut reach = if is_newest { line.reach.clone() } else { Arc::default() };
        Arc::make_mut(&mut reach).insert(from.path.clone(), from.rev);
        Some(reach)
    }

    /// Reads what is noted of this history made in this way; what is of another, or damaged, is not there.
    pub(crate) fn load(file: &Path, uuid: &str, how: &How) -> Result<Self, ViewError> {
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::begin(file, uuid, how, None),
            Err(error) => return Err(error.into()),
        };
        let mut rest = bytes.as_slice();
        let head = frame(&mut rest).and_then(|head| minicbor::decode::<Head>(head).ok());
        let Some(head) = head.filter(|head| head.version == VERSION && head.uuid == uuid) else {
            return Self::begin(file, uuid, how, None);
        };
        let mut state = Self::default();
        let mut whole = bytes.len() - rest.len();
        while let Some(read) = frame(&mut rest).and_then(|frame| minicbor::decode::<Frame>(frame).ok()) {
            state.read(&read);
            whole = bytes.len() - rest.len();
        }
        if head.layout != how.layout.to_string() || head.authors != how.authors.text() {
            state.forget_commits();
            state.usual = false;
            return Self::begin(file, uuid, how, Some(state));
        }
        if whole < bytes.len() {
            File::options().write(true).open(file)?.set_len(whole as u64)?;
        }
        Ok(state)
    }

    fn read(&mut self, frame: &Frame) {
        for node in frame.nodes.chunks_exact(NODE_BYTES) {
            let number = |at: usize| node[at..at + 8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            let mode = Mode::ALL.get(usize::from(node[16])).copied().unwrap_or(Mode::Nothing);
            if let Some(id) = ObjectId::from_bytes(&node[17..]) {
                self.nodes.insert((number(0), number(8)), Made { mode, id });
            }
        }
        frame.steps.iter().for_each(|step| self.take(step));
        (self.through, self.usual, self.mark) = (frame.through, frame.usual, frame.mark);
        self.bytes += frame.bytes;
    }

    /// A file with nothing in it but what nodes became.
    fn begin(file: &Path, uuid: &str, how: &How, kept: Option<Self>) -> Result<Self, ViewError> {
        let mut state = kept.unwrap_or_default();
        for ((rev, item), made) in std::mem::take(&mut state.nodes) {
            state.note((rev, item), made);
        }
        let (uuid, layout, authors) = (uuid.to_owned(), how.layout.to_string(), how.authors.text());
        let head = encoded(&Head { version: VERSION, uuid, layout, authors })?;
        let part = file.with_extension("part");
        let mut out = File::create(&part)?;
        out.write_all(&head)?;
        out.sync_all()?;
        fs::rename(&part, file)?;
        let bytes = state.bytes;
        state.save(file, bytes)?;
        Ok(state)
    }

    /// Begins again from the first revision, with what nodes became.
    pub(crate) fn begin_again(self, file: &Path, uuid: &str, how: &How) -> Result<Self, ViewError> {
        let mut state = self;
        state.forget_commits();
        state.fresh = Frame::default();
        Self::begin(file, uuid, how, Some(state))
    }

    /// Writes what is new. What it names has been taken in by Git, in a pack of so many bytes.
    pub(crate) fn save(&mut self, file: &Path, bytes: u64) -> Result<(), ViewError> {
        let fresh = Frame {
            through: self.through,
            usual: self.usual,
            mark: self.mark,
            bytes,
            ..std::mem::take(&mut self.fresh)
        };
        let frame = encoded(&fresh)?;
        let mut out = File::options().append(true).open(file)?;
        out.write_all(&frame)?;
        out.sync_data()?;
        Ok(())
    }
}

fn encoded<T: Encode<()>>(value: &T) -> Result<Vec<u8>, ViewError> {
    let bytes = minicbor::to_vec(value).map_err(|error| io::Error::other(error.to_string()))?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok([&length.to_be_bytes()[..], &crc32fast::hash(&bytes).to_be_bytes(), &bytes].concat())
}

/// The next whole frame.
fn frame<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (sum, after) = after.split_first_chunk::<4>()?;
    let (bytes, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    if crc32fast::hash(bytes).to_be_bytes() != *sum {
        return None;
    }
    *rest = after;
    Some(bytes)
}
