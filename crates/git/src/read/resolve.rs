//! Names to revisions.

use super::handle::Handle;
use super::{GitSource, damaged};
use crate::{ObjectId as Id, RefName};
use code::{CodePath, ReadError, Revision, visible};
use gix::ObjectId;
use gix::objs::Kind;

/// The fewest digits of a shortened id.
const ID_DIGITS_MIN: usize = 7;
/// The longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = crate::names::REF_NAME_BYTES_MAX;
/// The most tags of tags that are followed.
const TAG_DEPTH_MAX: usize = 16;

/// In this crate's words to gix'.
pub(crate) fn gix_id(id: &Id) -> Result<ObjectId, ReadError> {
    ObjectId::try_from(id.as_bytes()).map_err(damaged)
}

fn unknown(name: &str) -> ReadError {
    ReadError::NotFound(format!("branch, tag or revision {:?}", visible(name.as_bytes())))
}

pub(super) fn resolve(source: &GitSource, name: &str) -> Result<Revision, ReadError> {
    let handle = source.store.handle();
    match find(source, &handle, name)? {
        Some(id) => Ok(source.revision(&handle, &id)?.as_ref().clone()),
        None => Err(unknown(name)),
    }
}

pub(super) fn resolve_with_path(source: &GitSource, rest: &[u8]) -> Result<(String, Revision, CodePath), ReadError> {
    let handle = source.store.handle();
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let rest = rest.strip_suffix(b"/").unwrap_or(rest);
    let slashes = rest.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let mut ends = slashes.take_while(|at| *at <= NAME_BYTES_MAX).collect::<Vec<_>>();
    ends.push(rest.len());
    for end in ends.into_iter().rev() {
        let Ok(name) = std::str::from_utf8(&rest[..end]) else { continue };
        if let Some(id) = find(source, &handle, name)? {
            let path = CodePath::parse(&rest[end..]).map_err(|error| ReadError::Invalid(error.to_string()))?;
            return Ok((name.to_owned(), source.revision(&handle, &id)?.as_ref().clone(), path));
        }
    }
    Err(unknown(&String::from_utf8_lossy(&rest[..rest.len().min(NAME_BYTES_MAX)])))
}

/// The commit that a name stands for.
pub(crate) fn find(source: &GitSource, handle: &Handle<'_>, name: &str) -> Result<Option<ObjectId>, ReadError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Ok(None);
    }
    if let Some(id) = find_ref(source, name) {
        return peel(handle, gix_id(&id)?);
    }
    let hex_len = source.refs.format().hex_len();
    if !(ID_DIGITS_MIN..=hex_len).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    match ObjectId::from_hex(name.as_bytes()) {
        Ok(id) if name.len() == hex_len => peel(handle, id),
        _ => find_short(handle, name),
    }
}

fn find_ref(source: &GitSource, name: &str) -> Option<Id> {
    let get = |full: String| {
        let found = full.parse::<RefName>().ok().and_then(|full| source.refs.get(&full).cloned())?;
        Some(found.peeled.unwrap_or(found.id))
    };
    if name == "HEAD" {
        return get(source.refs.head().to_string());
    }
    let candidates = ["refs/heads/", "refs/tags/", ""].map(|prefix| format!("{prefix}{name}"));
    candidates.into_iter().filter(|full| full.starts_with("refs/")).find_map(get)
}

/// The commit that a shortened id names; several objects may begin so, then it is the only commit among them.
fn find_short(handle: &Handle<'_>, digits: &str) -> Result<Option<ObjectId>, ReadError> {
    let prefix = gix::hash::Prefix::from_hex(digits).map_err(damaged)?;
    let mut candidates = std::collections::HashSet::new();
    handle.objects.lookup_prefix(prefix, Some(&mut candidates)).map_err(damaged)?;
    let mut commits = Vec::new();
    for id in candidates {
        if handle.header(id)?.is_some_and(|(kind, _)| kind == Kind::Commit) {
            commits.push(id);
        }
    }
    match commits.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(ReadError::Invalid(format!("{digits} begins more than one revision's id; give more digits"))),
    }
}

/// The commit that an object is, or that a tag is of, in the end.
pub(crate) fn peel(handle: &Handle<'_>, mut id: ObjectId) -> Result<Option<ObjectId>, ReadError> {
    let mut buffer = Vec::new();
    for _ in 0..TAG_DEPTH_MAX {
        match handle.header(id)? {
            Some((Kind::Commit, _)) => return Ok(Some(id)),
            Some((Kind::Tag, _)) => {
                handle.read(&id, Kind::Tag, super::handle::COMMIT_BYTES_MAX, &mut buffer)?;
                let tag = gix::objs::TagRefIter::from_bytes(&buffer, handle.object_hash());
                id = tag.target_id().map_err(damaged)?;
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}
