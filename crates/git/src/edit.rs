//! Commits made here, for edits in the browser: a branch's tree with some files changed, as the objects of a push.
//!
//! Nothing is written: the objects come as a pack, which goes the way of every push. What a name may be is what Git's own
//! check takes (`fsck`, with the protections for Windows' and Apple's file systems), and no control characters.

mod pack;
mod preview;
mod tag;
mod tree;

use crate::read::GitSource;
use crate::{ObjectFormat, ObjectId};
use code::{CodePath, Person, ReadError};
use pack::Pack;
pub use preview::preview;
pub use tag::{NewTag, no_objects, tag};
use tree::Tree;

/// The most bytes that the files of one commit have together.
pub const EDIT_BYTES_MAX: usize = 256 << 20;
/// The most files that one commit changes.
pub const EDIT_FILES_MAX: usize = 10_000;
/// The most bytes of a message.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEdit {
    /// It has this content, whether or not it was there.
    Put {
        /// Where.
        path: CodePath,
        /// All of it.
        content: Vec<u8>,
        /// Whether it may be run; None: as it was, a new one may not.
        executable: Option<bool>,
    },
    /// It goes.
    Remove {
        /// Where it is.
        path: CodePath,
    },
    /// It goes elsewhere.
    Rename {
        /// Where it is.
        from: CodePath,
        /// Where it will be; nothing may be there.
        to: CodePath,
        /// Its new content; None: as it was.
        content: Option<Vec<u8>>,
    },
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The commit that it comes after; None: the first of a history.
    pub base: Option<ObjectId>,
    /// What changes, in this order.
    pub edits: Vec<FileEdit>,
    /// What is said of it.
    pub message: String,
    /// Who made the change.
    pub author: Person,
    /// Who put it in.
    pub committer: Person,
}

/// Why no commit was made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Nothing is at this path.
    #[error("there is no file {0} any more")]
    NotFound(String),
    /// Something is where something else would be.
    #[error("{path}: {what}")]
    Conflict {
        /// Where, made visible.
        path: String,
        /// What is there, or what to do.
        what: &'static str,
    },
    /// It may not be called so.
    #[error("{path}: {what}")]
    Name {
        /// Where, made visible.
        path: String,
        /// Why.
        what: &'static str,
    },
    /// All is as it was.
    #[error("nothing would change: the files are like this already")]
    Nothing,
    /// The message is missing or unusable.
    #[error("{0}")]
    Message(&'static str),
    /// It is more than one commit may have.
    #[error("{0}")]
    TooMuch(String),
    /// The repository could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Makes the commit: its id, and a pack of its new objects.
///
/// # Errors
/// When the edits do not fit the base, or the repository can't be read.
pub fn build(source: &GitSource, edit: &Edit) -> Result<(ObjectId, Vec<u8>), EditError> {
    check_size(edit)?;
    let message = message(&edit.message)?;
    let handle = source.store.handle();
    let base = edit.base.map(|base| gix::ObjectId::try_from(base.as_bytes()).map_err(damaged)).transpose()?;
    let base_tree = base.map(|base| source.commit_tree(&handle, &base)).transpose()?;
    let mut pack = Pack::new(source.store.repository().format())?;
    let mut tree = Tree::load(&handle, base_tree)?;
    for change in &edit.edits {
        apply(&mut tree, &mut pack, change)?;
    }
    let root = tree.write(&mut pack)?;
    if base_tree == Some(root) || (base.is_none() && edit.edits.is_empty()) {
        return Err(EditError::Nothing);
    }
    let mut text = format!("tree {root}\n");
    if let Some(base) = base {
        text.push_str(&format!("parent {base}\n"));
    }
    text.push_str(&format!("author {}\ncommitter {}\n\n{message}", person(&edit.author), person(&edit.committer)));
    let commit = pack.add(gix::objs::Kind::Commit, text.as_bytes())?;
    let id = ObjectId::from_bytes(commit.as_slice()).ok_or_else(|| damaged("an id of another kind"))?;
    Ok((id, pack.finish()?))
}

fn apply(tree: &mut Tree<'_>, pack: &mut Pack, change: &FileEdit) -> Result<(), EditError> {
    match change {
        FileEdit::Put { path, content, executable } => {
            let blob = pack.add(gix::objs::Kind::Blob, content)?;
            tree.put(path, blob, *executable)
        }
        FileEdit::Remove { path } => tree.remove(path).map(drop),
        FileEdit::Rename { from, to, content } => {
            let blob = content.as_ref().map(|content| pack.add(gix::objs::Kind::Blob, content)).transpose()?;
            tree.rename(from, to, blob)
        }
    }
}

fn check_size(edit: &Edit) -> Result<(), EditError> {
    let bytes = |change: &FileEdit| match change {
        FileEdit::Put { content, .. } => content.len(),
        FileEdit::Rename { content, .. } => content.as_ref().map_or(0, Vec::len),
        FileEdit::Remove { .. } => 0,
    };
    if edit.edits.len() > EDIT_FILES_MAX {
        return Err(EditError::TooMuch(format!(
            "one commit here changes at most {EDIT_FILES_MAX} files; push it with git"
        )));
    }
    if edit.edits.iter().map(bytes).sum::<usize>() > EDIT_BYTES_MAX {
        let mebibytes = EDIT_BYTES_MAX >> 20;
        return Err(EditError::TooMuch(format!("one commit here has at most {mebibytes} MiB; push it with git")));
    }
    Ok(())
}

/// A message as `git commit` would have it: lines that end in line feeds, no white space at their ends.
fn message(text: &str) -> Result<String, EditError> {
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(EditError::Message("the message is too long"));
    }
    if text.contains('\0') {
        return Err(EditError::Message("a message has no NUL in it"));
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut cleaned = String::with_capacity(text.len());
    for line in text.trim().lines() {
        let empty = line.trim_end().is_empty();
        if !(empty && cleaned.ends_with("\n\n")) {
            cleaned.push_str(line.trim_end());
            cleaned.push('\n');
        }
    }
    if cleaned.is_empty() { Err(EditError::Message("say in a few words what the change does")) } else { Ok(cleaned) }
}

/// A person as Git writes one: without what would end the name or the address.
fn person(person: &Person) -> String {
    let clean = |text: &str| {
        let kept: String = text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
        kept.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\''))
            .to_owned()
    };
    let (name, email) = (clean(&person.name), clean(&person.email));
    let name = if name.is_empty() { "unknown".to_owned() } else { name };
    let minutes = person.time.offset / 60;
    let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
    // Git's own check has no time before 1970.
    let seconds = person.time.seconds.max(0);
    format!("{name} <{email}> {seconds} {sign}{:02}{:02}", minutes / 60 % 100, minutes % 60)
}

fn damaged(error: impl std::fmt::Display) -> EditError {
    EditError::Read(ReadError::Damaged(error.to_string()))
}

impl From<ObjectFormat> for gix::hash::Kind {
    fn from(format: ObjectFormat) -> Self {
        match format {
            ObjectFormat::Sha1 => Self::Sha1,
            ObjectFormat::Sha256 => Self::Sha256,
        }
    }
}

/// The id that a file of this content has.
///
/// # Errors
/// When its bytes are made to collide with another's.
pub fn blob_id(format: ObjectFormat, content: &[u8]) -> Result<ObjectId, EditError> {
    let id = gix::objs::compute_hash(format.into(), gix::objs::Kind::Blob, content).map_err(damaged)?;
    ObjectId::from_bytes(id.as_slice()).ok_or_else(|| damaged("an id of another kind"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use code::Time;

    #[test]
    fn people_are_written_so_that_git_reads_them() {
        let of = |name: &str, email: &str, seconds, offset| {
            person(&Person { name: name.to_owned(), email: email.to_owned(), time: Time { seconds, offset } })
        };
        assert_eq!(of("A U Thor", "a@b", 12, -5400), "A U Thor <a@b> 12 -0130");
        assert_eq!(of(" <x>\n. ", "a>\nparent 0 <b", -1, 3600), "x <aparent 0 b> 0 +0100");
        assert_eq!(of("..", "", 0, 0), "unknown <> 0 +0000");
    }

    #[test]
    fn messages_are_cleaned() {
        assert_eq!(message("  One  \r\n\r\n\r\n\r\ntwo\t\n\n").unwrap(), "One\n\ntwo\n");
        assert!(matches!(message(" \n"), Err(EditError::Message(_))));
        assert!(matches!(message("a\0"), Err(EditError::Message(_))));
    }
}
