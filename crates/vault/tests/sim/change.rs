//! The vaults change while copies of the site write, vaults die and some have seen more than others: never are two logs held that are
//! not one. And whatever vault dies meanwhile, those before alone can go on once an officer takes the change back.
//!
//! What the domain decides (`forge/orders/vaults.rs`) is here in a few lines; what is held says [`Quorum`] itself.

use crate::random::Random;
use journal::note::{KeyKind, SigningKey, VerifierKey};
use journal::policy::Policy;
use vault::Quorum;

const VAULTS: usize = 5;
const SEEDS: u64 = 4_000;
const STEPS: usize = 120;

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// Those to be count alone as soon as the order is held: nothing confirms it.
    Unconfirmed,
    /// A change is taken back when it is confirmed already.
    KeptLate,
    /// Those to be count alone from the order on.
    AtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Ordered,
    Confirmed,
    Changed,
    Kept,
}

/// An entry: its kind, and who wrote it as his how manyth, so that no two are equal.
type Entry = (Kind, usize, usize);

#[derive(Clone)]
struct Site {
    number: usize,
    log: Vec<Entry>,
    /// What each vault has cosigned of this log.
    sizes: [u64; VAULTS],
    held: u64,
}

struct World {
    random: Random,
    wrong: Wrong,
    keys: Vec<VerifierKey>,
    before: Policy,
    after: Policy,
    vaults: Vec<Vec<Entry>>,
    dead: Vec<bool>,
    sites: Vec<Site>,
}

fn each(keys: &[VerifierKey], of: u64) -> Policy {
    let chosen = keys.iter().enumerate().filter(|(at, _)| of >> at & 1 == 1);
    let domains: Vec<_> = chosen.map(|(at, key)| (format!("domain-{at}"), vec![key.clone()])).collect();
    Policy::majority(vec![], &domains)
}

impl World {
    fn new(seed: u64, wrong: Wrong) -> Self {
        let mut random = Random(seed);
        let name = |at| format!("vault-{at}");
        let key = |at: usize| SigningKey::from_seed(&name(at), KeyKind::Cosignature, &[at as u8 + 1; 32]).unwrap();
        let keys: Vec<_> = (0..VAULTS).map(|at| key(at).verifier().clone()).collect();
        let mut some = || 1 + random.below((1 << VAULTS) - 1);
        let (before, after) = (each(&keys, some()), each(&keys, some()));
        let site = Site { number: 0, log: Vec::new(), sizes: [0; VAULTS], held: 0 };
        let (vaults, dead) = (vec![Vec::new(); VAULTS], vec![false; VAULTS]);
        Self { random, wrong, keys, before, after, vaults, dead, sites: vec![site] }
    }

    /// Who must hold what this log says next, and the entry that the change waits for.
    fn quorum(&self, log: &[Entry]) -> (Quorum, Option<(Kind, u64)>) {
        let (mut quorum, mut waits) = (Quorum::of(self.before.clone()), None);
        for (at, (kind, ..)) in log.iter().enumerate() {
            let at = at as u64;
            match kind {
                Kind::Plain => {}
                Kind::Ordered if self.wrong == Wrong::AtOnce => quorum = Quorum::of(self.after.clone()),
                Kind::Ordered => {
                    quorum.next = Some((at, self.after.clone()));
                    waits = Some((Kind::Ordered, at));
                }
                Kind::Confirmed => waits = Some((Kind::Confirmed, at)),
                Kind::Changed => (quorum, waits) = (Quorum::of(self.after.clone()), None),
                Kind::Kept => (quorum.next, waits) = (None, None),
            }
        }
        (quorum, waits)
    }

    fn write(&mut self, site: usize, kind: Kind) {
        let site = &mut self.sites[site];
        site.log.push((kind, site.number, site.log.len()));
    }

    /// What a site does next of its own.
    fn acts(&mut self, at: usize) {
        let (_, waits) = self.quorum(&self.sites[at].log);
        let held = self.sites[at].held;
        let changed = self.sites[at].log.iter().any(|(kind, ..)| *kind == Kind::Changed);
        let kind = match (waits, self.random.below(4)) {
            (None, 0) if !changed => Kind::Ordered,
            (Some((Kind::Ordered, _)), 1) => Kind::Kept,
            (Some((Kind::Confirmed, _)), 1) if self.wrong == Wrong::KeptLate => Kind::Kept,
            (Some((Kind::Ordered, entry)), 2 | 3) if entry < held => match self.wrong {
                Wrong::Unconfirmed => Kind::Changed,
                _ => Kind::Confirmed,
            },
            (Some((Kind::Confirmed, entry)), 2 | 3) if entry < held => Kind::Changed,
            _ => Kind::Plain,
        };
        self.write(at, kind);
    }

    /// A vault takes what continues what it has, and cosigns it.
    fn ships(&mut self, at: usize, vault: usize) {
        let (site, has) = (&mut self.sites[at], &mut self.vaults[vault]);
        if self.dead[vault] || !site.log.starts_with(has) {
            return;
        }
        let more = self.random.below((site.log.len() - has.len()) as u64 + 1) as usize;
        has.extend_from_slice(&site.log[has.len()..has.len() + more]);
        site.sizes[vault] = has.len() as u64;
    }

    fn counts(&mut self, at: usize) {
        let (quorum, _) = self.quorum(&self.sites[at].log);
        let sizes: Vec<_> = self.keys.iter().zip(self.sites[at].sizes).collect();
        let held = quorum.held(&sizes);
        self.sites[at].held = self.sites[at].held.max(held);
    }

    /// Somebody starts an old copy of the site, with all its keys.
    fn copies(&mut self) {
        let number = self.sites.len();
        let from = &self.sites[self.random.below(number as u64) as usize];
        let kept = self.random.below(from.log.len() as u64 + 1) as usize;
        let log = from.log[..kept].to_vec();
        self.sites.push(Site { number, log, sizes: [0; VAULTS], held: 0 });
    }

    fn step(&mut self) {
        let site = self.random.below(self.sites.len() as u64) as usize;
        let vault = self.random.below(VAULTS as u64) as usize;
        match self.random.below(100) {
            0..20 => self.acts(site),
            20..22 if self.sites.len() < 3 => self.copies(),
            22..25 => self.dead[vault] = !self.dead[vault],
            _ => self.ships(site, vault),
        }
        self.counts(site);
    }

    /// Two logs of which more is held than they have in common.
    fn forked(&self) -> Option<String> {
        let held = |site: &Site| site.log[..site.held as usize].to_vec();
        for one in &self.sites {
            for other in &self.sites {
                let (one, other) = (held(one), held(other));
                if one.len() <= other.len() && !other.starts_with(&one) {
                    return Some(format!("{one:?} and {other:?}"));
                }
            }
        }
        None
    }
}

fn first_fork(seeds: u64, wrong: Wrong) -> Option<(u64, String)> {
    (0..seeds).find_map(|seed| {
        let mut world = World::new(seed, wrong);
        (0..STEPS).find_map(|_| {
            world.step();
            Some((seed, world.forked()?))
        })
    })
}

#[test]
fn two_logs_are_never_held_while_the_vaults_change() {
    assert_eq!(first_fork(SEEDS, Wrong::Nothing), None);
    for wrong in [Wrong::Unconfirmed, Wrong::KeptLate, Wrong::AtOnce] {
        let (seed, logs) = first_fork(SEEDS * 25, wrong).unwrap_or_else(|| panic!("nobody noticed {wrong:?}"));
        println!("{wrong:?}: seed {seed}: {logs}");
    }
}

/// The vault that both must have dies when the order was written: nothing is held until the change is taken back, and then all of it.
#[test]
fn whatever_vault_dies_those_before_go_on_once_the_change_is_taken_back() {
    let mut stopped = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed, Wrong::Nothing);
        let dies = (seed % VAULTS as u64) as usize;
        world.write(0, Kind::Plain);
        world.write(0, Kind::Ordered);
        world.dead[dies] = true;
        let ship_all = |world: &mut World| {
            for vault in (0..VAULTS).filter(|vault| *vault != dies) {
                world.vaults[vault].clone_from(&world.sites[0].log);
                world.sites[0].sizes[vault] = world.sites[0].log.len() as u64;
            }
            world.counts(0);
        };
        ship_all(&mut world);
        let alive: Vec<_> = world.keys.iter().enumerate().filter(|(at, _)| *at != dies).map(|(_, key)| key).collect();
        if !Quorum::of(world.before.clone()).satisfied(&alive) {
            continue;
        }
        if world.sites[0].held < 2 {
            stopped += 1;
            world.write(0, Kind::Kept);
            ship_all(&mut world);
        }
        assert_eq!(world.sites[0].held, world.sites[0].log.len() as u64, "seed {seed}");
    }
    assert!(stopped > SEEDS / 50, "it stopped {stopped} times");
}
