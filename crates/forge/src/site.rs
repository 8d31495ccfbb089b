//! A running site: everything that the doors (web, admin socket) call.
//!
//! ```text
//! open: lock -> keys -> database -> spool -> log -> shippers -> ledger -> founding entries -> people, repositories, projector
//! stop: no more writes -> projector, sweeper, maintenance end -> shippers end
//! ```
//! One file a subject: [`people`], [`repos`], [`log`], [`git`].

mod activity;
mod admin;
mod alarms;
mod audit;
mod certificates;
mod code;
mod config;
mod edit;
mod factors;
mod find;
mod git;
mod gone;
mod guard;
mod health;
mod jobs;
mod lag;
mod lockdown;
mod log;
mod mail;
mod moment;
mod names;
mod oidc;
mod older;
mod open;
mod orgs;
mod oversight;
mod people;
mod proofs;
mod protections;
mod repos;
mod roles;
mod sessions;
mod settings;
mod shares;
mod signatures;
mod ssh;
mod svn;
mod svn_convert;
mod svn_import;
mod svn_looks;
mod svn_restore;
mod svn_rules;
mod svn_ssh;
mod tasks;
mod vaults;
mod written;

pub use self::git::SiteRepository;
pub use ::git::cache::PackCache;
pub use ::git::pkt::error_line;
pub use ::git::smart_http::Protocol;
pub use admin::{LastBatch, OwnerSpace, SnapshotInfo};
pub use alarms::NewCanary;
pub use code::{CodeReader, READ_CACHE_BYTES_MAX, READ_WAIT, READS_MAX};
pub use config::{SiteConfig, SiteLimits};
pub use edit::{CommitHeld, NewCommit};
pub use factors::{FactorList, KeyWanted};
pub use guard::Asked;
pub use lag::{LAG_SAMPLE_EVERY, LAG_SAMPLES_MAX, LagSample};
pub use mail::MailInfo;
pub use moment::Moment;
pub use names::NewName;
pub use oidc::{CLIENT_SECRET_BYTES_MAX, NewProvider, Returned};
pub use open::Begun;
pub(crate) use open::{database, lock};
pub use orgs::NewOrg;
pub use oversight::ResetLink;
pub use people::{NewToken, NewUser};
pub use proofs::{PROOF_AGE_MAX, ProofWanted, Shows};
pub use repos::{NewRepo, RepoChange};
pub use sessions::{ATTEMPTS_MAX, ATTEMPTS_WINDOW, Device, SecondStep, SignInStep};
pub use settings::SetBy;
pub use signatures::Signer;
pub use svn::{Packing, SvnAct, SvnDoor, SvnServer, SvnSource, SvnTurn, make_svndiff};
pub use svn_convert::{ConvertTo, SvnConverted};
pub use svn_import::{SvnImportTo, SvnImported};
pub(crate) use vaults::{Readers, VaultsEnrol, known_with};

use crate::db::Db;
use crate::drill::Drills;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::load::Load;
use crate::people::Authenticator;
use crate::people::last_use::LastUses;
use crate::projector::Position;
use crate::push::PushContext;
use crate::repo::{BlobSource, Repositories};
use crate::spool::Spool;
use crate::svn::Subversion;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use vault::{Replicator, VaultUrl};

/// A running site. Dropped without [`Site::stop`] it ends as if the power had gone; what was answered is kept.
pub struct Site {
    data: PathBuf,
    base_url: String,
    ssh_address: Option<String>,
    keys: Keys,
    ledger: Arc<Ledger>,
    replicator: Arc<Replicator>,
    spool: Arc<Spool>,
    authenticator: Authenticator,
    attempts: sessions::Attempts,
    failures: crate::people::failures::Failures,
    lags: Arc<lag::Lags>,
    last_uses: Arc<LastUses>,
    proofs: proofs::Proofs,
    bulk_reads: crate::alarm::BulkReads,
    tickets: crate::people::ticket::Tickets,
    known_devices: crate::people::known::KnownDevices,
    load: Load,
    repositories: Repositories,
    position: Position,
    /// The vaults whose credential lets this site read: it was recovered.
    readable: Vec<VaultUrl>,
    blobs: BlobSource,
    push: PushContext,
    subversion: Subversion,
    views: crate::svn::Views,
    reading: code::Reading,
    forgotten: Arc<gone::Forgotten>,
    drills: Drills,
    limits: SiteLimits,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    shut: lockdown::Shut,
    told: alarms::Statuses,
    settings: settings::Held,
    svn_looks: svn_looks::SvnLooks,
    witnesses: crate::witness::Witnesses,
    jobs: crate::jobs::Jobs,
    /// Held while the site runs: one process for one data directory.
    _lock: std::fs::File,
}

impl Site {
    /// The site's data directory.
    #[must_use]
    pub fn data(&self) -> &std::path::Path {
        &self.data
    }

    /// The address people reach the site at, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The name or number of that address.
    fn host(&self) -> &str {
        let rest = self.base_url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or(rest)
    }

    /// Where SSH clients reach the site, `ssh://HOST:PORT`; None: it has no such door.
    #[must_use]
    pub fn ssh_address(&self) -> Option<&str> {
        self.ssh_address.as_deref()
    }

    /// What is under way for whom, and who is turned away.
    #[must_use]
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// The database, for reading.
    #[must_use]
    pub fn db(&self) -> &Db {
        self.ledger.db()
    }

    /// The log, its writer and its vaults.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The site's keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The repositories on the disk.
    #[must_use]
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }

    /// The vaults that this site may read.
    pub(crate) fn readable(&self) -> &[VaultUrl] {
        &self.readable
    }

    pub(crate) fn jobs(&self) -> &crate::jobs::Jobs {
        &self.jobs
    }

    pub(crate) fn witnesses(&self) -> &crate::witness::Witnesses {
        &self.witnesses
    }

    pub(crate) fn drills(&self) -> &Drills {
        &self.drills
    }

    pub(crate) fn limits(&self) -> &SiteLimits {
        &self.limits
    }

    /// Subversion.
    #[must_use]
    pub fn subversion(&self) -> &Subversion {
        &self.subversion
    }

    /// The spool.
    #[must_use]
    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("data", &self.data).finish_non_exhaustive()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        tasks.iter().for_each(JoinHandle::abort);
    }
}
