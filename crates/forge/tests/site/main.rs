//! The site as a whole, with real vaults and the real git.

mod accounts;
mod pushes;
mod recovery;
mod rig;
