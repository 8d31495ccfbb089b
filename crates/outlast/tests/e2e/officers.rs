//! Officers make the recovery key in shares on a machine of theirs; the site never has it, and two of three bring it back.

use crate::common::{Git, OUTLAST, Process, Said, Vault, cli, cli_with, held, request, wait_until};
use std::path::Path;
use std::process::Command;

fn officer(arguments: &[&str]) -> Said {
    cli(["officer"].iter().chain(arguments))
}

/// A site that begins with what the officers made, at three vaults.
fn site(data: &Path, start: &Path, vaults: &[Vault]) -> (Process, String) {
    let mut command = Command::new(OUTLAST);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).arg("--recovery-recipient").arg(start);
    for vault in vaults {
        command.args(["--vault", &vault.site_url()]);
    }
    let mut process = Process::start(command, &data.with_extension("log"));
    let listening = data.join("listening.json");
    let address = process.await_ready(|| {
        let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&listening).ok()?).ok()?;
        Some(value.get("http")?.as_str()?.to_owned())
    });
    wait_until("a quorum answers", 30, || {
        request(&address, "GET", "/healthz", &[], b"").is_ok_and(|a| a.status == 200)
    });
    (process, address)
}

#[test]
fn the_recovery_key_is_never_on_the_site_and_any_two_shares_recover_it() {
    let dir = tempfile::Builder::new().prefix("outlast-e2e-").tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let made = officer(&["init", "--shares", "2/3", "--out", &path("safe")]).success();
    assert!(made.contains("any 2 of the 3") && !made.contains("AGE-SECRET-KEY"), "{made}");
    let pdf = std::fs::read(path("safe/share-2.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.4") && pdf.ends_with(b"%%EOF\n"));
    assert!(officer(&["init", "--out", &path("safe")]).failure().contains("not there yet"));

    let vaults: Vec<_> = ["eu", "us", "asia"].map(|name| Vault::start(&dir.path().join(name), name)).into();
    let data = dir.path().join("site");
    let (mut process, address) = site(&data, Path::new(&path("safe/site-start.json")), &vaults);
    assert!(!data.join("recovery-key.txt").exists(), "it was never there");
    let on_site = |arguments: &[&str]| cli(arguments.iter().copied().chain(["--data", data.to_str().unwrap()]));
    on_site(&["user", "create", "ann", "--email", "ann@example.org"]).success();
    let token = on_site(&["token", "create", "ann", "--scope", "repo:write,repo:create"]).success();
    let git = Git::init(&dir.path().join("work"), "sha1");
    git.commit("README", "kept\n");
    let pushed =
        git.run(["push", &format!("http://ann:{}@{address}/ann/hello.git", token.trim()), "HEAD:refs/heads/main"]);
    assert!(held(&pushed.stderr).is_some(), "{}", pushed.stderr);

    let good = on_site(&["officer", "share", "verify", &path("safe/share-1.txt"), &path("safe/share-3.txt")]).success();
    assert!(good.contains("share 1 of 3: good") && good.contains("share 3 of 3: good"), "{good}");
    let code = std::fs::read_to_string(path("safe/share-2.txt")).unwrap();
    let words: String = code
        .lines()
        .filter(|line| line.split(' ').count() == 6 && line.starts_with("# "))
        .map(|line| format!("{}\n", &line[2..]))
        .collect();
    let typed =
        cli_with(["officer", "share", "verify", "-", "--public", &path("safe/recovery-public.txt")], &words).success();
    assert!(typed.contains("share 2 of 3: good"), "{typed}");
    let wrong = cli_with(
        ["officer", "share", "verify", "-", "--public", &path("safe/recovery-public.txt")],
        &words.replacen('b', "d", 1),
    );
    assert!(!wrong.ok && wrong.stdout.contains("something is wrong"), "{wrong:?}");

    process.kill();
    std::fs::remove_dir_all(&data).unwrap();
    let recover = |keys: &[&str], to: &str, input: &str| {
        let mut arguments = vec!["recover".to_owned(), "--full".to_owned(), "--to".to_owned(), path(to)];
        vaults.iter().for_each(|vault| arguments.extend(["--vault".to_owned(), vault.recover_url()]));
        keys.iter().for_each(|key| arguments.extend(["--key".to_owned(), (*key).to_owned()]));
        cli_with(arguments, input)
    };
    let one = recover(&[&path("safe/share-1.txt")], "again", "").failure();
    assert!(one.contains("1 of the 2") && one.contains("bring 1 more"), "{one}");
    let back = recover(&[&path("safe/share-3.txt"), "-"], "again", &words).success();
    assert!(back.contains("epoch 2 begins") && back.contains("1 refs as the journal has them"), "{back}");
    assert!(!dir.path().join("again/recovery-key.txt").exists());
}

#[test]
fn a_site_that_had_its_key_in_a_file_goes_over_to_shares() {
    let dir = tempfile::Builder::new().prefix("outlast-e2e-").tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let data = dir.path().join("site");
    let on_site = |arguments: &[&str]| cli(arguments.iter().copied().chain(["--data", data.to_str().unwrap()]));
    let vaults: Vec<_> = ["eu", "us", "asia"].map(|name| Vault::start(&dir.path().join(name), name)).into();
    let site = crate::common::Site::start(&data, &vaults.iter().map(Vault::site_url).collect::<Vec<_>>());
    let key = site.recovery_key().to_str().unwrap().to_owned();
    officer(&["split", "--key", &key, "--shares", "3/5", "--out", &path("safe")]).success();
    on_site(&["officer", "share", "publish", &path("safe/recovery-public.txt")]).success();
    on_site(&["officer", "share", "verify", &path("safe/share-5.txt")]).success();
    officer(&["init", "--out", &path("other")]).success();
    let refused = on_site(&["officer", "share", "publish", &path("other/recovery-public.txt")]).failure();
    assert!(refused.contains("another recovery key"), "{refused}");
    let foreign = on_site(&["officer", "share", "verify", &path("other/share-1.txt")]);
    assert!(!foreign.ok && foreign.stdout.contains("ANOTHER KEY"), "{foreign:?}");
}

#[test]
fn a_site_begins_with_several_recovery_keys_each_of_which_is_enough() {
    let dir = tempfile::Builder::new().prefix("outlast-e2e-").tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    officer(&["renew", "--whole", "--out", &path("deputy")]).success();
    officer(&["renew", "--shares", "2/2", "--out", &path("board")]).success();
    let (deputy, board) = (path("deputy/recovery-public.txt"), path("board/recovery-public.txt"));
    let init = |also: &[&str]| {
        let also: Vec<_> = also.iter().flat_map(|file| ["--also", file]).collect();
        officer(&[&["init", "--shares", "2/3", "--out", &path("safe")], &also[..]].concat())
    };
    for (also, why) in [
        (&[path("deputy/recovery-key.txt").as_str()][..], "no public half"),
        (&[&path("nothing")], "cannot read"),
        (&[&deputy, &board, &deputy], "named twice"),
    ] {
        let refused = init(also).failure();
        assert!(refused.contains(why), "{why}: {refused}");
        assert!(!dir.path().join("safe").exists(), "nothing half done: {why}");
    }
    init(&[&deputy, &board]).success();

    let vaults: Vec<_> = ["eu", "us", "asia"].map(|name| Vault::start(&dir.path().join(name), name)).into();
    let data = dir.path().join("site");
    let (mut process, address) = site(&data, Path::new(&path("safe/site-start.json")), &vaults);
    let on_site = |arguments: &[&str]| cli(arguments.iter().copied().chain(["--data", data.to_str().unwrap()]));
    on_site(&["user", "create", "ann", "--email", "ann@example.org"]).success();
    let token = on_site(&["token", "create", "ann", "--scope", "repo:write,repo:create"]).success();
    on_site(&["officer", "share", "publish", &board]).success();
    on_site(&["officer", "share", "verify", &path("safe/share-2.txt"), &path("board/share-1.txt")]).success();
    let git = Git::init(&dir.path().join("work"), "sha1");
    git.commit("README", "kept\n");
    let pushed =
        git.run(["push", &format!("http://ann:{}@{address}/ann/hello.git", token.trim()), "HEAD:refs/heads/main"]);
    assert!(held(&pushed.stderr).is_some(), "{}", pushed.stderr);
    process.kill();
    std::fs::remove_dir_all(&data).unwrap();

    let recover = |keys: &[String], to: &str| {
        let mut arguments = vec!["recover".to_owned(), "--full".to_owned(), "--to".to_owned(), path(to)];
        vaults.iter().for_each(|vault| arguments.extend(["--vault".to_owned(), vault.recover_url()]));
        keys.iter().for_each(|key| arguments.extend(["--key".to_owned(), key.clone()]));
        cli(arguments)
    };
    let half = recover(&[path("board/share-2.txt")], "half").failure();
    assert!(half.contains("1 of the 2"), "{half}");
    // Each begins an epoch of its own, and in the next the others still count.
    for (epoch, keys) in [
        (2, &[path("safe/share-1.txt"), path("safe/share-3.txt")][..]),
        (3, &[path("deputy/recovery-key.txt")]),
        (4, &[path("board/share-1.txt"), path("board/share-2.txt")]),
        (5, &[path("safe/share-2.txt"), path("safe/share-1.txt")]),
    ] {
        let back = recover(keys, &format!("again-{epoch}")).success();
        assert!(back.contains(&format!("epoch {epoch} begins")), "{back}");
        assert!(back.contains("1 refs as the journal has them"), "{back}");
    }
}
