//! The paths whose last change is looked for, numbered so that a directory's are one range.

use super::trees::Trees;
use code::ReadError;
use gix::ObjectId;
use std::collections::HashMap;
use std::ops::Range;

/// So many paths are numbered at most.
pub(super) const PATHS_MAX: u32 = 1_000_000;
/// Directories are at most so deep.
pub(super) const DEPTH_MAX: usize = 512;

/// A directory that is looked into.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Its names that are looked for or into.
    children: HashMap<Box<[u8]>, Child>,
    /// All numbers in it and below.
    pub(super) below: Range<u32>,
}

/// A name in a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    /// Its own number; None when it is only on the way.
    pub(super) number: Option<u32>,
    /// Where it is looked into.
    pub(super) node: Option<usize>,
}

/// A directory of the tip, as the index has it: path, tree, and the numbers of its entries in order.
pub(super) struct Directory {
    pub(super) path: Vec<u8>,
    pub(super) tree: ObjectId,
    pub(super) numbers: Vec<u32>,
}

/// Numbered paths.
#[derive(Debug, Default)]
pub(super) struct Scope {
    nodes: Vec<Node>,
    /// A path that is changed whenever one of these is.
    pub(super) common: Option<Vec<u8>>,
    /// Each path by its number, where they are of one directory.
    pub(super) paths: Vec<Vec<u8>>,
}

impl Scope {
    /// The entries of one directory.
    pub(super) fn of_directory<'a>(path: &[u8], names: impl Iterator<Item = &'a [u8]>) -> Self {
        let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
        let mut nodes: Vec<Node> = Vec::with_capacity(parts.len() + 1);
        for (depth, part) in parts.iter().enumerate() {
            let on_the_way = Child { number: None, node: Some(depth + 1) };
            nodes.push(Node { children: HashMap::from([((*part).into(), on_the_way)]), below: 0..0 });
        }
        let mut count = 0;
        let mut children: HashMap<Box<[u8]>, Child> = HashMap::new();
        let mut paths = Vec::new();
        for name in names {
            paths.push(if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() });
            children.insert(name.into(), Child { number: Some(count), node: None });
            count += 1;
        }
        nodes.push(Node { children, below: 0..0 });
        nodes.iter_mut().for_each(|node| node.below = 0..count);
        Self { nodes, common: Some(path.to_vec()), paths }
    }

    /// Everything in a tree.
    pub(super) fn of_everything(
        trees: &mut Trees<'_, '_>,
        root: ObjectId,
    ) -> Result<(Self, Vec<Directory>), ReadError> {
        let mut all = All { scope: Self::default(), directories: Vec::new(), next: 0, path: Vec::new() };
        all.directory(trees, root, 0)?;
        Ok((all.scope, all.directories))
    }

    /// How many numbers there are.
    pub(super) fn all(&self) -> Range<u32> {
        self.nodes.first().map_or(0..0, |node| node.below.clone())
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }
}

impl Node {
    pub(super) fn child(&self, name: &[u8]) -> Option<Child> {
        self.children.get(name).copied()
    }

    /// A directory on the way has one name.
    pub(super) fn only(&self) -> Option<(&[u8], Child)> {
        let (name, child) = self.children.iter().next().filter(|_| self.children.len() == 1)?;
        Some((name, *child))
    }
}

struct All {
    scope: Scope,
    directories: Vec<Directory>,
    next: u32,
    path: Vec<u8>,
}

impl All {
    fn directory(&mut self, trees: &mut Trees<'_, '_>, tree: ObjectId, depth: usize) -> Result<usize, ReadError> {
        if depth > DEPTH_MAX || self.next > PATHS_MAX {
            return Err(ReadError::TooMuch("there are too many files to know the last change of each".to_owned()));
        }
        let node = self.scope.nodes.len();
        self.scope.nodes.push(Node::default());
        let raw = trees.read(&tree)?;
        let (start, mut children, mut numbers) = (self.next, HashMap::new(), Vec::new());
        for entry in trees.entries(&raw) {
            let entry = entry?;
            let number = self.next;
            self.next += 1;
            numbers.push(number);
            let mut below = None;
            if entry.is_tree() {
                let length = self.path.len();
                self.path.extend_from_slice(if length > 0 { b"/" } else { b"" });
                self.path.extend_from_slice(entry.name);
                below = Some(self.directory(trees, entry.id.to_owned(), depth + 1)?);
                self.path.truncate(length);
            }
            children.insert(entry.name.into(), Child { number: Some(number), node: below });
        }
        self.directories.push(Directory { path: self.path.clone(), tree, numbers });
        self.scope.nodes[node] = Node { children, below: start..self.next };
        Ok(node)
    }
}
