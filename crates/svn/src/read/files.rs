//! Directories, files, and their properties.

use super::{SvnSource, unread};
use code::{CodePath, Entry, EntryKind, File, FileKind, LastChange, Property, ReadError, Revision, RevisionId, Tree};
use fsfs::{Node, NodeKind, Properties};
use std::sync::Arc;

/// The most bytes of content that are given at all.
const CONTENT_BYTES_MAX: u64 = 512 << 20;
/// A file whose content was not asked for is only judged up to this size; a larger one passes for binary.
const JUDGED_BYTES_MAX: u64 = 4 << 20;
/// The longest target of a symbolic link.
const SYMLINK_BYTES_MAX: u64 = 4096;
/// What a symbolic link's content begins with.
const LINK: &[u8] = b"link ";

/// What a node is, by its properties.
pub(crate) fn kind(node: &Node, properties: &Properties) -> EntryKind {
    match node.kind {
        NodeKind::Directory => EntryKind::Directory,
        NodeKind::File if properties.get("svn:special").is_some() => EntryKind::Symlink,
        NodeKind::File if properties.get("svn:executable").is_some() => EntryKind::Executable,
        NodeKind::File => EntryKind::File,
    }
}

/// Whether Subversion takes a file for no text: its type says so.
pub(crate) fn is_called_binary(properties: &Properties) -> bool {
    let kind = properties.text("svn:mime-type").unwrap_or_default();
    let of_text = kind.starts_with("text/") || kind == "image/x-xbitmap" || kind == "image/x-xpixmap";
    !kind.is_empty() && !of_text
}

/// What names the content: equal ids, equal contents.
pub(crate) fn content_id(node: &Node) -> String {
    match (&node.text, node.kind) {
        (Some(rep), NodeKind::File) => {
            let (rev, item) = rep.place();
            format!("{rev}.{item}")
        }
        _ => node.id.as_str().to_owned(),
    }
}

pub(super) fn tree(source: &SvnSource, at: &RevisionId, path: &CodePath) -> Result<Tree, ReadError> {
    let node = source.node(&source.place(at)?, path)?;
    let directory = source.fs.directory(&node).map_err(unread)?;
    let mut entries = Vec::with_capacity(directory.0.len());
    for entry in &directory.0 {
        let node = source.fs.node(&entry.id).map_err(unread)?;
        let kind = kind(&node, &*source.fs.properties(&node).map_err(unread)?);
        let size = if node.kind == NodeKind::File { node.text.as_ref().map_or(Some(0), fsfs::Rep::size) } else { None };
        entries.push(Entry { name: entry.name.clone(), kind, id: content_id(&node), size });
    }
    entries.sort_by(|a, b| (a.kind != EntryKind::Directory, &a.name).cmp(&(b.kind != EntryKind::Directory, &b.name)));
    Ok(Tree { path: path.clone(), id: node.id.as_str().to_owned(), entries })
}

/// A node says in which revision it was last changed: there is nothing to look for.
pub(super) fn last_changes(source: &SvnSource, at: &RevisionId, path: &CodePath) -> Result<Vec<LastChange>, ReadError> {
    let node = source.node(&source.place(at)?, path)?;
    let directory = source.fs.directory(&node).map_err(unread)?;
    directory.0.iter().map(|entry| Ok((entry.name.clone(), source.revision(entry.id.rev())?))).collect()
}

pub(super) fn last_change(source: &SvnSource, at: &RevisionId, path: &CodePath) -> Result<Option<Revision>, ReadError> {
    let node = source.node(&source.place(at)?, path)?;
    Ok(Some(source.revision(node.id.rev())?))
}

pub(super) fn file(
    source: &SvnSource,
    at: &RevisionId,
    path: &CodePath,
    content_bytes_max: u64,
) -> Result<File, ReadError> {
    let node = source.node(&source.place(at)?, path)?;
    if node.kind != NodeKind::File {
        return Err(ReadError::NotFound(format!("file {}", path.shown())));
    }
    let properties = source.fs.properties(&node).map_err(unread)?;
    let size = source.fs.size(&node).map_err(unread)?;
    let judged = size <= JUDGED_BYTES_MAX.max(content_bytes_max.min(CONTENT_BYTES_MAX));
    let bytes = if judged { source.fs.content(&node, CONTENT_BYTES_MAX).map_err(unread)? } else { Arc::default() };
    let entry = kind(&node, &properties);
    let kind = match bytes.strip_prefix(LINK) {
        Some(target) if entry == EntryKind::Symlink && size <= SYMLINK_BYTES_MAX => FileKind::Symlink(target.to_vec()),
        _ if !judged || is_called_binary(&properties) => FileKind::Binary,
        _ => text::kind_of(&bytes),
    };
    let content = (judged && size <= content_bytes_max).then(|| bytes.as_ref().clone());
    Ok(File { path: path.clone(), id: content_id(&node), entry, kind, size, content })
}

pub(super) fn properties(source: &SvnSource, at: &RevisionId, path: &CodePath) -> Result<Vec<Property>, ReadError> {
    let node = source.node(&source.place(at)?, path)?;
    Ok(shown(&*source.fs.properties(&node).map_err(unread)?))
}

pub(super) fn revision_properties(source: &SvnSource, of: &RevisionId) -> Result<Vec<Property>, ReadError> {
    let rev = source.place(of)?.rev;
    Ok(shown(&*source.fs.recent_revision_properties(rev, source.generation).map_err(unread)?))
}

fn shown(properties: &Properties) -> Vec<Property> {
    let shown = |(name, value): (&[u8], &[u8])| Property { name: code::visible(name), value: value.to_vec() };
    properties.iter().map(shown).collect()
}
