//! Who wrote each line, as `svn blame` has it: a file's history through its copies, merges not looked into.

use super::place::from_fs;
use super::{SvnSource, unread};
use code::{Blame, BlameHunk, CodePath, ReadError, RevisionId};
use fsfs::{Node, NodeKind};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use text::{Piece, divide};

/// It takes at most so long.
const TIME_MAX: Duration = Duration::from_secs(10);
/// A larger file is not looked into.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// So many versions of a file are looked at.
const VERSIONS_MAX: usize = 50_000;
/// So many bytes of versions are put together before they are compared, from the oldest on: each is made of one before it.
const PREPARED_BYTES_MAX: usize = 24 << 20;

/// A version of the file.
struct Version {
    rev: u64,
    path: CodePath,
    node: Arc<Node>,
}

/// Lines by the first: how many, and which version brought them.
type Lines = BTreeMap<usize, (usize, usize)>;

/// See [`code::Source::blame`].
pub(super) fn blame(source: &SvnSource, at: &RevisionId, path: &CodePath) -> Result<Blame, ReadError> {
    let about = [b"blame ", at.0.as_bytes(), b":", path.as_bytes(), &source.generation.to_be_bytes()].concat();
    if let Some(kept) = source.fs.recall::<Blame>(&about) {
        return Ok(kept.as_ref().clone());
    }
    let place = source.place(at)?;
    let whole = place.path(path)?;
    let node = source.node(&place, path)?;
    check(source, &node, path)?;
    let until = Instant::now() + TIME_MAX;
    let versions = versions(source, place.rev, &whole, until)?;
    prepare(source, &versions)?;
    let lines = lines(source, &versions, until)?;
    let blame = Arc::new(answer(source, &versions, path, lines)?);
    let bytes =
        blame.hunks.len() * 64 + blame.revisions.iter().map(|revision| 700 + revision.message.len()).sum::<usize>();
    source.fs.remember(&about, blame.clone(), bytes);
    Ok(blame.as_ref().clone())
}

fn check(source: &SvnSource, node: &Node, path: &CodePath) -> Result<(), ReadError> {
    if node.kind != NodeKind::File {
        return Err(ReadError::NotFound(format!("file {}", path.shown())));
    }
    if source.fs.size(node).map_err(unread)? > FILE_BYTES_MAX {
        return Err(ReadError::TooMuch(format!("{} is too large to ask who wrote its lines", path.shown())));
    }
    let content = source.fs.content(node, FILE_BYTES_MAX).map_err(unread)?;
    if text::is_binary(&content) {
        return Err(ReadError::Invalid(format!("{} is not text: it has no lines to ask about", path.shown())));
    }
    if text::has_too_many(&content) {
        return Err(ReadError::TooMuch(format!("{} has too many lines to ask who wrote each", path.shown())));
    }
    Ok(())
}

fn late() -> ReadError {
    ReadError::TooMuch("this file's history is too long to know who wrote each line".to_owned())
}

/// Versions of different contents, newest first, each as it first came.
fn versions(source: &SvnSource, rev: u64, path: &CodePath, until: Instant) -> Result<Vec<Version>, ReadError> {
    let mut history = source.fs.history(rev, path.as_bytes());
    let mut versions: Vec<Version> = Vec::new();
    while let Some((rev, path)) = history.step().map_err(unread)? {
        let Some(node) = source.fs.at(rev, &path).map_err(unread)? else { continue };
        if node.kind != NodeKind::File || source.fs.size(&node).map_err(unread)? > FILE_BYTES_MAX {
            break;
        }
        let same = versions.last().is_some_and(|last| place_of(&last.node) == place_of(&node));
        if same {
            versions.pop();
        }
        versions.push(Version { rev, path: from_fs(&path)?, node });
        if versions.len() > VERSIONS_MAX || Instant::now() > until {
            return Err(late());
        }
    }
    Ok(versions)
}

fn place_of(node: &Node) -> Option<(u64, u64)> {
    node.text.as_ref().map(fsfs::Rep::place)
}

fn prepare(source: &SvnSource, versions: &[Version]) -> Result<(), ReadError> {
    let mut bytes = 0;
    for version in versions.iter().rev() {
        bytes += source.fs.content(&version.node, FILE_BYTES_MAX).map_err(unread)?.len();
        if bytes > PREPARED_BYTES_MAX {
            break;
        }
    }
    Ok(())
}

fn lines(source: &SvnSource, versions: &[Version], until: Instant) -> Result<Lines, ReadError> {
    let mut lines = Lines::new();
    let Some(first) = versions.first() else { return Ok(lines) };
    let mut content = source.fs.content(&first.node, FILE_BYTES_MAX).map_err(unread)?;
    let count = content.split_inclusive(|byte| *byte == b'\n').count();
    let mut pieces = vec![Piece { line: 0, here: 0, count }];
    for (number, _) in versions.iter().enumerate() {
        let Some(before) = versions.get(number + 1) else {
            lines.extend(pieces.iter().map(|piece| (piece.line, (piece.count, number))));
            break;
        };
        let before = source.fs.content(&before.node, FILE_BYTES_MAX).map_err(unread)?;
        let (passed, kept) = divide(&pieces, &text::replaced(&before, &content));
        lines.extend(kept.iter().map(|piece| (piece.line, (piece.count, number))));
        (pieces, content) = (passed, before);
        if pieces.is_empty() {
            break;
        }
        if Instant::now() > until {
            return Err(late());
        }
    }
    lines.retain(|_, (count, _)| *count > 0);
    Ok(lines)
}

fn answer(source: &SvnSource, versions: &[Version], asked: &CodePath, lines: Lines) -> Result<Blame, ReadError> {
    let mut blame = Blame { revisions: Vec::new(), hunks: Vec::new() };
    let mut numbers: HashMap<u64, usize> = HashMap::new();
    for (line, (count, version)) in lines {
        let Version { rev, path, .. } = &versions[version];
        let revision = match numbers.get(rev) {
            Some(number) => *number,
            None => {
                blame.revisions.push(source.revision(*rev)?);
                numbers.insert(*rev, blame.revisions.len() - 1);
                blame.revisions.len() - 1
            }
        };
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // Of all of a revision, whatever part of it was asked for.
        let path = (path != asked).then(|| path.clone());
        match blame.hunks.last_mut() {
            Some(last) if last.revision == revision && last.path == path => last.lines += small(count),
            _ => blame.hunks.push(BlameHunk { line: small(line + 1), lines: small(count), revision, path }),
        }
    }
    Ok(blame)
}
