//! The journal's formats, the vault and the quorum under everything at once, from one seed: messages lost, repeated and
//! reordered, machines that die at any write, writes cut short, disks that fail and lie, clocks that jump, copies of a site
//! that write, recoveries while the lost site goes on, somebody with the site's credential at work, and erasures that officers
//! order, lawfully or not, cut short anywhere.
//!
//!     OUTLAST_SIM_SEED=17 cargo test -p vault --test sim seeds      one seed again
//!     OUTLAST_SIM_SEEDS=1000000 cargo test -p vault --test sim seeds    more of them
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod change;
mod checks;
mod disk;
mod erasure;
mod mutant;
mod random;
mod site;
mod store;
#[path = "../common/tile.rs"]
mod tile;
mod world;

use mutant::Mutant;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{Red, World};

/// How many seeds a run of all tests looks at; CI looks at more (`.ci/run`).
const SEEDS: u64 = 1_000;
/// How many seeds a mutant may survive.
const MUTANT_SEEDS: u64 = 3_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs seeds on all cores until one turns a check red.
fn first_red(seeds: std::ops::Range<u64>, mutant: Mutant) -> Option<(u64, Red)> {
    let next = AtomicU64::new(seeds.start);
    let found = std::sync::Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || found.lock().unwrap().is_some() {
                        return;
                    }
                    if let Err(red) = World::new(seed, mutant).run() {
                        found.lock().unwrap().get_or_insert((seed, red));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

#[test]
fn seeds_keep_every_invariant() {
    let seeds = match number("OUTLAST_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("OUTLAST_SIM_SEEDS").unwrap_or(SEEDS),
    };
    println!("seeds {} to {}", seeds.start, seeds.end - 1);
    if let Some((seed, red)) = first_red(seeds, Mutant::None) {
        panic!("OUTLAST_SIM_SEED={seed}: {}: {}", red.check, red.text);
    }
}

#[test]
fn seeds_are_worth_something() {
    let (mut acked, mut copies, mut signed) = (0, 0, 0);
    let (mut erased, mut cut_short, mut refused) = (0, 0, 0);
    for seed in 0..200 {
        let mut world = World::new(seed, Mutant::None);
        world.run().unwrap_or_else(|red| panic!("seed {seed}: {}: {}", red.check, red.text));
        acked += world.acked.len();
        copies += world.sites.len() - 1;
        signed += world.nodes.iter().map(|node| node.signed.len()).sum::<usize>();
        erased += world.nodes.iter().map(|node| node.erased.len()).sum::<usize>();
        cut_short += world.cut_short;
        refused += world.refused;
    }
    assert!(acked > 800 && copies > 40 && signed > 4_000, "{acked} acknowledged, {copies} copies, {signed} signed");
    assert!(
        erased > 60 && cut_short > 10 && refused > 60,
        "{erased} erasures, {cut_short} cut short by a crash, {refused} refused"
    );
}

#[test]
fn whatever_is_left_out_turns_a_check_red() {
    let mut survived = Vec::new();
    for mutant in mutant::ALL {
        match first_red(0..MUTANT_SEEDS, mutant) {
            Some((seed, red)) => println!("{mutant:?}: seed {seed}: {}: {}", red.check, red.text),
            None => survived.push(mutant),
        }
    }
    assert!(survived.is_empty(), "nobody noticed {survived:?}");
}
