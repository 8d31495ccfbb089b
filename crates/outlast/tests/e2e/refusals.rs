//! What the door does not let in, and what it says then.

use crate::common::{Answer, FLUSH, Git, Site, World, basic, cli, pkt, push, request};

#[test]
fn wrong_credentials_see_nothing_and_learn_nothing() {
    let world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let bob = world.site.cli(&["token", "create", "bob", "--scope", "repo:read,repo:write"]).success();
    let (bob, site) = (bob.trim(), &world.site);

    let path = "/ann/one.git/info/refs?service=git-upload-pack";
    let get = |headers: &[(&str, &str)], path: &str| request(&site.address, "GET", path, headers, b"").unwrap();
    let nobody = get(&[], path);
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")), "{nobody:?}");
    // What is private and what does not exist look the same to a stranger, known or not.
    let same = |a: &Answer, b: &Answer| {
        (a.status, a.text().replace("none", "one")) == (b.status, b.text().replace("none", "one"))
    };
    let absent = get(&[], "/ann/none.git/info/refs?service=git-upload-pack");
    assert!(same(&nobody, &absent), "{nobody:?} {absent:?}");
    let as_bob = basic("bob", bob);
    let stranger = get(&[("Authorization", &as_bob)], path);
    let stranger_absent = get(&[("Authorization", &as_bob)], "/ann/none.git/info/refs?service=git-upload-pack");
    assert_eq!(stranger.status, 404, "{stranger:?}");
    assert!(same(&stranger, &stranger_absent), "{stranger:?} {stranger_absent:?}");
    for (user, secret) in
        [("ann", "wrong"), ("ann", "olp_000000000000000000000000000000000000"), ("nobody", "x"), ("ann", "")]
    {
        let answer = get(&[("Authorization", &basic(user, secret))], path);
        assert_eq!(answer.status, 401, "{user}:{secret} {answer:?}");
    }
    // Bob can not push either, nor can a token that may only read.
    let url = site.url("ann/one", Some(("bob", bob)));
    one.run(["push", &url, "HEAD"]).failure();
    let reader = site.cli(&["token", "create", "ann", "--scope", "repo:read"]).success();
    let url = site.url("ann/one", Some(("ann", reader.trim())));
    one.refs_of(&url);
    one.commit("a", "may not\n");
    one.run(["push", &url, "HEAD"]).failure();
}

#[test]
fn public_repositories_are_read_by_all_and_written_by_their_owner() {
    let world = World::new();
    world.site.cli(&["repo", "create", "ann/open", "--public"]).success();
    let git = Git::init(&world.path("open"), "sha1");
    git.commit("a", "open\n");
    assert!(git.run(["push", &world.url("ann/open"), "HEAD"]).ok);
    let anonymous = world.site.url("ann/open", None);
    assert!(git.refs_of(&anonymous).contains("refs/heads/main"));
    git.commit("a", "more\n");
    git.run(["push", &anonymous, "HEAD"]).failure();
}

#[test]
fn hostile_names_never_reach_the_disk() {
    let world = World::new();
    for name in [
        "ann/../x",
        "../x/y",
        "ann/.git",
        "ann/x.git/../y",
        "ann/-upload",
        "ann/a b",
        "ann/x.lock",
        "ann/",
        "/",
        "ann/a%2fb",
        "ann/\u{202e}gpj",
    ] {
        let data = world.site.data.to_str().unwrap();
        let said = cli(["repo", "create", "--data", data, "--", name]);
        assert!(!said.ok, "{name:?} was taken");
        assert!(!said.stderr.contains("panicked"), "{said:?}");
    }
    for name in ["", "a/b", "-x", "..", "admin\n", "a b", "\u{202e}nna"] {
        let data = world.site.data.to_str().unwrap();
        let said = cli(["user", "create", "--data", data, "--email", "x@example.org", "--", name]);
        assert!(!said.ok, "{name:?} was taken");
    }
    let login = basic("ann", &world.token);
    let headers = [("Authorization", login.as_str())];
    for path in [
        "/ann/../../etc/passwd",
        "/ann/%2e%2e/one.git/info/refs?service=git-upload-pack",
        "/ann/one.git/../../x/info/refs",
        "/ann//one.git/info/refs?service=git-upload-pack",
        "/%00/x.git/info/refs?service=git-upload-pack",
        "/ann/one.git/info/refs?service=git-evil",
        "/ann/one.git/objects/info/packs",
        "/ann/one.git/HEAD",
    ] {
        let answer = request(&world.site.address, "GET", path, &headers, b"").unwrap();
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
}

#[test]
fn hostile_refs_are_refused_and_leave_nothing() {
    let world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let tip = one.run(["rev-parse", "HEAD"]).success();
    let login = basic("ann", &world.token);
    let zero = "0".repeat(40);
    let before = one.refs_of(&world.url("ann/one"));
    for name in [
        "refs/heads/../../x",
        "HEAD",
        "refs/heads/a..b",
        "refs/heads/x.lock",
        "refs/heads/\u{1}",
        "refs/heads/a b",
        "main",
        "refs/heads/",
        "refs/heads/.hidden",
        "refs/heads/x~1",
        "refs/heads/\u{202e}evil",
        "refs/heads/-x/../..",
        "../refs/heads/x",
    ] {
        let mut body = pkt(&format!("{zero} {tip} {name}\0report-status object-format=sha1\n"));
        body.extend_from_slice(FLUSH);
        // An empty pack: version 2, no objects, its checksum.
        body.extend_from_slice(
            b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e",
        );
        let headers = [("Authorization", login.as_str()), ("Content-Type", "application/x-git-receive-pack-request")];
        let answer = request(&world.site.address, "POST", "/ann/one.git/git-receive-pack", &headers, &body).unwrap();
        let text = answer.text();
        assert!(
            answer.status >= 400 || text.contains("ng ") || text.contains("ERR") || text.contains("unpack "),
            "{name:?}: {answer:?}"
        );
        assert!(!text.contains(&format!("ok {name}")), "{name:?} was taken");
        assert_eq!(one.refs_of(&world.url("ann/one")), before, "{name:?} changed the refs");
    }
}

#[test]
fn garbage_is_answered_and_survived() {
    let world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let login = basic("ann", &world.token);
    let mut random = crate::common::Random(crate::common::seed());
    let mut bodies: Vec<Vec<u8>> = vec![
        vec![],
        b"0000".to_vec(),
        b"0001".to_vec(),
        b"0003".to_vec(),
        b"ffff".to_vec(),
        b"zzzz".to_vec(),
        b"0005x".to_vec(),
        pkt("command=fetch\n"),
        pkt("command=evil\n"),
        pkt("want 00\n"),
        [pkt("command=ls-refs\n"), b"0000".to_vec()].concat(),
        [
            pkt("command=fetch\n"),
            b"0001".to_vec(),
            pkt(&format!("want {}\n", "f".repeat(40))),
            pkt("done\n"),
            FLUSH.to_vec(),
        ]
        .concat(),
    ];
    bodies.extend((0..20).map(|_| (0..random.below(3000)).map(|_| random.below(256) as u8).collect()));
    for service in ["git-upload-pack", "git-receive-pack"] {
        for (protocol, body) in bodies.iter().flat_map(|body| [("version=2", body), ("version=0", body)]) {
            let kind = format!("application/x-{service}-request");
            let headers = [("Authorization", login.as_str()), ("Content-Type", &kind), ("Git-Protocol", protocol)];
            let path = format!("/ann/one.git/{service}");
            let answer = request(&world.site.address, "POST", &path, &headers, body).unwrap();
            assert!(answer.status < 500, "{service} {body:?}: {answer:?}");
            // An answer that ends early has said why.
            assert!(answer.whole || answer.text().contains("ERR "), "{service} {body:?}: {answer:?}");
        }
    }
    let gzipped_garbage = [
        ("Authorization", login.as_str()),
        ("Content-Encoding", "gzip"),
        ("Content-Type", "application/x-git-upload-pack-request"),
    ];
    let answer =
        request(&world.site.address, "POST", "/ann/one.git/git-upload-pack", &gzipped_garbage, b"not gzip").unwrap();
    assert!(answer.status < 500, "{answer:?}");
    world.push(&one, &["HEAD:refs/heads/still-works"]);
}

#[test]
fn a_vault_takes_no_site_without_its_credential_and_no_second_site() {
    let world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    // Another site with the same connection text: the vault belongs to the first one's log.
    let other = world.path("other-site");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_outlast"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&other);
    for vault in &world.vaults {
        command.args(["--vault", &vault.site_url()]);
    }
    let log = world.path("other-site.log");
    let mut process = crate::common::Process::start(command, &log);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let refused = loop {
        if process.ended().is_some_and(|status| !status.success()) {
            break true;
        }
        if std::fs::read_to_string(other.join("listening.json")).is_ok() || std::time::Instant::now() > deadline {
            break false;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let said = process.log_tail();
    assert!(refused || said.contains("origin") || said.contains("another"), "{said}");
    one.commit("a", "the first site goes on\n");
    world.push(&one, &["HEAD"]);
}

#[test]
fn what_is_told_to_a_user_is_one_clear_line() {
    let world = World::new();
    for arguments in [
        &["user", "create", "ann", "--email", "again@example.org"][..],
        &["repo", "create", "nobody/x"],
        &["token", "create", "nobody", "--scope", "repo:read"],
        &["token", "create", "ann", "--scope", "repo:everything"],
        &["receipt", "999999"],
    ] {
        let said = world.site.cli(arguments);
        assert!(!said.ok && said.stdout.is_empty(), "{arguments:?} {said:?}");
        assert_eq!(said.stderr.trim().lines().count(), 1, "{arguments:?} {}", said.stderr);
        assert!(!said.stderr.contains("Error("), "{}", said.stderr);
    }
    let nowhere = cli(["user", "create", "x", "--email", "x@example.org", "--data", "/nonexistent/outlast"]);
    assert!(nowhere.failure().contains("/nonexistent/outlast"));
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let mut world = World::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_outlast"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&world.site.data);
    let mut second = crate::common::Process::start(command, &world.path("second.log"));
    crate::common::wait_until("the second server ends", 20, || second.ended().is_some());
    assert!(!second.ended().unwrap().success());
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    assert!(world.process().ended().is_none());
}

#[test]
fn the_trial_needs_no_options_and_says_that_it_is_practice() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("outlast-data");
    let mut site = Site::start(&data, &[]);
    assert!(site.recovery_key().is_file());
    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(log.contains("recovery-key.txt") && log.to_lowercase().contains("practice"), "{log}");
    site.cli(&["user", "create", "ann", "--email", "a@example.org"]).success();
    let token = site.cli(&["token", "create", "ann", "--scope", "repo:read,repo:write,repo:create"]).success();
    let git = Git::init(&dir.path().join("work"), "sha1");
    git.commit("a", "first\n");
    git.run(["remote", "add", "origin", &site.url("ann/first", Some(("ann", token.trim())))]).success();
    // Push to create.
    let output = push(&git, &["HEAD"]);
    assert!(output.ok && output.stderr.contains("outlast: held by"), "{}", output.stderr);
    site.stop();
    // With the data gone, the practice vaults bring it back.
    let key = dir.path().join("key");
    std::fs::rename(site.recovery_key(), &key).unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    let vaults = dir.path().join("outlast-data-practice-vaults");
    assert!(vaults.join("north/recover.url").is_file());
}
