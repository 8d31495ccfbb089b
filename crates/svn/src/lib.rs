//! Subversion: its own server programs behind a gate, its repositories on the disk, and reading them for people.
//!
//! ```text
//! client --http--> our server --loopback--> httpd + mod_dav_svn, one for each repository in use   (httpd, child)
//!                      ^                        | rename(db/current)
//!                      `------ gate.sock -------'   held? then go on; else the commit fails       (gate, crate svn-gate)
//! client --ssh---> our server --sockets---> svnserve -t, one for each session, with the same gate    (tunnel, ra_svn)
//! ```
//!
//! # Invariants
//! 1. Nothing becomes visible in a repository that a server of ours serves before [`CommitGate`] has said yes to it; a server
//!    whose gate does not hold a probe back is not used.
//! 2. Each repository in use has a server of its own, and each session over SSH too, which can reach no other repository: it is
//!    under Landlock, and where this program runs as root it has another user's id.
//! 3. Nothing that a server says is believed further than its own repository: paths are looked up below the repository's
//!    directory, without following links.
//! 4. A repository's files are FSFS format 8 as Subversion 1.14 writes it: whatever it makes can be read by stock tools.

mod child;
mod cut_off;
mod engine;
mod fill;
mod gate;
mod httpd;
pub mod incoming;
mod load;
mod locks;
pub mod ra_svn;
mod read;
mod remote;
mod repository;
mod tunnel;
mod turns;
mod undo;

pub use child::{ChildError, Programs};
pub use engine::{Engine, EngineLimits};
pub use fill::{Shard, prepare_directory};
pub use fsfs::{Packing, Properties, make_svndiff};
pub use gate::{CommitGate, Record};
pub use httpd::{HttpServer, PathRules, SECRET_HEADER};
pub use load::{DUMP_SILENCE_MAX, Load, LoadError};
pub use read::{Readers, SentFile, SvnPrint, SvnSource, archive, can_be_archived};
pub use remote::{RemoteDump, RemoteSource};
pub use repository::{GenesisFile, REVISION_BYTES_MAX, SvnRepository};
pub use tunnel::{Session, Tunnel};
pub use turns::Turn;
pub use undo::{CommitError, UNDO_NODES_MAX, Undo};
