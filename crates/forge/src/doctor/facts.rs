//! What the doctor knows when it judges.

use crate::orders::VaultsChanging;
use std::net::IpAddr;
use std::path::PathBuf;

pub use vault::{About, CertificateLife};

/// Everything that was asked.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Why writes are refused.
    pub not_writable: Option<String>,
    /// Where people reach the site.
    pub base_url: String,
    /// How the certificate at that address stands, or why it could not be asked; None: it is not https.
    pub certificate: Option<Result<CertificateLife, String>>,
    /// Keys and tokens by which machines work and that end soon: each with whose it is, and in how many days.
    pub credentials_end: Vec<(String, u64)>,
    /// The vaults are practice vaults.
    pub practice: bool,
    /// Where the recovery key lies on the site's machine.
    pub recovery_key: Option<PathBuf>,
    /// The vaults.
    pub vaults: Vec<VaultFacts>,
    /// The witnesses.
    pub witnesses: Vec<crate::witness::WitnessStatus>,
    /// The log's name, and the key that signs it now.
    pub log_key: String,
    /// How many trust domains must cosign, and how many there are.
    pub quorum: (usize, usize),
    /// The change of the vaults that officers ordered, until those to be alone count.
    pub vaults_changing: Option<VaultsChanging>,
    /// Git's programs can be sandboxed.
    pub sandbox: bool,
    /// Bytes free where the data is, and of how many; None: could not be asked.
    pub disk: Option<(u64, u64)>,
    /// Kinds of events in the journal that this release can't read.
    pub unknown_kinds: Vec<u64>,
    /// Entries that recoveries have passed over, in words; empty: none.
    pub skipped: String,
    /// What the drills say.
    pub drill_alarm: Option<String>,
    /// How long ago officers last tried the recovery key; for a site where they never did, its age. Seconds.
    pub officer_drill_age_s: u64,
    /// The officers' rule: how many must sign, and how long an order waits, microseconds; None: none is in force.
    pub officer_rule: Option<(usize, i64)>,
    /// Officers who have a key or passkey.
    pub officers: usize,
    /// How long ago officers ordered other recovery keys than there are now, seconds; None: they did not.
    pub recovery_keys_wait_s: Option<u64>,
    /// A digest of this machine's id.
    pub machine: Option<String>,
}

/// One vault.
#[derive(Clone, Debug)]
pub struct VaultFacts {
    /// Its name.
    pub name: String,
    /// Its trust domain.
    pub domain: String,
    /// Whether it answers the shippers.
    pub connected: bool,
    /// For how long it has or has not, seconds.
    pub since_s: u64,
    /// What it said last when it failed.
    pub last_error: Option<String>,
    /// Entries it lacks.
    pub lag: u64,
    /// Bytes it has free.
    pub free_bytes: Option<u64>,
    /// Whether it slows this site down.
    pub slowed_down: bool,
    /// Its TLS key.
    pub pin: String,
    /// Where its name leads.
    pub addresses: Vec<IpAddr>,
    /// Whether one of these is this machine's.
    pub here: bool,
    /// Its clock minus this site's, seconds; None: not known.
    pub clock_s: Option<i64>,
    /// What it says of its owner.
    pub about: About,
    /// Orders to erase that the site has carried out and this vault has not, or not wholly.
    pub not_erased: Vec<u64>,
}
