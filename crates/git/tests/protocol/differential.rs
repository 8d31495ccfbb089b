//! What is answered from memory, against the bytes of Git's own server on the same repository.

use crate::client::{Client, history};
use crate::raw;
use crate::server::Server;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn git_says(server: &Server, version: Option<u8>, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.args(["-c", "uploadpack.allowFilter=true", "-c", "transfer.advertiseObjectInfo=true"]);
    command.args(["-c", "receive.advertisePushOptions=true"]).args(args).arg(server.path());
    if let Some(version) = version {
        command.env("GIT_PROTOCOL", format!("version={version}"));
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// The lines, without who says them.
fn plain(bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let Some((digits, after)) = rest.split_first_chunk::<4>() {
        let length = git::pkt::parse_length(*digits).unwrap();
        let (payload, after) = after.split_at(length.unwrap_or(0));
        let text = String::from_utf8_lossy(payload);
        let words = text.split(' ').map(|word| match word.split_once("agent=") {
            Some((before, agent)) => format!("{before}agent=*{}", if agent.ends_with('\n') { "\n" } else { "" }),
            None => word.to_owned(),
        });
        lines.push(if length.is_some() {
            words.collect::<Vec<_>>().join(" ")
        } else {
            format!("<{}>", digits[3] as char)
        });
        rest = after;
    }
    lines
}

/// Without the first line, which names the service, and its flush.
fn without_service(lines: Vec<String>) -> Vec<String> {
    if lines[0].starts_with("# service=") { lines[2..].to_vec() } else { lines }
}

fn advertisements_agree(server: &Server) {
    for version in [None, Some(1), Some(2)] {
        let ours = raw::get(server, "info/refs?service=git-upload-pack", version);
        assert_eq!(ours.status, 200);
        let theirs = git_says(server, version, &["upload-pack", "--http-backend-info-refs"], b"");
        let (mut ours, mut theirs) = (without_service(plain(&ours.body)), plain(&theirs));
        if version == Some(2) {
            // Newer servers may offer more.
            ours.retain(|line| !line.starts_with("fetch="));
            theirs.retain(|line| !line.starts_with("fetch=") && !line.starts_with("bundle-uri"));
        }
        assert_eq!(ours, theirs, "upload-pack, version {version:?}");
    }
    for version in [None, Some(1)] {
        let ours = raw::get(server, "info/refs?service=git-receive-pack", version);
        let theirs = git_says(server, version, &["receive-pack", "--http-backend-info-refs"], b"");
        let sorted = |lines: Vec<String>| -> Vec<String> {
            let sort = |line: String| match line.split_once('\0') {
                Some((command, capabilities)) => {
                    let mut words: Vec<_> = capabilities.split_whitespace().collect();
                    words.sort_unstable();
                    format!("{command}\0{}", words.join(" "))
                }
                None => line,
            };
            lines.into_iter().map(sort).collect()
        };
        let ours = sorted(without_service(plain(&ours.body)));
        assert_eq!(ours, sorted(plain(&theirs)), "receive-pack, version {version:?}");
    }
}

fn listings_agree(server: &Server) {
    let format = format!("object-format={}", server.state.repository.format().name());
    let many: Vec<String> = (0..70_000).map(|n| format!("ref-prefix refs/x{n}")).collect();
    let asked: [&[&str]; 9] = [
        &[],
        &["peel"],
        &["symrefs"],
        &["peel", "symrefs", "unborn"],
        &["peel", "symrefs", "ref-prefix refs/heads/"],
        &["peel", "symrefs", "ref-prefix HEAD", "ref-prefix refs/tags/"],
        &["peel", "ref-prefix refs/heads/ma", "ref-prefix refs/heads/main", "ref-prefix refs/tags/v1"],
        &["ref-prefix nothing"],
        &["ref-prefix refs/heads/main/", "ref-prefix "],
    ];
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for arguments in asked.into_iter().chain([many.as_slice()]) {
        let head = ["command=ls-refs", "agent=x", &format, "server-option=y", "|"];
        let request = raw::lines(&[&head, arguments, &["."]].concat());
        let ours = raw::post(server, "git-upload-pack", Some(2), &request).body;
        let theirs = git_says(server, Some(2), &["upload-pack", "--stateless-rpc"], &request);
        assert!(ours == theirs, "{:?}: {:?} and {:?}", &arguments.first(), plain(&ours), plain(&theirs));
    }
}

#[test]
fn adverts_and_listings_are_gits_own_to_the_byte() {
    for server in [Server::new(), Server::sha256()] {
        advertisements_agree(&server);
        listings_agree(&server);
        history(&server);
        advertisements_agree(&server);
        listings_agree(&server);
    }
}

#[test]
fn so_are_those_of_a_repository_whose_head_is_unborn() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    client.ok(["push", "-q", "origin", "main:elsewhere"]);
    advertisements_agree(&server);
    listings_agree(&server);
}
