//! How far each vault was behind, lately: kept in memory, for a chart. It is no state of the site's: a start begins anew.

use super::Site;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vault::Replicator;

/// How often it is looked at.
pub const LAG_SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// Looks that are kept: the last four hours.
pub const LAG_SAMPLES_MAX: usize = 1_440;

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LagSample {
    /// Microseconds since 1970.
    pub time_us: i64,
    /// Each vault's name, and the entries it had yet to cosign.
    pub lags: Vec<(String, u64)>,
}

/// The last looks.
#[derive(Debug, Default)]
pub(super) struct Lags(Mutex<VecDeque<LagSample>>);

impl Lags {
    fn push(&self, sample: LagSample) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == LAG_SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }
}

/// Looks, until the site stops.
pub(super) async fn sample(lags: Arc<Lags>, replicator: Arc<Replicator>) {
    let mut look = tokio::time::interval(LAG_SAMPLE_EVERY);
    loop {
        look.tick().await;
        let now = replicator.status().into_iter().map(|vault| (vault.name, vault.lag)).collect();
        lags.push(LagSample { time_us: crate::clock::now_us(), lags: now });
    }
}

impl Site {
    /// How far each vault was behind, the oldest look first: the last [`LAG_SAMPLES_MAX`] since the site was started.
    #[must_use]
    pub fn vault_lags(&self) -> Vec<LagSample> {
        self.lags.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_looks_are_forgotten() {
        let lags = Lags::default();
        (0..2_000).for_each(|time_us| lags.push(LagSample { time_us, lags: Vec::new() }));
        let kept = lags.0.lock().unwrap();
        assert_eq!((kept.len(), kept[0].time_us), (LAG_SAMPLES_MAX, 560));
    }
}
