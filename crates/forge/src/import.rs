//! Taking in a repository from another forge, by its Git URL; and what an owner there has, by the forge's API.
//!
//! Git's smart protocol is spoken by this crate itself, Subversion's by `svnrdump`, which can connect to nothing but a proxy in this
//! crate: so every address is looked at before it is connected to, and what comes goes through the door that everything takes.
//!
//! Invariants:
//! 1. No address of this machine or of a private network is connected to, whatever a name resolves to or a server redirects to,
//!    unless the operator allowed it.
//! 2. All refs come with one push, or none: an import that was cut short leaves an empty repository, and is run again.
//! 3. A credential is sent to the host it was given for, and is neither stored nor logged.

mod address;
mod egress;
mod http;
mod owner;
mod pack;
mod run;
mod subversion;

pub use address::GitUrl;
pub use egress::Egress;
pub use owner::{ForgeApi, Listed, OWNER_REPOS_MAX, OwnerList, list};
pub use run::{ImportFrom, Imported};
