//! Branches, tags, and what an address names.

use super::compare::ahead_behind as counted;
use super::place::{Place, revision_number};
use super::{SvnSource, unread};
use code::{CodePath, NameKind, Named, ReadError, Revision, visible};
use fsfs::NodeKind;

/// Names in a list.
const NAMES_MAX: usize = 10_000;
/// The newest revision.
const HEAD: &str = "HEAD";
/// Where branches and tags are, by convention.
const TRUNK: &str = "trunk";
const BRANCHES: &str = "branches";
const TAGS: &str = "tags";

pub(super) fn default_branch(source: &SvnSource) -> String {
    let is_there = is_directory(source, &place(source, TRUNK));
    if is_there { TRUNK.to_owned() } else { HEAD.to_owned() }
}

fn place(source: &SvnSource, path: &str) -> Place {
    Place { rev: source.youngest(), root: path.parse().unwrap_or_default() }
}

fn is_directory(source: &SvnSource, place: &Place) -> bool {
    source.node(place, &CodePath::root()).is_ok_and(|node| node.kind == NodeKind::Directory)
}

/// A place as a revision: what was last changed in it, under the place's own id.
fn at(source: &SvnSource, place: &Place) -> Result<Revision, ReadError> {
    if place.root.is_root() {
        return source.revision(place.rev);
    }
    let node = source.node(place, &CodePath::root())?;
    Ok(Revision { id: place.id(), ..source.revision(node.id.rev())? })
}

/// See [`code::Source::resolve`]: `HEAD`, `r12`, `12`, `PATH`, `PATH@12`, `PATH@r12`, `PATH@HEAD`.
pub(super) fn resolve(source: &SvnSource, name: &str) -> Result<Revision, ReadError> {
    let none = || ReadError::NotFound(format!("branch, tag or revision {}", visible(name.as_bytes())));
    let (root, rev) = match name.rsplit_once('@') {
        Some((root, rev)) => (root, rev),
        None if name == HEAD || revision_number(name).is_some() => ("", name),
        None => (name, HEAD),
    };
    let rev = if rev == HEAD { Some(source.youngest()) } else { revision_number(rev) };
    let rev = rev.filter(|rev| *rev <= source.youngest()).ok_or_else(none)?;
    let place = Place { rev, root: root.parse().map_err(|_| none())? };
    if !is_directory(source, &place) {
        return Err(none());
    }
    at(source, &place)
}

/// See [`code::Source::resolve_with_path`]. What begins with no name is a path in the newest revision.
pub(super) fn resolve_with_path(source: &SvnSource, rest: &[u8]) -> Result<(String, Revision, CodePath), ReadError> {
    let whole = CodePath::parse(rest).map_err(|error| ReadError::Invalid(error.to_string()))?;
    let parts: Vec<&[u8]> = whole.parts().collect();
    for (index, part) in parts.iter().enumerate() {
        let text = std::str::from_utf8(part).unwrap_or_default();
        let named = match text.rsplit_once('@') {
            Some((_, rev)) => rev == HEAD || (rev.starts_with('r') && revision_number(rev).is_some()),
            None => index == 0 && (text == HEAD || (text.starts_with('r') && revision_number(text).is_some())),
        };
        if named {
            return split(source, &parts, index + 1);
        }
    }
    let first = parts.first().copied().unwrap_or_default();
    let length = match parts.len() {
        0 => 0,
        _ if first == TRUNK.as_bytes() => 1,
        1 => 0,
        _ if first == BRANCHES.as_bytes() || first == TAGS.as_bytes() => 2,
        _ => 0,
    };
    if length > 0 && is_directory(source, &Place { rev: source.youngest(), root: joined(&parts[..length]) }) {
        return split(source, &parts, length);
    }
    Ok((HEAD.to_owned(), source.revision(source.youngest())?, whole))
}

fn split(source: &SvnSource, parts: &[&[u8]], length: usize) -> Result<(String, Revision, CodePath), ReadError> {
    let (name, path) = (joined(&parts[..length]), joined(&parts[length..]));
    let name = String::from_utf8(name.as_bytes().to_vec())
        .map_err(|_| ReadError::Invalid("a branch or tag whose name is no text is read from HEAD".to_owned()))?;
    Ok((name.clone(), resolve(source, &name)?, path))
}

fn joined(parts: &[&[u8]]) -> CodePath {
    CodePath::parse(&parts.join(&b'/')).unwrap_or_default()
}

/// See [`code::Source::short_names`].
pub(super) fn short_names(source: &SvnSource, kind: NameKind) -> Result<Vec<String>, ReadError> {
    let (above, mut names) = match kind {
        NameKind::Branch => (BRANCHES, Vec::new()),
        NameKind::Tag => (TAGS, Vec::new()),
    };
    if kind == NameKind::Branch && is_directory(source, &place(source, TRUNK)) {
        names.push(TRUNK.to_owned());
    }
    let Some(node) = source.fs.at(source.youngest(), above.as_bytes()).map_err(unread)? else { return Ok(names) };
    if node.kind != NodeKind::Directory {
        return Ok(names);
    }
    let directory = source.fs.directory(&node).map_err(unread)?;
    let directories = directory.0.iter().filter(|entry| entry.kind == NodeKind::Directory);
    // What is no text has no address of its own.
    let texts = directories.filter_map(|entry| std::str::from_utf8(&entry.name).ok());
    names.extend(texts.take(NAMES_MAX).map(|name| format!("{above}/{name}")));
    Ok(names)
}

/// See [`code::Source::names`].
pub(super) fn names(
    source: &SvnSource,
    kind: NameKind,
    filter: &str,
    skip: usize,
    limit: usize,
    ahead_behind: bool,
) -> Result<(Vec<Named>, usize), ReadError> {
    let filter = filter.trim().to_lowercase();
    let mut found = Vec::new();
    for name in short_names(source, kind)?.into_iter().filter(|name| name.to_lowercase().contains(&filter)) {
        let place = place(source, &name);
        found.push((source.node(&place, &CodePath::root())?.id.rev(), name, place));
    }
    let count = found.len();
    found.sort_by(|a, b| (a.1 != TRUNK).cmp(&(b.1 != TRUNK)).then(b.0.cmp(&a.0)).then(a.1.cmp(&b.1)));
    let trunk = place(source, TRUNK);
    let mut names = Vec::new();
    for (rev, name, place) in found.into_iter().skip(skip).take(limit) {
        let wanted = ahead_behind && name != TRUNK;
        let ahead_behind = if wanted { counted(source, &trunk, &place)? } else { None };
        names.push(Named { kind, name, revision: source.revision(rev)?, ahead_behind, annotation: None });
    }
    Ok((names, count))
}
