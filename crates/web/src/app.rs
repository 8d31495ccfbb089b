//! What every handler shares.

use crate::flood::Apart;
use crate::imports::Imports;
use crate::metrics::Metrics;
use crate::pages::Kept;
use crate::proxies::{Network, Proxies};
use crate::response_cache::ResponseCache;
use forge::Site;
use git::cache::PackCache;
use std::sync::Arc;

/// The site and what the doors keep beside it. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The site.
    pub site: Arc<Site>,
    /// Answers to fetches, kept.
    pub pack_cache: Arc<PackCache>,
    /// Counters for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// The vaults are practice vaults on this very machine.
    pub practice: bool,
    /// Repositories that are coming in from other forges.
    pub imports: Arc<Imports>,
    /// Proxies in front of the site, which are believed when they say who asks.
    pub trusted_proxies: Arc<Proxies>,
    /// Who may read `/metrics`.
    pub metrics_allow: Arc<[Network]>,
    /// Parts of repositories' pages.
    pub kept: Arc<Kept>,
    /// Pages that were made a moment ago.
    pub responses: Arc<ResponseCache>,
    /// Where strangers' requests are worked on.
    pub apart: Arc<Apart>,
}

impl App {
    /// Forgets with the site: when a repository was forgotten, what the doors keep of any goes too. Runs until the site ends.
    pub fn forget_with_the_site(&self) {
        let (mut forgotten, cache) = (self.site.forgotten(), self.pack_cache.clone());
        let (kept, responses) = (self.kept.clone(), self.responses.clone());
        tokio::spawn(async move {
            while forgotten.changed().await.is_ok() {
                cache.clear();
                kept.clear();
                responses.clear();
            }
        });
    }

    /// Whether people reach the site by https.
    pub(crate) fn is_https(&self) -> bool {
        self.site.base_url().starts_with("https://")
    }

    /// Hits and misses of the pack cache since the start.
    pub(crate) fn cache_counts(&self) -> (u64, u64) {
        (self.pack_cache.hits(), self.pack_cache.misses())
    }
}
