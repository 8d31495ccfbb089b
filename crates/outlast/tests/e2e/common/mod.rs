//! What every end-to-end test stands on: a site and vaults as real processes, the real `git`, nothing of the network.

mod git;
mod http;
mod pages;
#[path = "../../../../forge/tests/support/passkey.rs"]
mod passkey;
mod process;
mod proxy;
mod site;
mod ssh;
mod vaults;
mod world;

pub(crate) use git::{Git, Output};
pub(crate) use http::{Answer, FLUSH, basic, pkt, request};
pub(crate) use pages::{Browser, attribute_of, encoded};
pub(crate) use passkey::Passkey;
pub(crate) use process::{OUTLAST, Process, Said, Strace, cli, cli_with, freeze, wait_until};
pub(crate) use proxy::{Proxy, Weather};
pub(crate) use site::Site;
pub(crate) use ssh::{Ssh, ssh_keygen};
pub(crate) use vaults::{Vault, VaultStart};
pub(crate) use world::{REFUSAL_MAX, World, held, push};

use std::path::PathBuf;

/// What `make test` brings and a plain `cargo test` may lack: the variable's value, or `None` to skip the test. Under
/// `make test` (`OUTLAST_TEST_ALL`) a missing one is a failure, so that nothing is skipped unseen.
pub(crate) fn provided(variable: &str) -> Option<PathBuf> {
    if let Some(value) = std::env::var_os(variable) {
        return Some(value.into());
    }
    assert!(std::env::var_os("OUTLAST_TEST_ALL").is_none(), "{variable} is not set: run `make test`");
    eprintln!("skipped: {variable} is not set; `make test` sets it");
    None
}

/// A seed for what is random in a test: from `OUTLAST_TEST_SEED`, or new; printed so that a failure can be run again.
pub(crate) fn seed() -> u64 {
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.subsec_nanos().into());
    let seed = std::env::var("OUTLAST_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(now);
    println!("OUTLAST_TEST_SEED={seed}");
    seed
}

/// A small generator (SplitMix64), so that a seed means the same rounds on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
