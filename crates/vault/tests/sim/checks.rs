//! The invariants, each by its name in the design's list.

use crate::disk::Badness;
use crate::store::SimStore;
use crate::world::{Checked, Node, Red, World, checkpoint_of, red};
use journal::batch::Batch;
use journal::{BlobName, Hash};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vault::Vault;

const I1: &str = "I1 what is acknowledged is with a quorum of owners";
const I2: &str = "I2 without any one owner all that was acknowledged comes back";
const I3: &str = "I3 one vault alone gives a prefix of a log that was written";
const I5: &str = "I5 what is signed is there, with its blobs";
const I7: &str = "I7 a vault signs one root for a size";
const I8: &str = "I8 what a vault signs never gets shorter";
const I10: &str = "I10 what was acknowledged never becomes something else";
const I13: &str = "I13 what is stored never becomes less";
const L1: &str = "L1 when all heals everything is acknowledged";
const L2: &str = "L2 a vault that was away catches up";

/// The roots that a vault's log goes through.
fn roots(vault: &Vault<SimStore>) -> Option<BTreeMap<u64, Hash>> {
    let batches = vault.batches(0, usize::MAX).ok()?;
    Some(batches.iter().map(|bytes| checkpoint_of(bytes)).map(|at| (at.size, at.root)).collect())
}

/// The blobs that lie within its batches.
pub(crate) fn inline(vault: &Vault<SimStore>) -> BTreeSet<BlobName> {
    let batches = vault.batches(0, usize::MAX).unwrap_or_default();
    batches.iter().flat_map(|bytes| Batch::decode(bytes).unwrap().inline).map(|bytes| BlobName::of(&bytes)).collect()
}

impl Node {
    /// It signs the checkpoint of a batch.
    pub(crate) fn signs(&mut self, bytes: &[u8]) -> Checked {
        let at = checkpoint_of(bytes);
        let batch = Batch::decode(bytes).unwrap();
        match self.signed.get(&at.size) {
            Some((root, _)) if *root != at.root => red(I7, format!("{} signed two roots for {}", self.name, at.size)),
            _ => {
                self.signed.insert(at.size, (at.root, batch.blobs_needed().unwrap()));
                Ok(())
            }
        }
    }

    /// Nothing that was durable is gone.
    pub(crate) fn keeps(&mut self) -> Checked {
        let now = self.disk.sizes();
        let kept = self.sizes.iter().all(|(path, len)| now.iter().any(|(there, has)| there == path && has >= len));
        self.sizes = now;
        if kept { Ok(()) } else { red(I13, format!("{} lost a file or a part of one", self.name)) }
    }

    /// It was started again: whatever it signed before, it has.
    pub(crate) fn remembers(&self) -> Checked {
        let (Some(vault), true) = (&self.vault, self.badness != Badness::LosesSynced) else { return Ok(()) };
        let most = self.signed.last_key_value().map_or(0, |(size, _)| *size);
        if vault.damaged().is_none() && vault.size() < most {
            return red(I8, format!("{} signed {most} entries and goes on from {}", self.name, vault.size()));
        }
        if self.rotten {
            return Ok(());
        }
        self.has_all(vault)?;
        self.forgets(vault)
    }

    fn has_all(&self, vault: &Vault<SimStore>) -> Checked {
        let Some(roots) = roots(vault) else { return red(I5, format!("{} can't read its log", self.name)) };
        let inline = inline(vault);
        for (size, (root, blobs)) in &self.signed {
            if roots.get(size) != Some(root) {
                return red(I5, format!("{} signed {size} and has {:?}", self.name, vault.damaged()));
            }
            let there = |blob: &BlobName| vault.store().really_has(blob) || inline.contains(blob);
            if let Some(blob) = blobs.iter().find(|blob| !there(blob) && vault.erased(blob).is_none()) {
                return red(I5, format!("{} signed {size} and lacks the blob {blob}", self.name));
            }
        }
        Ok(())
    }

    /// What a power cut now would leave of it.
    fn survivor(&self, world: &World) -> Option<(Vault<SimStore>, BTreeMap<u64, Hash>)> {
        let store = SimStore::open(&self.disk.survivors(), world.mutant).ok()?;
        let vault = Vault::open(Arc::new(store), self.key_again()).ok()?;
        let roots = roots(&vault)?;
        Some((vault, roots))
    }

    pub(crate) fn is_good(&self) -> bool {
        self.badness == Badness::Good && !self.rotten
    }
}

impl World {
    /// A site was told that so much is held.
    pub(crate) fn acknowledged(&mut self, site: usize, size: u64) -> Checked {
        let Some(root) = self.sites[site].root_at(size) else { return Ok(()) };
        self.tell(|| format!("site {site} is told that {size} entries are held: {root}"));
        for (before, (held, by)) in &self.acked {
            let same = if *before <= size {
                self.sites[site].root_at(*before) == Some(*held)
            } else {
                self.sites[*by].root_at(size) == Some(root)
            };
            if !same {
                return red(I10, format!("{size} of site {site} is not the log of {before} of site {by}"));
            }
        }
        self.acked.insert(size, (root, site));
        // Now and then, because it reads every vault: what if all power went at this moment?
        if self.random.chance(80) { self.survives() } else { Ok(()) }
    }

    /// All power goes, and any one owner with it.
    fn survives(&self) -> Checked {
        let Some((size, (root, _))) = self.acked.last_key_value() else { return Ok(()) };
        let mut holding: Vec<&str> = Vec::new();
        for node in &self.nodes {
            let Some((vault, roots)) = node.survivor(self) else { continue };
            if node.badness != Badness::LosesSynced && !node.rotten {
                node.has_all(&vault)?;
            }
            if let Some((size, root)) = roots.iter().find(|(size, root)| !self.was_written(**size, **root)) {
                return Err(Red { check: I3, text: format!("{} has {size} entries with the root {root}", node.name) });
            }
            if node.is_good() && roots.get(size) == Some(root) {
                holding.push(node.domain);
            }
        }
        holding.dedup();
        let bad: Vec<_> = self.nodes.iter().filter(|node| !node.is_good()).map(|node| node.domain).collect();
        if holding.len() + bad.len() < 2 {
            return red(I1, format!("{size} entries are with {holding:?} only"));
        }
        // One owner may be lost; a bad disk is that one.
        for lost in ["A", "B", "C"].into_iter().filter(|lost| bad.is_empty() || bad.contains(lost)) {
            if !holding.iter().any(|owner| *owner != lost) {
                return red(I2, format!("{size} entries are with {lost} alone"));
            }
        }
        Ok(())
    }

    fn was_written(&self, size: u64, root: Hash) -> bool {
        self.sites.iter().any(|site| site.root_at(size) == Some(root))
    }

    /// After everything has healed.
    pub(crate) fn finally(&self) -> Checked {
        self.survives()?;
        if self.single { self.settled() } else { Ok(()) }
    }

    /// A site alone has nothing left to do.
    pub(crate) fn settled(&self) -> Checked {
        let site = &self.sites[0];
        if site.acked != site.frontier.size() {
            return red(L1, format!("{} of {} entries are acknowledged", site.acked, site.frontier.size()));
        }
        for node in self.nodes.iter().filter(|node| node.is_good()) {
            let size = node.vault.as_ref().map_or(0, Vault::size);
            if size != site.frontier.size() {
                return red(L2, format!("{} has {size} of {} entries", node.name, site.frontier.size()));
            }
        }
        self.carried_out()
    }
}
