//! Reads Subversion repositories as FSFS keeps them: formats 1 to 8, sharded or not, packed or not, with physical and logical
//! addressing, svndiff 0 to 2. It starts no process, writes nothing, and knows nothing of who asks.
//!
//! # Invariants
//! 1. Bytes of a repository are a stranger's: whatever they are, the answer is one or an [`FsError`], within bounded memory,
//!    depth and time. Every bound has a name.
//! 2. Files are opened below the repository's directory, never through a link.
//! 3. What is kept in [`Caches`] never changes in a repository (revision properties excepted, which are kept for a generation
//!    that the caller names), so it is never wrong.
//! 4. A content that was read whole has the MD5 that was committed.
//!
//! Transactions are not read: what is not committed is not there. `rep-cache.db` is not needed for reading.
//!
//! ```no_run
//! use std::sync::Arc;
//! let fs = fsfs::Fs::open("/srv/svn/project".as_ref(), Arc::new(fsfs::Caches::new(64 << 20)))?;
//! let file = fs.at(fs.youngest()?, b"/trunk/README")?.expect("it is there");
//! println!("r{} {:?}", file.id.rev(), fs.content(&file, 1 << 20)?);
//! # Ok::<(), fsfs::FsError>(())
//! ```

mod cache;
mod changes;
mod date;
mod delta;
mod dump;
mod error;
mod files;
mod format;
mod fs;
mod hash;
mod history;
mod index;
mod locks;
mod node;
mod revision;
mod revprops;
mod stream;
mod svndiff;

pub use cache::Caches;
pub use changes::{Action, ChangedPath, parse_changes};
pub use date::seconds;
pub use delta::{make_svndiff, make_window};
pub use error::{FsError, Result};
pub use format::Format;
pub use fs::{DirEntry, Directory, Fs};
pub use hash::Properties;
pub use history::History;
pub use locks::Lock;
pub use node::{Node, NodeId, NodeKind, Place, Rep};
pub use stream::{CHAIN_MAX, ContentReader, WHOLE_DECODED_BYTES_MAX};
pub use svndiff::{Packing, WINDOW_BYTES_MAX, apply_svndiff};
