//! Finding a file or a text, and which languages there are: walks over a tree, each content once.

use super::{SvnSource, unread};
use code::{CodePath, EntryKind, ReadError, RevisionId, Search, SearchHit, SearchLine};
use fsfs::{Node, NodeId, NodeKind};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use text::Pattern;

/// Paths that are listed.
const PATHS_MAX: usize = 200_000;
/// Searching takes at most so long; then what was found is the answer.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Counting languages takes at most so long, over so many files.
const LANGUAGES_TIME_MAX: Duration = Duration::from_secs(3);
/// See [`LANGUAGES_TIME_MAX`].
const LANGUAGES_FILES_MAX: usize = 50_000;
/// A larger file is not searched.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// So many lines of a file are given at most.
const FILE_LINES_MAX: usize = 20;
/// Of a longer line the beginning is given.
const LINE_BYTES_MAX: usize = 2_000;
/// Files that are found by name alone are no more than this part of all.
const NAMES_PART: usize = 4;

/// Takes each file's path and node, and says whether to go on.
type EachFile<'a> = dyn FnMut(&CodePath, &NodeId) -> Result<ControlFlow<()>, ReadError> + 'a;

/// Gives every file below a node with its path, directories in order. `once`: a directory that is met again is passed over.
pub(super) fn each_file(
    source: &SvnSource,
    start: &Node,
    path: &CodePath,
    once: bool,
    found: &mut EachFile<'_>,
) -> Result<(), ReadError> {
    let mut met: HashSet<NodeId> = HashSet::new();
    let mut waiting = vec![(path.clone(), start.id.clone())];
    while let Some((path, id)) = waiting.pop() {
        if once && !met.insert(id.clone()) {
            continue;
        }
        let node = source.fs.node(&id).map_err(unread)?;
        let directory = source.fs.directory(&node).map_err(unread)?;
        let mut below = Vec::new();
        for entry in &directory.0 {
            // A path that is too long has no page.
            let Ok(path) = path.join(&entry.name) else { continue };
            if entry.kind == NodeKind::Directory {
                below.push((path, entry.id.clone()));
            } else if (!once || met.insert(entry.id.clone())) && found(&path, &entry.id)?.is_break() {
                return Ok(());
            }
        }
        waiting.extend(below.into_iter().rev());
    }
    Ok(())
}

/// See [`code::Source::paths`].
pub(super) fn paths(source: &SvnSource, at: &RevisionId) -> Result<Arc<Vec<CodePath>>, ReadError> {
    let root = source.node(&source.place(at)?, &CodePath::root())?;
    let about = [b"paths ", root.id.as_str().as_bytes()].concat();
    if let Some(kept) = source.fs.recall::<Vec<CodePath>>(&about) {
        return Ok(kept);
    }
    let mut paths = Vec::new();
    each_file(source, &root, &CodePath::root(), false, &mut |path, _| {
        paths.push(path.clone());
        Ok(if paths.len() < PATHS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    paths.sort();
    let paths = Arc::new(paths);
    source.fs.remember(&about, paths.clone(), paths.iter().map(|path| path.as_bytes().len() + 32).sum());
    Ok(paths)
}

/// See [`code::Source::languages`].
pub(super) fn languages(
    source: &SvnSource,
    at: &RevisionId,
    patience: Duration,
) -> Result<(Vec<(String, u64)>, bool), ReadError> {
    let root = source.node(&source.place(at)?, &CodePath::root())?;
    let about = [b"languages ", root.id.as_str().as_bytes()].concat();
    if let Some(kept) = source.fs.recall::<Vec<(String, u64)>>(&about) {
        return Ok((kept.as_ref().clone(), true));
    }
    let (mut shares, mut looked, mut late) = (text::Shares::default(), 0, false);
    let until = Instant::now() + patience.min(LANGUAGES_TIME_MAX);
    each_file(source, &root, &CodePath::root(), true, &mut |path, id| {
        if let Some(language) = text::language(path.as_bytes()) {
            looked += 1;
            let node = source.fs.node(id).map_err(unread)?;
            shares.add(language, node.text.as_ref().and_then(fsfs::Rep::size).unwrap_or(0));
        }
        late = looked % 256 == 255 && Instant::now() >= until;
        let enough = looked >= LANGUAGES_FILES_MAX || late;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let shares = shares.sorted();
    if late && patience < LANGUAGES_TIME_MAX {
        return Ok((shares, false));
    }
    source.fs.remember(&about, Arc::new(shares.clone()), 64 * shares.len());
    Ok((shares, true))
}

/// See [`code::Source::search`].
pub(super) fn search(source: &SvnSource, at: &RevisionId, search: &Search) -> Result<Vec<SearchHit>, ReadError> {
    let pattern = Pattern::new(&search.text)?;
    let start = source.node(&source.place(at)?, &search.path)?;
    if start.kind != NodeKind::Directory {
        return Err(ReadError::NotFound(format!("directory {}", search.path.shown())));
    }
    let until = Instant::now() + TIME_MAX;
    let (mut named, mut hits, mut whole) = (Vec::new(), Vec::new(), true);
    each_file(source, &start, &search.path, true, &mut |path, id| {
        let lines = found_in(source, id, &pattern)?;
        let is_named = path.name().is_some_and(|name| !pattern.ranges(name).is_empty());
        if is_named && (!lines.is_empty() || named.len() < search.files_max.div_ceil(NAMES_PART)) {
            named.push(SearchHit { path: path.clone(), lines });
        } else if !lines.is_empty() {
            hits.push(SearchHit { path: path.clone(), lines });
        }
        whole = Instant::now() < until;
        let go_on = whole && named.len() + hits.len() < search.files_max;
        Ok(if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if named.is_empty() && hits.is_empty() && !whole {
        return Err(ReadError::TooMuch("searching took too long; search in one directory of it".to_owned()));
    }
    named.extend(hits);
    Ok(named)
}

fn found_in(source: &SvnSource, id: &NodeId, pattern: &Pattern) -> Result<Vec<SearchLine>, ReadError> {
    let node = source.fs.node(id).map_err(unread)?;
    if node.text.as_ref().and_then(fsfs::Rep::size).unwrap_or(0) > FILE_BYTES_MAX {
        return Ok(Vec::new());
    }
    let properties = source.fs.properties(&node).map_err(unread)?;
    let is_text = super::files::kind(&node, &properties) != EntryKind::Symlink;
    let content = source.fs.content(&node, FILE_BYTES_MAX).map_err(unread)?;
    if !is_text || text::is_binary(&content) {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    for (at, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        let ranges = pattern.ranges(line);
        if !ranges.is_empty() {
            lines.push(SearchLine { number: u32::try_from(at + 1).unwrap_or(u32::MAX), text: line.to_vec(), ranges });
            if lines.len() == FILE_LINES_MAX {
                break;
            }
        }
    }
    Ok(lines)
}
