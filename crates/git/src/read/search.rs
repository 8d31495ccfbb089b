//! Text in files: `git grep` finds it, in a sandbox; the text goes in on standard input. Names are matched here.

use super::GitSource;
use super::tree::{at_path, no_path};
use crate::child::{ChildError, GitChild};
use code::{CodePath, EntryKind, ReadError, RevisionId, Search, SearchHit, SearchLine};
use std::collections::HashMap;
use std::time::Duration;
use text::Pattern;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// It takes at most so long; then what was found is the answer.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Processor time of the child, over all its threads.
const CPU_SECONDS_MAX: u64 = 30;
/// So many lines of a file are given at most.
const FILE_LINES_MAX: u64 = 20;
/// Of a longer line the beginning is given.
const LINE_BYTES_MAX: usize = 2_000;
/// So much of what the child says is read at most.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
/// Files that are found by name alone come first, but no more than this part of all.
const NAMES_PART: usize = 4;

/// See [`code::Source::search`]. To be called from a thread that may block.
pub(super) fn search(source: &GitSource, at: &RevisionId, search: &Search) -> Result<Vec<SearchHit>, ReadError> {
    let pattern = Pattern::new(&search.text)?;
    if search.files_max == 0 {
        return Ok(Vec::new());
    }
    let tree = {
        let handle = source.store.handle();
        let root = source.commit_tree(&handle, &source.object_id(at)?)?;
        let found = at_path(&handle, root, &search.path)?.filter(|found| found.kind == EntryKind::Directory);
        found.ok_or_else(|| no_path(&search.path))?.id
    };
    let tree = crate::ObjectId::from_bytes(tree.as_slice()).ok_or_else(|| super::damaged("an id of another kind"))?;
    let grep = source.store.repository().command("grep").cpu_seconds(CPU_SECONDS_MAX);
    let grep = grep.flag("-z").flag("-n").flag("-I").flag("-F").flag("--no-color").flag("--full-name");
    let grep = if pattern.any_case { grep.flag("-i") } else { grep };
    let grep = grep.number("--max-count=", FILE_LINES_MAX).flag("-f").flag("-").object(tree);
    let mut found = Found::new(&pattern, &search.path, tree.format().hex_len() + 1, search.files_max);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let whole = runtime.block_on(async {
        let mut child = grep.spawn().await.map_err(super::damaged)?;
        let heard = tokio::time::timeout(TIME_MAX, listen(&mut child, &pattern, &mut found)).await;
        let whole = matches!(heard, Ok(Ok(true)));
        if !whole {
            child.stop();
        }
        let ended = child.wait().await;
        match (heard, ended) {
            (Ok(Err(error)), _) => Err(ReadError::Io(error)),
            // One: it found nothing. A child that was stopped has failed, too.
            (_, Err(ChildError::Failed { status, .. })) if !whole || status.code() == Some(1) => Ok(whole),
            (_, Err(error)) => Err(super::damaged(error)),
            (_, Ok(())) => Ok(whole),
        }
    })?;
    let hits = found.hits;
    if hits.is_empty() && !whole {
        return Err(ReadError::TooMuch("searching took too long; search in one directory of it".to_owned()));
    }
    with_names(source, at, search, &pattern, hits)
}

/// Tells the child what to look for and takes its words; true when it came to its end.
async fn listen(child: &mut GitChild, pattern: &Pattern, found: &mut Found<'_>) -> std::io::Result<bool> {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&pattern.text).await?;
        stdin.write_all(b"\n").await?;
    }
    let Some(stdout) = &mut child.stdout else { return Ok(true) };
    let (mut chunk, mut read) = (vec![0; 64 << 10], 0_u64);
    loop {
        let count = stdout.read(&mut chunk).await?;
        if count == 0 {
            found.end();
            return Ok(true);
        }
        read += count as u64;
        if !found.take(&chunk[..count]) || read > OUTPUT_BYTES_MAX {
            return Ok(false);
        }
    }
}

/// What the child's words are parsed into: `TREE:PATH NUL NUMBER NUL LINE LF`, again and again.
struct Found<'a> {
    pattern: &'a Pattern,
    below: &'a CodePath,
    prefix: usize,
    files_max: usize,
    hits: Vec<SearchHit>,
    field: Field,
    path: Vec<u8>,
    number: Vec<u8>,
    line: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Field {
    Path,
    Number,
    Line,
}

impl<'a> Found<'a> {
    fn new(pattern: &'a Pattern, below: &'a CodePath, prefix: usize, files_max: usize) -> Self {
        let (path, number, line) = (Vec::new(), Vec::new(), Vec::new());
        Self { pattern, below, prefix, files_max, hits: Vec::new(), field: Field::Path, path, number, line }
    }

    /// Takes some words; false when no more are wanted.
    fn take(&mut self, mut words: &[u8]) -> bool {
        while !words.is_empty() {
            let (field, mark, most) = match self.field {
                Field::Path => (&mut self.path, 0, code::PATH_BYTES_MAX + self.prefix),
                Field::Number => (&mut self.number, 0, 20),
                Field::Line => (&mut self.line, b'\n', LINE_BYTES_MAX),
            };
            let end = words.iter().position(|byte| *byte == mark);
            let part = &words[..end.unwrap_or(words.len())];
            field.extend_from_slice(&part[..part.len().min(most.saturating_sub(field.len()))]);
            let Some(end) = end else { return true };
            words = &words[end + 1..];
            self.field = match self.field {
                Field::Path => Field::Number,
                Field::Number => Field::Line,
                Field::Line => Field::Path,
            };
            if matches!(self.field, Field::Path) && !self.hit() {
                return false;
            }
        }
        true
    }

    /// The last line may have no end.
    fn end(&mut self) {
        if matches!(self.field, Field::Line) && !self.line.is_empty() {
            self.hit();
        }
    }

    fn hit(&mut self) -> bool {
        let text = std::mem::take(&mut self.line);
        let number = String::from_utf8_lossy(&std::mem::take(&mut self.number)).parse().unwrap_or(0);
        let below = self.path.get(self.prefix..).unwrap_or_default();
        let whole = if self.below.is_root() { below.to_vec() } else { [self.below.as_bytes(), b"/", below].concat() };
        self.path.clear();
        // What is no path here was not put there by Git.
        let Ok(path) = CodePath::parse(&whole) else { return true };
        if self.hits.last().is_none_or(|hit| hit.path != path) {
            if self.hits.len() >= self.files_max {
                return false;
            }
            self.hits.push(SearchHit { path, lines: Vec::new() });
        }
        let ranges = self.pattern.ranges(&text);
        if let Some(hit) = self.hits.last_mut() {
            hit.lines.push(SearchLine { number, text, ranges });
        }
        true
    }
}

/// Files whose name matches first, with their lines if there are any; then the others.
fn with_names(
    source: &GitSource,
    at: &RevisionId,
    search: &Search,
    pattern: &Pattern,
    hits: Vec<SearchHit>,
) -> Result<Vec<SearchHit>, ReadError> {
    // A tree too large to list is still searched.
    let Ok(paths) = super::paths::paths(source, at) else { return Ok(hits) };
    let prefix = if search.path.is_root() { Vec::new() } else { [search.path.as_bytes(), b"/"].concat() };
    let mut by_path: HashMap<CodePath, SearchHit> = HashMap::new();
    let order: Vec<CodePath> = hits.iter().map(|hit| hit.path.clone()).collect();
    hits.into_iter().for_each(|hit| drop(by_path.insert(hit.path.clone(), hit)));
    let named = paths.iter().filter(|path| path.as_bytes().starts_with(&prefix));
    let named = named.filter(|path| path.name().is_some_and(|name| !pattern.ranges(name).is_empty()));
    let mut all = Vec::new();
    for path in named.take(search.files_max.div_ceil(NAMES_PART)) {
        let hit = by_path.remove(path);
        all.push(hit.unwrap_or_else(|| SearchHit { path: path.clone(), lines: Vec::new() }));
    }
    all.extend(order.iter().filter_map(|path| by_path.remove(path)));
    all.truncate(search.files_max);
    Ok(all)
}
