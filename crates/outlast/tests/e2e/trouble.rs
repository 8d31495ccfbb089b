//! Vaults that are dead, frozen, slow, full, or lie.

use crate::common::{Proxy, REFUSAL_MAX, VaultStart, Weather, World, freeze, held, push, wait_until};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn one_dead_vault_costs_nothing_and_catches_up() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.vault("us").kill();
    one.commit("a", "while us is dead\n");
    let held = world.push(&one, &["HEAD"]);
    assert!(!held.vaults.contains(&"us".to_owned()), "{held:?}");
    world.vault("us").resume(VaultStart::Plain);
    world.await_caught_up("us");
    let key = world.take_recovery_key();
    world.vault("us").verify(Some(&key)).success();
}

#[test]
fn one_frozen_vault_costs_nothing_and_catches_up() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.vault("eu").process().freeze();
    for n in 0..5 {
        one.commit("a", &format!("push {n} while eu is frozen\n"));
        let started = Instant::now();
        let held = world.push(&one, &["HEAD"]);
        assert!(!held.vaults.contains(&"eu".to_owned()), "{held:?}");
        let took = started.elapsed();
        assert!(took < Duration::from_secs(8), "push {n} waited for the frozen vault: {took:?}");
    }
    world.vault("eu").process().thaw();
    world.await_caught_up("eu");
}

#[test]
fn one_slow_vault_costs_nothing() {
    let mut proxy = None;
    let world = World::with_vault_urls(|vaults| {
        let slow = proxy.insert(Proxy::to(vaults[2].address()));
        let mut urls: Vec<_> = vaults.iter().map(|vault| vault.site_url()).collect();
        urls[2] = urls[2].replace(vaults[2].address(), &slow.address);
        urls
    });
    let proxy = proxy.unwrap();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    proxy.set(Weather::Slow(Duration::from_secs(3)));
    for n in 0..3 {
        one.commit("a", &format!("push {n} while asia is slow\n"));
        let held = world.push(&one, &["HEAD"]);
        assert!(!held.vaults.contains(&"asia".to_owned()), "{held:?}");
    }
    for weather in [Weather::Silent, Weather::Cut] {
        proxy.set(weather);
        one.commit("a", &format!("{weather:?}\n"));
        world.push(&one, &["HEAD"]);
    }
    proxy.set(Weather::Fair);
    world.await_caught_up("asia");
}

#[test]
fn without_a_quorum_writes_are_refused_reads_go_on_and_nothing_is_half_done() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let before = one.refs_of(&world.url("ann/one"));
    world.vault("eu").kill();
    world.vault("us").process().freeze();
    // The site may take a moment to see that us no longer answers; a write meanwhile is an error too, never an answer.
    one.commit("a", "nobody holds this\n");
    let started = Instant::now();
    let refused = push(&one, &["HEAD"]);
    let stderr = refused.clone().failure();
    assert!(started.elapsed() < REFUSAL_MAX, "{:?}", started.elapsed());
    let missing = stderr.split_once("(missing: ").and_then(|(_, rest)| Some(rest.split_once(')')?.0));
    let missing: Vec<_> = missing.unwrap_or_default().split(", ").collect();
    assert!(missing.contains(&"eu") && missing.contains(&"us"), "it should name the missing vaults:\n{stderr}");
    assert_eq!(one.refs_of(&world.url("ann/one")), before, "a ref moved that no quorum holds");
    // Once the site knows, it refuses at once.
    wait_until("healthz says so", 30, || world.site.get("/healthz").status == 503);
    let started = Instant::now();
    push(&one, &["HEAD"]).failure();
    assert!(started.elapsed() < REFUSAL_MAX, "{:?}", started.elapsed());
    // Revocations always work.
    let token = world.token.clone();
    let mut revoke = std::process::Command::new(env!("CARGO_BIN_EXE_outlast"));
    revoke.args(["token", "revoke", "-", "--data"]).arg(&world.site.data).stdin(std::process::Stdio::piped());
    let mut child = revoke.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), token.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "a revocation was refused");
    assert!(!one.run(["ls-remote", &world.url("ann/one")]).ok, "a revoked token still reads");

    world.vault("us").process().thaw();
    world.vault("eu").resume(VaultStart::Plain);
    wait_until("writable again", 30, || world.site.get("/healthz").status == 200);
    let scope = "repo:read,repo:write,repo:create";
    world.token = world.site.cli(&["token", "create", "ann", "--scope", scope]).success().trim().to_owned();
    one.run(["remote", "set-url", "origin", &world.url("ann/one")]).success();
    world.await_seen(&one, &refused);
    one.commit("a", "written again\n");
    world.push(&one, &["HEAD"]);
}

#[test]
fn a_write_not_held_in_time_says_so_and_is_held_later_once() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let tip = one.commit("a", "not held in time\n");
    // Two vaults freeze at the same moment: the site still counts on them when the push comes.
    let pids = ["eu", "us"].map(|name| world.vault(name).process().pid());
    freeze(&pids);
    let refused = push(&one, &["HEAD"]).failure();
    assert!(refused.to_lowercase().contains("not yet held"), "{refused}");
    ["eu", "us"].iter().for_each(|name| world.vault(name).process().thaw());
    wait_until("writable again", 30, || world.site.get("/healthz").status == 200);
    // Seen already or not: one more push settles it.
    let again = push(&one, &["HEAD"]);
    assert!(again.ok, "{}", again.stderr);
    wait_until("the ref is there", 20, || one.refs_of(&world.url("ann/one")).contains(&tip));
    let key = world.take_recovery_key();
    world.site.kill();
    world.recover(&["eu", "us"], &key, &world.path("recovered"), &["--full"]).success();
}

#[test]
fn a_full_vault_is_found_and_costs_nothing() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.await_caught_up("asia");
    world.vault("asia").stop();
    world.vault("asia").resume(VaultStart::FileKibMax(64));
    one.commit("big", &noise(200_000));
    let held = world.push(&one, &["HEAD"]);
    assert!(!held.vaults.contains(&"asia".to_owned()), "a full vault cosigned: {held:?}");
    for n in 0..3 {
        one.commit("a", &format!("{n}\n"));
        world.push(&one, &["HEAD"]);
    }
    // Room again: it goes on by itself, and what it kept is whole.
    world.vault("asia").kill();
    world.vault("asia").resume(VaultStart::Plain);
    world.await_caught_up("asia");
    let key = world.take_recovery_key();
    world.vault("asia").verify(Some(&key)).success();
}

#[test]
fn a_vault_that_signs_with_another_key_is_not_counted() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.await_caught_up("us");
    // A liar in us's place: us's address and TLS key, another cosigner.
    world.vault("us").stop();
    let dir = world.vault("us").dir.clone();
    let file = dir.join("private/cosigner.seed");
    let mut bytes = fs::read(&file).unwrap();
    // The file is hexadecimal digits: another one, whichever this is.
    bytes[3] = if bytes[3] == b'0' { b'1' } else { b'0' };
    fs::write(&file, bytes).unwrap();
    world.vault("us").resume(VaultStart::Plain);
    for n in 0..3 {
        one.commit("a", &format!("{n}\n"));
        let held = world.push(&one, &["HEAD"]);
        assert!(!held.vaults.contains(&"us".to_owned()), "a lie was counted: {held:?}");
    }
    // Without it and one more there is no quorum, however eagerly the liar signs.
    world.vault("asia").kill();
    one.commit("a", "eu and a liar\n");
    let answer = push(&one, &["HEAD"]);
    assert!(!answer.ok && held(&answer.stderr).is_none(), "{}", answer.stderr);
}

#[test]
fn a_vault_set_back_to_an_old_state_is_a_liar_and_not_counted() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.await_caught_up("us");
    world.vault("us").stop();
    let old = world.path("us-old");
    copy_dir(&world.vault("us").dir.clone(), &old);
    world.vault("us").resume(VaultStart::Plain);
    one.commit("a", "us loses this again\n");
    world.push(&one, &["HEAD"]);
    world.await_caught_up("us");
    world.vault("us").stop();
    let dir = world.vault("us").dir.clone();
    fs::remove_dir_all(&dir).unwrap();
    copy_dir(&old, &dir);
    world.vault("us").resume(VaultStart::Plain);
    // It cosigned what it no longer has: nobody may count on it again, and somebody should look at it.
    for n in 0..3 {
        one.commit("b", &format!("on we go {n}\n"));
        let held = world.push(&one, &["HEAD"]);
        assert!(!held.vaults.contains(&"us".to_owned()), "{held:?}");
    }
    wait_until("the log says it", 30, || fs::read_to_string(world.site.log()).unwrap().contains("the vault lies"));
    let liar = |found: &serde_json::Value| {
        let problem = found["problem"].as_str().unwrap_or_default();
        found["colour"] == "red" && problem.starts_with("vault us ") && problem.contains("the vault lies")
    };
    wait_until("the doctor sees the liar", 30, || world.site.found("vault").iter().any(liar));
}

#[test]
fn verify_finds_a_missing_blob_a_flipped_bit_and_a_cut_off_end() {
    let mut world = World::new();
    let one = world.repository("one");
    // What is small, or compresses well, travels inside the batch and not as a blob.
    one.commit("noise", &noise(400_000));
    world.push(&one, &["HEAD"]);
    for name in ["eu", "us", "asia"] {
        world.await_caught_up(name);
    }
    let key = world.take_recovery_key();
    world.vault("eu").verify(Some(&key)).success();

    let blob = world.vault("eu").stored("blob").pop().unwrap_or_else(|| panic!("no blob was stored"));
    let kept = fs::read(&blob).unwrap();
    let name = blob.file_name().unwrap().to_string_lossy().into_owned();
    fs::remove_file(&blob).unwrap();
    let found = world.vault("eu").verify(Some(&key));
    assert!(!found.ok && format!("{}{}", found.stdout, found.stderr).contains(&name[..12]), "{found:?}");
    fs::write(&blob, &kept[..kept.len() - 1]).unwrap();
    assert!(!world.vault("eu").verify(None).ok, "a blob cut short was not found");
    let mut flipped = kept.clone();
    flipped[kept.len() / 2] ^= 1;
    fs::write(&blob, &flipped).unwrap();
    assert!(!world.vault("eu").verify(None).ok, "a flipped bit in a blob was not found");
    fs::write(&blob, &kept).unwrap();
    world.vault("eu").verify(Some(&key)).success();

    // Every byte of a segment matters: some flips, spread over it.
    let segment = world.vault("eu").stored("segment").pop().unwrap();
    let kept = fs::read(&segment).unwrap();
    for n in 0..6 {
        world.vault("eu").stop();
        let mut flipped = kept.clone();
        flipped[kept.len() * n / 6 + 5] ^= 0x10;
        fs::write(&segment, &flipped).unwrap();
        world.vault("eu").resume(VaultStart::Plain);
        let found = world.vault("eu").verify(None);
        assert!(!found.ok, "flip {n} of a segment was not found: {found:?}");
    }
    // Recovery from the others does not care.
    world.site.kill();
    world.recover(&["us", "asia"], &key, &world.path("recovered"), &["--full"]).success();
}

/// Text that hardly compresses.
fn noise(letters: usize) -> String {
    let mut random = crate::common::Random(7);
    (0..letters).map(|_| char::from(b'!' + random.below(90) as u8)).collect()
}

/// Copies files and directories, no more.
pub(crate) fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_dir(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
