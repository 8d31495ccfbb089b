//! Revision by revision: which branches one touches, what they come from, and the commits that follow.
//!
//! A revision that touches a branch is one commit there, also where no file changed. A tag that is a copy of a branch and nothing
//! else is the branch's commit; one that was changed is a line of its own. A branch that was copied from another has that one's
//! commit as its parent, and one that came from elsewhere has none. What goes and comes again is another.

use crate::commit::Told;
use crate::layout::{Lines, Parts, Place};
use crate::state::{Origin, State, Step};
use crate::tree::Maker;
use crate::view::Watch;
use crate::{Authors, Layout, ViewError, merge};
use fsfs::{Action, ChangedPath, Fs, Node, NodeKind};
use git::ObjectId;
use git::pack::{ObjectKind, PackWriter};
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

/// The directory that makes a layout the usual one.
const TRUNK: &[u8] = b"/trunk";

/// Makes commits of revisions.
pub(crate) struct Converter<'a> {
    pub(crate) fs: &'a Fs,
    pub(crate) layout: &'a Layout,
    pub(crate) authors: &'a Authors,
    pub(crate) state: &'a mut State,
    pub(crate) pack: &'a mut PackWriter<File>,
    pub(crate) watch: &'a Watch<'a>,
}

/// The layout as it is by now.
pub(crate) fn lines(layout: &Layout, state: &State) -> Lines {
    match layout {
        Layout::Parts(parts) => Lines::Parts(parts.clone()),
        Layout::Detect if state.usual => Lines::Parts(Parts::usual()),
        Layout::Detect | Layout::Root => Lines::Root,
    }
}

/// What a revision made of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Went {
    /// It is done.
    On,
    /// There is a trunk now: all has to be made anew.
    Anew,
}

impl Converter<'_> {
    /// Makes what a revision is.
    pub(crate) fn revision(&mut self, rev: u64) -> Result<Went, ViewError> {
        let changes = self.fs.changes(rev)?;
        if *self.layout == Layout::Detect && !self.state.usual && self.begins_trunk(&changes) {
            self.state.usual = true;
            return Ok(Went::Anew);
        }
        let lines = lines(self.layout, self.state);
        let touched = self.touched(&lines, rev, &changes)?;
        if !touched.is_empty() {
            let told = Told::of(self.fs, self.authors, rev)?;
            for branch in touched {
                self.branch(&lines, rev, branch, &changes, &told)?;
            }
        }
        self.state.through = rev;
        Ok(Went::On)
    }

    fn begins_trunk(&self, changes: &[ChangedPath]) -> bool {
        changes.iter().any(|change| {
            change.path == TRUNK && change.action != Action::Delete && change.kind != Some(NodeKind::File)
        })
    }

    /// The branches that a revision may have changed.
    fn touched(&self, lines: &Lines, rev: u64, changes: &[ChangedPath]) -> Result<BTreeSet<Vec<u8>>, ViewError> {
        let mut touched = BTreeSet::new();
        for change in changes {
            match lines.place(&change.path) {
                Place::In(branch) => drop(touched.insert(branch)),
                Place::Above if change.action != Action::Modify => {
                    self.below(lines, rev, &change.path, &mut touched)?
                }
                Place::Above | Place::Outside => {}
            }
        }
        Ok(touched)
    }

    /// All branches below a path, those that were there and those that are.
    fn below(&self, lines: &Lines, rev: u64, path: &[u8], found: &mut BTreeSet<Vec<u8>>) -> Result<(), ViewError> {
        let is_below =
            |branch: &[u8]| branch.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/") || path == b"/");
        let there = self.state.lines.iter().filter(|(branch, line)| line.tip().is_some() && is_below(branch));
        found.extend(there.map(|(branch, _)| branch.clone()));
        let trunk = lines.trunk();
        if is_below(&trunk) {
            found.insert(trunk);
        }
        for base in lines.bases().into_iter().filter(|base| base == path || is_below(base)) {
            let Some(node) = directory_at(self.fs, rev, &base)? else { continue };
            for entry in &self.fs.directory(&node)?.0 {
                found.insert([base.as_slice(), b"/", &entry.name].concat());
            }
        }
        Ok(())
    }

    fn branch(
        &mut self,
        lines: &Lines,
        rev: u64,
        branch: Vec<u8>,
        changes: &[ChangedPath],
        told: &Told,
    ) -> Result<(), ViewError> {
        self.watch.look(self.state, self.pack.bytes())?;
        let tip = self.state.lines.get(&branch).and_then(|line| line.tip());
        let gone = |branch| Step { rev, branch, commit: vec![], tag: vec![], anew: true, from: None, merged: vec![] };
        let Some(node) = directory_at(self.fs, rev, &branch)? else {
            if tip.is_some() {
                self.state.step(gone(branch));
            }
            return Ok(());
        };
        let came = came(&branch, changes);
        let anew = came.is_some() || tip.is_none();
        let from = came.flatten().filter(|from| self.standing(from).is_some());
        let source = from.as_ref().and_then(|from| self.standing(from));
        let tree = self.maker().root(&node)?;
        let merged = if anew { Vec::new() } else { self.merged(lines, rev, &branch, &node)? };
        let is_copy = lines.is_tag(&branch) && source.is_some() && self.source_tree(&from)? == Some(tree);
        let commit = match source.filter(|_| is_copy) {
            Some(source) => source,
            None => {
                let own = if anew { source } else { tip };
                let others = merged.iter().filter_map(|from| self.newest(from));
                let mut parents: Vec<ObjectId> = own.into_iter().chain(others).collect();
                let mut seen = BTreeSet::new();
                parents.retain(|parent| seen.insert(*parent));
                self.pack.add(ObjectKind::Commit, &told.commit(tree, &parents, &branch))?
            }
        };
        let tag = match lines.ref_name(&branch).filter(|_| lines.is_tag(&branch)) {
            Some(name) => {
                let name = name.as_str().trim_start_matches("refs/tags/").to_owned();
                self.pack.add(ObjectKind::Tag, &told.tag(commit, &name, &branch))?.as_bytes().to_vec()
            }
            None => Vec::new(),
        };
        self.state.step(Step { rev, branch, commit: commit.as_bytes().to_vec(), tag, anew, from, merged });
        Ok(())
    }

    fn maker(&mut self) -> Maker<'_> {
        Maker { fs: self.fs, state: self.state, pack: self.pack, watch: self.watch }
    }

    /// The commit of a branch at a place; None: it is no branch, or was not there.
    fn standing(&self, from: &Origin) -> Option<ObjectId> {
        self.state.lines.get(&from.path)?.at(from.rev)
    }

    /// The newest commit of a branch up to a place, also when it is gone by then.
    fn newest(&self, from: &Origin) -> Option<ObjectId> {
        self.state.lines.get(&from.path)?.between(0, from.rev).last().map(|(_, commit)| commit)
    }

    fn source_tree(&mut self, from: &Option<Origin>) -> Result<Option<ObjectId>, ViewError> {
        let Some(from) = from else { return Ok(None) };
        let Some(node) = directory_at(self.fs, from.rev, &from.path)? else { return Ok(None) };
        self.maker().root(&node).map(Some)
    }

    /// The branches that a revision says it has merged, of which nothing is left out.
    fn merged(&self, lines: &Lines, rev: u64, branch: &[u8], node: &Node) -> Result<Vec<Origin>, ViewError> {
        let properties = self.fs.properties(node)?;
        let Some(now) = properties.get("svn:mergeinfo") else { return Ok(Vec::new()) };
        let before = directory_at(self.fs, rev - 1, branch)?;
        let before = before.map(|node| self.fs.properties(&node)).transpose()?;
        if before.is_some_and(|before| before.get("svn:mergeinfo") == Some(now)) {
            return Ok(Vec::new());
        }
        let Some(line) = self.state.lines.get(branch) else { return Ok(Vec::new()) };
        let mut merged = Vec::new();
        for (path, ranges) in merge::parse(now) {
            let through = ranges.iter().map(|(_, last)| *last).max().unwrap_or(0).min(rev - 1);
            let other =
                self.state.lines.get(&path).filter(|_| path != branch && lines.place(&path) == Place::In(path.clone()));
            let Some(other) = other else { continue };
            let reached = line.reaches(&path);
            let mut commits = other.between(reached, through).peekable();
            if commits.peek().is_some() && commits.all(|(rev, _)| merge::covers(&ranges, rev)) {
                merged.push(Origin { path, rev: through });
            }
        }
        Ok(merged)
    }
}

/// How a branch came in a revision: None, it did not; otherwise what it was copied from, if it was.
fn came(branch: &[u8], changes: &[ChangedPath]) -> Option<Option<Origin>> {
    let is_above = |path: &[u8]| {
        path == b"/" || branch.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let made = |change: &&ChangedPath| matches!(change.action, Action::Add | Action::Replace) && is_above(&change.path);
    let change = changes.iter().filter(made).max_by_key(|change| change.path.len())?;
    let from = change.copied_from.as_ref().map(|(rev, path)| {
        let rest = branch.strip_prefix(change.path.as_slice()).unwrap_or_default();
        let path = if path == b"/" { rest.to_vec() } else { [path.as_slice(), rest].concat() };
        Origin { path: if path.is_empty() { b"/".to_vec() } else { path }, rev: *rev }
    });
    Some(from)
}

fn directory_at(fs: &Fs, rev: u64, path: &[u8]) -> Result<Option<Arc<Node>>, ViewError> {
    Ok(fs.at(rev, path)?.filter(|node| node.kind == NodeKind::Directory))
}
