//! D9 to D13: lockdown, the loss of the site, and how it comes back.

use super::forger::Forger;
use super::{Story, asks, held, paper};
use crate::common::{Git, Site, Vault, cli, push, wait_until};
use crate::guarded::{order_of, signature};
use crate::svn::Svn;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vault::ClientError;

/// D9: lockdown, with no vault reachable.
pub(super) fn lockdown(story: &mut Story) {
    story.world.vaults.iter_mut().for_each(Vault::kill);
    let said = story.site().cli(&["lockdown", "--since", &story.since]).success();
    assert!(said.contains(" of x") && said.contains("of opal"), "{said}");
    let by_closure = said.lines().any(|line| line.contains("SSH key") && line.contains("of mia"));
    assert!(by_closure, "the key that Mia's session made before he came is not ended:\n{said}");
    for token in &story.loot {
        assert_eq!(asks(story.site(), token, "GET", "/api/v1/user", "").status, 401);
        let git = &story.repositories[0];
        assert!(!git.run(["ls-remote", &story.site().url("ann/code0", Some(("ann", token)))]).ok);
    }
    let (svn, dir) = (Svn::of(&story.world), story.world.dir.path());
    for token in &story.loot {
        let said = svn.named("ann", token).run(dir, ["ls", &paper(&story.world.site)]).failure();
        assert!(said.contains("Authentication failed"), "{said}");
    }
    for key in story.keys.iter().map(|key| key.at(&story.world)) {
        let (status, _, said) = key.run(&[], Some("git-upload-pack '/ann/code0.git'"));
        assert!(status == 255 && said.contains("Permission denied"), "a key of his signs nobody in: {said}");
        assert!(!svn.over(&key).run(dir, ["ls", &key.svn_url("ann/paper")]).ok);
    }
    for browser in [&story.opal, &story.mia] {
        // Signed in until then: `Story::passes`.
        assert_ne!(browser.at(story.site()).get("/-/settings").status, 200, "every session is over");
    }
    assert_eq!(asks(story.site(), &story.untouched, "GET", "/api/v1/user", "").status, 200);
    held("D9", "one lockdown, no vault reachable: his tokens and what they made are refused, Pat's is not");
    let start = story.vaults;
    story.world.vaults.iter_mut().for_each(|vault| vault.resume(start));
    for vault in ["eu", "us", "asia"] {
        story.world.await_caught_up(vault);
    }
    for spare in
        [&["token", "create", "x", "--scope", "repo:read"][..], &["user", "create", "y", "--email", "y@example.org"]]
    {
        let said = story.site().cli(spare).failure();
        assert!(said.contains("lockdown"), "the machine's socket gives no role: {said}");
    }
    held(
        "D9",
        "pages, API, Git, Subversion, SSH and the machine's socket: no door of six opens, or makes another login",
    );
    let restored = story.site().cli(&["restore", "--actor", "ann", "--since", &story.since]).success();
    // Five branches and tags that were deleted or moved, three histories, the description; the trunk of Subversion.
    assert!(restored.contains("15 put back"), "{restored}");
    assert!(restored.contains("ann/paper: 1 path of revision 3, by revision 4"), "{restored}");
    held(
        "D9",
        "one command puts back branches, tags, histories and the description, and the trunk of Subversion by a new revision",
    );
}

/// D10: root on the host, and on the vault beside it.
pub(super) fn root_on_the_host(story: &mut Story) {
    story.world.await_caught_up("us");
    story.world.await_caught_up("asia");
    for repository in story.site().repositories() {
        std::fs::remove_dir_all(repository.join("objects")).unwrap();
    }
    held("D10", "every object on the disk is removed under the running site");
    story.key = story.world.take_recovery_key();
    story.world.site.kill();
    std::fs::remove_dir_all(&story.world.site.data).unwrap();
    story.world.vault("eu").kill();
    std::fs::remove_dir_all(story.world.path("eu")).unwrap();
    held("D10", "the site, its database and the vault eu are gone; us and asia are another's");
}

/// Every file of a vault that holds entries or blobs, and its bytes.
fn stored(vault: &Vault) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = ["segment", "blob"].iter().flat_map(|kind| vault.stored(kind));
    files.map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect()
}

/// D11: the vaults, with every secret that the site had.
pub(super) fn he_attacks_the_vaults(story: &mut Story) {
    for name in ["us", "asia"] {
        let vault = story.world.vaults.iter().find(|vault| vault.name == name).unwrap();
        let before = stored(vault);
        for (what, answer) in Forger::of(story, vault).tries() {
            assert!(matches!(answer, Err(ClientError::Refused { .. })), "{name}: {what}: {answer:?}");
        }
        assert_eq!(stored(vault), before, "{name}: what was refused left nothing");
        // It ends well only if every attack was refused.
        cli(["vault", "probe", &vault.recover_url()]).success();
        let after = stored(vault);
        let lost: Vec<_> = before.iter().filter(|(file, bytes)| after.get(*file) != Some(bytes)).collect();
        assert!(lost.is_empty(), "{name}: {:?}", lost.iter().map(|(file, _)| file).collect::<Vec<_>>());
        let whole = vault.verify(Some(&story.key));
        assert!(whole.stdout.contains("everything is as it was signed"), "{}", whole.stdout);
    }
    held("D11", "with the site's own keys no second log is cosigned: no fork, no rollback, no gap, no other epoch");
    held("D11", "what a vault does not do it does for nobody; every file is as it was");
}

/// D12: it rises, and what he still has is worth nothing.
pub(super) fn it_rises(story: &mut Story) {
    let to = story.world.path("risen");
    story.world.recover(&["us", "asia"], &story.key, &to, &["--full"]).success();
    let mut risen = Site::stopped(&to);
    risen.env.clone_from(&story.world.site.env);
    risen.start_with(&[]);
    wait_until("it answers", 60, || risen.get("/healthz").status == 200 || risen.get("/").status == 200);
    for token in &story.loot {
        assert_eq!(asks(&risen, token, "GET", "/api/v1/user", "").status, 401);
    }
    cli(["verify", story.receipt.to_str().unwrap()]).success();
    held("D12", "recovered from two vaults; old receipts are good, the intruder's credentials are refused");

    for name in ["us", "asia"] {
        let vault = story.world.vaults.iter().find(|vault| vault.name == name).unwrap();
        let answer = Forger::of(story, vault).goes_on();
        assert!(
            matches!(answer, Err(ClientError::Refused { .. })),
            "{name}: the epoch that is over goes on: {answer:?}"
        );
    }
    held("D12", "with the lost site's keys nobody goes on in its epoch");

    // His copy of the site has its keys, and knows of no lockdown; but the vaults have heard of the recovery.
    let mut copy = Site::stopped(&story.stolen);
    copy.env.clone_from(&story.world.site.env);
    copy.start_with(&[]);
    let git = &story.repositories[0];
    git.commit("ransom", "mine\n");
    git.run(["remote", "set-url", "origin", &copy.url("ann/code0", Some(("ann", &story.world.token)))]).success();
    assert!(!push(git, &["main"]).ok, "a copy of the lost site still writes");
    wait_until("it knows that it is over", 60, || copy.get("/healthz").status == 503);
    copy.kill();
    held("D12", "a copy of the lost site, with all its keys, gets no cosignature");

    let lift = order_of(&risen.cli(&["lockdown", "--lift"]).success());
    story.world.site.data = to;
    for officer in ["olga", "omar"] {
        let line = signature(&story.world, &lift, "sign", officer);
        risen.cli(&["order", "sign", &lift, &line]).success();
    }
    wait_until("the lockdown is lifted", 30, || risen.cli(&["repo", "create", "pat/new"]).ok);
    let officer = risen.cli(&["token", "create", "olga", "--scope", "admin"]).success();
    let answer = asks(&risen, officer.trim(), "POST", "/api/v1/outlast/frozen/ann/unfreeze", "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let ann = risen.cli(&["token", "create", "ann", "--scope", "repo:read,repo:write"]).success();
    risen.cli(&["trash", "restore", &story.before.trashed]).success();
    let all = story.before.refs.iter().enumerate().map(|(n, refs)| (format!("ann/code{n}"), refs));
    let more = [("ann/old".to_owned(), &story.before.old), ("guild/lamps".to_owned(), &story.before.lamps)];
    for (n, (path, refs)) in all.chain(more).enumerate() {
        let url = risen.url(&path, Some(("ann", ann.trim())));
        assert_eq!(&story.repositories[0].refs_of(&url), refs, "{path}");
        Git::mirror(&url, &story.world.path(&format!("copy{n}"))).fsck();
    }
    held(
        "D12",
        "the repositories of Ann and of the organisation, and what is back from the trash, have every ref and object they had",
    );
    let (svn, dir, url) = (Svn::of(&story.world).named("ann", ann.trim()), story.world.dir.path(), paper(&risen));
    assert_eq!(svn.ok(dir, &["ls", "-R", &url]), story.before.paper);
    assert!(svn.ok(dir, &["log", "-q", &format!("{url}/trunk")]).contains("r1 | ann"), "with its history");
    held("D12", "the trunk of Subversion is there as it was, with its history");
    let pat = risen.cli(&["token", "create", "pat", "--scope", "user:read"]).success();
    assert_eq!(asks(&risen, pat.trim(), "GET", "/api/v1/user", "").status, 200);
    held("D12", "Pat's account and the organisation are there");
    story.risen = Some(risen);
}

/// D13: whoever wants to know what happened reads it in one signed report, with a proof for each entry.
pub(super) fn it_is_told(story: &mut Story) {
    let mut risen = story.risen.take().unwrap();
    let (report, policy) = (story.world.path("report"), story.world.path("policy"));
    risen.cli(&["incident", "report", "--since", &story.since, "--out", report.to_str().unwrap()]).success();
    std::fs::write(&policy, risen.get("/log/policy").text()).unwrap();
    risen.stop();
    let check = |file: &PathBuf, more: &[&str]| cli([&["--json", "verify", file.to_str().unwrap()], more].concat());
    let proved: Value =
        serde_json::from_str(&check(&report, &["--policy", policy.to_str().unwrap()]).success()).unwrap();
    let text = std::fs::read_to_string(&report).unwrap();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let entries: Vec<_> = lines.iter().filter(|line| line["entry"].is_u64()).collect();
    assert_eq!(proved["entries"], entries.len());
    assert!(
        proved["policy_pinned"] == true && proved["cosigned"].as_array().is_some_and(|by| by.len() == 2),
        "{proved}"
    );
    let of = |event: &str| entries.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    for (event, least) in [
        ("OrderFiled", 20),
        ("OrderSigned", 20),
        ("OrderVetoed", 20),
        ("Pushed", 8),
        ("SvnCommitted", 1),
        ("AccountFrozen", 1),
        ("LockdownStarted", 1),
        ("RepoRestored", 1),
    ] {
        assert!(of(event).len() >= least, "{event}: {}", of(event).len());
    }
    for event in ["OrderVetoed", "LockdownStarted"] {
        assert!(of(event).iter().all(|line| line["secret"].is_string()), "{event}: the log itself says so");
    }
    assert!(of("UserPasswordSet").iter().all(|line| line["secret"].is_null()), "what may be secret is not opened");
    assert!(lines.iter().any(|line| line["kind"] == "token" && line["owner"] == "x"), "the spare logins are in it");
    for secret in story.loot.iter().chain([&story.untouched]) {
        assert!(!text.contains(secret), "a token is in it");
    }
    held("D13", "one report, signed, of everything since he came: no entry is missing, each is proved, offline");

    // Whoever changes it, or leaves something out, is found out.
    let forged = story.world.path("forged");
    let without =
        |event: &str| text.lines().filter(|line| !line.contains(event)).map(|line| format!("{line}\n")).collect();
    for other in [
        text.replacen("OrderVetoed", "OrderSigned", 1),
        without("\"OrderVetoed\""),
        text.replacen("since-us 1", "since-us 2", 1),
    ] {
        let other: String = other;
        assert_ne!(other, text);
        std::fs::write(&forged, &other).unwrap();
        assert!(check(&forged, &[]).failure().contains("NOT PROVED"));
    }
    held("D13", "a word changed or a line left out, and it proves nothing");
}
