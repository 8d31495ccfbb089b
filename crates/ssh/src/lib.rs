//! The SSH front door: Git and Subversion, for who holds a key that an account or a repository knows, or a certificate of an authority that
//! is trusted.
//!
//! ```text
//! accept -> [key exchange, key] -> command -> the site's repository, on the channel as a stream
//!    |            |                   '-> everything else is refused with a line that says what would work
//!    |            '-> too slow, or too many others come: cut
//!    '-> too many from one network: the oldest of theirs that is nobody yet is cut
//! ```
//!
//! # Invariants
//! 1. Who it is comes from the key or the certificate alone; the user's name in the address only chooses among those that a certificate names.
//! 2. A command is one of a closed grammar ([`exec`]). Nothing of it reaches a child's arguments.
//! 3. What one may not see answers as what does not exist, in the same words as over HTTP.
//! 4. A connection that has not shown a key within [`Limits::login_grace`] ends; when the house is full the oldest of these
//!    ends for a new one.
//! 5. A key or certificate that is removed or ends takes its connections with it, within [`Limits::recheck_every`] and a moment.
//! 6. No password, no forwarding, no agent, no files, no shell.

mod channel;
mod connection;
pub mod exec;
mod listen;
mod shown;

pub use listen::{Door, Limits, serve};

use forge::Principal;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection's bytes, both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Serves Subversion's protocol (`svnserve -t`) to somebody. Which repository it is about the client says there.
pub type SvnTunnel =
    Arc<dyn Fn(Principal, Box<dyn Duplex>) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> + Send + Sync>;
