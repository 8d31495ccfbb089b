//! The pack of a commit that is made here, in memory.

use super::{EditError, damaged};
use crate::ObjectFormat;
use crate::pack::{ObjectKind, PackWriter};
use gix::ObjectId;
use gix::objs::Kind;
use std::io::Cursor;

/// A pack in the making.
pub(super) struct Pack(PackWriter<Cursor<Vec<u8>>>);

impl Pack {
    pub(super) fn new(format: ObjectFormat) -> Result<Self, EditError> {
        PackWriter::new(format, Cursor::new(Vec::new())).map(Self).map_err(damaged)
    }

    /// Adds an object, once.
    pub(super) fn add(&mut self, kind: Kind, content: &[u8]) -> Result<ObjectId, EditError> {
        let kind = match kind {
            Kind::Commit => ObjectKind::Commit,
            Kind::Tree => ObjectKind::Tree,
            Kind::Blob => ObjectKind::Blob,
            Kind::Tag => ObjectKind::Tag,
        };
        let id = self.0.add(kind, content).map_err(damaged)?;
        ObjectId::try_from(id.as_bytes()).map_err(damaged)
    }

    /// The pack's bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>, EditError> {
        let (out, _) = self.0.finish().map_err(damaged)?;
        Ok(out.into_inner())
    }
}
