//! Pushes that are refused: names, limits, what is missing; and that the client is told why.

use crate::client::{Client, history, noise};
use crate::raw;
use crate::server::{Config, Server};
use git::pack_budget::PackBudget;
use git::receive::ReceiveLimits;
use std::time::Duration;

const ZERO: &str = "0000000000000000000000000000000000000000";

fn limited(receive: ReceiveLimits) -> Server {
    Server::with(Config { receive, ..Config::default() })
}

#[test]
fn hostile_names_are_refused_each_for_itself() {
    let server = Server::new();
    let client = history(&server);
    let id = client.id("main");
    let long = format!("refs/heads/{}", "x".repeat(1100));
    let hostile = [
        "HEAD",
        "refs/heads/a..b",
        "refs/heads/.a",
        "refs/heads/a.lock",
        "refs/heads/a b",
        "refs/heads/\u{202e}a",
        "refs/heads/a\u{1b}[31m",
        "refs/heads/@{",
        "refs/outlast/mine",
        "--upload-pack=x",
        "refs/heads//a",
        "refs/heads/a\\b",
        "../../../etc/passwd",
        "refs/../../x",
        "config",
        "objects/info/alternates",
        "refs/heads/a.",
        "refs/heads/",
        "refs/x",
        &long,
    ];
    for name in hostile {
        let commands = [format!("{ZERO} {id} {name}"), format!("{ZERO} {id} refs/heads/good-{}", hostile.len())];
        let empty = client.fed(["pack-objects", "--stdout", "-q"], b"");
        let answer = raw::push(&server, &commands, "report-status", &empty).text();
        assert!(answer.contains("ng "), "{name:?}: {answer}");
        assert!(!answer.contains('\u{1b}'), "no escapes in an answer");
        assert!(!server.path().join("x").exists());
    }
    assert_eq!(client.listed().matches("good").count(), 1);
}

#[test]
fn the_servers_own_refs_are_neither_shown_nor_taken() {
    let server = Server::new();
    let client = history(&server);
    let mut own = std::process::Command::new("git");
    assert!(
        own.arg("-C")
            .arg(server.path())
            .args(["update-ref", "refs/outlast/keep", &client.id("main")])
            .status()
            .unwrap()
            .success()
    );
    server.reload();
    for version in ["protocol.version=0", "protocol.version=2"] {
        assert!(!client.ok(["-c", version, "ls-remote", "origin"]).contains("outlast"));
    }
    let clone = Client::clone(&server, &[], &["--mirror"]);
    assert!(!clone.ok(["for-each-ref"]).contains("outlast"));
    let words = client.fails(["push", "-q", "origin", "main:refs/outlast/other", "main:fine"]);
    assert!(words.contains("server's own"), "{words}");
    assert!(client.listed().contains("refs/heads/fine"));
}

#[test]
fn a_ref_stands_once_in_a_push() {
    let server = Server::new();
    let client = history(&server);
    let id = client.id("main");
    let empty = client.fed(["pack-objects", "--stdout", "-q"], b"");
    let twice = [format!("{ZERO} {id} refs/heads/twice"), format!("{ZERO} {id} refs/heads/twice")];
    let answer = raw::push(&server, &twice, "report-status", &empty).text();
    assert_eq!(answer.matches("ng refs/heads/twice").count(), 2, "{answer}");
    assert!(!client.listed().contains("twice"));
}

#[test]
fn limits_on_commands_are_told_in_words() {
    let server = limited(ReceiveLimits {
        commands_max: 3,
        push_options_max: 1,
        push_option_bytes_max: 10,
        ..ReceiveLimits::default()
    });
    let client = Client::new(&server);
    client.commit("1");
    let refs: Vec<String> = (0..5).map(|n| format!("main:b{n}")).collect();
    let words = client.fails(["push", "origin"].into_iter().chain(refs.iter().map(String::as_str)));
    assert!(words.contains("at most 3 refs"), "{words}");
    let words = client.fails(["push", "-o", "a", "-o", "b", "origin", "main"]);
    assert!(words.contains("at most 1 push options"), "{words}");
    let words = client.fails(["push", "-o", "longer than ten", "origin", "main"]);
    assert!(words.contains("bytes in a push option"), "{words}");
    assert!(server.accepted().is_empty());
    client.ok(["push", "-q", "origin", "main"]);
}

#[test]
fn limits_on_packs_are_told_in_words() {
    let pack = PackBudget { objects_max: 6, object_bytes_max: 200_000, ..PackBudget::default() };
    let server = limited(ReceiveLimits { pack, pack_bytes_max: 50_000, ..ReceiveLimits::default() });
    let client = Client::new(&server);
    client.commit("1");
    client.ok(["push", "-q", "origin", "main"]);
    std::fs::write(client.dir.join("zeros"), vec![0; 300_000]).unwrap();
    client.commit("2");
    let words = client.fails(["push", "origin", "main"]);
    assert!(words.contains("remote: outlast:") && words.contains("object_bytes_max"), "{words}");
    client.ok(["reset", "-q", "--hard", "HEAD~1"]);
    std::fs::write(client.dir.join("noise"), noise(180_000)).unwrap();
    client.commit("3");
    let words = client.fails(["push", "origin", "main"]);
    assert!(words.contains("pack_bytes_max"), "{words}");
    client.ok(["reset", "-q", "--hard", "HEAD~1"]);
    for n in 4..8 {
        client.commit(&format!("{n}"));
    }
    let words = client.fails(["push", "origin", "main"]);
    assert!(words.contains("over 6 (objects_max)"), "{words}");
    assert_eq!(server.leftovers(), Vec::<String>::new());
}

#[test]
fn a_silent_client_is_given_up() {
    let server = limited(ReceiveLimits { idle_time_max: Duration::from_millis(50), ..ReceiveLimits::default() });
    let client = Client::new(&server);
    let id = client.commit("1");
    let mut body = Vec::new();
    git::pkt::write(&mut body, format!("{ZERO} {id} refs/heads/main\0report-status").as_bytes());
    git::pkt::write_flush(&mut body);
    let mut stream = raw::begin(&server, "POST", "git-receive-pack", &["content-length: 100000"]);
    std::io::Write::write_all(&mut stream, &body).unwrap();
    let answer = raw::end(stream);
    assert!(answer.text().contains("stopped sending"), "{}", answer.text());
    assert_eq!(server.leftovers(), Vec::<String>::new());
}

#[test]
fn an_acceptors_no_is_told_for_each_ref() {
    let server = Server::with(Config { forbidden: Some("refs/heads/release/"), ..Config::default() });
    let client = Client::new(&server);
    client.commit("1");
    let words = client.fails(["push", "origin", "main", "main:release/1"]);
    assert!(words.contains("[remote rejected] main -> release/1 (not yours)"), "{words}");
    // All refused: the pack is not even looked at.
    let before = server.children();
    client.commit("2");
    client.fails(["push", "origin", "main:release/1"]);
    assert_eq!(server.children(), before);
}

#[test]
fn requests_that_are_none_change_nothing() {
    let server = Server::new();
    let client = history(&server);
    let (refs, id) = (client.listed(), client.id("main"));
    let good = format!("{ZERO} {id} refs/heads/x");
    for body in [b"".as_slice(), b"0000", b"0004", b"zzzz", b"fff0abc", b"000bnonsense"] {
        raw::post(&server, "git-receive-pack", None, body);
    }
    for (commands, capabilities) in [
        (vec![format!("{ZERO} {id}")], "report-status"),
        (vec![format!("{ZERO} nothing refs/heads/x")], "report-status"),
        (vec![format!("{}  refs/heads/x", "0".repeat(64))], "report-status"),
        (vec![good.clone()], "report-status object-format=sha256"),
        (vec![good.clone()], "report-status object-format=md5"),
        (vec!["push-cert".to_owned()], "report-status push-cert=x"),
    ] {
        let answer = raw::push(&server, &commands, capabilities, b"").text();
        assert!(answer.contains("ERR") || answer.is_empty(), "{commands:?}: {answer}");
        let banded = raw::push(&server, &commands, &format!("side-band-64k {capabilities}"), b"").text();
        assert!(banded.contains('\u{3}') || banded.contains("ERR"), "{commands:?}: {banded}");
    }
    let answer = raw::push(&server, &[good], "report-status", b"").text();
    assert!(answer.contains("unpack the pack is missing"), "{answer}");
    assert_eq!(client.listed(), refs);
    assert_eq!(server.leftovers(), Vec::<String>::new());
}
