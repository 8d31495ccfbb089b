//! kill -9 of the site at random moments under concurrent pushes.
//!
//! Each pusher moves two branches at once, so that half a push would show; what it was told is what it remembers.

use crate::common::{Git, Random, Site, World, seed, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PUSHERS: usize = 3;
/// What `OUTLAST_TEST_KILLS` overrides.
const ROUNDS_DEFAULT: u32 = 100;
/// Commits ready to be pushed, one at a time, by each pusher.
const COMMITS: u32 = 2_000;

struct Pusher {
    git: Git,
    url: String,
    /// The commits, oldest first.
    commits: Vec<String>,
    /// How many of them are tried, and are acknowledged.
    tried: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Pusher {
    fn new(world: &World, name: &str) -> Self {
        world.site.cli(&["repo", "create", &format!("ann/{name}")]).success();
        let git = Git::init(&world.path(name), "sha1");
        git.generate(COMMITS);
        let commits = git.run(["rev-list", "--reverse", "main"]).success().lines().map(str::to_owned).collect();
        let url = world.url(&format!("ann/{name}"));
        Self { git, url, commits, tried: AtomicUsize::new(0), acknowledged: AtomicUsize::new(0) }
    }

    /// Pushes one commit after the other until told to stop or the site is gone.
    fn run(&self, stop: &AtomicBool) {
        let mut next = self.acknowledged.load(Ordering::SeqCst);
        while !stop.load(Ordering::SeqCst) && next < self.commits.len() {
            self.tried.fetch_max(next + 1, Ordering::SeqCst);
            let commit = &self.commits[next];
            let [main, twin] = ["main", "twin"].map(|branch| format!("{commit}:refs/heads/{branch}"));
            if !self.git.run(["push", "-q", "--atomic", &self.url, &main, &twin]).ok {
                break;
            }
            next += 1;
            self.acknowledged.store(next, Ordering::SeqCst);
        }
    }

    /// How many commits the server's two branches hold, when they agree.
    fn on_server(&self, url: &str) -> Option<usize> {
        let refs = self.git.run(["ls-remote", url]);
        let listed = if refs.ok { refs.stdout } else { return None };
        let tip = |name: &str| {
            let line = listed.lines().find(|line| line.ends_with(&format!("refs/heads/{name}")))?;
            line.split('\t').next().map(str::to_owned)
        };
        let (main, twin) = (tip("main"), tip("twin"));
        assert_eq!(main, twin, "half a push");
        let Some(tip) = main else { return Some(0) };
        let position = self.commits.iter().position(|commit| *commit == tip);
        Some(1 + position.unwrap_or_else(|| panic!("{tip} was never pushed")))
    }

    /// Everything acknowledged is there, nothing that was not tried is.
    fn check(&self, url: &str) {
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let mut there = None;
        wait_until(&format!("{url} has its {acknowledged} acknowledged pushes (it has {there:?})"), 20, || {
            there = self.on_server(url);
            there.is_some_and(|count| count >= acknowledged)
        });
        let count = there.unwrap_or_default();
        assert!(count <= self.tried.load(Ordering::SeqCst), "{url}: a push that nobody made");
        // A push applied but not acknowledged was cut off at the answer: it is there for good.
        self.acknowledged.fetch_max(count, Ordering::SeqCst);
    }
}

fn rounds() -> u32 {
    std::env::var("OUTLAST_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS_DEFAULT)
}

#[test]
fn a_killed_site_loses_nothing_it_acknowledged() {
    let mut random = Random(seed());
    let mut world = World::new();
    let pushers: Vec<_> = (0..PUSHERS).map(|n| Arc::new(Pusher::new(&world, &format!("r{n}")))).collect();
    let started = Instant::now();
    for round in 0..rounds() {
        let stop = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = pushers
            .iter()
            .map(|pusher| {
                let (pusher, stop) = (pusher.clone(), stop.clone());
                std::thread::spawn(move || pusher.run(&stop))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(10 + random.below(600)));
        world.site.kill();
        stop.store(true, Ordering::SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        world.site.resume();
        wait_until("a quorum answers", 20, || world.site.get("/healthz").status == 200);
        pushers.iter().for_each(|pusher| pusher.check(&pusher.url));
        if round % 10 == 9 {
            for repository in world.site.repositories() {
                let fsck = Git::at(&repository).run(["fsck", "--connectivity-only", "--no-dangling"]);
                assert!(fsck.ok, "round {round}: {}{}", fsck.stdout, fsck.stderr);
                let tmp = Git::at(&repository).run(["for-each-ref", "--format=%(objectname)"]).success();
                assert!(!tmp.is_empty(), "round {round}: refs vanished");
            }
        }
    }
    let pushed: usize = pushers.iter().map(|pusher| pusher.acknowledged.load(Ordering::SeqCst)).sum();
    println!("{} rounds, {pushed} pushes, {:.0?}", rounds(), started.elapsed());
    assert!(pushed > rounds() as usize / 2, "hardly anything was pushed: {pushed}");
    world.site.cli(&["doctor"]);

    // And the vaults alone know it all.
    let key = world.take_recovery_key();
    world.site.kill();
    for vault in &world.vaults {
        vault.verify(Some(&key)).success();
    }
    let to = world.path("recovered");
    world.recover(&["eu", "us", "asia"], &key, &to, &["--keep-credentials", "--full"]).success();
    let site = Site::start(&to, &[]);
    for (n, pusher) in pushers.iter().enumerate() {
        pusher.check(&site.url(&format!("ann/r{n}"), Some(("ann", &world.token))));
    }
}

#[test]
fn vaults_killed_under_load_lose_nothing_they_cosigned() {
    let mut random = Random(seed());
    let mut world = World::new();
    let pushers: Vec<_> = (0..PUSHERS).map(|n| Arc::new(Pusher::new(&world, &format!("v{n}")))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = pushers
        .iter()
        .map(|pusher| {
            let (pusher, stop) = (pusher.clone(), stop.clone());
            std::thread::spawn(move || {
                // With one vault down at a time there is always a quorum: no push may fail.
                pusher.run(&stop);
                assert!(stop.load(Ordering::SeqCst), "a push failed though two of three vaults ran");
            })
        })
        .collect();
    for round in 0..12 {
        let name = ["eu", "us", "asia"][random.below(3) as usize];
        std::thread::sleep(Duration::from_millis(50 + random.below(250)));
        world.vault(name).kill();
        std::thread::sleep(Duration::from_millis(50 + random.below(250)));
        world.vault(name).resume(crate::common::VaultStart::Plain);
        println!("round {round}: {name}");
        world.await_caught_up(name);
    }
    stop.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let key = world.take_recovery_key();
    for name in ["eu", "us", "asia"] {
        world.await_caught_up(name);
        world.vault(name).verify(Some(&key)).success();
    }
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["us", "asia"], &key, &to, &["--keep-credentials", "--full"]).success();
    let site = Site::start(&to, &[]);
    for (n, pusher) in pushers.iter().enumerate() {
        pusher.check(&site.url(&format!("ann/v{n}"), Some(("ann", &world.token))));
    }
}
