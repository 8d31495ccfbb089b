//! Annotated tags made here, and what a push brings that brings no objects.

use super::pack::Pack;
use super::{EditError, damaged, message, person};
use crate::{ObjectFormat, ObjectId};
use code::Person;
use gix::objs::Kind;

/// An annotated tag to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTag {
    /// The commit that it names.
    pub target: ObjectId,
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// What is said of it.
    pub message: String,
    /// Who makes it.
    pub tagger: Person,
}

/// Makes the tag: its id, and a pack with it.
///
/// # Errors
/// When its message is unusable.
pub fn tag(format: ObjectFormat, new: &NewTag) -> Result<(ObjectId, Vec<u8>), EditError> {
    let (target, name, tagger, message) = (new.target, &new.name, person(&new.tagger), message(&new.message)?);
    let text = format!("object {target}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message}");
    let mut pack = Pack::new(format)?;
    let id = pack.add(Kind::Tag, text.as_bytes())?;
    let id = ObjectId::from_bytes(id.as_slice()).ok_or_else(|| damaged("an id of another kind"))?;
    Ok((id, pack.finish()?))
}

/// The pack of a push to which nothing new belongs: of a branch at a commit that is there.
///
/// # Errors
/// None that could be met; the hash may fail.
pub fn no_objects(format: ObjectFormat) -> Result<Vec<u8>, EditError> {
    Pack::new(format)?.finish()
}
