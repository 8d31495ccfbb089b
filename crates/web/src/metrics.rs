//! `/metrics`: what an operator's monitoring reads, in the OpenMetrics text format.
//!
//! Counters live here; what is a state (lag, queue, held) is read from the site at each scrape.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prometheus_client::registry::Registry;
use std::sync::Mutex;

/// A request's kind and how it ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    /// `push`, `fetch` or `api`.
    pub operation: &'static str,
    /// `ok`, `refused` or `failed`.
    pub outcome: &'static str,
}

/// Names one vault.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct VaultLabel {
    /// The vault's name.
    pub vault: String,
}

/// Names a job of the site.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct JobLabel {
    /// As in its address: `settle`.
    pub job: &'static str,
}

/// Names a kind of drill.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DrillLabel {
    /// `full`, `blind` or `officer`.
    pub kind: &'static str,
}

/// Names a class of load.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ClassLabel {
    /// The class's word.
    pub class: &'static str,
}

/// Every metric there is. One typed struct, no global.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Git operations and API requests by outcome.
    pub operations: Family<Outcome, Counter>,
    /// From a push's first byte to the end of its answer, held included, seconds.
    pub push_seconds: Histogram,
    /// Fetches answered from the pack cache, without starting a process.
    pub cache_hits: Gauge,
    /// Fetches that had to be computed.
    pub cache_misses: Gauge,
    /// Pages that were given again as they had been made a moment before.
    pub page_cache_hits: Counter,
    /// Entries in the journal.
    pub journal_entries: Gauge,
    /// Entries that a quorum holds.
    pub journal_held: Gauge,
    /// Submissions waiting for the writer.
    pub writer_queue: Gauge,
    /// Entries that each vault has yet to cosign.
    pub vault_lag: Family<VaultLabel, Gauge>,
    /// Whether each vault answers: 1 or 0.
    pub vault_up: Family<VaultLabel, Gauge>,
    /// Requests that had their turn, by class of load.
    pub load_admitted: Family<ClassLabel, Gauge>,
    /// Requests that were turned away.
    pub load_shed: Family<ClassLabel, Gauge>,
    /// Requests that wait for their turn.
    pub load_waiting: Family<ClassLabel, Gauge>,
    /// Requests that are worked on.
    pub load_working: Family<ClassLabel, Gauge>,
    /// When the last drill of a kind began: seconds since 1970.
    pub drill_started: Family<DrillLabel, Gauge>,
    /// Differences it found.
    pub drill_differences: Family<DrillLabel, Gauge>,
    /// How long until a recovered site would have answered, milliseconds.
    pub drill_answers_ms: Family<DrillLabel, Gauge>,
    /// Whether a drill is missing or has failed: 1 or 0.
    pub drill_alarm: Gauge,
    /// Runs of each job that ended.
    pub job_runs: Family<JobLabel, Gauge>,
    /// Of which so many failed.
    pub job_failures: Family<JobLabel, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("outlast")),
            operations: Family::default(),
            push_seconds: Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]),
            cache_hits: Gauge::default(),
            cache_misses: Gauge::default(),
            page_cache_hits: Counter::default(),
            journal_entries: Gauge::default(),
            journal_held: Gauge::default(),
            writer_queue: Gauge::default(),
            vault_lag: Family::default(),
            vault_up: Family::default(),
            load_admitted: Family::default(),
            load_shed: Family::default(),
            load_waiting: Family::default(),
            load_working: Family::default(),
            drill_started: Family::default(),
            drill_differences: Family::default(),
            drill_answers_ms: Family::default(),
            drill_alarm: Gauge::default(),
            job_runs: Family::default(),
            job_failures: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.lock();
        registry.register("operations", "Git operations and API requests by outcome", self.operations.clone());
        registry.register(
            "push_seconds",
            "A push from its first byte to the end of its answer, held included",
            self.push_seconds.clone(),
        );
        registry.register("pack_cache_hits", "Fetches answered from the pack cache", self.cache_hits.clone());
        registry.register("pack_cache_misses", "Fetches that were computed", self.cache_misses.clone());
        registry.register("page_cache_hits", "Pages given again as they were", self.page_cache_hits.clone());
        registry.register("journal_entries", "Entries in the journal", self.journal_entries.clone());
        registry.register("journal_held", "Entries that a quorum of vaults holds", self.journal_held.clone());
        registry.register("writer_queue", "Submissions waiting for the writer", self.writer_queue.clone());
        registry.register("vault_lag_entries", "Entries that a vault has yet to cosign", self.vault_lag.clone());
        registry.register("vault_up", "Whether a vault answers", self.vault_up.clone());
        registry.register("load_admitted", "Requests that had their turn, since the start", self.load_admitted.clone());
        registry.register("load_shed", "Requests that were turned away, since the start", self.load_shed.clone());
        registry.register("load_waiting", "Requests that wait for their turn", self.load_waiting.clone());
        registry.register("load_working", "Requests that are worked on", self.load_working.clone());
        let started = self.drill_started.clone();
        registry.register("drill_started_timestamp_seconds", "When the last drill of a kind began", started);
        registry.register(
            "drill_differences",
            "Differences the last drill of a kind found",
            self.drill_differences.clone(),
        );
        let answers = self.drill_answers_ms.clone();
        registry.register(
            "drill_answers_milliseconds",
            "Until a site recovered in the last drill would answer",
            answers,
        );
        registry.register("drill_alarm", "Whether a drill is missing or has failed", self.drill_alarm.clone());
        registry.register("job_runs", "Runs of a job that ended, since the start", self.job_runs.clone());
        registry.register("job_failures", "Runs of a job that failed, since the start", self.job_failures.clone());
    }

    /// Counts one operation.
    pub fn count(&self, operation: &'static str, outcome: &'static str) {
        self.operations.get_or_create(&Outcome { operation, outcome }).inc();
    }

    /// Everything, as text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing into a String fails only when a metric's own encoder does, and then what was written so far stands.
        if let Err(error) = text::encode(&mut out, &self.lock()) {
            tracing::error!(%error, "cannot encode metrics");
        }
        out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::default();
        metrics.count("push", "ok");
        metrics.count("push", "ok");
        metrics.vault_lag.get_or_create(&VaultLabel { vault: "eu".to_owned() }).set(7);
        let text = metrics.render();
        assert!(text.contains("outlast_operations_total{operation=\"push\",outcome=\"ok\"} 2"), "{text}");
        assert!(text.contains("outlast_vault_lag_entries{vault=\"eu\"} 7"), "{text}");
    }
}
