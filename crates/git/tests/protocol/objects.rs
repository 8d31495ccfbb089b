//! Objects that must not come in: what is incomplete, and what would hurt those who clone it.

use crate::client::{Client, history};
use crate::raw;
use crate::server::Server;

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A commit of this tree, made without asking what is in it.
fn commit_tree(client: &Client, tree: &str) -> String {
    client.ok(["commit-tree", "-m", "planted", tree])
}

/// A tree from `mode SP name NUL` and an id, written as it is.
fn tree(client: &Client, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend_from_slice(id.parse::<git::ObjectId>().unwrap().as_bytes());
    }
    let id = client.fed(["hash-object", "-t", "tree", "--literally", "-w", "--stdin"], &bytes);
    String::from_utf8(id).unwrap().trim().to_owned()
}

fn blob(client: &Client, text: &str) -> String {
    let id = client.fed(["hash-object", "-w", "--stdin"], text.as_bytes());
    String::from_utf8(id).unwrap().trim().to_owned()
}

fn pack_of(client: &Client, ids: &[&str]) -> Vec<u8> {
    let ids: String = ids.iter().map(|id| format!("{id}\n")).collect();
    client.fed(["pack-objects", "--stdout", "-q"], ids.as_bytes())
}

#[test]
fn what_hurts_clients_is_refused() {
    let server = Server::new();
    let client = history(&server);
    let modules = |url: &str, name: &str, path: &str| {
        blob(&client, &format!("[submodule \"{name}\"]\n\tpath = {path}\n\turl = {url}\n"))
    };
    let fine = blob(&client, "x");
    let dangerous = [
        ("an option as a submodule's address", vec![("100644", ".gitmodules", modules("-u./payload", "a", "a"))]),
        ("an option as a submodule's path", vec![("100644", ".gitmodules", modules("https://x/y", "a", "-u"))]),
        ("a submodule's name that climbs", vec![("100644", ".gitmodules", modules("https://x/y", "../../a", "a"))]),
        (
            "a newline in a submodule's address",
            vec![("100644", ".gitmodules", modules("https://x/%0ahost=y", "a", "a"))],
        ),
        (".gitmodules as a link", vec![("120000", ".gitmodules", fine.clone())]),
        ("a directory .git", vec![("40000", ".git", client.id("HEAD^{tree}"))]),
        ("a directory .GIT", vec![("40000", ".GIT", client.id("HEAD^{tree}"))]),
        ("a directory git~1", vec![("40000", "git~1", client.id("HEAD^{tree}"))]),
        ("a directory .g\u{200c}it", vec![("40000", ".g\u{200c}it", client.id("HEAD^{tree}"))]),
        ("a file ..", vec![("100644", "..", fine.clone())]),
        ("a file .", vec![("100644", ".", fine.clone())]),
        ("a file with a slash", vec![("100644", "a/b", fine.clone())]),
        ("one name twice", vec![("100644", "a", fine.clone()), ("100644", "a", fine.clone())]),
        ("names out of order", vec![("100644", "b", fine.clone()), ("100644", "a", fine.clone())]),
    ];
    for (what, entries) in dangerous {
        let entries: Vec<_> = entries.iter().map(|(mode, name, id)| (*mode, *name, id.as_str())).collect();
        let tree = tree(&client, &entries);
        let commit = commit_tree(&client, &tree);
        let mut ids: Vec<&str> = entries.iter().filter(|(mode, ..)| *mode != "40000").map(|(.., id)| *id).collect();
        ids.extend([tree.as_str(), commit.as_str()]);
        let pack = pack_of(&client, &ids);
        let command = format!("{ZERO} {commit} refs/heads/planted");
        let answer = raw::push(&server, &[command], "report-status", &pack).text();
        assert!(answer.contains("ng refs/heads/planted") && answer.contains("unpack "), "{what}: {answer}");
        assert!(!answer.contains("unpack ok"), "{what}: {answer}");
    }
    assert_eq!(server.leftovers(), Vec::<String>::new());
}

#[test]
fn what_old_honest_histories_have_is_taken() {
    let server = Server::new();
    let client = history(&server);
    let text = format!(
        "tree {}\nauthor A <a@b 1234567890 +0000\ncommitter A <a@b> 1234567890 +051800\n\nold\n",
        client.id("HEAD^{tree}")
    );
    for text in [text.replace("a@b 12", "a@b> 12"), text.replace("A <a@b 12", "A <> 12").replace("+051800", "+0000")] {
        let id = client.fed(["hash-object", "-t", "commit", "--literally", "-w", "--stdin"], text.as_bytes());
        let id = String::from_utf8(id).unwrap().trim().to_owned();
        let pack = pack_of(&client, &[&id]);
        let answer = raw::push(&server, &[format!("{ZERO} {id} refs/heads/{id}")], "report-status", &pack).text();
        assert!(answer.contains("unpack ok") && answer.contains("ok refs/heads/"), "{answer}");
    }
}

#[test]
fn what_is_incomplete_is_refused() {
    let server = Server::new();
    let client = history(&server);
    let new = client.commit("new");
    let (tree, file) = (client.id("HEAD^{tree}"), client.id("HEAD:file-new"));
    let elsewhere = Client::new(&server);
    let foreign = elsewhere.commit("elsewhere");
    for (what, tip, ids) in [
        ("no tree", &new, vec![new.as_str()]),
        ("no blob", &new, vec![new.as_str(), &tree]),
        ("only the blob", &new, vec![file.as_str()]),
        ("another's commit", &foreign, vec![file.as_str()]),
    ] {
        let pack = pack_of(&client, &ids);
        let answer = raw::push(&server, &[format!("{ZERO} {tip} refs/heads/x")], "report-status", &pack).text();
        assert!(answer.contains("ng refs/heads/x"), "{what}: {answer}");
    }
    let answer =
        raw::push(&server, &[format!("{ZERO} {foreign} refs/heads/x")], "report-status", &pack_of(&client, &[]));
    assert!(answer.text().contains("ng refs/heads/x missing necessary objects"), "{}", answer.text());
    assert!(!client.listed().contains("refs/heads/x"));
    // Each ref for itself.
    let commands = [format!("{ZERO} {foreign} refs/heads/x"), format!("{ZERO} {} refs/heads/y", client.id("main~4"))];
    let answer = raw::push(&server, &commands, "report-status", &pack_of(&client, &[])).text();
    assert!(answer.contains("ng refs/heads/x") && answer.contains("ok refs/heads/y"), "{answer}");
    assert_eq!(server.leftovers(), Vec::<String>::new());
}

#[test]
fn a_branch_is_a_commit() {
    let server = Server::new();
    let client = history(&server);
    let (blob, tree) = (client.id("HEAD:file"), client.id("HEAD^{tree}"));
    for id in [&blob, &tree] {
        let answer =
            raw::push(&server, &[format!("{ZERO} {id} refs/heads/x")], "report-status", &pack_of(&client, &[]));
        assert!(answer.text().contains("ng refs/heads/x"), "{}", answer.text());
    }
    let tag = client.id("v1");
    let answer = raw::push(&server, &[format!("{ZERO} {tag} refs/heads/x")], "report-status", &pack_of(&client, &[]));
    assert!(answer.text().contains("ng refs/heads/x a branch has to be a commit"), "{}", answer.text());
    // Tags may be on anything.
    let answer = raw::push(&server, &[format!("{ZERO} {blob} refs/tags/x")], "report-status", &pack_of(&client, &[]));
    assert!(answer.text().contains("ok refs/tags/x"), "{}", answer.text());
    Client::clone(&server, &[], &[]).sound();
}

#[test]
fn a_damaged_pack_is_refused() {
    let server = Server::new();
    let client = history(&server);
    let new = client.commit("new");
    let pack = client.fed(["pack-objects", "--revs", "--stdout", "-q"], format!("{new}\n^{new}~1\n").as_bytes());
    for at in (0..pack.len()).step_by(7) {
        let mut damaged = pack.clone();
        damaged[at] ^= 0x10;
        let answer = raw::push(&server, &[format!("{ZERO} {new} refs/heads/x")], "report-status", &damaged).text();
        assert!(answer.contains("ng refs/heads/x"), "byte {at}: {answer}");
    }
    for cut in [1, 11, 13, pack.len() / 2, pack.len() - 1] {
        let answer = raw::push(&server, &[format!("{ZERO} {new} refs/heads/x")], "report-status", &pack[..cut]).text();
        assert!(answer.contains("ng refs/heads/x"), "cut at {cut}: {answer}");
    }
    assert_eq!(server.leftovers(), Vec::<String>::new());
    client.ok(["push", "-q", "origin", "main"]);
}

#[test]
fn objects_beside_the_repository_are_not_served() {
    let server = Server::new();
    let client = history(&server);
    let secret = client.commit("secret");
    let alternates = server.path().join("objects/info/alternates");
    std::fs::write(alternates, format!("{}\n", client.dir.join(".git/objects").display())).unwrap();
    let clone = Client::clone(&server, &[], &[]);
    clone.fails(["fetch", "-q", "origin", &secret]);
    let pack = pack_of(&client, &[]);
    let answer = raw::push(&server, &[format!("{ZERO} {secret} refs/heads/x")], "report-status", &pack).text();
    assert!(answer.contains("ng refs/heads/x"), "{answer}");
}
