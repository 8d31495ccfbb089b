//! Pushes that are good, in every way that the real `git` has.

use crate::client::{Client, history, noise};
use crate::raw;
use crate::server::{Config, Server};
use std::io::Write as _;
use std::time::Duration;

#[test]
fn pushes_arrive_in_both_formats() {
    for server in [Server::new(), Server::sha256()] {
        for version in ["protocol.version=0", "protocol.version=1", "protocol.version=2"] {
            let mut client = Client::new(&server);
            client.config.push(version.to_owned());
            let branch = version.replace('=', "");
            let id = client.commit(&branch);
            let words = client.says(["push", "origin", &format!("main:{branch}")]);
            assert!(words.contains("remote: outlast: a word to the pusher"), "{words}");
            assert!(client.listed().contains(&format!("{id}\trefs/heads/{branch}")));
        }
        assert_eq!(server.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_small_push_starts_two_children() {
    let server = Server::new();
    let client = history(&server);
    client.commit("small");
    let before = server.children();
    client.ok(["push", "-q", "origin", "main"]);
    assert_eq!(server.accepted().pop().unwrap().children - before, 2, "index-pack and rev-list");
    client.ok(["push", "-q", "origin", "main:again"]);
    let empty = server.accepted().pop().unwrap();
    client.ok(["push", "-q", "origin", ":again"]);
    let delete = server.accepted().pop().unwrap();
    // The test server lists the refs anew after each push, which takes two of its own.
    assert_eq!(delete.children - empty.children, 2, "no child for a delete");
}

#[test]
fn a_large_push_comes_in_chunks() {
    let server = Server::new();
    let mut client = Client::new(&server);
    client.config.push("http.postBuffer=65536".to_owned());
    std::fs::write(client.dir.join("noise"), noise(3_000_000)).unwrap();
    client.commit("large");
    client.ok(["push", "-q", "origin", "main"]);
    assert!(server.accepted()[0].pack_bytes > 3_000_000);
    Client::clone(&server, &[], &[]).sound();
}

#[test]
fn deletes_need_no_pack() {
    let server = Server::new();
    let client = history(&server);
    client.ok(["push", "-q", "origin", ":side", ":v1"]);
    let last = server.accepted().pop().unwrap();
    assert!(!last.quarantine && last.pack_bytes == 0 && last.updates.iter().all(|update| update.new.is_none()));
    let listed = client.listed();
    assert!(!listed.contains("refs/heads/side") && !listed.contains("refs/tags/v1\n"));
    // What is not there, another deleted already.
    let id = client.id("main");
    let answer = raw::push(&server, &[format!("{id} {} refs/heads/gone", "0".repeat(40))], "report-status", b"");
    assert!(answer.text().contains("ng refs/heads/gone"), "{}", answer.text());
}

#[test]
fn a_ref_to_what_is_there_comes_with_an_empty_pack() {
    let server = Server::new();
    let client = history(&server);
    client.ok(["push", "-q", "origin", "main~3:refs/heads/older"]);
    let last = server.accepted().pop().unwrap();
    assert!(!last.quarantine, "no objects, no quarantine");
    assert!(client.listed().contains(&format!("{}\trefs/heads/older", client.id("main~3"))));
    assert_eq!(server.leftovers(), Vec::<String>::new());
}

#[test]
fn histories_are_rewritten_and_tags_moved() {
    let server = Server::new();
    let client = history(&server);
    client.ok(["reset", "-q", "--hard", "HEAD~3"]);
    let id = client.commit("instead");
    assert!(client.fails(["push", "-q", "origin", "main"]).contains("rejected"));
    client.ok(["push", "-q", "-f", "origin", "main"]);
    client.ok(["tag", "-f", "-a", "-m", "moved", "v1"]);
    client.ok(["push", "-q", "-f", "--tags", "origin"]);
    let listed = client.listed();
    assert!(listed.contains(&format!("{id}\trefs/heads/main")) && listed.contains(&format!("{id}\trefs/tags/v1^{{}}")));
    Client::clone(&server, &[], &["--mirror"]).sound();
}

#[test]
fn options_reach_the_acceptor() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    client.ok(["push", "-q", "-o", "ci.skip", "-o", "a; b & c=\"d\"", "origin", "main"]);
    assert_eq!(server.accepted()[0].options, ["ci.skip", "a; b & c=\"d\""]);
}

#[test]
fn an_atomic_push_is_all_or_nothing() {
    let server = Server::with(Config { forbidden: Some("refs/heads/forbidden"), ..Config::default() });
    let client = Client::new(&server);
    client.commit("1");
    let words = client.fails(["push", "--atomic", "origin", "main", "main:forbidden"]);
    assert!(words.contains("not yours") && words.contains("atomic"), "{words}");
    assert_eq!(client.listed(), "");
    let words = client.fails(["push", "origin", "main", "main:forbidden"]);
    assert!(words.contains("not yours"), "{words}");
    assert!(client.listed().contains("refs/heads/main"), "not atomic: what may be is done");
    client.commit("2");
    client.ok(["push", "-q", "--atomic", "origin", "main", "main:other"]);
    assert!(server.accepted().pop().unwrap().atomic);
}

#[test]
fn quiet_and_porcelain_pushes_are_what_they_say() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    let words = client.ok(["push", "--porcelain", "origin", "main"]);
    assert!(words.contains("*\trefs/heads/main:refs/heads/main\t[new branch]") && words.contains("Done"), "{words}");
    assert!(client.says(["push", "origin", "main"]).contains("Everything up-to-date"));
}

#[test]
fn a_shallow_client_pushes() {
    let server = Server::new();
    history(&server);
    for depth in ["--depth=1", "--depth=3"] {
        let clone = Client::clone(&server, &[], &[depth]);
        let id = clone.commit(&format!("on-shallow-{depth}"));
        clone.ok(["push", "-q", "origin", "main"]);
        assert!(clone.listed().contains(&format!("{id}\trefs/heads/main")));
    }
    Client::clone(&server, &[], &[]).sound();
}

#[test]
fn what_a_shallow_client_lacks_the_server_may_not() {
    let (server, other) = (Server::new(), Server::new());
    history(&server);
    let clone = Client::clone(&server, &[], &["--depth=1"]);
    clone.commit("on top");
    let words = clone.fails(["push", "-q", &other.url(), "main"]);
    assert!(words.contains("unpacker error") && words.contains("did not receive expected object"), "{words}");
    assert_eq!(other.leftovers(), Vec::<String>::new());
}

#[test]
fn a_name_gives_way_to_one_below_it_in_one_push() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    client.ok(["push", "-q", "origin", "main:topic"]);
    let words = client.fails(["push", "-q", "origin", "main:refs/heads/topic/part"]);
    assert!(words.contains("topic"), "{words}");
    client.ok(["push", "-q", "origin", ":topic", "main:refs/heads/topic/part"]);
    let listed = client.listed();
    assert!(listed.contains("refs/heads/topic/part") && !listed.contains("refs/heads/topic\n"), "{listed}");
}

#[test]
fn who_waits_is_kept_alive() {
    let server = Server::with(Config { accept_after: Duration::from_millis(5_500), ..Config::default() });
    let client = Client::new(&server);
    let id = client.commit("1");
    let pack = client.fed(["pack-objects", "--all", "--revs", "--stdout", "-q"], b"");
    let command = format!("{} {id} refs/heads/main", "0".repeat(40));
    let answer = raw::push(&server, &[command], "report-status side-band-64k", &pack);
    assert!(answer.body.starts_with(b"0005\x02"), "{}", answer.text());
    assert!(answer.text().contains("unpack ok"), "{}", answer.text());
}

#[test]
fn a_client_without_side_bands_is_told_too() {
    let server = Server::new();
    let client = Client::new(&server);
    let id = client.commit("1");
    let pack = client.fed(["pack-objects", "--all", "--revs", "--stdout", "-q"], b"");
    let command = format!("{} {id} refs/heads/main", "0".repeat(40));
    let answer = raw::push(&server, std::slice::from_ref(&command), "report-status", &pack);
    assert_eq!(answer.text(), "000eunpack ok\n0017ok refs/heads/main\n0000");
    let silent = raw::push(&server, &[command.replace("main", "b")], "", &pack);
    assert_eq!(silent.text(), "");
    assert!(client.listed().contains("refs/heads/b"));
}

#[test]
fn a_push_cut_off_leaves_nothing() {
    let server = Server::new();
    let client = history(&server);
    std::fs::write(client.dir.join("noise"), noise(3_000_000)).unwrap();
    let id = client.commit("cut");
    let pack = client.fed(["pack-objects", "--all", "--revs", "--stdout", "-q"], b"");
    let refs = client.listed();
    let mut body = Vec::new();
    let old = client.id("HEAD~1");
    git::pkt::write(&mut body, format!("{old} {id} refs/heads/main\0report-status side-band-64k").as_bytes());
    git::pkt::write_flush(&mut body);
    body.extend_from_slice(&pack);
    for share in [0, 30, body.len() / 3, body.len() - 1] {
        let length = format!("content-length: {}", body.len());
        let mut stream = raw::begin(&server, "POST", "git-receive-pack", &[&length]);
        stream.write_all(&body[..share]).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        drop(stream);
        server.until("the quarantine is removed", || server.leftovers().is_empty());
    }
    assert_eq!(client.listed(), refs);
    client.ok(["push", "-q", "origin", "main"]);
    Client::clone(&server, &[], &[]).sound();
}
