//! Erasures that officers order, lawfully or not: handed to each vault's owner, who stops the vault and carries them out, and is cut short.

use crate::checks::inline;
use crate::disk::{Badness, SimDisk};
use crate::mutant::Mutant;
use crate::random::Random;
use crate::site::{Site, origin};
use crate::store::SimStore;
use crate::world::{Checked, Event, Node, World, red};
use ed25519_dalek::{Signer as _, SigningKey};
use journal::erasure::{EraseList, ErasureRecord};
use journal::order::{ORDER_KIND, OfficerKey, SignatureLine, SignedOrder, VaultAct, VaultOrder, Verb};
use journal::{BlobName, Hash};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use vault::{DirectoryHand, EraseError, Hand, Officers, Store as _, Vault, erase_with};

const I22: &str = "I22 no clock makes an order due before its time";
const I23: &str = "I23 nothing goes but what enough officers ordered and nothing else needs";
const I24: &str = "I24 what was erased never comes back";
const I24_RECORD: &str = "I24 what was erased stays on record";
const L6: &str = "L6 an erasure that was cut short is carried out in the end";

/// How long an order waits at a vault.
const DELAY: u64 = 15;
/// How many of the three officers must sign.
const NEEDED: usize = 2;

/// An order, and what is known of it without asking the code under test.
pub(crate) struct Ordered {
    pub(crate) signed: SignedOrder,
    pub(crate) list: EraseList,
    /// How many officers signed it.
    officers: usize,
    /// What the site's entries need of the blobs, in the list or not.
    needed: BTreeSet<(u64, BlobName)>,
    /// The bytes of its blobs.
    bytes: Vec<Vec<u8>>,
}

/// What a vault's owner knows of an order.
#[derive(Clone, Copy)]
pub(crate) struct Handed {
    since: u64,
    vetoed: bool,
}

fn officer(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn line(number: u8, verb: Verb, hash: &Hash) -> SignatureLine {
    let key = OfficerKey(officer(number).verifying_key().to_bytes());
    SignatureLine { verb, hash: hash.0, key, signature: officer(number).sign(&verb.message(&hash.0)).to_bytes() }
}

fn officers(mutant: Mutant) -> Officers {
    let key = |number: u8| OfficerKey(officer(number).verifying_key().to_bytes());
    let keys = [("ann", 1), ("bob", 2), ("cleo", 3)].map(|(name, number)| (name.to_owned(), key(number)));
    let needed = if mutant == Mutant::Signatures { 1 } else { NEEDED };
    Officers { needed, delay_s: DELAY, keys: keys.into() }
}

/// The order that a site makes of a repository's content, with a list that leaves nothing out or that says nothing of what else needs it.
fn ordered(site: &Site, random: &mut Random) -> Option<Ordered> {
    let with: Vec<_> = site.batches.iter().filter(|made| made.blob.is_some()).map(|made| made.repository).collect();
    let repository = *with.get(random.below(with.len() as u64) as usize)?;
    let honest = random.chance(750);
    let own = |made: &&crate::site::Made| made.repository == repository;
    let mut names: BTreeSet<BlobName> =
        site.batches.iter().filter(own).flat_map(|made| made.blob.iter().map(|bytes| BlobName::of(bytes))).collect();
    if honest {
        let others: BTreeSet<_> = site.batches.iter().filter(|made| !own(made)).flat_map(|made| &made.needs).collect();
        names.retain(|name| !others.contains(name));
    }
    let (mut needed, mut blobs) = (BTreeSet::new(), BTreeSet::new());
    for made in &site.batches {
        for name in made.needs.iter().filter(|name| names.contains(name)) {
            let pairs = (made.first..made.end).map(|seq| (seq, *name));
            needed.extend(pairs.clone());
            if own(&made) {
                blobs.extend(pairs);
            }
        }
    }
    if blobs.is_empty() {
        return None;
    }
    let list = EraseList { origin: origin(), repository, blobs };
    let (path, blobs) = (format!("ann/r{repository}"), list.names().len() as u64);
    let act = VaultAct::Erase { repository, path, list: list.hash().0, blobs, bytes: 0 };
    let (kind, site_name) = (ORDER_KIND.to_owned(), origin().to_string());
    let order = VaultOrder { kind, site: site_name, act, not_before_us: 0, expires_us: i64::MAX };
    let bytes = minicbor::to_vec(&order).unwrap();
    let hash = Hash::of(&bytes);
    // Enough; one; one twice; one and a stranger.
    let signers: &[u8] = match random.below(8) {
        0 => &[2],
        1 => &[1, 1],
        2 => &[3, 9],
        3 => &[1, 2, 3],
        _ => &[1, 3],
    };
    let lines = signers.iter().map(|number| line(*number, Verb::Approve, &hash)).collect();
    let signed = SignedOrder::new(bytes, lines).unwrap();
    let officers = signers.iter().filter(|number| **number <= 3).collect::<BTreeSet<_>>().len();
    let bytes = site.batches.iter().filter_map(|made| made.blob.clone());
    let bytes = bytes.filter(|bytes| names.contains(&BlobName::of(bytes))).collect();
    Some(Ordered { signed, list, officers, needed, bytes })
}

/// The `dir` store's hand over the simulated disk, with what a mutant leaves out.
struct SimHand(SimDisk, Mutant);

impl Hand for SimHand {
    type Store = SimStore;

    fn open(&self) -> Result<Arc<SimStore>, EraseError> {
        Ok(Arc::new(SimStore::open(&self.0, self.1)?))
    }

    fn take(&self, store: &SimStore, names: &BTreeSet<BlobName>) -> Result<HashMap<BlobName, u64>, EraseError> {
        let mut names = names.clone();
        if self.1 == Mutant::ListAlone {
            names.extend(store.blobs()?.into_iter().find(|name| !names.contains(name)));
        }
        self.remove(&names)?;
        Ok(HashMap::new())
    }
}

impl SimHand {
    fn remove(&self, names: &BTreeSet<BlobName>) -> Result<(), EraseError> {
        DirectoryHand::new(Path::new("/"), self.0.clone()).remove(names)
    }
}

impl World {
    pub(crate) fn order(&mut self) {
        let mut random = self.random.fork();
        let Some(ordered) = ordered(&self.sites[0], &mut random) else { return };
        self.sites[0].ordered.extend(ordered.list.names());
        self.orders.push(ordered);
        let order = self.orders.len() - 1;
        for vault in 0..self.nodes.len() {
            if random.chance(850) {
                self.at(self.now + 1 + random.below(30), Event::Hand(vault, order));
            }
        }
    }

    /// The owner of a vault is handed an order, and will try to carry it out, perhaps before its time.
    pub(crate) fn hand(&mut self, vault: usize, order: usize) {
        let since = self.uptime(vault);
        self.nodes[vault].handed.insert(order, Handed { since, vetoed: false });
        if self.random.chance(150) {
            let time = self.now + self.random.below(20);
            self.at(time, Event::Veto(vault, order));
        }
        for _ in 0..1 + self.random.below(3) {
            let time = self.now + 1 + self.random.below(50);
            self.at(time, Event::Erase(vault, order));
        }
    }

    pub(crate) fn veto(&mut self, vault: usize, order: usize) {
        // Too late is too late.
        let erased = self.nodes[vault].erased.contains_key(&order);
        if let Some(handed) = self.nodes[vault].handed.get_mut(&order) {
            handed.vetoed |= !erased;
        }
    }

    fn uptime(&self, vault: usize) -> u64 {
        let node = &self.nodes[vault];
        node.ran + node.since.map_or(0, |since| self.now - since)
    }

    /// The owner stops the vault, carries an order out, and starts it again.
    pub(crate) fn erase(&mut self, vault: usize, order: usize) -> Checked {
        let (mutant, uptime, clock) = (self.mutant, self.uptime(vault), self.random.next() >> 20);
        self.nodes[vault].vault = None;
        self.nodes[vault].disk.process_dies();
        let had = self.nodes[vault].inventory(mutant);
        let result = self.carry_out(vault, order, (uptime, clock));
        let died = self.nodes[vault].disk.is_dead();
        self.cut_short += usize::from(died);
        self.refused += usize::from(!died && result.is_err());
        // With it goes the process, or all power, so that only what was made durable counts.
        self.stopped(vault);
        let said = match &result {
            Ok(record) => format!("carries out order {order}: {:?}", record.counts()),
            Err(error) => format!("does not carry out order {order}{}: {error}", if died { ", and dies" } else { "" }),
        };
        self.tell(|| format!("{} {said}", self.nodes[vault].name));

        let node = &self.nodes[vault];
        if node.badness == Badness::LosesSynced || node.rotten {
            return Ok(());
        }
        let lawful = self.lawful(vault, order, uptime, had.as_ref().map_or(0, |(size, _)| *size));
        if let (Some((_, had)), Some((_, has))) = (had, node.inventory(mutant)) {
            let ordered = self.orders[order].list.names();
            for name in had.difference(&has) {
                lawful.clone()?;
                if !ordered.contains(name) {
                    return red(I23, format!("{} lost {name}, which order {order} does not name", node.name));
                }
            }
        }
        if result.is_ok() {
            lawful?;
            let (hash, bytes) = (self.orders[order].signed.hash(), self.orders[order].bytes.clone());
            let node = &mut self.nodes[vault];
            if node.erased.insert(order, hash).is_none() {
                node.gone.extend(bytes);
            }
            return node.is_rid();
        }
        if self.healed() && self.owed(vault, order) {
            self.at(self.now + DELAY, Event::Erase(vault, order));
        }
        Ok(())
    }

    fn carry_out(&self, vault: usize, order: usize, (uptime, clock): (u64, u64)) -> Result<ErasureRecord, EraseError> {
        let (node, ordered, mutant) = (&self.nodes[vault], &self.orders[order], self.mutant);
        let Handed { since, vetoed } = node.handed[&order];
        let mut signed = ordered.signed.clone();
        if vetoed && mutant != Mutant::Veto {
            let veto = line(2, Verb::Veto, &signed.hash());
            signed.signatures.push(veto);
        }
        let uptime = if mutant == Mutant::Delay { clock } else { uptime };
        let erasure = officers(mutant).erasure(signed, ordered.list.clone(), since, (uptime, clock as i64))?;
        let hand = SimHand(node.disk.clone(), mutant);
        match erase_with(&hand, &|| Ok(node.key_again()), &erasure, clock) {
            Err(EraseError::Refused(text)) if mutant == Mutant::StillNeeded && text.contains("needs blob") => {
                hand.remove(&ordered.list.names())?;
                Err(EraseError::Refused(text))
            }
            other => other,
        }
    }

    /// Whether an order may be carried out at a vault that has run so long and has so many entries; or which check says no.
    fn lawful(&self, vault: usize, order: usize, uptime: u64, size: u64) -> Checked {
        let (node, ordered) = (&self.nodes[vault], &self.orders[order]);
        let Handed { since, vetoed } = node.handed[&order];
        if ordered.officers < NEEDED || vetoed {
            let why = if vetoed { "vetoed" } else { "signed by too few" };
            return red(I23, format!("{} carried out order {order}, which was {why}", node.name));
        }
        if uptime - since < DELAY {
            return red(I22, format!("{} carried out order {order} after {} of {DELAY}", node.name, uptime - since));
        }
        // A vault that follows a copy of the site has other entries than those that are known here.
        let unsaid = ordered.needed.difference(&ordered.list.blobs).find(|(seq, _)| *seq < size);
        match unsaid.filter(|_| self.single) {
            Some((seq, name)) => red(I23, format!("{} removed {name}, which entry {seq} needs too", node.name)),
            None => Ok(()),
        }
    }

    /// Whether an order is one that a vault will have carried out in the end.
    fn owed(&self, vault: usize, order: usize) -> bool {
        let ordered = &self.orders[order];
        let vetoed = self.nodes[vault].handed[&order].vetoed;
        ordered.officers >= NEEDED && !vetoed && ordered.needed.is_subset(&ordered.list.blobs)
    }

    /// All has healed: whoever was handed an order tries again.
    pub(crate) fn finish_erasures(&mut self) {
        for vault in 0..self.nodes.len() {
            let orders: Vec<_> = self.nodes[vault].handed.keys().copied().collect();
            for (at, order) in (3..).zip(orders) {
                self.at(self.now + at, Event::Erase(vault, order));
            }
        }
    }

    /// A site alone, and all has healed.
    pub(crate) fn carried_out(&self) -> Checked {
        for (vault, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.is_good()) {
            let left = node.handed.keys().find(|order| !node.erased.contains_key(order) && self.owed(vault, **order));
            if let Some(order) = left {
                return red(L6, format!("{} has not carried out order {order}", node.name));
            }
            node.is_rid()?;
        }
        Ok(())
    }
}

impl Node {
    /// How many entries would be left of it by a power cut, and which blobs.
    fn inventory(&self, mutant: Mutant) -> Option<(u64, BTreeSet<BlobName>)> {
        let store = SimStore::open(&self.disk.survivors(), mutant).ok()?;
        let vault = Vault::open(Arc::new(store), self.key_again()).ok()?;
        let files = vault.store().blobs().ok()?;
        let mut blobs = inline(&vault);
        blobs.extend(files.into_iter().filter(|name| vault.store().really_has(name)));
        vault.damaged().is_none().then(|| (vault.size(), blobs))
    }

    /// Of what was erased no byte is left, nor could be again.
    fn is_rid(&self) -> Checked {
        match self.gone.iter().find(|bytes| self.disk.holds(bytes)) {
            Some(bytes) => red(I24, format!("{} has {:?} again", self.name, String::from_utf8_lossy(bytes))),
            None => Ok(()),
        }
    }

    /// It was started again: what was erased stays so, and it says by whose order.
    pub(crate) fn forgets(&self, vault: &Vault<SimStore>) -> Checked {
        for (order, hash) in &self.erased {
            let record: Option<ErasureRecord> = vault.erasure(hash).ok().flatten().and_then(|text| text.parse().ok());
            if record.is_none_or(|record| record.counts().2 > 0) {
                return red(I24_RECORD, format!("{} does not say that it carried out order {order}", self.name));
            }
        }
        self.is_rid()
    }
}
