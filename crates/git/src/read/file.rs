//! Files.

use super::handle::Handle;
use super::tree::{At, at_path, no_path};
use super::{GitSource, damaged};
use code::{CodePath, EntryKind, File, FileKind, ReadError, RevisionId, visible};
use gix::ObjectId;
use gix::objs::Kind;

/// The longest target of a symbolic link.
const SYMLINK_BYTES_MAX: u64 = 4096;
/// The largest `.gitmodules` that is looked at.
const GITMODULES_BYTES_MAX: u64 = 1 << 20;
/// The most bytes of content that are given at all.
const CONTENT_BYTES_MAX: u64 = 512 << 20;
/// A file whose content was not asked for is only judged up to this size, because all of it has to be decoded for it. A
/// larger one passes for binary.
const JUDGED_BYTES_MAX: u64 = 4 << 20;

pub(super) fn file(
    source: &GitSource,
    at: &RevisionId,
    path: &CodePath,
    content_bytes_max: u64,
) -> Result<File, ReadError> {
    let handle = source.store.handle();
    let root = source.commit_tree(&handle, &source.object_id(at)?)?;
    let found = at_path(&handle, root, path)?.filter(|found| found.kind != EntryKind::Directory);
    let At { id, kind: entry } = found.ok_or_else(|| no_path(path))?;
    if entry == EntryKind::Submodule {
        let kind = FileKind::Submodule { url: submodule_url(&handle, root, path)?, revision: id.to_string() };
        return Ok(File { path: path.clone(), id: id.to_string(), entry, kind, size: 0, content: None });
    }
    let missing = || damaged(format!("the content of {:?} is missing", path.shown()));
    let (_, size) = handle.header(id)?.filter(|(kind, _)| *kind == Kind::Blob).ok_or_else(missing)?;
    let mut bytes = Vec::new();
    let judged = size <= JUDGED_BYTES_MAX.max(content_bytes_max.min(CONTENT_BYTES_MAX));
    if judged {
        handle.read(&id, Kind::Blob, CONTENT_BYTES_MAX, &mut bytes)?;
    }
    let kind = match entry {
        EntryKind::Symlink if size <= SYMLINK_BYTES_MAX => FileKind::Symlink(bytes.clone()),
        _ if !judged => FileKind::Binary,
        _ => text::kind_of(&bytes),
    };
    let content = (judged && size <= content_bytes_max).then_some(bytes);
    Ok(File { path: path.clone(), id: id.to_string(), entry, kind, size, content })
}

/// Where `.gitmodules` says that the submodule at a path comes from.
fn submodule_url(handle: &Handle<'_>, root: ObjectId, path: &CodePath) -> Result<Option<String>, ReadError> {
    let Ok(name) = CodePath::parse(b".gitmodules") else { return Ok(None) };
    let Some(at) = at_path(handle, root, &name)? else { return Ok(None) };
    let small = handle.header(at.id)?.is_some_and(|(kind, size)| kind == Kind::Blob && size <= GITMODULES_BYTES_MAX);
    if !small || !matches!(at.kind, EntryKind::File | EntryKind::Executable) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    handle.read(&at.id, Kind::Blob, GITMODULES_BYTES_MAX, &mut bytes)?;
    Ok(url_in(&bytes, path.as_bytes()))
}

fn url_in(gitmodules: &[u8], path: &[u8]) -> Option<String> {
    let file = gix::config::File::try_from(std::str::from_utf8(gitmodules).ok()?).ok()?;
    let sections = file.sections_by_name("submodule")?;
    let section = sections.into_iter().find(|section| section.value("path").is_some_and(|p| p.as_slice() == path))?;
    Some(visible(section.value("url")?.as_slice()))
}
