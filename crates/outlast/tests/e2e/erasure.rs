//! A repository's content is erased by order of officers: at the site, and at each vault by its owner; by nothing less.

use crate::buckets::bucket;
use crate::common::{Git, Said, Site, Vault, VaultStart, World, cli, request, wait_until};
use crate::guarded::{found, guarded, order_of, sign, signature, state};
use crate::svn::{Svn, create, layout, work};
use journal::batch::Batch;
use journal::{BlobName, Hash};
use std::collections::BTreeMap;
use std::path::Path;

const VAULTS: [&str; 3] = ["eu", "us", "asia"];

/// An order that two officers have signed and that was carried out at the site.
fn carried_out(world: &World, asked: &str) -> String {
    let order = order_of(asked);
    ["olga", "omar"].iter().for_each(|officer| sign(world, &order, officer));
    wait_until("the order is carried out", 30, || state(world, &order) == "executed");
    order
}

fn ask(world: &World, act: &[&str]) -> Said {
    world.site.cli(&[&["order", "ask"], act].concat())
}

/// So many bytes that are in no other text.
fn text_of(name: &str, bytes: usize) -> String {
    (0..bytes / 64).map(|at| Hash::of(format!("{name}{at}").as_bytes()).to_string()).collect()
}

fn commit_bytes(git: &Git, name: &str, bytes: usize) {
    git.commit(name, &text_of(name, bytes));
}

/// The bytes of each of these blobs as a vault keeps them, in a file or in a batch.
fn kept(vault: &Vault, names: &[BlobName]) -> BTreeMap<BlobName, Vec<u8>> {
    let mut found = BTreeMap::new();
    let files = vault.stored("blob").into_iter().map(|path| std::fs::read(path).unwrap());
    found.extend(files.map(|bytes| (BlobName::of(&bytes), bytes)));
    for path in vault.stored("segment") {
        let bytes = std::fs::read(path).unwrap();
        let mut at = 0;
        while let Some(header) = bytes.get(at..at + 44) {
            let len = u32::from_be_bytes(header[4..8].try_into().unwrap()) as usize;
            let batch = Batch::decode(&bytes[at + 44..at + 44 + len]).unwrap();
            found.extend(batch.inline.into_iter().map(|bytes| (BlobName::of(&bytes), bytes)));
            at += 44 + len;
        }
    }
    found.retain(|name, _| names.contains(name));
    found
}

/// Whether any file of a vault's has these bytes in it.
fn holds(vault: &Vault, needle: &[u8]) -> bool {
    let files = ["blob", "segment", "epoch", "erasure"].into_iter().flat_map(|kind| vault.stored(kind));
    files.into_iter().any(|path| std::fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle))
}

fn names_in(list: &Path) -> Vec<BlobName> {
    let text = std::fs::read_to_string(list).unwrap();
    text.lines().skip(3).map(|line| line.split_once(' ').unwrap().1.parse().unwrap()).collect()
}

/// What a vault's owner writes down, on the vault's machine.
fn officers(world: &World, vault: &str, delay: &str) {
    let officer = |name: &str| {
        let text = std::fs::read_to_string(world.path(name)).unwrap();
        let key = text.split_whitespace().find(|word| word.starts_with("outlast-officer-key:")).unwrap();
        format!("{name}={key}")
    };
    let dir = dir(world, vault);
    let written = ["vault", "officers", "--dir", &dir, "--needed", "2", "--delay", delay].map(str::to_owned);
    cli(written.into_iter().chain(["olga", "omar", "otto"].map(officer))).success();
}

fn dir(world: &World, vault: &str) -> String {
    world.vaults.iter().find(|known| known.name == vault).unwrap().dir.to_str().unwrap().to_owned()
}

struct Ordered {
    number: String,
    signed: String,
    list: String,
}

fn hand_over(world: &World, vault: &str, order: &Ordered) -> Said {
    cli(["vault", "order", &order.signed, "--list", &order.list, "--dir", &dir(world, vault)])
}

fn erase(world: &World, vault: &str, order: &Ordered, out: &Path) -> Said {
    cli(["vault", "erase", &order.signed, "--dir", &dir(world, vault), "--out", out.to_str().unwrap()])
}

/// How many repositories lie on the site's disk.
fn on_disk(world: &World) -> usize {
    let svn = std::fs::read_dir(world.site.data.join("svn")).into_iter().flatten().flatten();
    world.site.repositories().len() + svn.filter(|entry| entry.path().join("repo").is_dir()).count()
}

/// ann/secret is deleted, forgotten, and ordered to be erased; the site has done its half.
fn ordered(world: &World) -> Ordered {
    let alive = ask(world, &["erase", "ann/secret"]).failure();
    assert!(alive.contains("deleted repository ann/secret"), "{alive}");
    let before = on_disk(world);
    carried_out(world, &world.site.cli(&["repo", "delete", "ann/secret"]).success());
    let trash: serde_json::Value =
        serde_json::from_str(&world.site.cli(&["trash", "list", "--json"]).success()).unwrap();
    assert_eq!(on_disk(world), before, "what is in the trash is kept whole");
    carried_out(world, &ask(world, &["trash-empty", &trash[0]["id"].to_string()]).success());
    wait_until("its directory is gone", 30, || on_disk(world) == before - 1);

    let asked = ask(world, &["erase", "ann/secret"]).success();
    assert!(asked.contains("names, paths, messages) stays: they are the log"), "{asked}");
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    let (signed, list, number) = (path("erase.signed"), path("erase.list"), order_of(&asked));
    world.site.cli(&["order", "show", &number, "--list", &list]).success();
    let hash = Hash::of(&std::fs::read(&list).unwrap()).to_string();
    assert!(asked.contains(&hash), "officers sign the list's hash: {hash} in {asked}");
    let early = world.site.cli(&["order", "show", &number, "--signed", &signed]).failure();
    assert!(early.contains("is pending"), "{early}");
    carried_out(world, &asked);
    world.site.cli(&["order", "show", &number, "--signed", &signed]).success();
    assert!(ask(world, &["erase", "ann/secret"]).failure().contains("deleted repository"), "once");
    Ordered { number, signed, list }
}

#[test]
fn what_officers_order_is_gone_from_the_vault_whose_owner_carries_it_out_and_all_else_comes_back() {
    let mut world = guarded();
    let secret = world.repository("secret");
    world.push(&secret, &["HEAD:refs/heads/main"]);
    commit_bytes(&secret, "large", 900_000);
    world.push(&secret, &["HEAD:refs/heads/main"]);
    let other = world.repository("other");
    commit_bytes(&other, "large", 900_000);
    world.push(&other, &["HEAD:refs/heads/main"]);
    let order = ordered(&world);
    let names = names_in(Path::new(&order.list));
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    let bytes = kept(world.vault("eu"), &names);
    assert_eq!((bytes.len(), names.len()), (2, 2), "a small one in a batch and a large one in a file");
    assert!(bytes.values().any(|bytes| bytes.len() < 1 << 18) && bytes.values().any(|bytes| bytes.len() > 1 << 18));

    // The owner of one vault: not yet, not while it runs, and then yes.
    let record = world.path("record");
    officers(&world, "eu", "1h");
    let taken = hand_over(&world, "eu", &order).success();
    assert!(taken.contains("Erase the content") && taken.contains("waits for 3600 s"), "{taken}");
    let running = erase(&world, "eu", &order, &record).failure();
    assert!(running.contains("is being served"), "{running}");
    world.vault("eu").stop();
    let early = erase(&world, "eu", &order, &record).failure();
    assert!(early.contains("s more of this vault's running"), "{early}");
    let bare = cli(["vault", "order", &order.signed, "--dir", &dir(&world, "us")]).failure();
    assert!(bare.contains("no officers yet"), "{bare}");
    assert!(bytes.values().all(|bytes| holds(world.vault("eu"), bytes)), "nothing went");
    officers(&world, "eu", "0s");
    let done = erase(&world, "eu", &order, &record).success();
    assert!(done.contains("2 blobs of") && done.contains("outlast-officer-key:"), "{done}");
    assert!(!bytes.values().any(|bytes| holds(world.vault("eu"), bytes)), "their bytes are gone");
    world.vault("eu").resume(VaultStart::Plain);

    // The owner of another hands over an officer's veto, and it stays there.
    officers(&world, "us", "0s");
    hand_over(&world, "us", &order).success();
    let veto = signature(&world, &order.number, "veto", "otto");
    cli(["vault", "order", &veto, "--dir", &dir(&world, "us")]).success();
    world.vault("us").stop();
    let vetoed = erase(&world, "us", &order, &world.path("never")).failure();
    assert!(vetoed.contains("vetoed"), "{vetoed}");
    assert!(bytes.values().all(|bytes| holds(world.vault("us"), bytes)));
    world.vault("us").resume(VaultStart::Plain);

    checked(&mut world, &record);
    comes_back(&mut world, &secret, &other);
}

/// What anybody sees: the record proves what was erased, and the vaults agree but for that.
fn checked(world: &mut World, record: &Path) {
    let officers = format!("{}/private/officers", dir(world, "eu"));
    let policy = world.path("policy");
    std::fs::write(&policy, world.site.get("/log/policy").text()).unwrap();
    let pinned = ["--policy", policy.to_str().unwrap(), "--officers", &officers];
    let good = cli([&["verify", record.to_str().unwrap()][..], &pinned].concat()).success();
    assert!(good.contains("2 blobs of") && good.contains("ann/secret"), "{good}");
    let text = std::fs::read_to_string(record).unwrap();
    let tampered = world.path("tampered");
    for (from, to) in
        [(" erased", " absent"), ("repository ", "repository 1"), ("signature:approve:", "signature:veto:")]
    {
        assert!(text.contains(from));
        std::fs::write(&tampered, text.replacen(from, to, 1)).unwrap();
        let refused = cli([&["verify", tampered.to_str().unwrap()][..], &pinned].concat()).failure();
        assert!(refused.contains("NOT PROVED"), "{refused}");
    }

    let doctor = world.site.cli(&["doctor"]).stdout;
    assert!(doctor.contains("vault us still has what order"), "{doctor}");
    assert!(doctor.contains("vault asia still has") && !doctor.contains("vault eu still has"), "{doctor}");
    let (eu, us) = (world.vault("eu").recover_url(), world.vault("us").recover_url());
    let lawless = cli(["drill", "--blind", "--vault", &eu]);
    assert!(!lawless.ok && lawless.stdout.contains("is missing; the vault shows order"), "{lawless:?}");
    let blind = cli(["drill", "--blind", "--vault", &eu, "--officers", &officers]);
    assert!(blind.ok && blind.stdout.contains("2 blobs are lawfully missing"), "{blind:?}");
    let both = cli(["verify", "--vault", &eu, "--vault", &us, "--officers", &officers]);
    assert!(both.ok && both.stdout.contains("both possess what they were asked for"), "{both:?}");
    for vault in ["eu", "us"] {
        let url = world.vault(vault).recover_url();
        let full = world.site.cli(&["drill", "--vault", &url]);
        assert!(full.ok, "{vault}: {full:?}");
    }
}

/// The site burns: from the vault that has erased it all else comes back, and what is missing besides is told.
fn comes_back(world: &mut World, secret: &Git, other: &Git) {
    other.commit("more", "after the erasure\n");
    world.push(other, &["HEAD:refs/heads/main"]);
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("alone");
    let said = world.recover(&["eu"], &key, &to, &["--full", "--keep-credentials"]).success();
    assert!(said.contains("1 repositories filled and checked") && said.contains("1 refs as the journal"), "{said}");
    let others = ["us", "asia"].map(|name| world.vault(name).site_url());
    world.site = Site::start(&to, &others);
    other.run(["remote", "set-url", "origin", &world.url("ann/other")]).success();
    other.commit("again", "in the recovered site\n");
    world.push(other, &["HEAD:refs/heads/main"]);
    assert!(!secret.run(["ls-remote", &world.url("ann/secret")]).ok);
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    let own = world.site.cli(&["drill", "--blind"]);
    assert!(own.ok, "the journal says what may be missing: {own:?}");
    world.site.kill();
    for (name, from) in [("mixed", &["eu", "us"][..]), ("whole", &["asia"])] {
        let said = world.recover(from, &key, &world.path(name), &["--full"]).success();
        assert!(said.contains("1 repositories filled and checked"), "{said}");
    }

    let lost = world.vault("eu").stored("blob").into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    std::fs::remove_file(&lost).unwrap();
    let said = world.recover(&["eu"], &key, &world.path("lacking"), &["--full"]);
    assert!(!said.ok || said.stdout.contains("problem"), "{said:?}");
    let officers = format!("{}/private/officers", dir(world, "eu"));
    let blind = cli(["drill", "--blind", "--vault", &world.vault("eu").recover_url(), "--officers", &officers]);
    let name = lost.file_name().unwrap().to_str().unwrap();
    assert!(!blind.ok && blind.stdout.contains(&format!("blob {name} is missing")), "{blind:?}");
}

#[test]
fn a_moment_before_an_erasure_shows_all_but_what_was_erased_and_says_by_which_order() {
    let mut world = guarded();
    let secret = world.repository("secret");
    world.push(&secret, &["HEAD:refs/heads/main"]);
    let other = world.repository("other");
    let moment = world.push(&other, &["HEAD:refs/heads/main"]).entry.to_string();
    let order = ordered(&world);
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    officers(&world, "eu", "0s");
    hand_over(&world, "eu", &order).success();
    world.vault("eu").stop();
    erase(&world, "eu", &order, &world.path("record")).success();
    world.vault("eu").resume(VaultStart::Plain);
    let key = world.take_recovery_key();
    world.site.kill();

    let to = world.path("past");
    let said = world.recover(&["eu"], &key, &to, &["--full", "--keep-credentials", "--at", &moment]).success();
    let erased = format!("the content of ann/secret was erased by order {} (entry ", order.number);
    assert!(said.contains("a VIEW as of entry") && said.contains(&erased), "{said}");
    assert!(said.contains("1 repositories filled and checked"), "{said}");
    assert!(said.contains("the content of 1 more was erased by order"), "{said}");
    let view = Site::start(&to, &[]);
    let url = |name: &str| view.url(name, Some(("ann", &world.token)));
    let copy = Git::at(&world.path("copy"));
    copy.run(["clone", "-q", &url("ann/other"), copy.dir.to_str().unwrap()]).success();
    copy.fsck();
    let refused = secret.run(["ls-remote", &url("ann/secret")]).failure();
    assert!(refused.contains(&erased) && refused.contains("all other repositories can be read"), "{refused}");
    let bearer = format!("Bearer {}", world.token);
    let branches = "/api/v1/repos/ann/secret/branches";
    let gone = request(&view.address, "GET", branches, &[("Authorization", &bearer)], b"").unwrap();
    assert!(gone.status == 410 && gone.text().contains(&erased), "{} {}", gone.status, gone.text());
    drop(view);

    // A vault that has not carried it out gives it still, and what is ordered is told all the same.
    let to = world.path("elsewhere");
    let said = world.recover(&["us"], &key, &to, &["--full", "--at", &moment]).success();
    assert!(said.contains(&erased) && said.contains("2 repositories filled and checked"), "{said}");
    // Before that there was nothing, and after it there is nothing to tell.
    for at in ["1", order.number.as_str()] {
        let to = world.path(&format!("at-{at}"));
        let said = world.recover(&["eu"], &key, &to, &["--at", at]).success();
        assert!(said.contains("a VIEW as of entry") && !said.contains("was erased"), "{at}: {said}");
    }
}

#[test]
fn a_repository_of_subversion_is_erased_with_its_directory_and_the_view_that_git_had() {
    let mut world = guarded();
    let svn = Svn::of(&world);
    let url = create(&world, "secret");
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 4);
    std::fs::write(wc.join("large"), text_of("large", 900_000)).unwrap();
    svn.ok(&wc, &["add", "-q", "large"]);
    svn.ok(&wc, &["commit", "-q", "-m", "a large file"]);
    let other = create(&world, "other");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "kept", &format!("{other}/trunk")]);
    let [_, refs] =
        ["secret", "other"].map(|name| Git::at(world.dir.path()).refs_of(&world.url(&format!("ann/{name}"))));
    let views = |world: &World| std::fs::read_dir(world.site.data.join("svn-git")).unwrap().count();
    assert_eq!((on_disk(&world), views(&world)), (2, 2));
    let order = ordered(&world);
    wait_until("its view is gone", 30, || views(&world) == 1);
    assert!(!svn.run(world.dir.path(), ["info", &url]).ok);

    let names = names_in(Path::new(&order.list));
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    let bytes = kept(world.vault("eu"), &names);
    assert_eq!(bytes.len(), names.len());
    assert!(bytes.len() > 5 && bytes.values().any(|bytes| bytes.len() > 1 << 18), "small ones and a large one");
    officers(&world, "eu", "0s");
    hand_over(&world, "eu", &order).success();
    world.vault("eu").stop();
    erase(&world, "eu", &order, &world.path("record")).success();
    assert!(!bytes.values().any(|bytes| holds(world.vault("eu"), bytes)), "their bytes are gone");
    world.vault("eu").resume(VaultStart::Plain);

    let officers = format!("{}/private/officers", dir(&world, "eu"));
    let blind = cli(["drill", "--blind", "--vault", &world.vault("eu").recover_url(), "--officers", &officers]);
    assert!(blind.ok && blind.stdout.contains("are lawfully missing"), "{blind:?}");
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    let said = world.recover(&["eu"], &key, &to, &["--full", "--keep-credentials"]).success();
    assert!(said.contains("1 repositories filled and checked"), "{said}");
    world.site = Site::start(&to, &["us", "asia"].map(|name| world.vault(name).site_url()));
    let address = world.site.address.clone();
    let at = |name: &str| format!("http://{address}/ann/{name}.svn");
    let git = Git::at(world.dir.path());
    assert_eq!(git.refs_of(&world.url("ann/other")), refs);
    assert!(svn.ok(world.dir.path(), &["log", "-q", &at("other")]).contains("r1 | ann"));
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "on", &format!("{}/more", at("other"))]);
    assert!(!svn.run(world.dir.path(), ["info", &at("secret")]).ok);
    assert!(!git.run(["ls-remote", &world.url("ann/secret")]).ok);
}

/// That it goes when the lock has run out, in days here, is tried by `crates/vault/tests/erasure.rs`, where locks are of seconds.
#[test]
fn in_a_bucket_of_radosgw_it_waits_for_its_lock_and_nobody_is_given_it() {
    let Some(url) = bucket("e2e-erasure") else { return };
    let world = World::with_vaults(|dir, name| match name {
        "eu" => Vault::start_in_bucket(dir, name, &url),
        _ => Vault::start(dir, name),
    });
    let mut world = found(world, &["--delay", "1s"]);
    let secret = world.repository("secret");
    world.push(&secret, &["HEAD:refs/heads/main"]);
    commit_bytes(&secret, "large", 900_000);
    let moment = world.push(&secret, &["HEAD:refs/heads/main"]).entry.to_string();
    let other = world.repository("other");
    world.push(&other, &["HEAD:refs/heads/main"]);
    let order = ordered(&world);
    VAULTS.iter().for_each(|vault| world.await_caught_up(vault));
    officers(&world, "eu", "0s");
    hand_over(&world, "eu", &order).success();
    let (dir, record) = (dir(&world, "eu"), world.path("record"));
    let erase = ["vault", "erase", &order.signed, "--dir", &dir, "--s3", &url, "--out", record.to_str().unwrap()];
    assert!(cli(erase).failure().contains("is being served"));
    world.vault("eu").stop();
    let done = cli(erase).success();
    assert!(done.contains("0 blobs of 0 bytes are erased"), "{done}");
    assert!(done.contains("2 wait behind a lock until ") && done.contains("carry out the order again then"), "{done}");
    assert_eq!(cli(erase).success().lines().nth(1), done.lines().nth(1), "again, before that, it is the same");
    world.vault("eu").resume(VaultStart::Plain);

    let officers = format!("{dir}/private/officers");
    let verified = cli(["verify", record.to_str().unwrap(), "--officers", &officers]).success();
    assert!(verified.contains("2 wait behind a lock until "), "{verified}");
    let vault = world.vault("eu").recover_url();
    let blind = cli(["drill", "--blind", "--vault", &vault, "--officers", &officers]);
    assert!(blind.ok && blind.stdout.contains("2 blobs are lawfully missing"), "{blind:?}");
    let full = world.site.cli(&["drill", "--vault", &vault]);
    assert!(full.ok, "{full:?}");
    let key = world.take_recovery_key();
    world.site.kill();
    let past = world.recover(&["eu"], &key, &world.path("past"), &["--full", "--at", &moment]).success();
    let erased = format!("the content of ann/secret was erased by order {} (entry ", order.number);
    assert!(past.contains(&erased), "{past}");
    let said = world.recover(&["eu"], &key, &world.path("recovered"), &["--full", "--keep-credentials"]).success();
    assert!(said.contains("1 repositories filled and checked"), "{said}");
}
