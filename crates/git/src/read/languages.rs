//! Kinds of files, by their names: a share of bytes for each language people write.

use super::GitSource;
use super::paths::each_file;
use code::{EntryKind, ReadError, RevisionId};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most files that are looked at; shares are of those.
const FILES_MAX: usize = 50_000;
/// The longest that is looked.
const TIME_MAX: Duration = Duration::from_secs(3);

pub(super) fn languages(
    source: &GitSource,
    at: &RevisionId,
    patience: Duration,
) -> Result<(Vec<(String, u64)>, bool), ReadError> {
    let handle = source.store.handle();
    let root = source.commit_tree(&handle, &source.object_id(at)?)?;
    if let Some(kept) = source.caches.get::<Vec<(String, u64)>>(&source.store, "languages", root.as_bytes()) {
        return Ok((kept.as_ref().clone(), true));
    }
    let until = Instant::now() + patience.min(TIME_MAX);
    let mut late = false;
    let mut shares = text::Shares::default();
    let mut looked = 0;
    each_file(&handle, root, &mut |path, kind, id| {
        let is_file = matches!(kind, EntryKind::File | EntryKind::Executable);
        if let Some(language) = text::language(path).filter(|_| is_file) {
            looked += 1;
            // A file whose content is missing is none here; where it is shown, it is said.
            let size = handle.header(id.to_owned()).ok().flatten().map_or(0, |(_, size)| size);
            shares.add(language, size);
        }
        late = looked % 256 == 255 && Instant::now() >= until;
        let enough = looked >= FILES_MAX || late;
        if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let shares = shares.sorted();
    if late && patience < TIME_MAX {
        return Ok((shares, false));
    }
    source.caches.put(&source.store, "languages", root.as_bytes(), Arc::new(shares.clone()), 64 * shares.len());
    Ok((shares, true))
}
