//! The site as a whole, with real vaults and the real git.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod drills;
mod factors;
mod forks;
mod imports;
mod incident_report;
mod lockdown;
mod orders;
mod orgs;
mod power_cuts;
mod protections;
mod pushes;
mod recovery;
mod restored;
mod rig;
mod skipped;
mod ssh_keys;
mod svn_restores;
mod svn_sessions;
mod without;
