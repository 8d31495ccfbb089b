//! Entries that do not replay, put into the log by whoever holds all keys of the site: recovery names them, and comes back without.

use crate::recovery::{recovered, request};
use crate::rig::{SiteRig, VaultRig, commit, config, git_ok, refs, vaults, work_tree};
use forge::Event;
use forge::audit::AuditFilter;
use forge::db::Db;
use forge::drill::officer_drill;
use forge::event::people::UserCreated;
use forge::event::site::EpochStarted;
use forge::event::skipped::SkipStatement;
use forge::keys::{Keys, RecoveryKey};
use forge::log::{Head, LogKeys};
use forge::recover::{At, Report, recover};
use forge::replay::Skips;
use forge::site::{SiteConfig, SiteLimits};
use hyper::body::Bytes;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::entry::{Body, DataKey, Entry, seal};
use journal::epoch::recovery_signing_key;
use journal::note::SigningKey;
use journal::{BlobName, merkle};
use std::path::{Path, PathBuf};
use vault::{VaultClient, VaultUrl};

/// Root on the site, once it stands still: its keys, and the vaults that take what these sign.
struct Intruder {
    keys: LogKeys,
    recipients: vault::seal::Recipients,
    head: Head,
    vaults: Vec<VaultClient>,
}

impl Intruder {
    fn on(data: &Path, vaults: &[VaultRig]) -> Self {
        let keys = Keys::open(data).unwrap();
        let head = Db::sqlite(&data.join("site.db")).unwrap().read(Head::load).unwrap();
        let vaults = vaults.iter().map(|vault| VaultClient::new(vault.site_url()).unwrap()).collect();
        Self { keys: keys.log_keys().unwrap(), recipients: keys.recipients().unwrap(), head, vaults }
    }

    fn next(&self) -> u64 {
        self.head.size()
    }

    /// An envelope that every vault takes: none can look inside.
    async fn ship(&mut self, envelope: Vec<u8>) -> u64 {
        let first = self.next();
        self.head.push(merkle::leaf_hash(&envelope));
        let (origin, epoch) = (self.keys.origin.clone(), self.keys.epoch);
        let checkpoint = Checkpoint::new(origin.clone(), epoch, self.head.size(), self.head.root());
        let checkpoint = checkpoint.sign(&self.keys.log_key).unwrap().to_string();
        let (entries, inline) = (vec![envelope], Vec::new());
        let batch = Batch { origin, epoch, first, entries, checkpoint, snapshot_entry: None, inline };
        let bytes = Bytes::from(batch.encode().unwrap());
        for vault in &self.vaults {
            vault.append(std::slice::from_ref(&bytes)).await.unwrap();
        }
        first
    }

    async fn entry(&mut self, kind: u32, body: Body, needs: &[BlobName]) -> u64 {
        let (seq, time_us) = (self.next(), self.head.last_time_us + 1);
        let entry = Entry { seq, time_us, actor: None, credential: None, kind, body };
        let key = &self.keys.data_keys[&self.keys.epoch];
        self.ship(seal(key, &self.keys.origin, &entry, needs).unwrap()).await
    }

    async fn event(&mut self, event: impl Into<Event>) -> u64 {
        let event = event.into();
        self.entry(event.kind(), Body::Inline(event.encode()), &[]).await
    }

    async fn account(&mut self, name: &str) -> u64 {
        let (name, email, password) = (name.to_owned(), None, None);
        self.event(UserCreated { name, email, password, officer: false, operator: false }).await
    }

    /// A body that names one blob over and over.
    async fn endless(&mut self) -> u64 {
        let (name, sealed) = vault::seal::seal_blob(&self.recipients, &vec![7; 6 << 20]).unwrap();
        for vault in &self.vaults {
            vault.put_blob_bytes(&name, sealed.clone().into()).await.unwrap();
        }
        self.entry(30, Body::Blob(vec![name; 1000]), &[name]).await
    }

    /// Sealed with a key that no epoch has.
    async fn foreign(&mut self) -> u64 {
        let (seq, body) = (self.next(), Body::Inline(Vec::new()));
        let entry = Entry { seq, time_us: 0, actor: None, credential: None, kind: 30, body };
        self.ship(seal(&DataKey::new([1; 32]), &self.keys.origin, &entry, &[]).unwrap()).await
    }

    /// Says that a recovery passed over this one; None: signed by the site's own key.
    async fn hide(&mut self, signed_by: Option<&SigningKey>, seq: u64) -> u64 {
        let (origin, epoch, skips) = (self.keys.origin.clone(), self.keys.epoch, Skips::of(&[(seq, seq)]));
        let key = signed_by.unwrap_or(&self.keys.log_key);
        let event = SkipStatement { origin, epoch, skips }.sign(key).unwrap();
        self.event(event).await
    }
}

struct Scene {
    dir: tempfile::TempDir,
    vaults: Vec<VaultRig>,
    work: PathBuf,
    key: PathBuf,
}

impl Scene {
    /// A site with a push, at `site`, standing still.
    async fn new(snapshot: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vaults = vaults(dir.path()).await;
        let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
        let token = rig.user("ada", "repo").await;
        let work = work_tree(&dir.path().join("work")).await;
        commit(&work, "one").await;
        git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/one"), "main"]).await;
        if snapshot {
            rig.site.snapshot_take().await.unwrap();
        }
        let key = dir.path().join("key.txt");
        std::fs::rename(dir.path().join("site/recovery-key.txt"), &key).unwrap();
        let scene = Self { dir, vaults, work, key };
        scene.burn(rig).await;
        scene
    }

    fn to(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn burn(&self, rig: SiteRig) {
        rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
        rig.kill().await;
    }

    fn urls(&self) -> Vec<VaultUrl> {
        self.vaults.iter().map(VaultRig::recover_url).collect()
    }

    fn request(&self, to: &str, skip: &[u64]) -> forge::recover::RecoverRequest {
        let mut wanted = request(&self.vaults.iter().collect::<Vec<_>>(), &self.key, &self.to(to));
        wanted.skip = skip.iter().map(|seq| (*seq, *seq)).collect();
        wanted
    }

    async fn refusal(&self, to: &str, skip: &[u64]) -> String {
        let refused = recover(self.request(to, skip), &mut |_| {}).await.unwrap_err().to_string();
        println!("{refused}");
        refused
    }

    async fn bad(&self, to: &str, skip: &[u64]) -> Report {
        let mut wanted = self.request(to, skip);
        wanted.dry_run = true;
        let report = recovered(wanted).await;
        assert!(!self.to(to).exists(), "a dry run leaves nothing");
        report
    }

    /// The site in this directory takes pushes, and everything that replays its journal comes to the same.
    async fn is_whole(&self, to: &str) -> SiteRig {
        let rig = SiteRig::open(SiteConfig::new(self.to(to))).await;
        rig.until("a quorum is there", |site| site.writability().is_ok()).await;
        let token = rig.token("ada", "repo").await;
        let clone = format!("clone-{to}");
        git_ok(self.dir.path(), &["clone", "-q", &rig.remote(&token, "ada/one"), &clone]).await;
        assert_eq!(refs(&self.to(&clone)).await, refs(&self.work).await, "what was pushed is there");
        commit(&self.work, to).await;
        let told = git_ok(&self.work, &["push", &rig.remote(&token, "ada/one"), "main"]).await;
        assert!(told.contains("held by"), "{told}");
        rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
        rig.until("the old entries are here", |site| site.db().read(forge::log::unfilled).unwrap().is_none()).await;
        for _ in 0..2 {
            // One replays everything, the other begins with the newest snapshot, if there is one.
            let (_, report) = rig.site.drill(&self.urls(), &mut |_| {}).await.unwrap();
            assert!(report.is_good(), "{report}");
        }
        for (_, report) in rig.site.drill_blind(&self.urls()).await.unwrap() {
            assert!(report.is_good(), "{report}");
        }
        let database = self.finding(&rig, "database").await;
        assert_eq!(database.problem, "", "{database:?}");
        rig
    }

    async fn finding(&self, rig: &SiteRig, id: &str) -> forge::doctor::Finding {
        let findings = rig.site.doctor(true).await.unwrap();
        findings.into_iter().find(|finding| finding.id == id).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_comes_back_without_the_entries_that_were_to_keep_it_from_that() {
    for snapshot in [false, true] {
        let scene = Scene::new(snapshot).await;
        let mut intruder = Intruder::on(&scene.to("site"), &scene.vaults);
        let push = intruder.next() - 1;
        let unknown = intruder.entry(999, Body::Inline(vec![0xa0]), &[]).await;
        let duplicate = intruder.account("ada").await;
        let endless = intruder.endless().await;
        intruder.account("honest").await;
        let foreign = intruder.foreign().await;
        let hiding = intruder.hide(None, push).await;
        let bad = [unknown, duplicate, endless, foreign, hiding];

        let refused = scene.refusal("one-by-one", &[]).await;
        for words in [&format!("entry {unknown} (written 20"), "newest release", &format!("--skip {unknown}")] {
            assert!(refused.contains(words), "{words}: {refused}");
        }
        let refused = scene.refusal("one-by-two", &bad[..2]).await;
        assert!(refused.contains(&format!("entry {endless} ")) && refused.contains("bytes"), "{refused}");

        let looked = scene.bad("looked", &[]).await;
        assert_eq!(looked.bad.iter().map(|bad| bad.seq).collect::<Vec<_>>(), bad);
        assert!(!looked.is_good() && looked.to_string().contains(&format!("--skip {unknown}..{endless}")), "{looked}");
        assert!(scene.bad("again", &bad).await.bad.is_empty());

        let report = recovered(scene.request("second", &bad)).await;
        assert_eq!((report.epoch, report.skipped.clone()), (Some(2), Skips::of(&bad.map(|seq| (seq, seq)))));
        let rig = scene.is_whole("second").await;
        rig.token("honest", "repo").await;
        let told = rig.site.audit(None, AuditFilter { limit: 1000, ..AuditFilter::default() }).await.unwrap();
        let told = told.iter().find(|line| line.event == "EntriesSkipped").unwrap();
        assert!(told.about.contains(&report.skipped.to_string()), "{told:?}");
        let check = scene.finding(&rig, "journal-skipped").await.check;
        assert!(check.contains(&report.skipped.to_string()), "{check}");
        rig.site.receipt(push).await.unwrap();
        scene.burn(rig).await;

        // Nobody names them again.
        let report = recovered(scene.request("third", &[])).await;
        assert_eq!((report.epoch, report.skipped), (Some(3), Skips::of(&bad.map(|seq| (seq, seq)))));
        let rig = scene.is_whole("third").await;
        let (urls, key, to) = (scene.urls(), RecoveryKey::read(&scene.key).unwrap(), scene.to("officer"));
        let (drill, _) = officer_drill(&urls, &key, &to, &SiteLimits::default(), &mut |_| {}).await.unwrap();
        assert!(drill.is_good(), "{drill}");
        rig.site.snapshot_take().await.unwrap();
        scene.burn(rig).await;

        // From a snapshot that knows it; what is before it is filled in, and passed over there.
        let report = recovered(scene.request("fourth", &[])).await;
        assert!(report.snapshot.is_some_and(|through| through > hiding));
        scene.burn(scene.is_whole("fourth").await).await;
        let mut view = scene.request("view", &[]);
        view.at = Some(At::Entry(foreign));
        assert_eq!(recovered(view).await.entries, foreign + 1);
    }
}

/// Only whoever holds a recovery key leaves out what is in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_cannot_name_entries_to_be_skipped() {
    let mut scene = Scene::new(false).await;
    // One that is away gets what was skipped from the recovered site, like everything else.
    scene.vaults[2].stop().await;
    let mut intruder = Intruder::on(&scene.to("site"), &scene.vaults[..2]);
    let push = intruder.next() - 1;
    let unknown = intruder.entry(999, Body::Inline(vec![0xa0]), &[]).await;
    let report = recovered(scene.request("second", &[unknown])).await;
    scene.vaults[2].start().await;
    scene.burn(scene.is_whole("second").await).await;

    let list = report.entries + 1;
    let mut intruder = Intruder::on(&scene.to("second"), &scene.vaults);
    let theirs = recovery_signing_key(&[3; 32], &intruder.keys.origin);
    let mut bad = vec![intruder.hide(None, push).await, intruder.hide(Some(&theirs), push).await];
    // The true one, at another place.
    let epochs = Keys::open(&scene.to("second")).unwrap().records();
    let genuine =
        SkipStatement { origin: intruder.keys.origin.clone(), epoch: 2, skips: Skips::of(&[(unknown, unknown)]) };
    let key = RecoveryKey::read(&scene.key).unwrap().signing_key(&intruder.keys.origin);
    bad.push(intruder.event(genuine.sign(&key).unwrap()).await);
    // An epoch of their own, with a list behind it, and one that would stand in the way of the next.
    let started = |epoch: u64, statement: &str| EpochStarted {
        epoch,
        statement: statement.to_owned(),
        data_key: BlobName::of(b"x"),
        site_recipient: "age1x".to_owned(),
    };
    bad.push(intruder.event(started(3, &epochs[1].statement)).await);
    bad.push(intruder.hide(Some(&theirs), push).await);
    bad.push(intruder.event(started(7, "no statement")).await);

    let looked = scene.bad("looked", &[]).await;
    assert_eq!(looked.bad.iter().map(|bad| bad.seq).collect::<Vec<_>>(), bad);
    assert_eq!(looked.skipped, Skips::of(&[(unknown, unknown)]), "entry {list} says so, and is believed");
    let report = recovered(scene.request("third", &bad)).await;
    let both = Skips::of(&[vec![unknown], bad].concat().iter().map(|seq| (*seq, *seq)).collect::<Vec<_>>());
    assert_eq!(report.skipped, both);
    scene.burn(scene.is_whole("third").await).await;
    assert_eq!(recovered(scene.request("fourth", &[])).await.skipped, both);
    let refused = scene.refusal("fifth", &[1 << 40]).await;
    assert!(refused.contains("no entry"), "{refused}");
}
