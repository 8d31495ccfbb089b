use super::*;
use std::io::Read as _;
use vault::seal::{Identity, open_blob};

fn spool(dir: &Path, bytes_max: u64) -> (Arc<Spool>, Identity) {
    let (recovery, site) = (Identity::generate(), Identity::generate());
    let recipients = Recipients::parse(&recovery.recipient(), &site.recipient()).unwrap();
    (Arc::new(Spool::open(dir, recipients, bytes_max, 0).unwrap()), site)
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

fn opened(spool: &Spool, site: &Identity, parts: &[LeasedPart]) -> Vec<u8> {
    let mut plaintext = Vec::new();
    for (lease, _) in parts {
        let (file, _) = spool.file(&lease.name()).unwrap().unwrap();
        open_blob(site, file).unwrap().read_to_end(&mut plaintext).unwrap();
    }
    plaintext
}

#[test]
fn a_stream_becomes_blobs_that_give_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, site) = spool(dir.path(), 1 << 20);
    let content: Vec<u8> = (0..10_000u32).flat_map(u32::to_le_bytes).collect();
    let mut writer = PartWriter::new(spool.clone());
    let mut parts = Vec::new();
    for piece in content.chunks(7_001) {
        parts.extend(writer.write(piece).unwrap());
    }
    parts.extend(writer.finish().unwrap());
    assert_eq!(parts.iter().map(|(_, bytes)| *bytes).sum::<u64>(), 40_000);
    assert_eq!(opened(&spool, &site, &parts), content);
    assert!(PartWriter::new(spool).finish().unwrap().is_none());
}

#[test]
fn a_blob_stays_until_everybody_has_its_entries() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = spool(dir.path(), 1 << 20);
    let name = Arc::clone(&spool).put(b"a snapshot").unwrap();
    spool.sweep(1000);
    assert!(spool.file(&name).unwrap().is_some(), "no entry names it yet");
    spool.named([&name], 8);
    spool.sweep(7);
    assert!(spool.file(&name).unwrap().is_some());
    spool.sweep(8);
    assert!(spool.file(&name).unwrap().is_none());
    assert_eq!((spool.bytes(), files(dir.path())), (0, 0));
}

#[test]
fn what_no_entry_ever_named_goes_with_its_lease() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = spool(dir.path(), 1 << 20);
    let lease = spool.insert(b"sealed bytes").unwrap();
    let named = spool.insert(b"other sealed bytes").unwrap();
    let name = named.name();
    named.named(3);
    drop(lease);
    assert_eq!(files(dir.path()), 1);
    assert!(spool.file(&name).unwrap().is_some());
    let mut writer = PartWriter::new(spool.clone());
    writer.write(b"an interrupted push").unwrap();
    drop(writer);
    assert_eq!(files(dir.path()), 1);
}

#[test]
fn after_a_crash_whole_blobs_stay_and_half_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = spool(dir.path(), 1 << 20);
    let name = spool.insert(b"sealed bytes").unwrap().keep_unnamed();
    fs::write(dir.path().join("writing-7"), b"half").unwrap();
    let recipients = spool.recipients().clone();
    drop(spool);
    let spool = Arc::new(Spool::open(dir.path(), recipients, 1 << 20, 5).unwrap());
    assert_eq!((spool.bytes(), files(dir.path())), (12, 1));
    spool.sweep(4);
    assert!(spool.file(&name).unwrap().is_some(), "an entry below 5 may name it");
    spool.sweep(5);
    assert!(spool.file(&name).unwrap().is_none());
}

#[test]
fn what_a_power_cut_left_torn_is_replaced_or_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (again, never) = (b"to be whole".as_slice(), b"never asked for".as_slice());
    for bytes in [again, never] {
        fs::write(dir.path().join(BlobName::of(bytes).to_string()), &bytes[..4]).unwrap();
    }
    let recipients = spool(&dir.path().join("other"), 1 << 20).0.recipients().clone();
    fs::remove_dir(dir.path().join("other")).unwrap();
    let spool = Arc::new(Spool::open(dir.path(), recipients, 1 << 20, 5).unwrap());
    let lease = spool.insert(again).unwrap();
    assert_eq!(fs::read(dir.path().join(lease.name().to_string())).unwrap(), again);
    assert_eq!(spool.bytes(), again.len() as u64 + 4);
    lease.named(7);
    spool.sweep(5);
    assert_eq!((files(dir.path()), spool.file(&BlobName::of(never)).unwrap().is_none()), (1, true));
}

#[test]
fn a_full_spool_says_so_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = spool(dir.path(), 100);
    let lease = spool.insert(&[0; 90]).unwrap();
    assert!(matches!(spool.insert(&[1; 11]), Err(Error::NoRoom(text)) if text.contains("spool_bytes_max")));
    assert_eq!(files(dir.path()), 1);
    drop(lease);
    assert!(spool.insert(&[1; 11]).is_ok());
}

#[test]
fn a_blob_that_only_a_vault_has_is_fetched_once() {
    struct Elsewhere;
    impl Fetch for Elsewhere {
        fn fetch(&self, name: &BlobName, into: &mut File) -> Result<bool, Error> {
            let found = name.0 == BlobName::of(b"old").0;
            into.write_all(if found { b"old" } else { b"half an ans" }).unwrap();
            Ok(found)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = spool(dir.path(), 100);
    let name = BlobName::of(b"old");
    assert!(spool.sealed(&name).unwrap().is_none());
    spool.fetch_from(Arc::new(Elsewhere));
    assert_eq!(spool.sealed(&name).unwrap().unwrap().1, 3);
    assert!(spool.sealed(&BlobName::of(b"new")).unwrap().is_none());
    assert_eq!(files(dir.path()), 1);
    spool.sweep(1000);
    assert_eq!(files(dir.path()), 1, "it is wanted by who is behind");
    spool.nobody_is_behind();
    assert_eq!(files(dir.path()), 0);
}
