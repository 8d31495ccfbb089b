//! Files as servers of Subversion send them: as they were committed.

use super::{SvnSource, unread};
use code::ReadError;
use fsfs::NodeKind;
use std::sync::Arc;

/// A file of one revision.
#[derive(Clone, Debug)]
pub struct SentFile {
    /// Its bytes, a link's too.
    pub bytes: Arc<Vec<u8>>,
    /// What its `svn:mime-type` says.
    pub mime_type: Option<Vec<u8>>,
    /// The revision that last changed it.
    pub changed: u64,
}

impl SvnSource {
    /// The file at a path of a revision, if it has at most so many bytes. None: there is no such file, or it has more.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn sent_file(&self, rev: u64, path: &[u8], bytes_max: u64) -> Result<Option<SentFile>, ReadError> {
        if rev > self.youngest {
            return Ok(None);
        }
        let Some(node) = self.fs.at(rev, path).map_err(unread)?.filter(|node| node.kind == NodeKind::File) else {
            return Ok(None);
        };
        if node.text.as_ref().is_some_and(|rep| rep.size().is_none_or(|size| size > bytes_max)) {
            return Ok(None);
        }
        let bytes = self.fs.content(&node, bytes_max).map_err(unread)?;
        let properties = self.fs.properties(&node).map_err(unread)?;
        let mime_type = properties.get("svn:mime-type").map(<[u8]>::to_vec);
        Ok(Some(SentFile { bytes, mime_type, changed: node.id.rev() }))
    }
}
