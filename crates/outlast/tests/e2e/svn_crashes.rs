//! Subversion under kill -9: at random moments while several people commit, and at each system call around the commit point.
//!
//! What is tried: whatever was acknowledged is there, nothing is there twice, nothing shows that the vaults do not hold, `svnadmin
//! verify` is clean, and the next commit works.

use crate::common::{Random, Ssh, Strace, World, seed, wait_until};
use crate::svn::{Svn, admin, create, layout, on_disk, youngest};
use crate::svn_ssh::over_ssh;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const COMMITTERS: usize = 3;
/// Kills each of which is half of one: of the site, and of Subversion's servers alone.
const ROUNDS_DEFAULT: u64 = 4;

fn rounds() -> u64 {
    std::env::var("OUTLAST_SVN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS_DEFAULT)
}

/// Processes of this name that a site has started.
pub(crate) fn children(site: u32, name: &str) -> Vec<u32> {
    let field = |pid: u32, name: &str| -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<u32> = pids.collect();
    let parent = |pid: u32| field(pid, "PPid:").and_then(|text| text.parse::<u32>().ok());
    let is_below = |pid: u32| std::iter::successors(Some(pid), |pid| parent(*pid)).any(|above| above == site);
    all.into_iter().filter(|pid| field(*pid, "Name:").is_some_and(|found| found == name) && is_below(*pid)).collect()
}

fn kill(pids: &[u32]) {
    // One that is gone already is no error.
    let _ = Command::new("kill").arg("-9").args(pids.iter().map(u32::to_string)).stderr(Stdio::null()).status();
}

/// Commits one file after the other until that fails; the messages of those that were acknowledged.
fn commits(svn: &Svn, wc: &Path, name: &str) -> Vec<String> {
    let mut done = Vec::new();
    for n in 0..40 {
        let file = format!("f-{}-{n}", name.replace(' ', "-"));
        fs::write(wc.join(&file), &file).unwrap();
        let added = svn.run(wc, ["add", "-q", &file]).ok;
        let message = format!("commit {name} {n}");
        if !added || !svn.run(wc, ["commit", "-q", "-m", &message]).ok {
            break;
        }
        done.push(message);
    }
    done
}

/// The messages of a log that begin like that: none may be there twice.
fn messages(svn: &Svn, world: &World, url: &str, begin: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in svn.ok(world.dir.path(), &["log", url]).lines().filter(|line| line.starts_with(begin)) {
        *counts.entry(line.to_owned()).or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "there twice: {counts:?}");
    counts
}

/// Kills the site, or its servers of Subversion, while people commit by the door that the address says.
fn acknowledged_survives(world: &mut World, svn: &Svn, url: &str) {
    layout(svn, world, url);
    let seed = seed();
    println!("seed {seed}");
    let (mut random, mut acknowledged) = (Random(seed), Vec::new());
    for round in 0..rounds() {
        // New working copies for each round: the old ones are where the kill left them.
        let places: Vec<PathBuf> = (0..COMMITTERS).map(|who| world.path(&format!("wc-{round}-{who}"))).collect();
        for place in &places {
            svn.ok(world.dir.path(), &["checkout", "-q", &format!("{url}/trunk"), place.to_str().unwrap()]);
        }
        std::thread::scope(|scope| {
            let begin = |(who, wc): (usize, &PathBuf)| {
                let (wc, name) = (wc.clone(), format!("{round} {who}"));
                scope.spawn(move || commits(svn, &wc, &name))
            };
            let committing: Vec<_> = places.iter().enumerate().map(begin).collect();
            std::thread::sleep(Duration::from_millis(900 + random.below(1200)));
            if round % 2 == 0 {
                world.site.kill();
            } else {
                let site = world.site.process().pid();
                kill(&[children(site, "apache2"), children(site, "svnserve")].concat());
            }
            acknowledged.extend(committing.into_iter().flat_map(|committing| committing.join().unwrap()));
        });
        if round % 2 == 0 {
            world.site.resume();
        }
        wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
        let there = messages(svn, world, url, "commit ");
        for message in &acknowledged {
            assert!(there.contains_key(message), "{message} was acknowledged and is not there");
        }
        admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
    }
    assert!(!acknowledged.is_empty());
    all_is_held(world);
}

/// What shows is what the vaults give back.
fn all_is_held(world: &mut World) {
    let dump = |data: &Path| admin(&["dump", "-q", on_disk(data).to_str().unwrap()]);
    let before = dump(&world.site.data);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["us", "asia"], &key, &to, &["--full"]).success();
    assert!(dump(&to) == before, "what showed is not what is held");
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    acknowledged_survives(&mut world, &svn, &url);
}

#[test]
fn what_was_acknowledged_over_ssh_survives_kills() {
    let (mut world, svn, _, url) = over_ssh();
    acknowledged_survives(&mut world, &svn, &url);
}

/// A session whose server is watched by `strace`, with a commit that has not begun.
struct Session {
    client: Child,
    server: u32,
    strace: Strace,
    log: PathBuf,
}

/// What the server's `strace` is told beside which process.
type Told<'a> = &'a [&'a str];

impl Session {
    fn begin(world: &mut World, ssh: &Ssh, url: &str, told: Told<'_>) -> Self {
        let site = world.site.process().pid();
        wait_until("no session is left", 20, || children(site, "svnserve").is_empty());
        let mut command = ssh.command(&["-T"]);
        command.arg("svnserve -t").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = command.spawn().unwrap();
        let words = format!("( 2 ( edit-pipeline ) {}:{url} ) ( EXTERNAL ( 0: ) ) ( get-latest-rev ( ) ) ", url.len());
        client.stdin.as_mut().unwrap().write_all(words.as_bytes()).unwrap();
        let newest = format!("( success ( {} ) )", youngest(&world.site.data));
        assert!(said_until(&mut client, &newest).contains(&newest));
        let [server] = children(site, "svnserve")[..] else { panic!("there is one session") };
        let log = world.path("strace.log");
        let strace = Strace::attach(server, ["-s", "4096", "-o", log.to_str().unwrap()].iter().chain(told));
        Self { client, server, strace, log }
    }

    /// Commits a directory; whether that was acknowledged.
    fn make(&mut self, dir: &str) -> bool {
        self.ask_to_make(dir);
        let said = said_until(&mut self.client, ACKNOWLEDGED);
        said.contains(ACKNOWLEDGED)
    }

    fn ask_to_make(&mut self, dir: &str) {
        let name = format!("{}:{dir}", dir.len());
        let words = format!(
            "( commit ( {name} ( ) false ( ( 7:svn:log {name} ) ) ) ) ( open-root ( ( ) 1:r ) ) ( add-dir ( {name} 1:r 1:d ( ) ) ) \
             ( close-dir ( 1:d ) ) ( close-dir ( 1:r ) ) ( close-edit ( ) ) "
        );
        self.client.stdin.as_mut().unwrap().write_all(words.as_bytes()).unwrap();
    }

    /// Leaves it when its server was killed in a call that waits: `strace` would wait that out.
    fn leave(mut self) {
        let _ = self.client.kill();
        self.client.wait().unwrap();
    }

    /// Ends it; what its server called.
    fn end(mut self) -> Vec<Call> {
        drop(self.client.stdin.take());
        let _ = self.client.kill();
        self.client.wait().unwrap();
        self.strace.wait();
        calls(&fs::read_to_string(&self.log).unwrap())
    }
}

/// The author of the new revision, as the last words of a commit say it.
const ACKNOWLEDGED: &str = "( 3:ann )";

/// What a client is told until this is in it, or to the end.
fn said_until(client: &mut Child, end: &str) -> String {
    let (mut said, mut piece) = (String::new(), [0; 4096]);
    while !said.contains(end) {
        match client.stdout.as_mut().unwrap().read(&mut piece).unwrap() {
            0 => break,
            n => said.push_str(&String::from_utf8_lossy(&piece[..n])),
        }
    }
    said
}

/// A system call: its name, the how many-th of that name it is, and the whole line.
#[derive(Clone, Debug)]
struct Call {
    name: String,
    nth: usize,
    line: String,
}

fn calls(log: &str) -> Vec<Call> {
    let (mut counts, mut calls) = (BTreeMap::<String, usize>::new(), Vec::new());
    for line in log.lines() {
        let Some((name, _)) = line.split_once('(').filter(|(name, _)| !name.is_empty() && !name.contains(' ')) else {
            continue;
        };
        let nth = counts.entry(name.to_owned()).or_default();
        *nth += 1;
        calls.push(Call { name: name.to_owned(), nth: *nth, line: line.to_owned() });
    }
    calls
}

/// Calls that nobody outside sees: to be killed before one is to be killed before the next.
const UNSEEN: [&str; 12] = [
    "brk",
    "clock_gettime",
    "fcntl",
    "fstat",
    "futex",
    "getpid",
    "lseek",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "poll",
];

/// The calls of one commit that others can see, from taking the write lock to its answer; and which of them is the commit point.
fn commit_of(world: &mut World, ssh: &Ssh, url: &str) -> (Vec<Call>, usize) {
    let mut session = Session::begin(world, ssh, url, &[]);
    assert!(session.make("recorded"));
    let all = session.end();
    let first = all.iter().position(|call| call.line.contains("db/write-lock")).expect("it takes the lock");
    let last = all.iter().rposition(|call| call.line.contains(ACKNOWLEDGED)).expect("it answers");
    let seen = all[first..=last].iter().filter(|call| !UNSEEN.contains(&call.name.as_str()));
    let seen: Vec<_> = seen.cloned().collect();
    let is_point = |call: &Call| call.name.starts_with("rename") && call.line.contains("/db/current\"");
    let point = seen.iter().position(is_point).expect("it makes it visible");
    (seen, point)
}

fn at(call: &Call, what: &str) -> String {
    format!("inject={}:{what}:when={}", call.name, call.nth)
}

/// All of them with `OUTLAST_SVN_SYSCALLS=all`; else those next to the commit point, and every fourth.
fn chosen(count: usize, point: usize) -> Vec<usize> {
    let all = std::env::var("OUTLAST_SVN_SYSCALLS").is_ok_and(|word| word == "all");
    (0..count).filter(|n| all || n.abs_diff(point) <= 3 || (n + point).is_multiple_of(4)).collect()
}

#[test]
fn a_server_that_dies_at_any_system_call_of_a_commit_loses_and_doubles_nothing() {
    let (mut world, svn, ssh, url) = over_ssh();
    layout(&svn, &world, &url);
    let (calls, point) = commit_of(&mut world, &ssh, &url);
    let dir = world.dir.path().to_owned();
    let (mut acknowledged, mut killed) = (Vec::new(), 0);
    for n in chosen(calls.len(), point) {
        let (call, name) = (&calls[n], format!("at-{n}"));
        let mut session = Session::begin(&mut world, &ssh, &url, &["-e", &at(call, "signal=KILL")]);
        let told = session.make(&name);
        let log = session.log.clone();
        session.end();
        killed += usize::from(fs::read_to_string(log).unwrap().contains("killed by SIGKILL"));
        let shows = || svn.ok(&dir, &["ls", &url]).lines().any(|line| line == format!("{name}/"));
        if told || n == point {
            // The gate had said yes: it is held, and comes to be seen.
            wait_until(&format!("{name} shows: {}", call.line), 20, shows);
            acknowledged.push(name.clone());
        }
        let again = svn.run(&dir, ["mkdir", "-q", "-m", &format!("again {name}"), &format!("{url}/{name}")]);
        assert!(again.ok || shows(), "{}: the next commit does not work: {}", call.line, again.err);
        svn.ok(&dir, &["mkdir", "-q", "-m", &format!("after {name}"), &format!("{url}/after-{n}")]);
    }
    println!(
        "{killed} kills at {} of {} calls, {} held",
        chosen(calls.len(), point).len(),
        calls.len(),
        acknowledged.len()
    );
    assert!(killed > chosen(calls.len(), point).len() / 2, "{killed}");
    let there = messages(&svn, &world, &url, "at-");
    assert!(acknowledged.iter().all(|name| there.contains_key(name)), "{acknowledged:?} {there:?}");
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
    all_is_held(&mut world);
}

#[test]
fn what_is_held_and_does_not_show_yet_when_all_is_killed_shows_after_it() {
    let (mut world, svn, ssh, url) = over_ssh();
    layout(&svn, &world, &url);
    let (calls, point) = commit_of(&mut world, &ssh, &url);
    let before = youngest(&world.site.data);
    let written = world.site.entries();
    let slowly = at(&calls[point], "delay_enter=60000000");
    let mut session = Session::begin(&mut world, &ssh, &url, &["-e", &slowly]);
    session.ask_to_make("between");
    wait_until("it is in the journal", 20, || world.site.grew(written));
    wait_until("the vaults hold it", 20, || {
        let log = fs::read_to_string(&session.log).unwrap();
        // What the gate was told is the last that the server read.
        log.lines().last().is_some_and(|line| line.starts_with("rename")) || log.contains("\"y\"")
    });
    assert_eq!(youngest(&world.site.data), before, "it does not show yet");
    assert!(!svn.ok(world.dir.path(), &["ls", &url]).contains("between"));
    world.site.kill();
    kill(&[session.server]);
    session.leave();
    assert_eq!(youngest(&world.site.data), before);
    world.site.resume();
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    wait_until("it shows", 20, || svn.ok(world.dir.path(), &["ls", &url]).contains("between"));
    assert_eq!(messages(&svn, &world, &url, "between").len(), 1);
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "goes on", &format!("{url}/goes-on")]);
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
    all_is_held(&mut world);
}
