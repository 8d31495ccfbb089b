//! What differs between trees, and in files.

mod patch;
pub(crate) mod renames;
pub(crate) mod trees;

use super::GitSource;
use super::handle::Handle;
use code::{Change, CodePath, DiffOptions, EntryKind, FileDiff, ReadError, RevisionId, Summary};
use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryMode;
pub use patch::{PatchFormat, patch};
use std::sync::Arc;
use std::time::{Duration, Instant};
use text::{FILE_BYTES_MAX, Folder, SHOWN_LINES_MAX};
use trees::TreeChange;

/// Comparing trees, and finding renames, takes at most so long each.
const TREES_TIME_MAX: Duration = Duration::from_secs(10);
/// See [`TREES_TIME_MAX`].
const RENAMES_TIME_MAX: Duration = Duration::from_secs(2);
/// Counting the lines of files that are not shown takes at most so long.
const COUNT_TIME_MAX: Duration = Duration::from_secs(5);

/// What a revision changed against its first parent.
pub(super) fn changes(
    source: &GitSource,
    of: &RevisionId,
    options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    let handle = source.store.handle();
    let (old, new) = (parent_tree(source, &handle, of)?, Some(tree_of(source, &handle, of)?));
    between(source, &handle, old, new, options)
}

/// One file of [`changes`] or [`diff`], however many lines it has.
pub(super) fn file_diff(
    source: &GitSource,
    from: Option<&RevisionId>,
    to: &RevisionId,
    path: &CodePath,
    options: DiffOptions,
) -> Result<FileDiff, ReadError> {
    let handle = source.store.handle();
    let old = match from {
        Some(from) => Some(tree_of(source, &handle, from)?),
        None => parent_tree(source, &handle, to)?,
    };
    let changes = tree_changes(source, &handle, old, Some(tree_of(source, &handle, to)?))?;
    let found = changes.iter().find(|change| change.path == path.as_bytes());
    let change = found.ok_or_else(|| ReadError::NotFound(format!("change of {}", path.shown())))?;
    let unfolded = DiffOptions { file_lines_max: SHOWN_LINES_MAX, lines_max: SHOWN_LINES_MAX, ..options };
    Ok(Diffs::new(&handle, unfolded).file(change, true)?.0)
}

/// What differs between two revisions' trees.
pub(super) fn diff(
    source: &GitSource,
    from: &RevisionId,
    to: &RevisionId,
    options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    let handle = source.store.handle();
    let (old, new) = (Some(tree_of(source, &handle, from)?), Some(tree_of(source, &handle, to)?));
    between(source, &handle, old, new, options)
}

fn between(
    source: &GitSource,
    handle: &Handle<'_>,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    options: DiffOptions,
) -> Result<(Vec<FileDiff>, Summary), ReadError> {
    let changes = tree_changes(source, handle, old, new)?;
    let mut diffs = Diffs::new(handle, options);
    let mut summary = Summary { files: changes.len(), ..Summary::default() };
    let mut files = Vec::with_capacity(changes.len());
    let deadline = Instant::now() + COUNT_TIME_MAX;
    for (at, change) in changes.iter().enumerate() {
        let late = Instant::now() > deadline;
        let shown = options.shows(at) && !late;
        if late || !(shown || options.count_all) {
            files.push(diffs.uncounted(change)?);
            summary.uncounted = true;
            continue;
        }
        let (file, added, removed) = diffs.file(change, shown)?;
        summary.added += u64::from(added);
        summary.removed += u64::from(removed);
        files.push(file);
    }
    Ok((files, summary))
}

/// Changed paths, renames found; kept by the ids of the trees.
pub(crate) fn tree_changes(
    source: &GitSource,
    handle: &Handle<'_>,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
) -> Result<Arc<Vec<TreeChange>>, ReadError> {
    let mut about = Vec::with_capacity(64);
    for id in [&old, &new] {
        about.extend_from_slice(id.as_ref().map_or(&[0][..], |id| id.as_slice()));
    }
    if let Some(kept) = source.caches.get::<Vec<TreeChange>>(&source.store, "tree-changes", &about) {
        return Ok(kept);
    }
    let changes = trees::compare(handle, old, new, Instant::now() + TREES_TIME_MAX)?;
    let read = |id: &ObjectId| blob(handle, *id, renames::BLOB_BYTES_MAX).ok().and_then(|(bytes, _)| bytes);
    let changes = Arc::new(renames::detect(changes, Instant::now() + RENAMES_TIME_MAX, read));
    let bytes = changes.iter().map(|change| 2 * change.path.len() + 160).sum();
    source.caches.put(&source.store, "tree-changes", &about, Arc::clone(&changes), bytes);
    Ok(changes)
}

/// A blob and its size; the bytes only if they are no more than that.
fn blob(handle: &Handle<'_>, id: ObjectId, bytes_max: u64) -> Result<(Option<Vec<u8>>, u64), ReadError> {
    let (kind, size) = handle.header(id)?.ok_or_else(|| ReadError::NotFound(format!("object {id}")))?;
    if kind != Kind::Blob {
        return Err(ReadError::Damaged(format!("{id} is no file")));
    }
    if size > bytes_max {
        return Ok((None, size));
    }
    let mut buffer = Vec::new();
    handle.read(&id, Kind::Blob, bytes_max, &mut buffer)?;
    Ok((Some(buffer), size))
}

/// Turns changed paths into changed lines.
struct Diffs<'h, 's> {
    handle: &'h Handle<'s>,
    folder: Folder,
}

/// A side of a changed file.
struct Content {
    bytes: Option<Vec<u8>>,
    size: u64,
}

impl<'h, 's> Diffs<'h, 's> {
    fn new(handle: &'h Handle<'s>, options: DiffOptions) -> Self {
        Self { handle, folder: Folder::new(options) }
    }

    /// A file's difference, and its lines that came and went.
    fn file(&mut self, change: &TreeChange, shown: bool) -> Result<(FileDiff, u32, u32), ReadError> {
        let (old, new) = (self.content(change.old)?, self.content(change.new)?);
        let mut diff = empty(change, (old.size, new.size))?;
        if change.old.map(|(_, id)| id) == change.new.map(|(_, id)| id) {
            return Ok((diff, 0, 0));
        }
        let (Some(old), Some(new)) = (old.bytes, new.bytes) else {
            diff.binary = true;
            return Ok((diff, 0, 0));
        };
        self.folder.lines(&mut diff, (&old, &new), shown);
        let (added, removed) = (diff.added, diff.removed);
        Ok((diff, added, removed))
    }

    /// A file that there was no time to look into.
    fn uncounted(&self, change: &TreeChange) -> Result<FileDiff, ReadError> {
        Ok(FileDiff { folded: true, ..empty(change, (0, 0))? })
    }

    fn content(&self, side: Option<(EntryMode, ObjectId)>) -> Result<Content, ReadError> {
        let Some((mode, id)) = side else { return Ok(Content { bytes: Some(Vec::new()), size: 0 }) };
        if mode.is_commit() {
            return Ok(Content { bytes: Some(format!("Subproject commit {id}\n").into_bytes()), size: 0 });
        }
        let (bytes, size) = blob(self.handle, id, FILE_BYTES_MAX)?;
        Ok(Content { bytes, size })
    }
}

fn empty(change: &TreeChange, sizes: (u64, u64)) -> Result<FileDiff, ReadError> {
    let path = |bytes: &[u8]| CodePath::parse(bytes).map_err(super::damaged);
    let side = |side: Option<(EntryMode, ObjectId)>| side.map(|(mode, id)| (kind(mode), id.to_string()));
    let change = Change {
        kind: change.kind,
        old_path: path(&change.old_path)?,
        path: path(&change.path)?,
        old: side(change.old),
        new: side(change.new),
    };
    Ok(FileDiff { change, binary: false, sizes, added: 0, removed: 0, folded: false, hunks: Vec::new() })
}

/// The difference between two contents of a file that need not be in the repository.
pub(crate) fn of_contents(change: Change, old: &[u8], new: &[u8], options: DiffOptions) -> FileDiff {
    let sizes = (old.len() as u64, new.len() as u64);
    let mut diff = FileDiff { change, binary: false, sizes, added: 0, removed: 0, folded: false, hunks: Vec::new() };
    if old.len().max(new.len()) as u64 > FILE_BYTES_MAX {
        diff.binary = true;
    } else if old != new {
        Folder::new(options).lines(&mut diff, (old, new), true);
    }
    diff
}

/// A mode in the words of pages.
fn kind(mode: EntryMode) -> EntryKind {
    use gix::objs::tree::EntryKind as Mode;
    match mode.kind() {
        Mode::Tree => EntryKind::Directory,
        Mode::Commit => EntryKind::Submodule,
        Mode::Link => EntryKind::Symlink,
        Mode::Blob => EntryKind::File,
        Mode::BlobExecutable => EntryKind::Executable,
    }
}

fn tree_of(source: &GitSource, handle: &Handle<'_>, of: &RevisionId) -> Result<ObjectId, ReadError> {
    source.commit_tree(handle, &source.object_id(of)?)
}

fn parent_tree(source: &GitSource, handle: &Handle<'_>, of: &RevisionId) -> Result<Option<ObjectId>, ReadError> {
    let revision = source.revision(handle, &source.object_id(of)?)?;
    revision.parents.first().map(|parent| tree_of(source, handle, parent)).transpose()
}
