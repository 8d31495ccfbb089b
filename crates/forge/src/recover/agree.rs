//! Whether the vaults that answered keep one log.
//!
//! Each of them has shown a checkpoint that it cosigned. The root of what was read, at that size, must be the one shown: then its log is
//! the beginning of the one that was read. The lost site's key may be in other hands and sign two logs, so the longest has no more right
//! than another: what was acknowledged may be in the shorter one. Once an epoch begins, every vault that takes it is bound to one of them
//! for good; so this comes before.
//!
//! A vault whose newest part could not be read is compared as far as it can be.

use super::log_source::{self, Batches};
use super::rebuild::Rebuilt;
use super::survey::{Source, Survey};
use journal::Hash;
use journal::entry::Envelope;
use journal::merkle::Frontier;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// Vaults that keep one log.
type Part = Vec<Source>;

/// What somebody who holds the recovery key is to do about vaults that contradict one another.
const CHOOSE: &str = "What was acknowledged to people is what a quorum of the site's vaults holds, under different owners. Longer is not \
    better: whoever held the site's keys can have shown one vault more. Ask the vaults' owners, and recover with --vault for the \
    vaults of that one part. Leave the others out, and as they are: they are evidence, and empty vaults take their places";

impl Survey {
    /// That the vaults do not keep one log: what each holds, where they part, and how to choose. None: they do.
    pub(super) async fn disagreement(&self, rebuilt: &Rebuilt) -> Option<String> {
        if self.is_one_log(rebuilt).await {
            return None;
        }
        let parts = self.parts().await;
        let mut text = format!("the vaults do not hold one log, though the keys of {} signed it all:", self.origin);
        for (at, part) in parts.iter().enumerate() {
            let domains: BTreeSet<_> = part.iter().map(|source| source.client.url().domain.as_str()).collect();
            let held: Vec<_> = part.iter().map(ToString::to_string).collect();
            text.push_str(&format!("\n  part {}, of {} owners: {}", at + 1, domains.len(), held.join("; ")));
            if at > 0 {
                let seq = self.parting(&parts[0], part).await;
                let seq = seq.map_or_else(|| "where, could not be read".to_owned(), |seq| format!("at entry {seq}"));
                text.push_str(&format!(" (it parts from part 1 {seq})"));
            }
        }
        Some(format!("{text}\n{CHOOSE}"))
    }

    async fn is_one_log(&self, rebuilt: &Rebuilt) -> bool {
        let mut roots = rebuilt.read.roots.clone();
        let start = rebuilt.snapshot.unwrap_or(0);
        if self.sources.iter().any(|source| (1..start).contains(&source.size)) {
            // The log from the snapshot on does not say which roots it had before.
            let older = log_source::hash(&self.sources, &self.recovery_keys, start).await;
            match older.roots.get(&start) {
                Some(root) if Some(root) != roots.get(&start) => return false,
                Some(_) => roots.extend(older.roots),
                // It could not all be read: vault by vault, then.
                None => {}
            }
        }
        for source in &self.sources {
            if !self.agrees(source, &self.sources, &roots).await {
                return false;
            }
        }
        true
    }

    /// The vaults by what they hold.
    async fn parts(&self) -> Vec<Part> {
        let (mut rest, mut parts) = (self.sources.clone(), Vec::new());
        while let Some(first) = rest.first().cloned() {
            let read = log_source::hash(&rest, &self.recovery_keys, u64::MAX).await;
            let (mut part, mut others) = (vec![first], Vec::new());
            for source in &rest[1..] {
                let same = self.agrees(source, &rest, &read.roots).await;
                if same { &mut part } else { &mut others }.push(source.clone());
            }
            parts.push(part);
            rest = others;
        }
        parts
    }

    /// Whether a vault's log is the beginning of the one that was read from these, as far as the vault can be read.
    async fn agrees(&self, source: &Source, read: &[Source], roots: &BTreeMap<u64, Hash>) -> bool {
        if source.size == 0 {
            return true;
        }
        match (source.root, roots.get(&source.size)) {
            (Some(root), Some(ours)) => root == *ours,
            _ => self.parting(read, std::slice::from_ref(source)).await.is_none(),
        }
    }

    /// The first entry that these vaults have otherwise than those. None: there is none, as far as both can be read.
    async fn parting(&self, these: &[Source], those: &[Source]) -> Option<u64> {
        let leaves = |sources| Leaves::new(log_source::read(sources, &self.recovery_keys, Frontier::new()).0);
        let (mut ours, mut theirs) = (leaves(these), leaves(those));
        for seq in 0.. {
            let (Some(our), Some(their)) = (ours.next().await, theirs.next().await) else { break };
            if our != their {
                return Some(seq);
            }
        }
        None
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.client.url();
        write!(f, "vault {} ({}), {} entries", url.name, url.domain, self.size)
    }
}

/// A log's leaves, one after the other.
struct Leaves {
    batches: Batches,
    waiting: VecDeque<Hash>,
}

impl Leaves {
    fn new(batches: Batches) -> Self {
        Self { batches, waiting: VecDeque::new() }
    }

    async fn next(&mut self) -> Option<Hash> {
        while self.waiting.is_empty() {
            let batch = self.batches.recv().await?;
            self.waiting.extend(batch.entries.iter().map(|bytes| Envelope::leaf(bytes)));
        }
        self.waiting.pop_front()
    }
}
