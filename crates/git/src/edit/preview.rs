//! What a commit that is not made yet would change.

use super::{Edit, EditError, FileEdit, build};
use crate::read::{GitSource, of_contents};
use code::{Change, ChangeKind, CodePath, DiffOptions, EntryKind, File, FileDiff, ReadError, RevisionId, Source as _};

/// The difference that [`build`] would make into a commit, file by file, as pages of commits show it.
///
/// # Errors
/// Those of [`build`]: what would be refused as a commit is refused here.
pub fn preview(source: &GitSource, edit: &Edit, options: DiffOptions) -> Result<Vec<FileDiff>, EditError> {
    build(source, edit)?;
    let base = edit.base.map(|base| RevisionId(base.to_string()));
    edit.edits.iter().map(|change| file(source, base.as_ref(), change, options)).collect()
}

fn file(
    source: &GitSource,
    base: Option<&RevisionId>,
    edit: &FileEdit,
    options: DiffOptions,
) -> Result<FileDiff, EditError> {
    let (old_path, path, content) = match edit {
        FileEdit::Put { path, content, .. } => (path, path, Some(content.as_slice())),
        FileEdit::Remove { path } => (path, path, None),
        FileEdit::Rename { from, to, content } => (from, to, content.as_deref()),
    };
    let old = before(source, base, old_path)?;
    let side = |file: &File| (file.entry, file.id.clone());
    let (kind, new) = match (edit, &old) {
        (FileEdit::Remove { .. }, _) => (ChangeKind::Removed, None),
        (FileEdit::Put { .. }, None) => (ChangeKind::Added, Some((EntryKind::File, String::new()))),
        (FileEdit::Put { .. }, Some(old)) => (ChangeKind::Modified, Some((old.entry, String::new()))),
        (FileEdit::Rename { .. }, old) => (ChangeKind::Renamed(100), old.as_ref().map(side)),
    };
    let before = old.as_ref().and_then(|old| old.content.as_deref()).unwrap_or_default();
    let after = match (edit, content) {
        (FileEdit::Rename { .. }, None) => before,
        (_, content) => content.unwrap_or_default(),
    };
    let change = Change { kind, old_path: old_path.clone(), path: path.clone(), old: old.as_ref().map(side), new };
    Ok(of_contents(change, before, after, options))
}

fn before(source: &GitSource, base: Option<&RevisionId>, path: &CodePath) -> Result<Option<File>, EditError> {
    let Some(base) = base else { return Ok(None) };
    match source.file(base, path, super::EDIT_BYTES_MAX as u64) {
        Ok(file) => Ok(Some(file)),
        Err(ReadError::NotFound(_) | ReadError::Invalid(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
