//! Servers of repositories, with Subversion's own programs: how many there are, how long, and none whose gate does not hold.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use svn::{
    CommitGate, Engine, EngineLimits, HttpServer, PathRules, Programs, Record, SECRET_HEADER, Session, SvnRepository,
};
use tokio::io::AsyncReadExt as _;

const NO_RULES: PathRules<'_> = PathRules { text: None, as_of: 0 };

/// Says yes to everything.
struct Yes;

impl CommitGate for Yes {
    async fn capture(&self, _: u64, _: Option<u64>, _: Record) -> Result<(), String> {
        Ok(())
    }

    fn unsure(&self, _: u64) {}
}

/// An engine with repositories 1 and 2. Children are other users: the directory above is theirs to enter too.
async fn engine(dir: &Path, limits: EngineLimits) -> Engine {
    let (base, programs) = (dir.join("svn"), Programs::find().unwrap());
    let engine = Engine::start(&base, programs.clone(), limits, Arc::new(Yes)).await.unwrap();
    let genesis = SvnRepository::begin(&programs, &base.join("begin")).await.unwrap();
    for repo in [1, 2] {
        engine.repository(repo).make(&genesis).unwrap();
    }
    engine
}

async fn served(engine: &Engine, repo: u64) -> Option<Arc<HttpServer>> {
    engine.http(repo, &format!("/ann/r{repo}.svn"), NO_RULES).await.unwrap()
}

fn session(id: u64) -> Session<'static> {
    Session { id, user: "ann", location: "ann/r1.svn", writes: true, authz: None }
}

/// The status of what a server answers to who asks it itself.
fn asked(server: &HttpServer, path: &str, secret: &str) -> u16 {
    answered(server.port(), path, secret).unwrap()
}

/// As [`asked`], of whoever listens at that port.
fn answered(port: u16, path: &str, secret: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic YW5uOng=\r\n{SECRET_HEADER}: {secret}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Waits until a server answers no more. Another program may have its port by then.
async fn ended(what: &str, repo: u64, (port, secret): (u16, String)) {
    until(what, || answered(port, &format!("/ann/r{repo}.svn/"), &secret) != Some(200)).await;
}

/// What a session is told that asks for the newest revision.
async fn told(engine: &Engine, repo: u64, location: &str) -> String {
    let tunnel = engine.tunnel(repo, Session { location, ..session(1) }).await.unwrap().unwrap();
    let (mut near, far) = tokio::io::duplex(64 << 10);
    let address = format!("svn+ssh://host/{location}");
    let words =
        format!("( 2 ( edit-pipeline ) {}:{address} ) ( EXTERNAL ( 0: ) ) ( get-latest-rev ( ) ) ", address.len());
    let reading = async {
        let (mut said, mut piece) = (String::new(), [0; 4096]);
        while !said.contains("( success ( 0 ) )") && !said.contains("failure") {
            match near.read(&mut piece).await.unwrap() {
                0 => break,
                n => said.push_str(&String::from_utf8_lossy(&piece[..n])),
            }
        }
        drop(near);
        said
    };
    let moved = AtomicU64::new(0);
    // It ends as its client does, which is no failure of either.
    let (said, _) = tokio::join!(reading, tunnel.relay(far, words.as_bytes(), |_| None, &moved));
    said
}

async fn until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_gate_does_not_hold_nothing_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), EngineLimits::default()).await;
    assert!(served(&engine, 1).await.is_some(), "with its gate it is");
    engine.close(1).await;
    // Another library in its place, and none that can be loaded.
    let library = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6"];
    let other = fs::read(library.iter().find(|path| Path::new(path).exists()).unwrap()).unwrap();
    for (what, bytes) in [("another library", other), ("nothing", Vec::new())] {
        let (place, part) = (dir.path().join("svn/gate.so"), dir.path().join("svn/other.so"));
        fs::write(&part, bytes).unwrap();
        fs::rename(&part, &place).unwrap();
        let http = engine.http(1, "/ann/r1.svn", NO_RULES).await.unwrap_err().to_string();
        assert!(http.contains("its commit gate does not hold") && http.contains("Nothing is served"), "{what}: {http}");
        let ssh = engine.tunnel(1, session(1)).await.unwrap_err().to_string();
        assert!(ssh.contains("commit gate does not hold"), "{what}: {ssh}");
    }
    assert_eq!(engine.repository(1).youngest().unwrap(), 0);
}

/// A site that is killed while it prepares Subversion leaves the repository of its probe half made.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_start_that_was_killed_left_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let (base, programs) = (dir.path().join("svn"), Programs::find().unwrap());
    let begun = base.join(format!("begin-{}-probe", std::process::id()));
    svn::prepare_directory(&base).unwrap();
    SvnRepository::create(&programs, &begun).await.unwrap();
    for half in ["probe.part/repo/db", "probe/db"] {
        fs::create_dir_all(base.join(half)).unwrap();
    }
    let engine = engine(dir.path(), EngineLimits::default()).await;
    assert!(served(&engine, 1).await.is_some());
    assert!(!begun.exists() && !base.join("probe.part").exists());
}

/// A beginning that fails leaves nothing that the next one would stumble over.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_could_not_begin_begins_when_it_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let (base, programs) = (dir.path().join("svn"), Programs::find().unwrap());
    svn::prepare_directory(&base).unwrap();
    let scratch = base.join("begin-1");
    SvnRepository::create(&programs, &scratch).await.unwrap();
    let failed = SvnRepository::begin(&programs, &scratch).await.unwrap_err().to_string();
    assert!(failed.contains("is an existing repository"), "{failed}");
    SvnRepository::begin(&programs, &scratch).await.unwrap();
}

/// Their locks are one process's: it is not enough to take Subversion's.
#[tokio::test(flavor = "multi_thread")]
async fn two_of_our_own_threads_do_not_write_in_a_repository_at_one_time() {
    let dir = tempfile::tempdir().unwrap();
    let repository = engine(dir.path(), EngineLimits::default()).await.repository(1);
    let first = repository.write_lock().unwrap();
    let (says, told) = std::sync::mpsc::channel();
    let second = std::thread::spawn(move || {
        let lock = repository.write_lock().unwrap();
        says.send(()).unwrap();
        drop(lock);
    });
    assert!(told.recv_timeout(Duration::from_millis(300)).is_err(), "it did not wait");
    drop(first);
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    second.join().unwrap();
}

/// Whatever a server is talked into, it reaches its own repository and no other; and nobody talks to it but us.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_reaches_no_other_repository_and_is_reached_with_the_secret_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), EngineLimits::default()).await;
    let other = served(&engine, 2).await.unwrap();
    assert_eq!(asked(&other, "/ann/r2.svn/", other.secret()), 200);
    for secret in ["", "0", &other.secret()[1..]] {
        assert!([401, 403].contains(&asked(&other, "/ann/r2.svn/", secret)), "{secret}");
    }
    assert!(told(&engine, 2, "ann/r2.svn").await.contains("( success ( 0 ) )"));

    let place = dir.path().join("svn/1/repo");
    fs::remove_dir_all(&place).unwrap();
    std::os::unix::fs::symlink("/proc/self/cwd/../2/repo", &place).unwrap();
    let server = served(&engine, 1).await.unwrap();
    assert!(asked(&server, "/ann/r1.svn/", server.secret()) >= 400, "it shows its neighbour");
    let said = told(&engine, 1, "ann/r1.svn").await;
    assert!(!said.contains("( success ( 0 ) )"), "it shows its neighbour: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_servers_run_as_may_and_those_that_nobody_uses_end() {
    let dir = tempfile::tempdir().unwrap();
    let limits = EngineLimits { servers_max: 1, ..EngineLimits::default() };
    let engine = engine(dir.path(), limits).await;
    let first = served(&engine, 1).await.unwrap();
    assert!(served(&engine, 2).await.is_none(), "the only one is in use");
    assert_eq!(asked(&first, "/ann/r1.svn/", first.secret()), 200);
    let of_first = (first.port(), first.secret().to_owned());
    drop(first);
    let second = served(&engine, 2).await.unwrap();
    ended("the first has ended", 1, of_first).await;
    assert!(second.is_running());

    let other = tempfile::tempdir().unwrap();
    let limits = EngineLimits { idle_max: Duration::from_millis(400), ..EngineLimits::default() };
    let engine = self::engine(other.path(), limits).await;
    let (used, unused) = (served(&engine, 1).await.unwrap(), served(&engine, 2).await.unwrap());
    let of_unused = (unused.port(), unused.secret().to_owned());
    drop(unused);
    ended("nobody used it", 2, of_unused).await;
    assert!(used.is_running());
    assert!(served(&engine, 2).await.is_some(), "it is started again");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_sessions_are_open_as_may() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), EngineLimits { sessions_max: 2, ..EngineLimits::default() }).await;
    let first = engine.tunnel(1, session(1)).await.unwrap();
    let second = engine.tunnel(1, session(2)).await.unwrap();
    assert!(first.is_some() && second.is_some());
    assert!(engine.tunnel(1, session(3)).await.unwrap().is_none());
    drop(first);
    assert!(engine.tunnel(1, session(4)).await.unwrap().is_some());
}

/// Two requests look at the rules of paths, one before they are changed and one after it; the first is the slower one.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_were_read_before_others_do_not_come_after_them() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), EngineLimits::default()).await;
    let (strict, open) = ("[/]\nann = rw\n", "[/]\n* = rw\n");
    let give = async |text, as_of| engine.http(1, "/ann/r1.svn", PathRules { text, as_of }).await.unwrap().unwrap();
    let file = || fs::read_to_string(dir.path().join("svn/1/run/authz")).unwrap();
    let server = give(Some(strict), 5).await;
    for older in [Some(open), None] {
        assert!(Arc::ptr_eq(&server, &give(older, 4).await));
        assert_eq!((file().as_str(), server.generation()), (strict, 0));
    }
    for (text, as_of, generation) in [(None, 5, 1), (Some(strict), 6, 2), (Some(strict), 9, 2), (None, 8, 2)] {
        assert!(Arc::ptr_eq(&server, &give(text, as_of).await));
        assert_eq!(server.generation(), generation);
    }
    assert_eq!(file(), strict);
}

/// A member who begins commits and hangs up would fill the disk.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_of_a_commit_that_was_cut_off_goes() {
    let dir = tempfile::tempdir().unwrap();
    let limits = EngineLimits { transaction_idle_max: Duration::from_millis(400), ..EngineLimits::default() };
    let engine = engine(dir.path(), limits).await;
    let tunnel = engine.tunnel(1, session(1)).await.unwrap().unwrap();
    let (_near, far) = tokio::io::duplex(64 << 10);
    let words = "( 2 ( edit-pipeline ) 25:svn+ssh://host/ann/r1.svn ) ( EXTERNAL ( 0: ) ) \
                 ( commit ( 5:begun ( ) false ( ) ) ) ( open-root ( ( ) 1:r ) ) ( add-file ( 1:f 1:r 1:c ( ) ) ) ";
    let db = dir.path().join("svn/1/repo/db");
    let there = |kind: &str| fs::read_dir(db.join(kind)).unwrap().count();
    let serving = tokio::spawn(async move { tunnel.relay(far, words.as_bytes(), |_| None, &AtomicU64::new(0)).await });
    // It says nothing more.
    until("it has begun", || there("transactions") == 1).await;
    until("what was sent is gone", || there("transactions") + there("txn-protorevs") == 0).await;
    serving.abort();
}
