//! The recovery keys are replaced: by officers, through each vault's owner, and by nobody who has the site alone.

use crate::common::{Site, World, cli, wait_until};
use crate::guarded::{guarded, order_of, sign, state};
use std::path::Path;

const VAULTS: [&str; 3] = ["eu", "us", "asia"];

/// An order for these new keys, made `how`, carried out at the site; the file with its signatures.
fn ordered(world: &World, keys: &[&str], how: &[&str]) -> String {
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    let mut arguments = vec!["officer".to_owned(), "rotate".to_owned()];
    for key in keys {
        let made = cli([&["officer", "renew", "--out", &path(key)], how].concat()).success();
        assert!(made.contains("age1") && !made.contains("AGE-SECRET"), "{made}");
        arguments.push(path(&format!("{key}/recovery-public.txt")));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let order = order_of(&world.site.cli(&arguments).success());
    let signed = path("order.signed");
    let early = world.site.cli(&["order", "show", &order, "--signed", &signed]).failure();
    assert!(early.contains("is pending"), "{early}");
    ["olga", "omar"].iter().for_each(|officer| sign(world, &order, officer));
    wait_until("the order is carried out", 30, || state(world, &order) == "executed");
    world.site.cli(&["order", "show", &order, "--signed", &signed]).success();
    signed
}

/// What each vault's owner does on the vault's machine.
fn owners(world: &World, signed: &str) {
    let officer = |name: &str| {
        let text = std::fs::read_to_string(world.path(name)).unwrap();
        let key = text.split_whitespace().find(|word| word.starts_with("outlast-officer-key:")).unwrap();
        format!("{name}={key}")
    };
    let officers = ["olga", "omar", "otto"].map(officer);
    for vault in &world.vaults {
        let dir = vault.dir.to_str().unwrap();
        let refused = cli(["vault", "order", signed, "--dir", dir]).failure();
        assert!(refused.contains("no officers yet"), "{refused}");
        let written = ["vault", "officers", "--dir", dir, "--needed", "2", "--delay", "0s"].map(str::to_owned);
        cli(written.iter().chain(&officers)).success();
        let taken = cli(["vault", "order", signed, "--dir", dir]).success();
        assert!(taken.contains("Replace the recovery keys") && taken.contains("its time has come"), "{taken}");
    }
}

#[test]
fn officers_replace_the_recovery_key_by_two_each_of_which_opens_everything() {
    let mut world = guarded();
    let git = world.repository("code");
    world.push(&git, &["HEAD:refs/heads/main"]);
    let old = world.take_recovery_key();
    let signed = ordered(&world, &["one", "two"], &["--whole"]);
    world.site.stop();

    let refused = world.recover(&VAULTS, &old, &world.path("refused"), &["--order", &signed]).failure();
    assert!(refused.contains("keeps the recovery keys that it knows"), "{refused}");
    let key = |name: &str| world.path(name).join("recovery-key.txt");
    let stranger = world.recover(&VAULTS, &key("one"), &world.path("stranger"), &[]).failure();
    assert!(stranger.contains("begun with this recovery key"), "{stranger}");
    owners(&world, &signed);
    let to = world.path("rotated");
    let said = world.recover(&VAULTS, &old, &to, &["--order", &signed, "--keep-credentials"]).success();
    assert!(said.contains("the recovery key was replaced") && said.matches("age1").count() == 2, "{said}");

    let (one, two) = (key("one"), key("two"));
    world.site = Site::start(&to, &[]);
    git.commit("more", "sealed to the new keys\n");
    git.run(["remote", "set-url", "origin", &world.url("ann/code")]).success();
    world.push(&git, &["HEAD:refs/heads/main"]);
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    let drill = world.site.cli(&["drill"]);
    assert!(drill.ok, "{drill:?}");
    world.site.kill();
    std::fs::remove_dir_all(&to).unwrap();

    let replaced = world.recover(&VAULTS, &old, &world.path("by-old"), &[]).failure();
    assert!(replaced.contains("was replaced at entry"), "{replaced}");
    for (name, key) in [("by-one", &one), ("by-two", &two)] {
        let said = world.recover(&VAULTS, key, &world.path(name), &["--full"]).success();
        assert!(said.contains("1 refs as the journal has them"), "{said}");
        let verified = world.vaults[0].verify(Some(key));
        assert!(verified.ok, "{verified:?}");
    }
}

#[test]
fn when_the_recovery_key_is_lost_officers_and_the_site_itself_make_a_new_one() {
    let mut world = guarded();
    let git = world.repository("code");
    world.push(&git, &["HEAD:refs/heads/main"]);
    std::fs::remove_file(world.take_recovery_key()).unwrap();
    let signed = ordered(&world, &["new"], &["--whole"]);
    owners(&world, &signed);
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    world.site.stop();
    let (new, site) = (world.path("new/recovery-key.txt"), world.site.data.to_str().unwrap().to_owned());
    let to = world.path("rotated");
    world.recover(&VAULTS, &new, &to, &["--order", &signed, "--site", &site]).success();
    std::fs::remove_dir_all(&site).unwrap();
    std::fs::remove_dir_all(&to).unwrap();
    let said = world.recover(&VAULTS, &new, &world.path("again"), &["--full"]).success();
    assert!(said.contains("1 refs as the journal has them"), "{said}");
}

#[test]
fn shares_are_replaced_by_others_and_the_old_ones_begin_no_epoch_any_more() {
    let mut world = guarded();
    let git = world.repository("code");
    world.push(&git, &["HEAD:refs/heads/main"]);
    let base = world.dir.path().to_owned();
    let file = |dir: &str, name: &str| base.join(dir).join(name).to_str().unwrap().to_owned();
    let share = |dir: &str, number: u8| file(dir, &format!("share-{number}.txt"));
    let whole = world.take_recovery_key();
    let old = world.path("old").to_str().unwrap().to_owned();
    cli(["officer", "split", "--key", whole.to_str().unwrap(), "--shares", "2/3", "--out", &old]).success();
    std::fs::remove_file(whole).unwrap();
    world.site.cli(&["officer", "share", "publish", &file("old", "recovery-public.txt")]).success();
    let signed = ordered(&world, &["new"], &["--shares", "2/3"]);
    let early = world.site.cli(&["officer", "share", "publish", &file("new", "recovery-public.txt")]).failure();
    assert!(early.contains("another recovery key"), "it is ordered, and not yet in force: {early}");
    world.site.stop();
    owners(&world, &signed);

    let recover = |world: &World, shares: &[String], to: &str, more: &[&str]| {
        let rest: Vec<_> = shares[1..].iter().flat_map(|share| ["--key", share]).collect();
        world.recover(&VAULTS, Path::new(&shares[0]), &world.path(to), &[&rest, more].concat())
    };
    let olds = [share("old", 1), share("old", 3)];
    let said = recover(&world, &olds, "rotated", &["--order", &signed, "--keep-credentials"]).success();
    assert!(said.contains("the recovery key was replaced") && said.matches("age1").count() == 1, "{said}");
    let to = world.path("rotated");
    world.site = Site::start(&to, &[]);
    git.commit("more", "sealed to the new key\n");
    git.run(["remote", "set-url", "origin", &world.url("ann/code")]).success();
    world.push(&git, &["HEAD:refs/heads/main"]);

    // The site knows the new shares from now on, and the old ones no more.
    world.site.cli(&["officer", "share", "publish", &file("new", "recovery-public.txt")]).success();
    assert!(world.site.cli(&["officer", "share", "verify", &share("new", 2)]).success().contains("share 2 of 3: good"));
    let stale = world.site.cli(&["officer", "share", "verify", &share("old", 2)]);
    assert!(!stale.ok && stale.stdout.contains("ANOTHER KEY"), "{stale:?}");
    let stale = world.site.cli(&["officer", "share", "publish", &file("old", "recovery-public.txt")]).failure();
    assert!(stale.contains("another recovery key"), "{stale}");
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    world.site.kill();
    std::fs::remove_dir_all(&to).unwrap();

    let one = recover(&world, &[share("new", 2)], "again", &[]).failure();
    assert!(one.contains("1 of the 2") && one.contains("bring 1 more"), "{one}");
    let mixed = recover(&world, &[share("new", 2), share("old", 3)], "again", &[]).failure();
    assert!(mixed.contains("of different keys"), "{mixed}");
    let replaced = recover(&world, &olds, "again", &[]).failure();
    assert!(replaced.contains("was replaced at entry"), "{replaced}");
    // One as the sheet's words, typed; one as its code.
    let sheet = std::fs::read_to_string(share("new", 1)).unwrap();
    let words = sheet.lines().filter_map(|line| line.strip_prefix("# ").filter(|line| line.split(' ').count() == 5));
    let typed = world.path("typed").to_str().unwrap().to_owned();
    std::fs::write(&typed, words.flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
    let news = [typed, share("new", 3)];
    let said = recover(&world, &news, "recovered", &["--full"]).success();
    assert!(said.contains("epoch 3 begins") && said.contains("1 refs as the journal has them"), "{said}");
}
