//! Erasure by order of officers: what goes, what stays, and who is refused (the invariants are numbered at the head of `erase.rs`).

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::radosgw::{Raw, radosgw};
use common::s3::{FakeS3, Lie};
use common::{TestLog, TestVault, tree, until};
use ed25519_dalek::{Signer as _, SigningKey};
use journal::erasure::{EraseList, ErasedBlob, ErasureRecord, Fate};
use journal::order::{ORDER_KIND, OfficerKey, SignatureLine, SignedOrder, VaultAct, VaultOrder, Verb};
use journal::{BlobName, Hash};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vault::{
    Excuse, Officers, Orders, Replicator, S3Credentials, S3Store, Store as _, StoreKind, VaultClient, VaultReport,
    audit, erase, verify_vault_but,
};

const NOW: (u64, i64) = (1_800_000_000, 1_800_000_000_000_000);
/// What must be gone.
const LARGE: &[u8] = b"a pack that the law wants gone";
const SMALL: &[u8] = b"a small pack that the law wants gone";
/// What must stay.
const KEPT_LARGE: &[u8] = b"a pack of somebody else's";
const KEPT_SMALL: &[u8] = b"a small pack of somebody else's";

fn officer(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn line(number: u8, verb: Verb, order: &Hash) -> SignatureLine {
    let key = OfficerKey(officer(number).verifying_key().to_bytes());
    SignatureLine { verb, hash: order.0, key, signature: officer(number).sign(&verb.message(&order.0)).to_bytes() }
}

fn officers(delay_s: u64) -> Officers {
    let keys = [("ann", 1), ("bob", 2), ("cleo", 3)];
    let key = |number: u8| OfficerKey(officer(number).verifying_key().to_bytes());
    let keys = keys.iter().map(|(name, number)| ((*name).to_owned(), key(*number))).collect();
    Officers { needed: 2, delay_s, keys }
}

/// A site's log with four packs: entries 1 and 2 need what is to be erased.
struct Scene {
    log: Arc<TestLog>,
    large: BlobName,
    small: BlobName,
    kept: [BlobName; 2],
}

impl Scene {
    fn new() -> Self {
        let log = TestLog::new(1);
        let (large, kept_large) = (log.spool(LARGE), log.spool(KEPT_LARGE));
        let (small, kept_small) = (BlobName::of(SMALL), BlobName::of(KEPT_SMALL));
        log.write(1, "before");
        log.write_with(1, "a large push", &[large], vec![]);
        log.write_with(1, "a small push", &[small], vec![SMALL.to_vec()]);
        log.write_with(1, "others' pushes", &[kept_large, kept_small], vec![KEPT_SMALL.to_vec()]);
        Self { log, large, small, kept: [kept_large, kept_small] }
    }

    fn list(&self) -> EraseList {
        let blobs = [(1, self.large), (2, self.small)].into();
        EraseList { origin: self.log.origin.clone(), repository: 7, blobs }
    }

    fn order(&self, list: &EraseList, signers: &[u8]) -> SignedOrder {
        let (path, blobs) = ("ann/code".to_owned(), list.names().len() as u64);
        let act = VaultAct::Erase { repository: 7, path, list: list.hash().0, blobs, bytes: 66 };
        let (kind, site) = (ORDER_KIND.to_owned(), self.log.origin.to_string());
        let order = VaultOrder { kind, site, act, not_before_us: 0, expires_us: NOW.1 * 2 };
        let bytes = minicbor::to_vec(&order).unwrap();
        let hash = Hash::of(&bytes);
        SignedOrder::new(bytes, signers.iter().map(|number| line(*number, Verb::Approve, &hash)).collect()).unwrap()
    }

    /// Written down, handed over, and due at once.
    fn handed(&self, dir: &Path) -> Hash {
        officers(0).write(dir).unwrap();
        let order = self.order(&self.list(), &[1, 3]);
        Orders::of(dir).take_with(order.clone(), &self.list(), NOW.1).unwrap();
        order.hash()
    }

    async fn held(&self, vaults: &[&TestVault], entries: u64) -> Replicator {
        let urls: Vec<_> = vaults.iter().map(|vault| vault.url()).collect();
        let replicator = self.log.replicate(&urls);
        until("every vault holds it", || replicator.status().iter().all(|vault| vault.size == entries)).await;
        replicator
    }
}

fn ran(dir: &Path, seconds: u64) {
    std::fs::write(dir.join("private/meter"), format!("{seconds} 0 0 0\n")).unwrap();
}

async fn report(vault: &TestVault, excuse: Excuse<'_>) -> VaultReport {
    let client = Arc::new(VaultClient::new(vault.recover_url()).unwrap());
    verify_vault_but(client, &[], excuse).await.unwrap()
}

fn carry_out(dir: &Path, order: &Hash) -> Result<ErasureRecord, String> {
    erase(dir, &StoreKind::Dir, order, NOW).map_err(|error| error.to_string())
}

/// Whether any file of a vault's store has these bytes in it.
fn holds(dir: &Path, needle: &[u8]) -> bool {
    tree(&dir.join("store")).values().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_officers_order_goes_from_a_directory_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    let mut one = TestVault::start(parent.path(), "a").await;
    let two = TestVault::start(parent.path(), "b").await;
    drop(scene.held(&[&one, &two], 4).await);
    let order = scene.handed(&one.dir);
    assert!(carry_out(&one.dir, &order).unwrap_err().contains("another vault server is running"));
    one.down().await;
    let others = |dir: &Path| {
        let mut files = tree(&dir.join("store"));
        files.retain(|path, _| {
            !path.to_string_lossy().contains("/segment/") && !path.to_string_lossy().contains("/erasure/")
        });
        files
    };
    let before = others(&one.dir);
    let record = carry_out(&one.dir, &order).unwrap();
    assert_eq!(record.counts(), (2, 0, 0));
    assert_eq!(record.erased_bytes(), (LARGE.len() + SMALL.len()) as u64);
    assert!(!holds(&one.dir, LARGE) && !holds(&one.dir, SMALL), "the bytes are gone");
    assert!(holds(&one.dir, KEPT_LARGE) && holds(&one.dir, KEPT_SMALL));
    let after = others(&one.dir);
    assert_eq!(before.len(), after.len() + 1, "one file of a blob went");
    assert!(after.iter().all(|(path, bytes)| before.get(path) == Some(bytes)), "all others are as they were");
    // Again, it does nothing and says the same.
    assert_eq!(carry_out(&one.dir, &order).unwrap().blobs, record.blobs);

    // The vault goes on with the same log, and its word is what any reader needs.
    one.up().await;
    scene.log.write(2, "after");
    drop(scene.held(&[&one, &two], 6).await);
    let lacking = report(&one, Excuse::Nothing).await;
    assert!(lacking.problems.len() == 2 && lacking.problems[0].contains(&order.to_string()), "{:?}", lacking.problems);
    let known = officers(0);
    let good = report(&one, Excuse::Officers(&known)).await;
    assert_eq!((good.entries, good.root, good.erased, good.problems), (6, scene.log.root(), 2, vec![]));
    assert_eq!(good.erasures[0].lawful, Some(true));
    let strangers = Officers { needed: 2, delay_s: 0, keys: vec![known.keys[1].clone(), known.keys[1].clone()] };
    assert!(!report(&one, Excuse::Officers(&strangers)).await.problems.is_empty(), "their orders excuse nothing");
    let log = scene.list().names();
    assert_eq!(report(&one, Excuse::Log(&log)).await.problems, Vec::<String>::new());

    // Beside a vault that has not erased it: what both must have is compared.
    let whole = report(&two, Excuse::Officers(&known)).await;
    assert_eq!((whole.erased, whole.problems.len()), (0, 0));
    let both: Vec<_> = whole.named.iter().filter(|name| good.named.contains(name)).copied().collect();
    assert!(scene.kept.iter().all(|name| both.contains(name)) && both.len() + 2 == whole.named.len());
    let client = |vault: &TestVault| VaultClient::new(vault.recover_url()).unwrap();
    assert_eq!(audit(&client(&one), &client(&two), &both).await.unwrap(), Vec::new());

    // Nobody brings it back, and a loss is a loss as before.
    client(&one).put_blob_bytes(&scene.large, LARGE.into()).await.unwrap();
    assert!(!holds(&one.dir, LARGE));
    assert!(!client(&one).blob(&scene.large, &mut Vec::new()).await.unwrap());
    let hex = scene.kept[0].to_string();
    std::fs::remove_file(one.dir.join("store/blob").join(&hex[..2]).join(&hex)).unwrap();
    let lost = report(&one, Excuse::Officers(&known)).await.problems;
    assert_eq!(lost, vec![format!("blob {hex} is missing")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_enough_or_not_due_or_not_this_lists_erases_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    let mut vault = TestVault::start(parent.path(), "a").await;
    drop(scene.held(&[&vault], 4).await);
    vault.down().await;
    let (dir, list) = (vault.dir.clone(), scene.list());
    let before = tree(&dir.join("store"));
    let text = |error: vault::OrdersError| error.to_string();
    let take = |list: &EraseList, order: SignedOrder| Orders::of(&dir).take_with(order, list, NOW.1).map_err(text);
    officers(3600).write(&dir).unwrap();
    ran(&dir, 1000);

    let good = scene.order(&list, &[1, 3]);
    assert!(carry_out(&dir, &good.hash()).unwrap_err().contains("was not handed order"));
    assert!(take(&list, scene.order(&list, &[])).unwrap_err().contains("0 of 2 officers"));
    assert!(take(&list, scene.order(&list, &[1, 9])).unwrap_err().contains("1 of 2 officers"));
    let bare = Orders::of(&dir).take(good.clone(), NOW.1).map_err(text).unwrap_err();
    assert!(bare.contains("--list FILE"), "{bare}");
    let more = EraseList { blobs: list.blobs.iter().copied().chain([(3, scene.kept[0])]).collect(), ..list.clone() };
    assert!(take(&more, good.clone()).unwrap_err().contains("not the list that the order names"));
    assert_eq!(take(&list, good.clone()).unwrap().waits_s, 3600);
    let early = carry_out(&dir, &good.hash()).unwrap_err();
    assert!(early.contains("waits here for 3600 s more"), "{early}");

    // Lists that M officers signed, and that the vault can see to be wrong.
    let elsewhere = EraseList { blobs: [(1, scene.kept[0])].into(), ..list.clone() };
    let epoch: journal::epoch::Epoch = {
        let note: journal::note::SignedNote = scene.log.epochs[0].statement.parse().unwrap();
        note.text().parse().unwrap()
    };
    let keys = EraseList { blobs: [(1, epoch.data_key)].into(), ..list.clone() };
    let other_log = EraseList { origin: "outlast/other".parse().unwrap(), ..list.clone() };
    for (wrong, says) in [(&elsewhere, "entry 3 needs blob"), (&keys, "holds the keys of epoch 1")] {
        let order = scene.order(wrong, &[1, 2]);
        take(wrong, order.clone()).unwrap();
        ran(&dir, 1000 + 3600);
        let refused = carry_out(&dir, &order.hash()).unwrap_err();
        assert!(refused.contains(says), "{refused}");
        ran(&dir, 1000);
    }
    assert!(take(&other_log, scene.order(&other_log, &[1, 2])).unwrap_err().contains("different logs"));

    // The list that was handed over is looked at again.
    ran(&dir, 1000 + 3600);
    let kept = dir.join(format!("private/orders/{}.list", good.hash()));
    std::fs::write(&kept, more.to_string()).unwrap();
    assert!(carry_out(&dir, &good.hash()).unwrap_err().contains("not the list that the order names"));
    std::fs::write(&kept, list.to_string()).unwrap();

    Orders::of(&dir).veto(line(2, Verb::Veto, &good.hash())).unwrap();
    assert!(carry_out(&dir, &good.hash()).unwrap_err().contains("vetoed"));
    assert_eq!(tree(&dir.join("store")), before, "nothing was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_a_crash_cut_short_goes_on_and_knows_what_there_was() {
    let parent = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    let mut vault = TestVault::start(parent.path(), "a").await;
    drop(scene.held(&[&vault], 4).await);
    vault.down().await;
    let order = scene.handed(&vault.dir);
    let whole = parent.path().join("whole");
    copy(&vault.dir, &whole);
    let done = carry_out(&vault.dir, &order).unwrap();
    // As a crash leaves it before anything was removed, and with the file of a blob gone: the first record alone.
    let records = |dir: &Path| {
        let mut files = tree(&dir.join("store/erasure"));
        files.retain(|_, bytes| String::from_utf8_lossy(bytes).contains(" waits 0"));
        files
    };
    let first = records(&vault.dir);
    assert_eq!(first.len(), 1);
    let (path, bytes) = first.into_iter().next().unwrap();
    let there = whole.join("store/erasure");
    std::fs::create_dir(&there).unwrap();
    std::fs::write(there.join(path.file_name().unwrap()), bytes).unwrap();
    let hex = scene.large.to_string();
    std::fs::remove_file(whole.join("store/blob").join(&hex[..2]).join(&hex)).unwrap();
    let again = carry_out(&whole, &order).unwrap();
    assert_eq!(again.blobs, done.blobs, "each with the bytes it had");
    assert!(!holds(&whole, SMALL));
    let mut signed = again.clone();
    signed.blobs[0].bytes += 1;
    assert!(signed.verify().is_err() && signed.to_string().parse::<ErasureRecord>().is_err());
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        let path = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::create_dir_all(to.join("store/epoch")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_comes_after_an_erasure_takes_the_log_when_its_owner_has_the_order_too() {
    let parent = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    let mut one = TestVault::start(parent.path(), "a").await;
    drop(scene.held(&[&one], 4).await);
    one.down().await;
    carry_out(&one.dir, &scene.handed(&one.dir)).unwrap();
    one.up().await;
    // The site has erased it too.
    scene.log.forget(&scene.large);
    let mut new = TestVault::start(parent.path(), "new").await;
    let replicator = scene.log.replicate(&[one.url(), new.url()]);
    until("the new vault lacks it", || {
        let status = replicator.status();
        let lacking = status.iter().find(|vault| vault.name == "new").unwrap();
        lacking.last_error.as_ref().is_some_and(|error| error.contains(&scene.large.to_string()))
    })
    .await;
    replicator.stop().await;
    new.down().await;
    let record = carry_out(&new.dir, &scene.handed(&new.dir)).unwrap();
    assert_eq!(record.counts(), (0, 2, 0), "nothing of it was here");
    new.up().await;
    drop(scene.held(&[&one, &new], 4).await);
    assert!(!holds(&new.dir, SMALL), "nor does it come within a batch");
    let known = officers(0);
    assert_eq!(report(&new, Excuse::Officers(&known)).await.problems, Vec::<String>::new());
    new.down().await;
    new.up().await;
    // Sent again, the batch as it was is the batch that is there.
    let client = VaultClient::new(new.url()).unwrap();
    assert_eq!(client.append(&scene.log.encoded()).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_bucket_it_waits_for_the_lock_which_nobody_renews_and_then_it_goes() {
    let parent = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    let fake = FakeS3::start(Lie::None);
    let kind = fake.kind("v");
    let mut vault = TestVault::start_with(parent.path(), "a", kind.clone()).await;
    drop(scene.held(&[&vault], 4).await);
    vault.down().await;
    let order = scene.handed(&vault.dir);
    let dir = vault.dir.clone();
    let carry_out = async || {
        let (dir, kind) = (dir.clone(), kind.clone());
        tokio::task::spawn_blocking(move || erase(&dir, &kind, &order, NOW)).await.unwrap().unwrap()
    };
    // Long ago, so that whoever looks at what is kept renews its lock.
    fake.age();
    let record = carry_out().await;
    assert_eq!(record.counts(), (0, 0, 2));
    let (hex, day) = (scene.large.to_string(), jiff::Timestamp::now() + jiff::SignedDuration::from_hours(25));
    assert!(fake.locked_until(&hex).unwrap() < day, "to look for it did not renew its lock");
    let locked = |blob: &ErasedBlob| matches!(blob.fate, Fate::Waits(until_s) if until_s > 0);
    assert!(record.blobs.iter().all(locked), "{:?}", record.blobs);
    assert!(fake.holds(LARGE) && fake.holds(SMALL));
    vault.up().await;
    let known = officers(0);
    let while_waiting = report(&vault, Excuse::Officers(&known)).await;
    assert_eq!((while_waiting.problems, while_waiting.erased), (vec![], 2), "it is not given out any more");
    vault.down().await;

    fake.age();
    let (url, owner) = (fake.url("v"), vault.url().vkey.to_string());
    let swept = move || S3Store::open(url, S3Credentials::new("AK", "SK"), &owner).unwrap().sweep().unwrap();
    assert!(tokio::task::spawn_blocking(swept).await.unwrap().renewed > 0);
    assert!(fake.locked_until(&hex).unwrap() < day, "what is to go is locked no longer");
    assert!(fake.locked_until(&scene.kept[0].to_string()).unwrap() > day, "all else is");
    fake.expire();
    let record = carry_out().await;
    assert_eq!(record.counts(), (2, 0, 0), "{:?}", record.blobs);
    assert_eq!(record.erased_bytes(), (LARGE.len() + SMALL.len()) as u64);
    assert!(!fake.holds(LARGE) && !fake.holds(SMALL), "no version of any object has it");
    assert!(fake.holds(KEPT_LARGE) && fake.holds(KEPT_SMALL));
    vault.up().await;
    scene.log.write(1, "after");
    drop(scene.held(&[&vault], 5).await);
    assert_eq!(report(&vault, Excuse::Officers(&known)).await.problems, Vec::<String>::new());
}

/// How long the real bucket's objects are locked: longer than it takes to be held and to be ordered, and no longer than a test may last.
const LOCK: Duration = Duration::from_secs(40);

fn seconds_now() -> u64 {
    jiff::Timestamp::now().as_second().try_into().unwrap()
}

/// What is seen of a real bucket, by whoever has its owner's keys.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_bucket_of_radosgw_nothing_goes_before_its_lock_ends_and_then_each_version_does() {
    let Some((mut url, credentials)) = tokio::task::spawn_blocking(|| radosgw("erased")).await.unwrap() else { return };
    url.lock = LOCK;
    let parent = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    let kind = StoreKind::S3 { url: url.clone(), credentials };
    let mut vault = TestVault::start_with(parent.path(), "a", kind.clone()).await;
    drop(scene.held(&[&vault], 4).await);
    vault.down().await;
    let raw = Raw::new(&url);
    let of_large = raw.holding(LARGE).remove(0).key;
    // Somebody was at work: the blob has a second version, which nothing locks, under a delete marker.
    assert_eq!((raw.put(&of_large, LARGE), raw.cover(&of_large)), (200, 204));
    assert_eq!((raw.holding(LARGE).len(), raw.holding(SMALL).len()), (2, 1));
    assert!(!tree(&vault.dir).values().any(|bytes| bytes.windows(LARGE.len()).any(|window| window == LARGE)));

    let order = scene.handed(&vault.dir);
    let dir = vault.dir.clone();
    let carry_out = async |ahead_s| {
        let (dir, kind, now_s) = (dir.clone(), kind.clone(), seconds_now() + ahead_s);
        let now = (now_s, i64::try_from(now_s).unwrap() * 1_000_000);
        tokio::task::spawn_blocking(move || erase(&dir, &kind, &order, now)).await.unwrap().unwrap()
    };
    // On a machine whose clock is three days ahead all locks have run out; the bucket's service says that they have not.
    let record = carry_out(3 * 86_400).await;
    assert_eq!(record.counts(), (0, 0, 2), "{:?}", record.blobs);
    let record = carry_out(0).await;
    let until = |blob: &ErasedBlob| match blob.fate {
        Fate::Waits(until_s) => until_s,
        other => panic!("{other}: is the lock of {LOCK:?} over already?"),
    };
    let until_s = record.blobs.iter().map(until).max().unwrap();
    assert!(until_s > seconds_now() && until_s <= seconds_now() + 2 * LOCK.as_secs(), "{until_s}");
    // What nothing locked is gone; of what is locked the owner's own keys remove nothing.
    let (large, small) = (raw.holding(LARGE), raw.holding(SMALL));
    assert_eq!((large.len(), small.len()), (1, 1));
    for version in large.iter().chain(&small) {
        assert_eq!(raw.delete(version), 403, "{version:?}");
    }
    assert_eq!((raw.holding(LARGE), raw.holding(SMALL)), (large, small));

    vault.up().await;
    let known = officers(0);
    let waiting = report(&vault, Excuse::Officers(&known)).await;
    assert_eq!((waiting.problems, waiting.erased, waiting.erasures[0].lawful), (vec![], 2, Some(true)));
    let client = VaultClient::new(vault.recover_url()).unwrap();
    for name in [scene.large, scene.small] {
        assert!(!client.blob(&name, &mut Vec::new()).await.unwrap(), "it is not given out any more");
    }
    assert!(client.blob(&scene.kept[0], &mut Vec::new()).await.unwrap());
    vault.down().await;

    while seconds_now() < until_s {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let record = carry_out(0).await;
    assert_eq!(record.counts(), (2, 0, 0), "{:?}", record.blobs);
    assert_eq!(record.erased_bytes(), (LARGE.len() + SMALL.len()) as u64);
    assert_eq!(record.to_string().parse::<ErasureRecord>().unwrap(), record, "signed, and it says one thing");
    assert_eq!((raw.holding(LARGE), raw.holding(SMALL)), (vec![], vec![]), "no version of any object has it");
    assert!(!raw.versions().iter().any(|version| version.key == of_large));
    assert_eq!((raw.holding(KEPT_LARGE).len(), raw.holding(KEPT_SMALL).len()), (1, 1));
    vault.up().await;
    scene.log.write(1, "after");
    drop(scene.held(&[&vault], 5).await);
    let good = report(&vault, Excuse::Officers(&known)).await;
    assert_eq!((good.entries, good.root, good.erased, good.problems), (5, scene.log.root(), 2, vec![]));
}
