//! The pack cache from outside: what is computed once, for whom, and what happens when nobody wants it.

use crate::client::{Client, history, noise};
use crate::raw;
use crate::server::Server;
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

fn clone_request(client: &Client) -> Vec<u8> {
    let want = format!("want {}", client.id("main"));
    raw::lines(&["command=fetch", "agent=x", "object-format=sha1", "|", "thin-pack", "ofs-delta", &want, "done", "."])
}

#[test]
fn a_clone_served_before_starts_no_child() {
    let server = Server::new();
    history(&server);
    Client::clone(&server, &[], &[]).sound();
    let (children, hits) = (server.children(), server.state.cache.hits());
    Client::clone(&server, &[], &[]).sound();
    assert_eq!(server.children(), children);
    assert_eq!(server.state.cache.hits(), hits + 1);
}

#[test]
fn identical_requests_that_come_together_are_computed_once() {
    let server = Server::new();
    let client = history(&server);
    let request = clone_request(&client);
    let before = server.children();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..16).map(|_| scope.spawn(|| raw::post(&server, "git-upload-pack", Some(2), &request).body)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(server.children() - before, 1);
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.ends_with(b"0000")));
}

#[test]
fn a_push_makes_old_answers_old() {
    let server = Server::new();
    let client = history(&server);
    let request = clone_request(&client);
    raw::post(&server, "git-upload-pack", Some(2), &request);
    client.commit("new");
    client.ok(["push", "-q", "origin", "main"]);
    let misses = server.state.cache.misses();
    raw::post(&server, "git-upload-pack", Some(2), &request);
    assert_eq!(server.state.cache.misses(), misses + 1);
    let clone = Client::clone(&server, &[], &[]);
    assert_eq!(clone.id("HEAD"), client.id("HEAD"));
}

#[test]
fn an_answer_that_is_an_error_is_told_and_not_kept() {
    let server = Server::new();
    history(&server);
    let want = format!("want {}", "1".repeat(40));
    let request = raw::lines(&["command=fetch", "object-format=sha1", "|", &want, "done", "."]);
    let misses = server.state.cache.misses();
    for _ in 0..2 {
        let answer = raw::post(&server, "git-upload-pack", Some(2), &request).text();
        assert!(answer.contains("ERR upload-pack: not our ref"), "{answer}");
    }
    assert_eq!(server.state.cache.misses(), misses + 2);
    assert_eq!(std::fs::read_dir(server.dir.path().join("cache")).unwrap().count(), 0);
}

/// Pushes 60 MB that do not compress; the request to clone them.
fn large(server: &Server) -> Vec<u8> {
    let client = Client::new(server);
    std::fs::write(client.dir.join("noise"), noise(60_000_000)).unwrap();
    client.commit("large");
    client.ok(["-c", "core.compression=0", "-c", "pack.compression=0", "push", "-q", "origin", "main"]);
    clone_request(&client)
}

/// A clone whose client has read as far as the first bytes.
fn begun(server: &Server, request: &[u8]) -> TcpStream {
    let length = format!("content-length: {}", request.len());
    let mut stream = raw::begin(server, "POST", "git-upload-pack", &["git-protocol: version=2", &length]);
    std::io::Write::write_all(&mut stream, request).unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    stream
}

#[test]
fn a_clone_that_nobody_waits_for_ends() {
    let server = Server::new();
    let request = large(&server);
    drop(begun(&server, &request));
    // Whole already, or given up: nothing half stays.
    let files = || {
        std::fs::read_dir(server.dir.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
    };
    server.until("the half answer goes", || files().all(|length| length > 50_000_000));
    let answer = raw::post(&server, "git-upload-pack", Some(2), &request);
    assert!(answer.body.ends_with(b"0000") && answer.body.len() > 50_000_000);
}

/// A turn that notes how many bytes of answers were kept when it ended.
struct Turn(PathBuf, Arc<Mutex<Vec<u64>>>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(kept_bytes(&self.0));
    }
}

fn kept_bytes(cache: &Path) -> u64 {
    std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn a_turn_lasts_while_git_works_and_not_while_somebody_reads() {
    let server = Server::new();
    let request = large(&server);
    let ends = Arc::new(Mutex::new(Vec::new()));
    let begin = || {
        let turn = Turn(server.dir.path().join("cache"), ends.clone());
        *server.state.turn.lock().unwrap() = Some(Arc::new(turn));
        begun(&server, &request)
    };
    let slow = begin();
    server.until("git is done", || ends.lock().unwrap().len() == 1);
    assert!(ends.lock().unwrap()[0] > 50_000_000, "{ends:?}");
    let of_a_kept_answer = begin();
    server.until("there is nothing to do", || ends.lock().unwrap().len() == 2);
    drop((slow, of_a_kept_answer));
}
