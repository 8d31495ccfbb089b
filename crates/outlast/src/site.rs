//! A site opened from its configuration: what `serve` runs, and what a command uses when no server does.

use crate::config::{self, Config, Limits};
use crate::practice::Practice;
use anyhow::Context as _;
use forge::Site;
use forge::site::{Begun, SiteConfig, SiteLimits};
use forge::witness::Witness;
use git::cache::PackCache;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vault::VaultUrl;

/// Says, in a data directory, that its vaults are practice vaults, which have to be started with it.
const PRACTICE_MARK: &str = "practice-vaults";

/// A site that is open, with its practice vaults if it has some.
pub(crate) struct Opened {
    pub(crate) app: web::App,
    pub(crate) begun: Begun,
    practice: Option<Practice>,
}

impl Opened {
    /// Opens the site, starting its practice vaults first when it has no others.
    ///
    /// # Errors
    /// When something that it needs can't be had; the text says what.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let vaults = config.vaults.iter().map(|arg| VaultUrl::from_arg(arg)).collect::<Result<Vec<_>, _>>()?;
        let data = &config.data;
        std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
        let marked = data.join(PRACTICE_MARK).exists();
        let practice =
            if vaults.is_empty() && (marked || !has_vaults(data)) { Some(Practice::start(data).await?) } else { None };
        let mut site = SiteConfig::new(data);
        site.vaults = vaults;
        site.drill_vaults =
            config.drill_vaults.iter().map(|arg| VaultUrl::from_arg(arg)).collect::<Result<Vec<_>, _>>()?;
        if let Some(practice) = &practice {
            std::fs::write(data.join(PRACTICE_MARK), "the vaults of this site run beside it, for practice\n")?;
            site.vaults = practice.urls().iter().map(|path| url(path)).collect::<Result<Vec<_>, _>>()?;
            // They are on this machine anyway; so that a trial shows drills too.
            let readable = practice.urls().into_iter().map(|path| url(&path.with_file_name("recover.url")));
            site.drill_vaults = readable.collect::<Result<Vec<_>, _>>()?;
        }
        site.database.clone_from(&config.database);
        site.egress_allow.clone_from(&config.egress_allow);
        let witness = |named: &config::Witness| Witness::new(&named.url, &named.key);
        site.witnesses = config.witnesses.iter().map(witness).collect::<Result<Vec<_>, _>>()?;
        site.base_url = config.base_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        site.ssh_address.clone_from(&config.ssh_address);
        site.limits = limits(&config.limits);
        let (site, begun) = Site::open(site).await?;
        let cache = PackCache::open(&data.join("cache/packs"), config.limits.pack_cache_bytes_max)?;
        let app = web::App {
            site,
            pack_cache: cache,
            metrics: Arc::default(),
            practice: practice.is_some(),
            imports: Arc::default(),
            trusted_proxies: Arc::new(config.trusted_proxies.clone().into()),
            metrics_allow: config.metrics_allow.clone().into(),
            kept: Arc::default(),
            responses: Arc::default(),
            apart: Arc::new(web::Apart::start().context("cannot start the threads for strangers")?),
        };
        app.forget_with_the_site();
        Ok(Self { app, begun, practice })
    }

    /// Stops the site, then its practice vaults.
    pub(crate) async fn close(self) {
        self.app.site.stop().await;
        if let Some(practice) = self.practice {
            practice.stop().await;
        }
    }
}

fn has_vaults(data: &Path) -> bool {
    std::fs::read_dir(data.join("vaults")).is_ok_and(|mut entries| entries.next().is_some())
}

fn url(path: &Path) -> anyhow::Result<VaultUrl> {
    Ok(VaultUrl::from_arg(&path.to_string_lossy())?)
}

/// The domain's limits from the configuration's.
pub(crate) fn limits(from: &Limits) -> SiteLimits {
    let mut limits = SiteLimits { spool_bytes_max: from.spool_bytes_max, ..SiteLimits::default() };
    limits.load.member_write.permits_max = from.member_write_max;
    limits.load.member_read.permits_max = from.member_read_max;
    limits.load.stranger.permits_max = from.stranger_max;
    limits.load.stranger_fetch.permits_max = from.stranger_fetch_max;
    limits.load.stranger_work.permits_max = from.stranger_work_max;
    limits.load.sign_in.permits_max = from.sign_in_max;
    limits.load.sign_in_known.permits_max = from.sign_in_known_max;
    limits.ledger.held_timeout = from.held_timeout();
    limits.receive.pack_bytes_max = from.pack_bytes_max;
    limits.receive.commands_max = from.push_commands_max;
    limits.drill_every = Duration::from_secs(from.drill_every_s);
    limits.drill_first = Duration::from_secs(from.drill_first_s);
    // Never without a pause.
    limits.witness_every = Duration::from_secs(from.witness_every_s.max(1));
    limits.svn.silence_max = Duration::from_secs(from.svn_silence_s);
    limits.svn.reader_wait_max = Duration::from_secs(from.svn_reader_wait_s);
    limits.svn.answer_time_max = Duration::from_secs(from.svn_answer_time_s);
    limits.svn_view.bytes_max = from.svn_view_bytes_max;
    limits.svn_view_wait = Duration::from_secs(from.svn_view_wait_s);
    limits.svn_view_unused_max = Duration::from_secs(from.svn_view_unused_s);
    limits
}
