//! What a revision changed, and what differs between two trees.
//!
//! A revision says itself what it changed, copies and all; only two trees have to be compared. A directory has no lines; what can
//! change of it besides its entries are its properties, and they are shown as lines. So are those of a file whose text is the same.

use super::files::{content_id, is_called_binary, kind};
use super::place::{Place, from_fs};
use super::{SvnSource, unread};
use code::{Change, ChangeKind, CodePath, DiffOptions, FileDiff, ReadError, RevisionId, Summary};
use fsfs::{Action, ChangedPath, Directory, Node, NodeKind, Properties};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use text::{FILE_BYTES_MAX, Folder, SHOWN_LINES_MAX};

/// Comparing trees takes at most so long.
const TREES_TIME_MAX: Duration = Duration::from_secs(10);
/// Comparing the files takes at most so long; those that are left are folded.
const COUNT_TIME_MAX: Duration = Duration::from_secs(5);
/// Changed paths that are listed at most.
const CHANGES_MAX: usize = 100_000;

type Side = Option<Arc<Node>>;

/// A changed path and what it was before.
#[derive(Clone)]
struct Changed {
    kind: ChangeKind,
    old_path: CodePath,
    path: CodePath,
    old: Side,
    new: Side,
}

/// See [`code::Source::changes`].
pub(super) fn changes(
    source: &SvnSource,
    of: &RevisionId,
    options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    shown(source, changed_in(source, &source.place(of)?)?, options)
}

/// See [`code::Source::diff`].
pub(super) fn diff(
    source: &SvnSource,
    from: &RevisionId,
    to: &RevisionId,
    options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    shown(source, between(source, from, to)?, options)
}

/// See [`code::Source::file_diff`].
pub(super) fn file_diff(
    source: &SvnSource,
    from: Option<&RevisionId>,
    to: &RevisionId,
    path: &CodePath,
    options: DiffOptions,
) -> Result<FileDiff, ReadError> {
    let changes = match from {
        Some(from) => between(source, from, to)?,
        None => changed_in(source, &source.place(to)?)?,
    };
    let found = changes.into_iter().find(|change| change.path == *path);
    let change = found.ok_or_else(|| ReadError::NotFound(format!("change of {}", path.shown())))?;
    let unfolded = DiffOptions { file_lines_max: SHOWN_LINES_MAX, lines_max: SHOWN_LINES_MAX, ..options };
    file(source, &change, &mut Folder::new(unfolded), true)
}

fn shown(
    source: &SvnSource,
    changes: Vec<Changed>,
    options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    let mut folder = Folder::new(options);
    let mut summary = Summary { files: changes.len(), ..Summary::default() };
    let mut files = Vec::with_capacity(changes.len());
    let deadline = Instant::now() + COUNT_TIME_MAX;
    for (at, change) in changes.iter().enumerate() {
        let shown = options.shows(at);
        if Instant::now() > deadline || !(shown || options.count_all) {
            files.push(FileDiff { folded: true, ..empty(source, change)? });
            summary.uncounted = true;
            continue;
        }
        let file = file(source, change, &mut folder, shown)?;
        summary.added += u64::from(file.added);
        summary.removed += u64::from(file.removed);
        files.push(file);
    }
    Ok((files, summary))
}

/// What a revision says it changed, below the place's root.
fn changed_in(source: &SvnSource, place: &Place) -> Result<Vec<Changed>, ReadError> {
    let all = source.fs.changes(place.rev).map_err(unread)?;
    if all.len() > CHANGES_MAX {
        return Err(ReadError::TooMuch(format!("r{} changed more than {CHANGES_MAX} paths", place.rev)));
    }
    let gone: BTreeSet<&[u8]> =
        all.iter().filter(|change| change.action == Action::Delete).map(|change| change.path.as_slice()).collect();
    let sources = all.iter().filter_map(|change| change.copied_from.as_ref()).map(|(_, path)| path.as_slice());
    let moved: BTreeSet<&[u8]> = sources.filter(|path| gone.contains(path)).collect();
    let mut changes = Vec::with_capacity(all.len());
    for (at, change) in all.iter().enumerate() {
        let path = from_fs(&change.path)?;
        let inside = place.root.is_root()
            || path == place.root
            || path.as_bytes().starts_with(&[place.root.as_bytes(), b"/"].concat());
        let is_moved = change.action == Action::Delete && moved.contains(change.path.as_slice());
        if !inside || is_moved || is_only_a_way(&all, at) {
            continue;
        }
        changes.push(changed(source, place.rev, change, path, &moved)?);
    }
    Ok(changes)
}

/// A directory that came with something in it needs no line of its own.
fn is_only_a_way(all: &[ChangedPath], at: usize) -> bool {
    let change = &all[at];
    let plain = change.action == Action::Add && change.copied_from.is_none() && !change.properties && !change.text;
    let next = all.get(at + 1).and_then(|next| next.path.strip_prefix(change.path.as_slice()));
    plain && next.is_some_and(|rest| rest.starts_with(b"/"))
}

fn changed(
    source: &SvnSource,
    rev: u64,
    change: &ChangedPath,
    path: CodePath,
    moved: &BTreeSet<&[u8]>,
) -> Result<Changed, ReadError> {
    let at = |rev: u64, path: &[u8]| source.fs.at(rev, path).map_err(unread);
    let before = rev.checked_sub(1);
    let was_there = || before.map_or(Ok(None), |before| at(before, &change.path));
    let new = if change.action == Action::Delete { None } else { at(rev, &change.path)? };
    if let (Some((from_rev, from)), Action::Add | Action::Replace) = (&change.copied_from, change.action) {
        let old = at(*from_rev, from)?;
        let kind = if moved.contains(from.as_slice()) { ChangeKind::Renamed(100) } else { ChangeKind::Copied(100) };
        return Ok(Changed { kind, old_path: from_fs(from)?, path, old, new });
    }
    let (kind, old) = match change.action {
        Action::Add => (ChangeKind::Added, None),
        Action::Delete => (ChangeKind::Removed, was_there()?),
        Action::Replace => (ChangeKind::Modified, was_there()?),
        Action::Modify => {
            let before = new.as_ref().and_then(|node| node.predecessor.clone());
            (ChangeKind::Modified, before.map(|id| source.fs.node(&id).map_err(unread)).transpose()?)
        }
    };
    Ok(Changed { kind, old_path: path.clone(), path, old, new })
}

/// Compares two trees. What is the same node is the same, whatever is in it.
fn between(source: &SvnSource, from: &RevisionId, to: &RevisionId) -> Result<Vec<Changed>, ReadError> {
    let (from, to) = (source.place(from)?, source.place(to)?);
    let root = CodePath::root();
    let mut walk = Walk { source, found: Vec::new(), until: Instant::now() + TREES_TIME_MAX };
    let mut waiting = vec![(root.clone(), Some(source.node(&from, &root)?), Some(source.node(&to, &root)?))];
    while let Some((path, old, new)) = waiting.pop() {
        walk.pair(path, old, new, &mut waiting)?;
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walk.found)
}

struct Walk<'a> {
    source: &'a SvnSource,
    found: Vec<Changed>,
    until: Instant,
}

impl Walk<'_> {
    fn pair(
        &mut self,
        path: CodePath,
        old: Side,
        new: Side,
        waiting: &mut Vec<(CodePath, Side, Side)>,
    ) -> Result<(), ReadError> {
        if old.as_ref().map(|node| &node.id) == new.as_ref().map(|node| &node.id) {
            return Ok(());
        }
        if self.found.len() > CHANGES_MAX || Instant::now() > self.until {
            return Err(ReadError::TooMuch("too much differs to compare the two".to_owned()));
        }
        let is = |side: &Side, kind| side.as_ref().is_some_and(|node| node.kind == kind);
        let (a, b) = (self.directory(&old)?, self.directory(&new)?);
        for entry in &a.0 {
            let theirs = b.get(&entry.name);
            self.below(&path, &entry.name, Some(entry), theirs, waiting)?;
        }
        for entry in b.0.iter().filter(|entry| a.get(&entry.name).is_none()) {
            self.below(&path, &entry.name, None, Some(entry), waiting)?;
        }
        let file = |side: Side| side.filter(|node| node.kind == NodeKind::File);
        if is(&old, NodeKind::Directory) && is(&new, NodeKind::Directory) {
            if self.differ_in_properties(&old, &new)? {
                self.found.push(Changed { kind: ChangeKind::Modified, old_path: path.clone(), path, old, new });
            }
            return Ok(());
        }
        let (old, new) = (file(old), file(new));
        let kind = match (&old, &new) {
            (None, None) => return Ok(()),
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(a), Some(b)) if content_id(a) == content_id(b) && !self.differ_in_properties(&old, &new)? => {
                return Ok(());
            }
            (Some(_), Some(_)) => ChangeKind::Modified,
        };
        self.found.push(Changed { kind, old_path: path.clone(), path, old, new });
        Ok(())
    }

    fn below(
        &self,
        path: &CodePath,
        name: &[u8],
        old: Option<&fsfs::DirEntry>,
        new: Option<&fsfs::DirEntry>,
        waiting: &mut Vec<(CodePath, Side, Side)>,
    ) -> Result<(), ReadError> {
        if old.map(|entry| &entry.id) == new.map(|entry| &entry.id) {
            return Ok(());
        }
        let node = |entry: Option<&fsfs::DirEntry>| entry.map(|entry| self.source.fs.node(&entry.id)).transpose();
        let path = path.join(name).map_err(|error| ReadError::Invalid(error.to_string()))?;
        waiting.push((path, node(old).map_err(unread)?, node(new).map_err(unread)?));
        Ok(())
    }

    fn directory(&self, side: &Side) -> Result<Arc<Directory>, ReadError> {
        match side {
            Some(node) if node.kind == NodeKind::Directory => self.source.fs.directory(node).map_err(unread),
            _ => Ok(Arc::default()),
        }
    }

    fn differ_in_properties(&self, old: &Side, new: &Side) -> Result<bool, ReadError> {
        Ok(properties(self.source, old)? != properties(self.source, new)?)
    }
}

fn properties(source: &SvnSource, side: &Side) -> Result<Arc<Properties>, ReadError> {
    side.as_ref().map_or_else(|| Ok(Arc::default()), |node| source.fs.properties(node).map_err(unread))
}

fn empty(source: &SvnSource, change: &Changed) -> Result<FileDiff, ReadError> {
    let side = |side: &Side| -> Result<_, ReadError> {
        let properties = properties(source, side)?;
        Ok(side.as_ref().map(|node| (kind(node, &properties), content_id(node))))
    };
    let size = |side: &Side| match side {
        Some(node) if node.kind == NodeKind::File => source.fs.size(node).map_err(unread),
        _ => Ok(0),
    };
    let sizes = (size(&change.old)?, size(&change.new)?);
    let change = Change {
        kind: change.kind,
        old_path: change.old_path.clone(),
        path: change.path.clone(),
        old: side(&change.old)?,
        new: side(&change.new)?,
    };
    Ok(FileDiff { change, binary: false, sizes, added: 0, removed: 0, folded: false, hunks: Vec::new() })
}

fn file(source: &SvnSource, change: &Changed, folder: &mut Folder, shown: bool) -> Result<FileDiff, ReadError> {
    let mut diff = empty(source, change)?;
    let texts = |side: &Side| side.as_ref().map(|node| content_id(node));
    let is_directory = |side: &Side| side.as_ref().is_some_and(|node| node.kind == NodeKind::Directory);
    let (old_properties, new_properties) = (properties(source, &change.old)?, properties(source, &change.new)?);
    let any_directory = is_directory(&change.old) || is_directory(&change.new);
    if any_directory || texts(&change.old) == texts(&change.new) {
        if old_properties != new_properties {
            folder.lines(&mut diff, (&listed(&old_properties), &listed(&new_properties)), shown);
        }
        return Ok(diff);
    }
    if diff.sizes.0.max(diff.sizes.1) > FILE_BYTES_MAX
        || is_called_binary(&old_properties)
        || is_called_binary(&new_properties)
    {
        diff.binary = true;
        return Ok(diff);
    }
    let content = |side: &Side| match side {
        Some(node) => source.fs.content(node, FILE_BYTES_MAX).map_err(unread),
        None => Ok(Arc::default()),
    };
    let (old, new) = (content(&change.old)?, content(&change.new)?);
    folder.lines(&mut diff, (&old, &new), shown);
    let likeness = likeness(&old, &new, &diff);
    match &mut diff.change.kind {
        ChangeKind::Renamed(percent) | ChangeKind::Copied(percent) => *percent = likeness,
        _ => {}
    }
    Ok(diff)
}

/// How many of the lines are in both, in percent.
fn likeness(old: &[u8], new: &[u8], diff: &FileDiff) -> u8 {
    let lines = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count();
    let (old, new) = (lines(old), lines(new));
    let both = old.saturating_sub(diff.removed as usize);
    u8::try_from(both * 100 / old.max(new).max(1)).unwrap_or(100)
}

/// Properties as lines.
fn listed(properties: &Properties) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in properties.iter() {
        lines.extend_from_slice(b"Property ");
        lines.extend_from_slice(name);
        lines.extend_from_slice(b":\n");
        for line in value.strip_suffix(b"\n").unwrap_or(value).split(|byte| *byte == b'\n') {
            lines.extend_from_slice(b"    ");
            lines.extend_from_slice(line);
            lines.push(b'\n');
        }
    }
    lines
}
