//! What a site is opened with.

use crate::ledger::LedgerLimits;
use crate::load::LoadLimits;
use crate::outbox::OutboxLimits;
use crate::spool::SPOOL_BYTES_MAX;
use crate::witness::{WITNESS_EVERY, Witness};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use vault::VaultUrl;

/// What a site is opened with.
#[derive(Clone, Debug)]
pub struct SiteConfig {
    /// The data directory, made if absent.
    pub data: PathBuf,
    /// A PostgreSQL database (`postgres://...`); None: SQLite in the data directory.
    pub database: Option<String>,
    /// Vaults besides those that `DIR/vaults` names already.
    pub vaults: Vec<VaultUrl>,
    /// Vaults, with credentials that may read, that drills are done with; besides those of `vaults` that may be read.
    pub drill_vaults: Vec<VaultUrl>,
    /// The address people reach the site at.
    pub base_url: String,
    /// Where SSH clients reach it, `ssh://HOST:PORT`; None: there is no such door.
    pub ssh_address: Option<String>,
    /// Addresses that webhooks may go to though they are not outside.
    pub egress_allow: Vec<IpAddr>,
    /// Outsiders who are shown what is held.
    pub witnesses: Vec<Witness>,
    /// Bounds.
    pub limits: SiteLimits,
}

impl SiteConfig {
    /// The defaults, for this directory.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let base_url = "http://127.0.0.1:8080".to_owned();
        Self {
            data: data.into(),
            database: None,
            vaults: Vec::new(),
            drill_vaults: Vec::new(),
            base_url,
            ssh_address: None,
            egress_allow: Vec::new(),
            witnesses: Vec::new(),
            limits: SiteLimits::default(),
        }
    }
}

/// Bounds of a site.
#[derive(Clone, Debug)]
pub struct SiteLimits {
    /// Those of writing.
    pub ledger: LedgerLimits,
    /// Bytes that may wait for vaults that are behind.
    pub spool_bytes_max: u64,
    /// How long a push waits, once it is held, for this site to take it in.
    pub applied_timeout: Duration,
    /// How much is done at one time, for whom.
    pub load: LoadLimits,
    /// What a git child may use.
    pub git: git::ChildLimits,
    /// What a fetch may take.
    pub upload: git::upload::UploadLimits,
    /// What a push may take.
    pub receive: git::receive::ReceiveLimits,
    /// How many repositories of Subversion are served at one time, and for how long.
    pub svn: svn::EngineLimits,
    /// Limits on Git's views of Subversion's repositories.
    pub svn_view: svn_git::ViewLimits,
    /// How long a fetch waits for such a view that is being made.
    pub svn_view_wait: Duration,
    /// How long such a view is kept that nobody fetches; zero: for ever.
    pub svn_view_unused_max: Duration,
    /// A database snapshot is taken after so many entries.
    pub snapshot_every_entries: u64,
    /// A repository's packs are consolidated in the vaults when there are more than so many.
    pub consolidate_packs: u64,
    /// Or when they have so many bytes since the last time.
    pub consolidate_bytes: u64,
    /// How hard it tries to tell people.
    pub outbox: OutboxLimits,
    /// How often witnesses are shown what is new.
    pub witness_every: Duration,
    /// How often the site drills by itself; zero: never.
    pub drill_every: Duration,
    /// How long after its start it does so first, if a drill is due.
    pub drill_first: Duration,
}

impl Default for SiteLimits {
    fn default() -> Self {
        Self {
            ledger: LedgerLimits::default(),
            spool_bytes_max: SPOOL_BYTES_MAX,
            applied_timeout: Duration::from_secs(30),
            load: LoadLimits::default(),
            git: git::ChildLimits::default(),
            upload: git::upload::UploadLimits::default(),
            receive: git::receive::ReceiveLimits::default(),
            svn: svn::EngineLimits::default(),
            svn_view: svn_git::ViewLimits::default(),
            svn_view_wait: crate::svn::VIEW_WAIT,
            svn_view_unused_max: crate::svn::VIEW_UNUSED_MAX,
            snapshot_every_entries: 10_000,
            consolidate_packs: 200,
            consolidate_bytes: 512 << 20,
            outbox: OutboxLimits::default(),
            witness_every: WITNESS_EVERY,
            drill_every: Duration::from_secs(24 * 60 * 60),
            drill_first: Duration::from_secs(10 * 60),
        }
    }
}
