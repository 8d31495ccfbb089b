//! Opening and stopping a site.

use super::config::SiteConfig;
use super::vaults::{Readers, VaultsEnrol, choose, known_with};
use super::{Site, tasks};
use crate::db::Db;
use crate::drill::Drills;
use crate::egress::Egress;
use crate::error::Error;
use crate::keys::{Keys, RECOVERY_FILE};
use crate::ledger::Ledger;
use crate::load::Load;
use crate::log::{BlobSink, Log, checkpoint_last};
use crate::people::last_use::LastUses;
use crate::people::{Authenticator, Passwords};
use crate::projector::Position;
use crate::push::PushContext;
use crate::recover::{Erased, Past, View};
use crate::repo::{BlobSource, Repositories};
use crate::signer::Signers;
use crate::spool::Spool;
use crate::svn::{Subversion, SubversionParts};
use crate::witness::Witnesses;
use crate::writer::{Shipping, Submitter};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use vault::{JournalSource, Replicator, ReplicatorConfig, Role};

/// How long opening waits for the vaults; without them the site is opened for reading.
const QUORUM_WAIT: Duration = Duration::from_secs(2);
/// How long a data directory's lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What happened when a site was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Nobody has an account yet, and the recovery key lies here: it must be moved away.
    pub recovery_key: Option<PathBuf>,
    /// The site is new.
    pub new: bool,
    /// Vaults that were given and that officers must enrol first: nothing is written to them.
    pub strangers: Vec<String>,
}

impl Site {
    /// Opens the site in a directory, and begins one where there is none. Serves reads when it returns; writes as soon as a quorum
    /// of vaults answers.
    pub async fn open(config: SiteConfig) -> Result<(Arc<Self>, Begun), Error> {
        let lock = lock(&config.data)?;
        let (keys, mut begun) = keys(&config.data)?;
        let told = known_with(&config.data, &config.vaults)?;
        let view = View::read(&config.data)?;
        let erased = Erased::new(view.as_ref().map_or(&[][..], |view| &view.erased));
        let database = database(&config)?;
        let size = database.read(checkpoint_last)?.map_or(0, |checkpoint| checkpoint.size);
        begun.recovery_key = recovery_key(&config.data, &database)?;
        let spool = Spool::open(&config.data.join("spool"), keys.recipients()?, config.limits.spool_bytes_max, size)?;
        let spool = Arc::new(spool);
        let sink: Arc<dyn BlobSink> = Arc::new(Arc::clone(&spool));
        let log = Log::open(database.clone(), keys.log_keys()?, sink)?;
        let logs = keys.log_verifiers()?;
        let chosen = database.read(|tx| choose(tx, logs, told.clone()))?;
        let vaults = chosen.vaults;
        begun.strangers = chosen.strangers.into_iter().map(|url| url.name).collect();
        begun.strangers.retain(|name| config.vaults.iter().any(|given| given.name == *name));
        let shippers = ReplicatorConfig {
            origin: keys.origin().clone(),
            epochs: keys.records(),
            recovery_keys: keys.recovery_keys(),
            quorum: chosen.quorum,
            // No vault hears of a view.
            vaults: if view.is_some() { Vec::new() } else { vaults.clone() },
        };
        let readers = Arc::new(Readers::new(&told)?);
        spool.fetch_from(readers.clone());
        let source: Arc<dyn JournalSource> = log.clone();
        let replicator = Replicator::start(shippers, source).map_err(|e| Error::internal(e.to_string()))?;
        let replicator = Arc::new(replicator);
        let shipping: Arc<dyn Shipping> = match &view {
            Some(view) => Arc::new(Past::new(view)),
            None => replicator.clone(),
        };
        let ledger = Arc::new(Ledger::start(log, shipping, &config.limits.ledger)?);
        if view.is_none() {
            unless_frozen(&begun, ledger.writer().submit(Submitter::default(), keys.founding()?).await)?;
            unless_frozen(&begun, ledger.writer().submit(Submitter::default(), VaultsEnrol(vaults.clone())).await)?;
            if let Some(shares) = crate::keys::published(&config.data)? {
                let publish = super::shares::SharesPublish(shares);
                unless_frozen(&begun, ledger.writer().submit(Submitter::default(), publish).await)?;
            }
        }

        let git = git::Git::find(config.limits.git).map_err(|e| Error::internal(e.to_string()))?;
        let known_devices = crate::people::known::KnownDevices::new(&keys.known_devices_secret()?);
        let identities = keys.identities()?;
        let blobs = BlobSource::new(Arc::clone(&spool), identities, readers, config.data.join("spool"));
        let all_vaults = told.clone();
        let readable = told.into_iter().filter(|url| url.role == Role::Recover).collect();
        let held = ledger.shipping().held();
        let (dir, db) = (config.data.join("git"), database.clone());
        let repositories = Repositories::new(&dir, git, db, blobs.clone(), held, erased.clone())?;
        let last_uses = Arc::new(LastUses::open(&config.data.join("last-use")));
        let drills = Drills::new(config.drill_vaults, config.limits.drill_every, config.limits.drill_first);
        let authenticator = Authenticator::new(database, Passwords::start()?);
        let uploader = Arc::clone(&replicator);
        let fuse = Arc::new(crate::push::Fuse::new(Arc::clone(&ledger), authenticator.clone()));
        let signers = Signers {
            db: ledger.db().clone(),
            git: repositories.git().clone(),
            scratch: config.data.join("cache/signatures"),
        };
        let push = PushContext {
            fuse,
            signers,
            ledger: Arc::clone(&ledger),
            repositories: repositories.clone(),
            spool: Arc::clone(&spool),
            upload: Arc::new(move |name| uploader.upload(name)),
            base_url: config.base_url.as_str().into(),
            applied_timeout: config.limits.applied_timeout,
        };
        let subversion = Subversion::new(SubversionParts {
            dir: config.data.join("svn"),
            ledger: Arc::clone(&ledger),
            spool: Arc::clone(&spool),
            blobs: blobs.clone(),
            upload: push.upload.clone(),
            limits: config.limits.svn,
            erased,
        });
        let own = all_vaults.iter().filter_map(|vault| Some(vault.address.rsplit_once(':')?.0.to_owned()));
        let own = own.chain([crate::mail::host_of(&config.base_url).to_owned()]).collect();
        let egress = Arc::new(Egress { allowed: config.egress_allow, own });
        let witnesses = if view.is_none() { config.witnesses } else { Vec::new() };
        let witnesses = Witnesses::new(witnesses, &all_vaults, ledger.log(), Arc::clone(&egress))?;
        let views = crate::svn::Views::new(
            config.data.join("svn-git"),
            repositories.git().clone(),
            ledger.db().clone(),
            ledger.shipping().held(),
            (config.limits.svn_view, config.limits.svn_view_wait, config.limits.svn_view_unused_max),
        );
        // No view tells anybody anything: it is of the past.
        let telling = super::alarms::Telling {
            data: &config.data,
            site: &config.base_url,
            ledger: &ledger,
            keys: &keys,
            vaults: all_vaults,
            egress: Arc::clone(&egress),
            limits: config.limits.outbox,
        };
        crate::export::sweep(&config.data);
        crate::doctor::sweep(&config.data);
        let outboxes = if view.is_none() { Some(super::alarms::Outboxes::open(telling)?) } else { None };
        let settings = super::settings::Held::new(ledger.db().read(crate::settings::Settings::load)?);
        let shut = super::lockdown::Shut::new(ledger.db().read(crate::lockdown::in_force)?);
        let site = Arc::new(Self {
            data: config.data,
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            ssh_address: config.ssh_address,
            keys,
            ledger,
            replicator,
            spool,
            authenticator,
            last_uses,
            load: Load::new(config.limits.load),
            repositories,
            position: Position::default(),
            readable,
            blobs,
            push,
            subversion,
            views,
            limits: config.limits,
            tasks: Mutex::default(),
            attempts: super::sessions::Attempts::default(),
            failures: crate::people::failures::Failures::default(),
            proofs: Default::default(),
            bulk_reads: Default::default(),
            tickets: crate::people::ticket::Tickets::new()?,
            known_devices,
            lags: Arc::default(),
            reading: super::code::Reading::new(),
            forgotten: Arc::default(),
            drills,
            shut,
            told: outboxes.as_ref().map(super::alarms::Outboxes::statuses).unwrap_or_default(),
            settings,
            svn_looks: Default::default(),
            witnesses,
            jobs: Default::default(),
            _lock: lock,
        });
        tasks::start(&site, outboxes);
        site.first_quorum().await;
        Ok((site, begun))
    }

    /// Vaults take a moment to be reached: whoever writes first should not be refused for that.
    async fn first_quorum(&self) {
        let began = Instant::now();
        while began.elapsed() < QUORUM_WAIT && matches!(self.writability(), Err(Error::NoQuorum { .. })) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Writes what is queued, then stops everything. What was not shipped is shipped after the next start.
    pub async fn stop(&self) {
        let ledger = Arc::clone(&self.ledger);
        if let Err(error) = tokio::task::spawn_blocking(move || ledger.stop()).await {
            tracing::error!(%error, "the writer did not stop as it should");
        }
        tasks::stop(self).await;
        self.last_uses.write();
        self.views.stop();
        self.subversion.stop().await;
        self.replicator.stop().await;
    }
}

/// A vault may say that this site was rolled back before the site has asked whether there is anything to write at its
/// beginning. Such a site writes nothing, but it opens: it reads on, and says what is wrong.
fn unless_frozen<T>(begun: &Begun, founded: Result<T, Error>) -> Result<(), Error> {
    match founded {
        Ok(_) => Ok(()),
        Err(Error::Frozen { .. }) if !begun.new => Ok(()),
        Err(error) => Err(error),
    }
}

fn keys(data: &Path) -> Result<(Keys, Begun), Error> {
    if Keys::exist(data) {
        return Ok((Keys::open(data)?, Begun::default()));
    }
    Ok((Keys::create(data)?, Begun { new: true, ..Begun::default() }))
}

/// Until somebody has an account nobody has been told for sure: a first start may have been killed before its words.
fn recovery_key(data: &Path, database: &Db) -> Result<Option<PathBuf>, Error> {
    let path = data.join(RECOVERY_FILE);
    let nobody = database.read(|tx| Ok::<_, Error>(tx.query_opt("SELECT 1 FROM account LIMIT 1", &[])?.is_none()))?;
    Ok(Some(path).filter(|path| nobody && path.is_file()))
}

pub(crate) fn database(config: &SiteConfig) -> Result<Db, Error> {
    let database = match &config.database {
        Some(url) => Db::postgres(url)?,
        None => Db::sqlite(&config.data.join("site.db"))?,
    };
    crate::replay::make_ready(&database)?;
    Ok(database)
}

/// One process for one data directory.
pub(crate) fn lock(data: &Path) -> Result<File, Error> {
    let failed = |e: std::io::Error| Error::internal(format!("{}: {e}", data.display()));
    fs::create_dir_all(data).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(data.join("lock")).map_err(failed)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A child that is just being started holds all files for a moment.
            Err(fs::TryLockError::WouldBlock) if began.elapsed() < LOCK_WAIT => std::thread::sleep(LOOK_EVERY),
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::conflict(format!("another outlast process runs the site in {}", data.display())));
            }
            Err(fs::TryLockError::Error(e)) => return Err(failed(e)),
        }
    }
}
