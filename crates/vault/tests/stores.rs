//! What every kind of store promises, tried on each: a directory, a bucket in this process, a bucket of Ceph's radosgw.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::radosgw::radosgw;
use common::s3::{FATAL, FakeS3, Lie};
use common::{TestLog, TestVault, until};
use journal::note::{KeyKind, SigningKey};
use journal::{BlobName, Hash};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use vault::disk::RealDisk;
use vault::{
    DirStore, Put, S3Credentials, S3Store, S3Url, Store, StoreError, StoreKind, Vault, VaultClient, verify_vault,
};

const OWNER: &str = "the test's vault";

fn key() -> SigningKey {
    SigningKey::from_seed("a", KeyKind::Cosignature, &[3; 32]).unwrap()
}

fn s3(url: S3Url) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(S3Store::open(url, S3Credentials::new("AK", "SK"), OWNER)?))
}

/// All that a store promises. `open` gives the same store again, as a new process would have it.
fn conforms(open: &dyn Fn() -> Arc<dyn Store>) {
    blobs(open);
    batches(open);
    epochs(open);
    erasures(open);
}

fn erasures(open: &dyn Fn() -> Arc<dyn Store>) {
    let (one, other) = (Hash::of(b"an order"), Hash::of(b"another"));
    let store = open();
    assert_eq!(store.erasures().unwrap(), Vec::<String>::new());
    store.put_erasure(&one, "first").unwrap();
    store.put_erasure(&one, "first").unwrap();
    store.put_erasure(&one, "second, of the same order").unwrap();
    store.put_erasure(&other, "third").unwrap();
    for store in [store, open()] {
        let mut records = store.erasures().unwrap();
        records.sort();
        assert_eq!(records, ["first", "second, of the same order", "third"]);
    }
}

fn read(store: &dyn Store, name: &BlobName) -> Option<Vec<u8>> {
    let (mut reader, len) = store.blob(name).unwrap()?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, len);
    Some(bytes)
}

fn blobs(open: &dyn Fn() -> Arc<dyn Store>) {
    let store = open();
    let large = vec![7; 300_000];
    for bytes in [&b""[..], b"small", &large] {
        let name = BlobName::of(bytes);
        assert!(!store.has_blob(&name).unwrap());
        assert_eq!(read(&*store, &name), None);
        assert_eq!(store.put_blob(&name, &mut &*bytes).unwrap(), Put::Stored);
        assert_eq!(store.put_blob(&name, &mut &*bytes).unwrap(), Put::Present);
        assert!(open().has_blob(&name).unwrap());
        assert_eq!(read(&*open(), &name).unwrap(), bytes);
    }
    let name = BlobName::of(b"promised");
    let other = store.put_blob(&name, &mut &b"other bytes"[..]);
    assert!(matches!(other, Err(StoreError::WrongBytes(wrong)) if wrong == name));
    assert!(!store.has_blob(&name).unwrap() && !open().has_blob(&name).unwrap());
    assert_eq!(store.blobs().unwrap().len(), 3);
}

fn loaded(store: &dyn Store) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    store
        .load(&mut |place, bytes| {
            assert_eq!(place.len as usize, bytes.len());
            seen.push((place, bytes.to_vec()));
            Ok(())
        })
        .unwrap();
    seen.iter().for_each(|(place, bytes)| assert_eq!(&store.batch(place).unwrap(), bytes));
    seen.into_iter().map(|(_, bytes)| bytes).collect()
}

fn batches(open: &dyn Fn() -> Arc<dyn Store>) {
    let log = TestLog::new(1);
    (0..5).for_each(|n| log.write(2, &format!("{n}")));
    let encoded: Vec<Vec<u8>> = log.encoded().iter().map(|bytes| bytes.to_vec()).collect();
    let store = open();
    assert!(loaded(&*store).is_empty());
    let mut stored = store.append(&[&encoded[0]]).unwrap();
    stored.extend(store.append(&[&encoded[1], &encoded[2]]).unwrap());
    for ((place, back), bytes) in stored.iter().zip(&encoded) {
        assert_eq!((back, &store.batch(place).unwrap()), (bytes, bytes));
    }
    assert_eq!(loaded(&*store), encoded[..3]);
    let again = open();
    assert_eq!(loaded(&*again), encoded[..3]);
    again.append(&[&encoded[3], &encoded[4]]).unwrap();
    assert_eq!(loaded(&*open()), encoded);
}

fn epochs(open: &dyn Fn() -> Arc<dyn Store>) {
    let store = open();
    assert!(store.epochs().unwrap().is_empty());
    assert_eq!(store.put_epoch(1, "one").unwrap(), Put::Stored);
    assert_eq!(store.put_epoch(1, "another one").unwrap(), Put::Present);
    assert_eq!(store.put_epoch(2, "two").unwrap(), Put::Stored);
    assert_eq!(open().epochs().unwrap(), [(1, "one".to_owned()), (2, "two".to_owned())]);
}

#[test]
fn a_directory_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conforms(&|| Arc::new(DirStore::open(dir.path(), RealDisk).unwrap()));
}

#[test]
fn a_bucket_conforms_with_and_without_what_it_does_not_need() {
    for lie in [Lie::None, Lie::NoCas, Lie::NoChecksums, Lie::NoDefault] {
        let fake = FakeS3::start(lie);
        conforms(&|| s3(fake.url("v")).unwrap());
    }
}

#[test]
fn a_bucket_of_radosgw_conforms() {
    let Some((url, credentials)) = radosgw("conforms") else { return };
    conforms(&|| Arc::new(S3Store::open(url.clone(), credentials.clone(), OWNER).unwrap()));
}

#[test]
fn what_is_written_over_and_covered_is_still_read() {
    let fake = FakeS3::start(Lie::None);
    let log = TestLog::new(1);
    log.write(2, "kept");
    let bytes = log.encoded()[0].to_vec();
    let name = BlobName::of(b"kept");
    let store = s3(fake.url("v")).unwrap();
    store.put_blob(&name, &mut &b"kept"[..]).unwrap();
    store.append(&[&bytes]).unwrap();
    store.put_epoch(1, "one").unwrap();
    fake.vandalise();
    let again = s3(fake.url("v")).unwrap();
    assert!(again.has_blob(&name).unwrap());
    for store in [&store, &again] {
        assert_eq!(read(&**store, &name).unwrap(), b"kept");
        assert_eq!(loaded(&**store), std::slice::from_ref(&bytes));
        assert_eq!(store.epochs().unwrap(), [(1, "one".to_owned())]);
    }
    assert_eq!(store.put_blob(&name, &mut &b"kept"[..]).unwrap(), Put::Present);
}

#[test]
fn bytes_that_nobody_put_here_are_no_blob_though_they_have_its_name() {
    let fake = FakeS3::start(Lie::None);
    let name = BlobName::of(b"promised");
    s3(fake.url("v")).unwrap().put_blob(&name, &mut &b"promised"[..]).unwrap();
    fake.flip("blob/");
    let store = s3(fake.url("v")).unwrap();
    assert!(!store.has_blob(&name).unwrap(), "a vault must not sign for it");
    assert_eq!(store.put_blob(&name, &mut &b"promised"[..]).unwrap(), Put::Stored, "and takes it again");
    assert_eq!(read(&*store, &name).unwrap(), b"promised");
}

#[test]
fn a_flipped_bit_in_what_was_acknowledged_is_damage() {
    let fake = FakeS3::start(Lie::None);
    let log = TestLog::new(1);
    log.write(2, "kept");
    s3(fake.url("v")).unwrap().append(&[&log.encoded()[0]]).unwrap();
    fake.flip("segment/");
    let vault = Vault::open(s3(fake.url("v")).unwrap(), key()).unwrap();
    assert!(vault.damaged().unwrap().contains("segment/"), "{:?}", vault.damaged());
}

#[test]
fn a_store_that_lies_about_what_is_stored_acknowledges_nothing() {
    let seen_at_once = [
        Lie::NoVersions,
        Lie::NoLock,
        Lie::Governance,
        Lie::ShortLock,
        Lie::Flips,
        Lie::Forgets,
        Lie::Kms,
        Lie::CustomerKey,
    ];
    let log = TestLog::new(1);
    log.write(2, "kept");
    for lie in seen_at_once {
        assert!(FATAL.contains(&lie));
        let fake = FakeS3::start(Lie::None);
        let store = s3(fake.url("v")).unwrap();
        fake.lie(lie);
        assert!(store.append(&[&log.encoded()[0]]).is_err(), "{lie:?}");
        let name = BlobName::of(b"kept");
        assert!(store.put_blob(&name, &mut &b"kept"[..]).is_err(), "{lie:?}");
    }
}

#[test]
fn two_vaults_do_not_share_a_place_in_a_bucket() {
    let fake = FakeS3::start(Lie::None);
    s3(fake.url("v")).unwrap();
    let other = S3Store::open(fake.url("v"), S3Credentials::new("AK", "SK"), "another vault");
    assert!(matches!(other, Err(StoreError::Unfit(_))));
    S3Store::open(fake.url("w"), S3Credentials::new("AK", "SK"), "another vault").unwrap();
    assert!(S3Store::open(fake.url("v"), S3Credentials::new("no", "SK"), OWNER).is_err(), "other credentials");
}

#[test]
fn locks_that_run_out_are_renewed_and_none_is_forgotten() {
    let fake = FakeS3::start(Lie::None);
    let store = s3(fake.url("v")).unwrap();
    let name = BlobName::of(b"kept");
    store.put_blob(&name, &mut &b"kept"[..]).unwrap();
    store.put_epoch(1, "one").unwrap();
    let objects = store.sweep().unwrap();
    assert_eq!((objects.objects, objects.renewed), (4, 0), "a format, an owner, a blob, an epoch");
    fake.age();
    assert_eq!(store.sweep().unwrap().renewed, 4);
    let long = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(399 * 24);
    assert!(fake.locked_until("v/").unwrap() > long);
    fake.age();
    fake.lie(Lie::NoExtension);
    assert!(store.sweep().is_err(), "and what can't be renewed is said");
}

#[test]
fn a_longer_lock_is_for_what_is_there_already_too() {
    let (fake, dir) = (FakeS3::start(Lie::None), tempfile::tempdir().unwrap());
    let open = |days: u64| {
        let url = S3Url { lock: std::time::Duration::from_secs(days * 86_400), ..fake.url("v") };
        S3Store::open(url, S3Credentials::new("AK", "SK"), OWNER).unwrap().remembering(dir.path().join("lock-days"))
    };
    let (store, name) = (open(30), BlobName::of(b"kept"));
    store.put_blob(&name, &mut &b"kept"[..]).unwrap();
    assert_eq!(store.sweep().unwrap().renewed, 0);
    assert_eq!(open(400).sweep().unwrap().renewed, 1, "the others were read when it was opened");
    let long = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(399 * 24);
    assert!(fake.locked_until("v/").unwrap() > long);
    let (again, before) = (open(400), fake.requests());
    assert_eq!(again.sweep().unwrap().renewed, 0);
    assert!(fake.requests() - before < 4, "then what is new is not asked for one by one");
}

#[test]
fn a_list_that_is_cut_and_does_not_go_on_is_no_whole_one() {
    let fake = FakeS3::start(Lie::None);
    let store = s3(fake.url("v")).unwrap();
    store.put_blob(&BlobName::of(b"kept"), &mut &b"kept"[..]).unwrap();
    fake.lie(Lie::CutsList);
    assert!(store.blobs().is_err() && store.sweep().is_err());
}

#[test]
fn storage_errors_in_a_row_leave_no_hole_and_no_fork() {
    for after in [false, true] {
        for count in [1, 2, 3, 4, 6, 9, 12] {
            let fake = FakeS3::start(Lie::None);
            let log = TestLog::new(1);
            let mut vault = Vault::open(s3(fake.url("v")).unwrap(), key()).unwrap();
            let record = &log.epochs[0];
            let data_key = BlobName::of(&record.data_key);
            Vault::put_blob(vault.store(), &data_key, &mut record.data_key.as_slice()).unwrap();
            vault.enrol(&record.statement).unwrap();
            log.write(1, "good");
            let twin = log.copy();
            vault.append(&requests(&log), 1).unwrap();
            log.write(1, "on a bad day");
            fake.fail(count, after);
            let signed = vault.append(&requests(&log), 1);
            fake.fail(0, false);
            // Somebody with the site's keys uses the moment for a fork: what may be in the bucket is not undone.
            twin.write(1, "a fork");
            let forked = vault.append(&requests(&twin), 1).is_ok();
            assert!(!(forked && signed.is_ok()), "{count} {after}");
            let size = vault.size();
            let again = Vault::open(s3(fake.url("v")).unwrap(), key()).unwrap();
            assert_eq!((again.size(), again.root(), again.damaged()), (size, vault.root(), None), "{count} {after}");
            let right = if forked { &twin } else { &log };
            vault.append(&requests(right), 1).unwrap();
            assert_eq!(vault.root(), right.root());
        }
    }
}

fn requests(log: &TestLog) -> Vec<Vec<u8>> {
    log.encoded().iter().map(|bytes| bytes.to_vec()).collect()
}

/// A site ships to a vault in a bucket, the vault starts again, and all of it is read back and verified.
async fn held_and_read(dir: &Path, store: StoreKind, vandalise: impl FnOnce()) {
    let mut vault = TestVault::start_with(dir, "a", store).await;
    let log = TestLog::new(1);
    let large = log.spool(&vec![9; 400_000]);
    log.write_with(2, "kept", &[large], vec![b"inline".to_vec()]);
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    vandalise();
    vault.down().await;
    vault.up().await;
    log.write(3, "after a restart");
    replicator.committed();
    until("held again", || *replicator.held().borrow() == 5).await;
    replicator.stop().await;
    let report = verify_vault(Arc::new(VaultClient::new(vault.recover_url()).unwrap()), &[]).await.unwrap();
    assert_eq!((report.entries, report.root, report.problems), (5, log.root(), vec![]));
    assert!(!vault.dir.join("store").exists(), "the directory holds keys and nothing else");
    vault.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_held_by_a_bucket_that_was_vandalised() {
    let dir = tempfile::tempdir().unwrap();
    let fake = FakeS3::start(Lie::None);
    held_and_read(dir.path(), fake.kind("v"), || fake.vandalise()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_held_by_a_bucket_of_radosgw() {
    let Some((url, credentials)) = tokio::task::spawn_blocking(|| radosgw("held")).await.unwrap() else { return };
    let dir = tempfile::tempdir().unwrap();
    held_and_read(dir.path(), StoreKind::S3 { url, credentials }, || {}).await;
}
