//! Sites, vaults, a network that loses, repeats and reorders, and a clock that nobody can trust: driven by one seed.

use crate::disk::{Badness, SimDisk};
use crate::erasure::{Handed, Ordered};
use crate::mutant::Mutant;
use crate::random::Random;
use crate::site::{REPOSITORIES, Site, origin};
use crate::store::SimStore;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature::cosign;
use journal::note::{KeyKind, NoteSignature, SigningKey};
use journal::policy::Policy;
use journal::{BlobName, Hash};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use vault::{Refusal, Vault};

/// The vaults and who owns them: two are one person's.
pub(crate) const VAULTS: [(&str, &str); 4] = [("a1", "A"), ("a2", "A"), ("b", "B"), ("c", "C")];
/// For how long there is trouble; then all heals.
const TROUBLE_UNTIL: u64 = 220;
/// After so long all vaults have been started again.
const SETTLES: u64 = 5;
/// By when everything must have come right.
const END: u64 = 420;

/// A check that did not hold.
#[derive(Debug, Clone)]
pub(crate) struct Red {
    pub(crate) check: &'static str,
    pub(crate) text: String,
}

pub(crate) type Checked = Result<(), Red>;

pub(crate) fn red(check: &'static str, text: impl Into<String>) -> Checked {
    Err(Red { check, text: text.into() })
}

pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) domain: &'static str,
    /// Its cosigner key, and the seed that it is from.
    pub(crate) key: SigningKey,
    seed: u8,
    pub(crate) disk: SimDisk,
    pub(crate) badness: Badness,
    pub(crate) rotten: bool,
    pub(crate) vault: Option<Vault<SimStore>>,
    /// What it has signed: each size, its root and the blobs that its batch needs.
    pub(crate) signed: BTreeMap<u64, (Hash, BTreeSet<BlobName>)>,
    pub(crate) sizes: Vec<(PathBuf, usize)>,
    /// For how long it has run, and since when it does.
    pub(crate) ran: u64,
    pub(crate) since: Option<u64>,
    /// The orders that its owner was handed, by their place in the world's list.
    pub(crate) handed: BTreeMap<usize, Handed>,
    /// Those that were carried out here, and their hashes.
    pub(crate) erased: BTreeMap<usize, Hash>,
    /// The bytes of what they named.
    pub(crate) gone: Vec<Vec<u8>>,
}

pub(crate) enum Message {
    Ask,
    Statements(Vec<(String, Vec<u8>)>),
    Blob(BlobName, Vec<u8>),
    /// Batches, and the proof that they lead to where the epoch begins.
    Append(Vec<Vec<u8>>, Vec<Hash>),
}

pub(crate) enum Answer {
    /// How far it is, and its newest checkpoint, cosigned.
    State {
        size: u64,
        epoch: u64,
        newest: Option<(String, NoteSignature)>,
    },
    Cosigned(Vec<String>, Vec<NoteSignature>),
}

pub(crate) enum Event {
    Write(usize),
    Ship(usize),
    SiteRestarts(usize),
    ToVault(usize, usize, Message),
    ToSite(usize, usize, Answer),
    Stop(usize),
    Start(usize),
    Copy,
    Recover,
    Rot(usize),
    /// Officers order the content of a repository erased.
    Order,
    Hand(usize, usize),
    Veto(usize, usize),
    Erase(usize, usize),
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) mutant: Mutant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) sites: Vec<Site>,
    /// Each size that a site was told to be held, its root, and the site.
    pub(crate) acked: BTreeMap<u64, (Hash, usize)>,
    /// Whether there is one site only, for which everything must come right.
    pub(crate) single: bool,
    /// Whether what happens is printed: for looking at one seed.
    pub(crate) told: bool,
    /// What officers ordered.
    pub(crate) orders: Vec<Ordered>,
    /// How many erasures a crash cut short, and how many were refused.
    pub(crate) cut_short: usize,
    pub(crate) refused: usize,
    pub(crate) now: u64,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Mutant) -> Self {
        let mut random = Random(seed);
        let bad = random.chance(400).then(|| random.below(4) as usize);
        let mut node = |at: usize| {
            let (name, domain) = VAULTS[at];
            let seed = at as u8 + 1;
            let key = cosigner(name, seed);
            let badness = match bad {
                Some(bad) if bad == at && random.chance(500) => Badness::LosesSynced,
                Some(bad) if bad == at => Badness::Flips,
                _ => Badness::Good,
            };
            let disk = SimDisk::new(random.fork(), badness, mutant);
            Node {
                name,
                domain,
                key,
                seed,
                disk,
                badness,
                rotten: false,
                vault: None,
                signed: BTreeMap::new(),
                sizes: Vec::new(),
                ran: 0,
                since: None,
                handed: BTreeMap::new(),
                erased: BTreeMap::new(),
                gone: Vec::new(),
            }
        };
        let nodes: Vec<_> = (0..VAULTS.len()).map(&mut node).collect();
        let key = |name: &str| nodes.iter().find(|node| node.name == name).unwrap().key.verifier().clone();
        let owners: &[(&str, &[&str])] = match mutant {
            Mutant::Domains => &[("a1", &["a1"]), ("a2", &["a2"]), ("rest", &["b", "c"])],
            _ => &[("A", &["a1", "a2"]), ("B", &["b"]), ("C", &["c"])],
        };
        let domains: Vec<_> = owners
            .iter()
            .map(|(owner, names)| ((*owner).to_owned(), names.iter().map(|name| key(name)).collect()))
            .collect();
        let mut policy = Policy::majority(vec![], &domains);
        if mutant == Mutant::MostOfDomain {
            policy = policy.to_string().replace("domain-A 2 ", "domain-A any ").parse().unwrap();
        }
        let site = Site::new(policy, VAULTS.len());
        let mut world = Self {
            random,
            mutant,
            nodes,
            sites: vec![site],
            acked: BTreeMap::new(),
            single: true,
            told: std::env::var_os("OUTLAST_SIM_SEED").is_some(),
            orders: Vec::new(),
            cut_short: 0,
            refused: 0,
            now: 0,
            events: BTreeMap::new(),
            count: 0,
        };
        world.plan();
        world
    }

    pub(crate) fn tell(&self, text: impl FnOnce() -> String) {
        if self.told {
            println!("{:4} {}", self.now, text());
        }
    }

    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.count += 1;
        self.events.insert((time, self.count), event);
    }

    /// What the seed brings.
    fn plan(&mut self) {
        self.at(1, Event::Ship(0));
        for _ in 0..6 + self.random.below(5) {
            let time = 2 + self.random.below(TROUBLE_UNTIL - 20);
            self.at(time, Event::Write(0));
        }
        for _ in 0..self.random.below(5) {
            let (vault, time) = (self.random.below(4) as usize, 10 + self.random.below(TROUBLE_UNTIL - 10));
            self.at(time, Event::Stop(vault));
        }
        for _ in 0..self.random.below(3) {
            let time = 10 + self.random.below(TROUBLE_UNTIL - 10);
            self.at(time, Event::SiteRestarts(0));
        }
        let middle = 40 + self.random.below(TROUBLE_UNTIL - 80);
        // Two quorums of two owners share one; when that one's disk forgets what it has signed, a copy of the site is a
        // second fault, and both could be acknowledged.
        let forgets = self.nodes.iter().any(|node| node.badness == Badness::LosesSynced);
        let kind = if forgets { 9 } else { self.random.below(10) };
        (0..VAULTS.len()).for_each(|vault| self.at(0, Event::Start(vault)));
        match kind {
            0 | 1 => self.at(middle, Event::Copy),
            2 | 3 => self.at(middle, Event::Recover),
            4 if self.nodes.iter().all(|node| node.badness == Badness::Good) => {
                let vault = self.random.below(4) as usize;
                self.nodes[vault].rotten = true;
                self.at(middle, Event::Rot(vault));
            }
            _ => {}
        }
        if self.random.chance(450) {
            for _ in 0..1 + self.random.below(2) {
                let time = 30 + self.random.below(TROUBLE_UNTIL - 80);
                self.at(time, Event::Order);
            }
        }
    }

    pub(crate) fn healed(&self) -> bool {
        self.now > TROUBLE_UNTIL
    }

    /// Lets everything happen, and checks after each step.
    pub(crate) fn run(&mut self) -> Checked {
        let trouble = self.random.below(40);
        self.nodes.iter().for_each(|node| node.disk.trouble(trouble));
        let mut healing = true;
        while let Some(((time, _), event)) = self.events.pop_first() {
            self.now = time;
            if time > END {
                break;
            }
            if self.healed() && healing {
                healing = false;
                self.nodes.iter().for_each(|node| node.disk.trouble(0));
                (0..self.nodes.len()).for_each(|vault| self.at(time + 1, Event::Stop(vault)));
                self.finish_erasures();
            }
            self.step(event)?;
            if time > TROUBLE_UNTIL + SETTLES && self.single && self.settled().is_ok() {
                break;
            }
        }
        self.finally()
    }

    fn step(&mut self, event: Event) -> Checked {
        match event {
            Event::Write(site) if self.sites[site].writes => {
                let mut random = self.random.fork();
                self.sites[site].write(&mut random);
            }
            Event::Write(_) => {}
            Event::Ship(site) => self.ship(site),
            Event::SiteRestarts(site) => {
                // Its journal is in a database: what it made it sends again, the same bytes.
                let mut random = self.random.fork();
                if self.mutant == Mutant::SignOnce {
                    self.sites[site].remake(&mut random);
                }
            }
            Event::ToVault(site, vault, message) => self.deliver(site, vault, message)?,
            Event::ToSite(site, vault, answer) => self.answered(site, vault, answer)?,
            Event::Stop(vault) => {
                self.nodes[vault].vault = None;
                self.stopped(vault);
            }
            Event::Start(vault) => self.start(vault)?,
            Event::Copy => {
                self.single = false;
                self.tell(|| "site 0 is copied".to_owned());
                let mut copy = self.sites[0].clone();
                self.begin(&mut copy);
            }
            Event::Recover => self.recover()?,
            Event::Rot(vault) => {
                self.nodes[vault].disk.rot();
                self.at(self.now + 1, Event::Stop(vault));
            }
            Event::Order => self.order(),
            Event::Hand(vault, order) => self.hand(vault, order),
            Event::Veto(vault, order) => self.veto(vault, order),
            Event::Erase(vault, order) => self.erase(vault, order)?,
        }
        Ok(())
    }

    /// A further site begins to write.
    fn begin(&mut self, site: &mut Site) {
        let number = self.sites.len();
        site.number = number;
        self.sites.push(site.clone());
        self.at(self.now + 1, Event::Ship(number));
        for _ in 0..3 + self.random.below(4) {
            let time = self.now + 1 + self.random.below(80);
            self.at(time, Event::Write(number));
        }
    }

    /// A site from two vaults of two owners, as `outlast recover` makes it; the lost one may go on.
    fn recover(&mut self) -> Checked {
        let up = |node: &&Node| {
            node.badness == Badness::Good && node.vault.as_ref().is_some_and(|vault| vault.damaged().is_none())
        };
        let of_a = if self.random.chance(500) { "a1" } else { "a2" };
        let mut from: Vec<&Node> = self.nodes.iter().filter(up).collect();
        from.retain(|node| node.domain != "A" || node.name == of_a);
        if from.len() < 2 {
            return Ok(());
        }
        let skip = self.random.below(from.len() as u64 - 1) as usize;
        let best = from[skip..skip + 2].iter().max_by_key(|node| node.vault.as_ref().map_or(0, Vault::size)).unwrap();
        let vault = best.vault.as_ref().unwrap();
        let Ok(batches) = vault.batches(0, usize::MAX) else { return Ok(()) };
        let mut site = self.sites[0].clone();
        let statements: Vec<String> = vault.epochs().map(str::to_owned).collect();
        if statements.is_empty() {
            return Ok(());
        }
        site.batches.clear();
        site.frontier = journal::merkle::Frontier::new();
        for bytes in batches {
            let batch = Batch::decode(&bytes).unwrap();
            batch.entries.iter().for_each(|entry| site.frontier.push(journal::entry::Envelope::leaf(entry)));
            let (note, checkpoint) = batch.checkpoint().unwrap();
            site.batches.push(crate::site::Made {
                first: batch.first,
                end: checkpoint.size,
                root: checkpoint.root,
                text: note.text().to_owned(),
                bytes,
                blob: None,
                inline: false,
                needs: Vec::new(),
                repository: REPOSITORIES,
            });
        }
        for (size, (root, _)) in &self.acked {
            if site.root_at(*size) != Some(*root) {
                return red(
                    "I2 two vaults give back all that was acknowledged",
                    format!("{size} is not in what {} gave", best.name),
                );
            }
        }
        self.tell(|| format!("a site is recovered from {} with {} entries", best.name, site.frontier.size()));
        self.single = false;
        site.number = self.sites.len();
        site.begin_epoch(2);
        (site.at, site.cosigned, site.acked) = (vec![0; VAULTS.len()], BTreeMap::new(), 0);
        self.begin(&mut site);
        Ok(())
    }

    fn send(&mut self, site: usize, vault: usize, message: Message) {
        let late = if self.healed() { 1 } else { 1 + self.random.below(12) };
        if !self.healed() && self.random.chance(120) {
            return;
        }
        let time = self.now + late;
        self.at(time, Event::ToVault(site, vault, message));
    }

    fn reply(&mut self, site: usize, vault: usize, answer: Answer) {
        if self.healed() || !self.random.chance(120) {
            let late = if self.healed() { 1 } else { 1 + self.random.below(12) };
            self.at(self.now + late, Event::ToSite(site, vault, answer));
        }
    }

    /// What a site's shippers do: ask, and send what is next, sometimes twice.
    fn ship(&mut self, site: usize) {
        for vault in 0..self.nodes.len() {
            self.send(site, vault, Message::Ask);
            let next = self.sites[site].from(self.sites[site].at[vault], 3);
            if next.is_empty() {
                continue;
            }
            for made in &next {
                if let Some(blob) = &made.blob {
                    self.attack(site, vault, blob);
                    // What is small comes with the batch; sent besides, it is the same blob.
                    if !made.inline || self.random.chance(100) {
                        self.send(site, vault, Message::Blob(BlobName::of(blob), blob.clone()));
                    }
                }
            }
            let proof = self.sites[site].proof(next.last().map_or(0, |made| made.end));
            let bytes: Vec<_> = next.into_iter().map(|made| made.bytes).collect();
            if !self.healed() && self.random.chance(150) {
                self.send(site, vault, Message::Append(bytes.clone(), proof.clone()));
            }
            self.send(site, vault, Message::Append(bytes, proof));
        }
        let pause = 4 + self.random.below(12);
        self.at(self.now + pause, Event::Ship(site));
    }

    /// Somebody with the site's credential at work.
    fn attack(&mut self, site: usize, vault: usize, blob: &[u8]) {
        if self.healed() {
            return;
        }
        if self.random.chance(200) {
            self.send(site, vault, Message::Blob(BlobName::of(blob), b"other bytes".to_vec()));
        }
        if self.random.chance(100) {
            let mut random = self.random.fork();
            let forged = self.sites[site].forged(&mut random);
            self.send(site, vault, Message::Append(vec![forged], Vec::new()));
        }
        if self.random.chance(100) {
            // An answer that no vault gave.
            if let Some(made) = self.sites[site].batches.last() {
                let key = cosigner(self.nodes[vault].name, 200);
                let (text, line) = (made.text.clone(), cosign(&key, &made.text, 1));
                self.reply(site, vault, Answer::Cosigned(vec![text], vec![line]));
            }
        }
    }

    fn deliver(&mut self, site: usize, vault: usize, message: Message) -> Checked {
        let (mutant, clock) = (self.mutant, self.random.next() >> 20);
        let node = &mut self.nodes[vault];
        let Some(open) = &mut node.vault else { return Ok(()) };
        let told = self.told;
        let mut answer = None;
        match message {
            Message::Ask => {
                let epoch = open.epoch().map_or(0, |(_, epoch)| epoch);
                let newest = open.checkpoint(clock).and_then(|note| {
                    let line = note.signatures().last()?.clone();
                    Some((note.text().to_owned(), line))
                });
                answer = Some(Answer::State { size: open.size(), epoch, newest });
            }
            Message::Statements(statements) => {
                for (number, (statement, data_key)) in statements.iter().enumerate() {
                    Vault::put_blob(open.store(), &BlobName::of(data_key), &mut data_key.as_slice()).ok();
                    if number == 0 {
                        open.enrol(statement).ok()
                    } else {
                        open.start_epoch(statement).ok()
                    };
                }
            }
            // As the server does (`server/erasure.rs`).
            Message::Blob(name, _) if open.erased(&name).is_some() && mutant != Mutant::Gone => {}
            Message::Blob(name, bytes) => {
                Vault::put_blob(open.store(), &name, &mut bytes.as_slice()).ok();
            }
            Message::Append(requests, proof) => {
                let signed = match open.append_proven(&requests, &proof, clock) {
                    Ok(lines) => Some(lines),
                    Err(refusal) if careless(&refusal, mutant) => Some(sign_all(&node.key, &requests, clock)),
                    Err(refusal) => {
                        if told {
                            println!("{:4} {}: {refusal}", self.now, node.name);
                        }
                        None
                    }
                };
                if told {
                    let at =
                        requests.iter().map(|bytes| checkpoint_of(bytes)).map(|at| format!("{} {}", at.size, at.root));
                    let at = at.collect::<Vec<_>>().join(", ");
                    println!(
                        "{:4} {} {} for site {site}: {at}",
                        self.now,
                        node.name,
                        if signed.is_some() { "signs" } else { "refuses" }
                    );
                }
                if let Some(lines) = signed {
                    let texts = requests.iter().map(|bytes| text_of(bytes)).collect::<Vec<_>>();
                    for bytes in &requests {
                        node.signs(bytes)?;
                    }
                    answer = Some(Answer::Cosigned(texts, lines));
                }
            }
        }
        if node.disk.is_dead() {
            if told {
                println!("{:4} {} dies", self.now, node.name);
            }
            // It died in the middle of a write; an answer may have been on its way all the same, but nothing was signed.
            node.vault = None;
            self.stopped(vault);
            return Ok(());
        }
        node.keeps()?;
        if let Some(answer) = answer {
            self.reply(site, vault, answer);
        }
        Ok(())
    }

    /// The process of a vault is gone: killed, or with the power.
    pub(crate) fn stopped(&mut self, vault: usize) {
        let now = self.now;
        let node = &mut self.nodes[vault];
        node.ran += node.since.take().map_or(0, |since| now - since);
        if self.random.chance(500) {
            self.nodes[vault].disk.power_cut();
        } else {
            self.nodes[vault].disk.process_dies();
        }
        let late = if self.healed() { 1 } else { 1 + self.random.below(25) };
        self.at(self.now + late, Event::Start(vault));
    }

    fn start(&mut self, vault: usize) -> Checked {
        let mutant = self.mutant;
        let node = &mut self.nodes[vault];
        if node.vault.is_some() {
            return Ok(());
        }
        let opened =
            SimStore::open(&node.disk, mutant).and_then(|store| Vault::open(Arc::new(store), node.key_again()));
        match opened {
            Ok(open) if !node.disk.is_dead() => {
                node.vault = Some(open);
                node.since = Some(self.now);
                node.sizes.clear();
                node.remembers()?;
            }
            _ => self.stopped(vault),
        }
        Ok(())
    }

    fn answered(&mut self, site: usize, vault: usize, answer: Answer) -> Checked {
        let (texts, lines) = match answer {
            Answer::Cosigned(texts, lines) => (texts, lines),
            Answer::State { size, epoch, newest } => {
                self.sites[site].at[vault] = size;
                if epoch < self.sites[site].epoch {
                    let statements = self.sites[site].epochs.clone();
                    self.send(site, vault, Message::Statements(statements));
                }
                let Some((text, line)) = newest else { return Ok(()) };
                (vec![text], vec![line])
            }
        };
        let key = self.nodes[vault].key.verifier().clone();
        let Some(held) = self.sites[site].answered(vault, &key, &texts, &lines, self.mutant) else { return Ok(()) };
        self.acknowledged(site, held)
    }
}

fn cosigner(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, KeyKind::Cosignature, &[seed; 32]).unwrap()
}

impl Node {
    /// The same key, for a vault that is started again.
    pub(crate) fn key_again(&self) -> SigningKey {
        cosigner(self.name, self.seed)
    }
}

/// Whether a mutant signs what should be refused.
fn careless(refusal: &Refusal, mutant: Mutant) -> bool {
    matches!(
        (refusal, mutant),
        (Refusal::Fork(_), Mutant::Fork)
            | (Refusal::Size { .. }, Mutant::Sequence)
            | (Refusal::OldEpoch { .. }, Mutant::OldEpoch)
            | (Refusal::Invalid(_), Mutant::LogSignature)
    )
}

fn text_of(bytes: &[u8]) -> String {
    Batch::decode(bytes).unwrap().checkpoint().unwrap().0.text().to_owned()
}

fn sign_all(key: &SigningKey, requests: &[Vec<u8>], clock: u64) -> Vec<NoteSignature> {
    requests.iter().map(|bytes| cosign(key, &text_of(bytes), clock)).collect()
}

/// The size and root of a batch's checkpoint.
pub(crate) fn checkpoint_of(bytes: &[u8]) -> Checkpoint {
    let batch = Batch::decode(bytes).unwrap();
    assert_eq!(batch.origin, origin());
    batch.checkpoint().unwrap().1
}
