//! Git over SSH, with the real OpenSSH client.

use crate::common::{Browser, Git, Ssh, World, encoded, held, pkt, ssh_keygen, wait_until};
use std::io::{BufReader, Read, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A site, and Ann's key.
fn world() -> (World, Ssh) {
    let world = World::new();
    let ssh = Ssh::new(&world, "ann", &[]);
    ssh.add_to(&world, "ann");
    (world, ssh)
}

#[test]
fn a_push_is_held_and_a_clone_is_identical_in_every_version_of_the_protocol() {
    let (world, ssh) = world();
    let work = Git::init(&world.path("work"), "sha1").over(&ssh);
    for n in 0..20 {
        work.commit(&format!("file-{}", n % 3), &format!("line {n}\n").repeat(n + 1));
    }
    work.run(["tag", "-a", "v1", "-m", "one"]).success();
    // Made on first push, as over HTTP.
    let url = ssh.url("ann/new");
    let pushed = work.run(["push", &url, "main", "v1"]);
    let told = held(&pushed.stderr).unwrap_or_else(|| panic!("{}", pushed.stderr));
    assert!(pushed.ok && told.text.contains("/ann/new/-/receipts/"), "{}", told.text);
    for version in [0, 1, 2] {
        let dir = world.path(&format!("clone-{version}"));
        let clone = Git::at(&dir).speaking(version).over(&ssh);
        clone.run(["clone", "-q", "--mirror", &url, dir.to_str().unwrap()]).success();
        clone.fsck();
        assert_eq!(clone.objects(), work.objects(), "version {version}");
        assert_eq!(clone.refs_of(&url), work.run(["ls-remote", &world.url("ann/new")]).success());
    }
    // What was asked before is answered from the cache that HTTP uses too.
    let before = world.metric("outlast_pack_cache_hits", "").unwrap();
    let again = world.path("again");
    Git::at(&again).over(&ssh).run(["clone", "-q", "--mirror", &url, again.to_str().unwrap()]).success();
    assert!(world.metric("outlast_pack_cache_hits", "").unwrap() > before);

    for version in [0, 2] {
        let head = work.commit("more", &format!("more of {version}\n"));
        work.run(["push", "-q", &url, "main"]).success();
        let clone = Git::at(&world.path(&format!("clone-{version}"))).speaking(version).over(&ssh);
        clone.run(["fetch", "-q", "origin"]).success();
        assert_eq!(clone.run(["rev-parse", "main"]).success(), head);
        let shallow = world.path(&format!("shallow-{version}"));
        let git = Git::at(&shallow).speaking(version).over(&ssh);
        git.run(["clone", "-q", "--depth", "2", &url, shallow.to_str().unwrap()]).success();
        assert_eq!(git.run(["rev-list", "--count", "HEAD"]).success(), "2");
        git.run(["fetch", "-q", "--unshallow"]).success();
        assert_eq!(
            git.run(["rev-list", "--count", "HEAD"]).success(),
            work.run(["rev-list", "--count", "main"]).success()
        );
        git.fsck();
    }
    let partial = world.path("partial");
    let git = Git::at(&partial).over(&ssh);
    git.run(["clone", "-q", "--filter=blob:none", &url, partial.to_str().unwrap()]).success();
}

#[test]
fn what_a_push_may_not_do_is_said_and_the_next_one_works() {
    let (world, ssh) = world();
    let work = world.repository("x").over(&ssh);
    let url = ssh.url("ann/x");
    work.run(["push", "-q", &url, "main"]).success();
    let other = world.path("other");
    Git::at(&other).over(&ssh).run(["clone", "-q", &url, other.to_str().unwrap()]).success();
    let other = Git::at(&other).over(&ssh);
    work.commit("one", "one\n");
    work.run(["push", "-q", &url, "main:main", "main:side"]).success();
    other.commit("two", "two\n");
    let late = other.run(["push", &url, "main"]).failure();
    assert!(late.contains("fetch first"), "{late}");
    // A push without a pack: nobody says when it ends.
    let head = work.run(["push", &url, ":main"]).failure();
    assert!(head.contains("deletion of the current branch prohibited"), "{head}");
    work.run(["push", "-q", &url, ":side"]).success();
    assert!(!work.refs_of(&url).contains("side"));
    assert!(work.run(["push", &url, "main"]).ok, "nothing to do");
}

#[test]
fn nobody_comes_in_without_a_key_of_somebodys() {
    let (world, ssh) = world();
    world.repository("x");
    let unknown = Ssh::new(&world, "unknown", &[]);
    let (status, _, said) = unknown.run(&["-T"], None);
    assert!(status == 255 && said.contains("Permission denied (publickey)"), "{said}");
    let nobody =
        ["-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive", "-T"];
    let (status, _, said) = ssh.run(&nobody, None);
    assert!(status == 255 && said.contains("Permission denied (publickey)"), "{said}");

    // Any user name is as good as another; a shell is a greeting.
    for user in ["git", "ann", "root"] {
        let (status, out, said) = ssh.run(&["-T", "-l", user], None);
        assert_eq!(status, 0, "{said}");
        assert!(
            out.contains("Hello ann") && out.contains("SHA256:") && out.contains("There is no shell here"),
            "{out}"
        );
    }
    let denied = Git::at(&world.path("c")).over(&unknown).run(["ls-remote", &unknown.url("ann/x")]).failure();
    assert!(denied.contains("Permission denied"), "{denied}");
}

#[test]
fn every_kind_of_key_works_and_one_with_old_signatures_does_not() {
    let (world, ann) = world();
    world.repository("x");
    for (n, kind) in [&["-t", "ecdsa", "-b", "256"][..], &["-t", "ecdsa", "-b", "521"], &["-t", "rsa", "-b", "2048"]]
        .iter()
        .enumerate()
    {
        let ssh = Ssh::new(&world, &format!("kind-{n}"), kind);
        ssh.add_to(&world, "ann");
        let (status, out, said) = ssh.run(&["-T"], None);
        assert!(status == 0 && out.contains("Hello ann"), "{kind:?}: {said}");
        if kind[1] == "rsa" {
            for (algorithm, works) in [("rsa-sha2-256", true), ("rsa-sha2-512", true), ("ssh-rsa", false)] {
                let option = format!("PubkeyAcceptedAlgorithms={algorithm}");
                assert_eq!(ssh.run(&["-T", "-o", &option], None).0 == 0, works, "{algorithm}");
            }
        }
    }
    let listed = world.site.cli(&["key", "list", "ann"]).success();
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let weak = world.path("weak");
    ssh_keygen(&weak, &["-t", "rsa", "-b", "1024"]);
    let refused = world.site.cli(&["key", "add", "ann", weak.with_extension("pub").to_str().unwrap()]).failure();
    assert!(refused.contains("too weak"), "{refused}");
    let used: serde_json::Value =
        serde_json::from_str(&ann.api(&world, "GET", "/api/v1/user/keys", "").text()).unwrap();
    assert!(used.as_array().unwrap().iter().any(|key| key["last_used_from"] == "127.0.0.1"), "{used}");
}

#[test]
fn what_one_may_not_see_is_not_there_and_a_deploy_key_opens_one_repository() {
    let (world, ann) = world();
    let work = world.repository("mine").over(&ann);
    work.run(["push", "-q", &ann.url("ann/mine"), "main"]).success();
    world.repository("other");
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let bob = Ssh::new(&world, "bob", &[]);
    bob.add_to(&world, "bob");
    let git = |ssh: &Ssh| Git::at(&world.path("elsewhere")).over(ssh);
    let said = |ssh: &Ssh, path: &str| git(ssh).run(["ls-remote", &ssh.url(path)]).failure();
    assert!(said(&bob, "ann/mine").contains("ann/mine does not exist, or you may not see it"));
    assert_eq!(said(&bob, "ann/mine").replace("mine", "none"), said(&bob, "ann/none"));
    let pushed = work.clone().over(&bob).run(["push", &bob.url("ann/mine"), "main:evil"]).failure();
    assert_eq!(
        pushed.replace("mine", "none"),
        work.clone().over(&bob).run(["push", &bob.url("ann/none"), "main:evil"]).failure()
    );

    // No token adds a key, whatever its scopes are.
    let body = serde_json::json!({ "title": "ci", "key": bob.public }).to_string();
    for address in ["/api/v1/user/keys", "/api/v1/repos/ann/mine/keys"] {
        assert_eq!(ann.api(&world, "POST", address, &body).status, 403, "{address}");
    }
    let (password, dora) = ("the long password of dora", ["user", "create", "dora", "--email", "dora@example.org"]);
    world.site.cli_with(&[&dora[..], &["--password-stdin"]].concat(), password).success();
    let admin = r#"{"permission":"admin"}"#;
    assert_eq!(ann.api(&world, "PUT", "/api/v1/repos/ann/mine/collaborators/dora", admin).status, 204);
    let pages = Browser::sign_in(&world.site, "dora", password);
    let (reads, writes) = (Ssh::new(&world, "reads", &[]), Ssh::new(&world, "writes", &[]));
    for (ssh, read_only) in [(&reads, true), (&writes, false)] {
        let writes = if read_only { "" } else { "&writes=on" };
        let body = format!("name=ci&days=30&key={}{writes}", encoded(&ssh.public));
        let answer = pages.post("/ann/mine/-/settings/keys", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!git(ssh).refs_of(&ssh.url("ann/mine")).is_empty());
        assert!(said(ssh, "ann/other").contains("does not exist, or you may not see it"));
        let pushed = work.clone().over(ssh).run(["push", &ssh.url("ann/mine"), "main:deployed"]);
        assert_eq!(pushed.ok, !read_only, "{}", pushed.stderr);
        assert!(!work.clone().over(ssh).run(["push", &ssh.url("ann/made"), "main"]).ok, "it makes nothing");
    }
}

#[test]
fn a_removed_key_ends_what_runs_and_opens_nothing_any_more() {
    let (world, ssh) = world();
    world.repository("x");
    let id = world.site.cli(&["key", "list", "ann"]).success();
    let id = id.split(' ').next().unwrap().to_owned();
    // A client that has connected, asked for refs, and then says nothing.
    let mut command = ssh.command(&["-o", "SendEnv=GIT_PROTOCOL"]);
    command.env("GIT_PROTOCOL", "version=2").arg("git-upload-pack 'ann/x'");
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = [0; 14];
    running.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"000eversion 2\n");
    let began = Instant::now();
    world.site.cli(&["key", "remove", &id]).success();
    assert_eq!(ssh.run(&["-T"], None).0, 255, "at once");
    wait_until("the running session ends", 20, || running.try_wait().unwrap().is_some());
    println!("ended after {:?}", began.elapsed());
    drop(running.stdin.take());
}

#[test]
fn commands_that_are_none_are_refused_with_a_line() {
    let (world, ssh) = world();
    world.repository("x");
    for (command, words) in [
        ("id", "runs no such command"),
        ("git-upload-pack '/ann/x.git'; id", "a repository's address here is"),
        ("git-upload-pack --strict=false '/ann/x'", "a repository's address here is"),
        ("git-upload-archive '/ann/x.git'", "runs no such command"),
        ("git-receive-pack '/../../etc'", "a repository's address here is"),
        ("svnserve -t -r /", "runs no such command"),
        ("scp -f /etc/passwd", "runs no such command"),
    ] {
        let (status, out, said) = ssh.run(&["-T"], Some(command));
        assert!(status == 1 && out.is_empty() && said.contains(words), "{command}: {status} {out} {said}");
    }
    for arguments in [&["-s", "-T"][..], &["-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"]] {
        let (status, ..) = ssh.run(arguments, arguments.contains(&"-s").then_some("sftp"));
        assert_ne!(status, 0, "{arguments:?}");
    }
}

/// More than two of the gigabytes after which either side wants new keys, on one channel, with both sides as they are.
#[test]
fn two_gib_on_one_channel_survive_the_new_keys_that_are_asked_for() {
    const NOISE_BYTES: usize = 32 << 20;
    let (world, ssh) = world();
    let work = world.repository("noise").over(&ssh);
    let mut random = crate::common::Random(11);
    let noise: Vec<u8> = (0..NOISE_BYTES / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect();
    std::fs::write(work.dir.join("noise"), &noise).unwrap();
    work.run(["add", "noise"]).success();
    work.run(["commit", "-q", "-m", "noise"]).success();
    work.run(["push", "-q", &ssh.url("ann/noise"), "main"]).success();
    let head = work.run(["rev-parse", "main"]).success();

    let mut command = ssh.command(&["-v", "-o", "SendEnv=GIT_PROTOCOL"]);
    command.env("GIT_PROTOCOL", "version=2").arg("git-upload-pack 'ann/noise'");
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (client.stdin.take().unwrap(), BufReader::new(client.stdout.take().unwrap()));
    answer(&mut from);
    let lines = ["ofs-delta", "no-progress", &format!("want {head}"), "done"].map(pkt).concat();
    let fetch = [pkt("command=fetch"), b"0001".to_vec(), lines, b"0000".to_vec()].concat();
    let mut fetched = || {
        to.write_all(&fetch).unwrap();
        to.flush().unwrap();
        answer(&mut from)
    };
    let first = fetched();
    assert!(first.len() > NOISE_BYTES, "{}", first.len());
    for round in 1..=(2 << 30) / NOISE_BYTES {
        assert!(fetched() == first, "round {round}");
    }
    drop(to);
    let said = String::from_utf8_lossy(&client.wait_with_output().unwrap().stderr).into_owned();
    let keys = said.matches("SSH2_MSG_NEWKEYS received").count();
    assert!(keys >= 3, "the first keys, and new ones twice at least: {keys}\n{said}");
}

/// What a server sends of a pack until a flush packet.
fn answer(from: &mut impl Read) -> Vec<u8> {
    let (mut pack, mut line) = (Vec::new(), Vec::new());
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length).unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap();
        if length == 0 {
            return pack;
        }
        line.resize(length.saturating_sub(4), 0);
        from.read_exact(&mut line).unwrap();
        if let Some(bytes) = line.strip_prefix(&[1]) {
            pack.extend_from_slice(bytes);
        }
    }
}

/// Many rekeys in one transfer, both ways.
#[test]
fn a_large_transfer_survives_new_keys_all_the_way() {
    let (world, ssh) = world();
    let work = Git::init(&world.path("work"), "sha1").over(&ssh);
    let mut random = crate::common::Random(7);
    let noise: Vec<u8> = (0..24 << 20).map(|_| random.below(256) as u8).collect();
    std::fs::write(work.dir.join("noise"), &noise).unwrap();
    work.run(["add", "noise"]).success();
    work.run(["commit", "-q", "-m", "noise"]).success();
    let often = ssh.with(&["-o", "RekeyLimit=1M"]);
    let work = work.over(&often);
    let url = often.url("ann/noise");
    let pushed = work.run(["push", &url, "main"]);
    assert!(pushed.ok && held(&pushed.stderr).is_some(), "{}", pushed.stderr);
    let clone = world.path("clone");
    Git::at(&clone).over(&often).run(["clone", "-q", &url, clone.to_str().unwrap()]).success();
    assert!(std::fs::read(clone.join("noise")).unwrap() == noise);
}

#[test]
fn who_does_not_say_who_they_are_is_shown_out_and_members_still_come_in() {
    let (world, ssh) = world();
    let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(&world.site.ssh).unwrap()).collect();
    // From one network no more than 32 may be nobody: the oldest have left for the newest.
    wait_until("the oldest are cut", 20, || ended(&silent[0]) && ended(&silent[31]));
    let (status, _, said) = ssh.run(&["-T"], None);
    assert_eq!(status, 0, "{said}");
    let mut one = TcpStream::connect(&world.site.ssh).unwrap();
    one.write_all(b"SSH-2.0-slow\r\n").unwrap();
    let began = Instant::now();
    wait_until("all of them are shown out", 30, || silent.iter().chain([&one]).all(ended));
    assert!(began.elapsed() > Duration::from_secs(3), "not before their time");
}

/// Whether the server has closed a connection.
fn ended(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut buffer = [0; 4096];
    let mut stream = stream;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            }
        }
    }
}

#[test]
fn the_site_shows_the_same_key_after_a_recovery_and_people_add_theirs_again() {
    let (mut world, ssh) = world();
    let work = world.repository("x").over(&ssh);
    let url = ssh.url("ann/x");
    work.run(["push", "-q", &url, "main"]).success();
    let (before, objects) = (ssh.host_key(), work.objects());
    let key = world.take_recovery_key();
    world.site.kill();
    world.recover(&["eu", "us"], &key, &world.path("new"), &[]).success();
    world.site.data = world.path("new");
    world.site.resume();
    assert_eq!(ssh.at(&world).host_key(), before);
    let ssh = ssh.at(&world);
    // Whoever had the lost site may have added keys: none is believed.
    assert_eq!(ssh.run(&["-T"], None).0, 255);
    ssh.add_to(&world, "ann");
    wait_until("a quorum answers", 20, || world.site.get("/healthz").status == 200);
    let clone = world.path("clone");
    Git::at(&clone).over(&ssh).run(["clone", "-q", "--mirror", &ssh.url("ann/x"), clone.to_str().unwrap()]).success();
    assert_eq!(Git::at(&clone).objects(), objects);
}
