use super::*;
use crate::repo::FetchMany;
use crate::spool::{Fetch, Spool};
use bytes::Bytes;
use journal::BlobName;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;
use vault::seal::{Identity, Recipients, seal_blob};

fn row(rev: u64, bytes: u64) -> RevisionRow {
    RevisionRow {
        rev,
        hash: Vec::new(),
        properties: b"END\n".to_vec(),
        properties_before: None,
        properties_seq: 0,
        parts: Vec::new(),
        bytes,
    }
}

#[test]
fn revisions_are_asked_for_together_in_order_and_none_is_left_out() {
    let rows = |bytes: &[u64]| (1..).zip(bytes).map(|(rev, bytes)| row(rev, *bytes)).collect::<Vec<_>>();
    let of = |bytes: &[u64]| together(&rows(bytes)).iter().map(|group| group.len()).collect::<Vec<_>>();
    assert_eq!(of(&[]), [0; 0]);
    assert_eq!(of(&[5, 6, 7]), [3]);
    assert_eq!(of(&[1, TOGETHER_BYTES, 1, 2, TOGETHER_BYTES * 9, 3]), [1, 1, 2, 1, 1]);
    assert_eq!(of(&[0; TOGETHER_MAX * 2 + 1]), [TOGETHER_MAX, TOGETHER_MAX, 1]);
    let all = rows(&[700_000; 9]);
    let revs: Vec<u64> = together(&all).into_iter().flatten().map(|row| row.rev).collect();
    assert_eq!(revs, (1..=9).collect::<Vec<_>>());
}

/// A vault that gives every third blob only by itself.
#[derive(Default)]
struct Elsewhere {
    blobs: HashMap<BlobName, Vec<u8>>,
    alone: Mutex<Vec<BlobName>>,
}

fn is_odd_one(name: &BlobName) -> bool {
    name.0.0[0].is_multiple_of(3)
}

impl Fetch for Elsewhere {
    fn fetch(&self, name: &BlobName, into: &mut File) -> Result<bool, Error> {
        self.alone.lock().unwrap().push(*name);
        let Some(bytes) = self.blobs.get(name) else { return Ok(false) };
        into.write_all(bytes).unwrap();
        Ok(true)
    }
}

impl FetchMany for Elsewhere {
    fn fetch_many(&self, names: &[BlobName]) -> Vec<Option<Bytes>> {
        let given =
            |name: &BlobName| self.blobs.get(name).filter(|_| !is_odd_one(name)).map(|b| Bytes::copy_from_slice(b));
        names.iter().map(given).collect()
    }
}

pub(in crate::svn) struct World {
    pub(in crate::svn) dir: tempfile::TempDir,
    pub(in crate::svn) blobs: BlobSource,
    vault: Arc<Elsewhere>,
    pub(in crate::svn) rows: SvnRows,
}

/// Three hundred revisions, some in two parts, one large.
pub(in crate::svn) fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let (site, recovery) = (Identity::generate(), Identity::generate());
    let recipients = Recipients::parse(&recovery.recipient(), &site.recipient()).unwrap();
    let (mut vault, mut revisions) = (Elsewhere::default(), Vec::new());
    for rev in 1..=300u64 {
        let size = if rev == 77 { 1_500_000 } else { 2_000 };
        let content = [rev.to_string().into_bytes(), vec![b'.'; size]].concat();
        let mut row = RevisionRow { hash: Sha256::digest(&content).to_vec(), ..row(rev, 0) };
        for part in content.chunks(if rev % 10 == 0 { 1_000 } else { 2_000_000 }) {
            let (name, sealed) = seal_blob(&recipients, part).unwrap();
            row.bytes += part.len() as u64;
            row.parts.push(name);
            vault.blobs.insert(name, sealed);
        }
        revisions.push(row);
    }
    let vault = Arc::new(vault);
    let spool = Arc::new(Spool::open(&dir.path().join("spool"), recipients, 1 << 20, 0).unwrap());
    let blobs = BlobSource::new(spool, vec![Identity::generate(), site], vault.clone(), dir.path().to_owned());
    let rows = SvnRows { files: Vec::new(), revisions, locks: BTreeMap::new(), pending: false };
    World { dir, blobs, vault, rows }
}

#[test]
fn what_comes_together_and_what_comes_by_itself_is_all_put() {
    let world = world();
    let place = world.dir.path().join("svn");
    fill(&place, 7, &world.rows, &world.blobs).unwrap();
    for row in &world.rows.revisions {
        let bytes = fs::read(place.join(format!("7/repo/db/revs/0/{}", row.rev))).unwrap();
        assert_eq!(Sha256::digest(&bytes).as_slice(), row.hash, "revision {}", row.rev);
        assert_eq!(fs::read(place.join(format!("7/repo/db/revprops/0/{}", row.rev))).unwrap(), b"END\n");
    }
    assert_eq!(fs::read(place.join("7/repo/db/current")).unwrap(), b"300\n");
    let mut alone = world.vault.alone.lock().unwrap().clone();
    let small = |row: &&RevisionRow| row.bytes <= SMALL_BYTES_MAX;
    let odd = world.rows.revisions.iter().filter(small).flat_map(|row| row.parts.clone()).filter(is_odd_one);
    let mut expected: Vec<_> = odd.chain(world.rows.revisions[76].parts.clone()).collect();
    for names in [&mut alone, &mut expected] {
        names.sort_unstable_by_key(|name| name.0.0);
    }
    assert_eq!(alone, expected, "only what is not given together is asked for by itself, once");
}

#[test]
fn a_revision_that_is_not_what_was_committed_makes_no_repository() {
    let mut world = world();
    let place = world.dir.path().join("svn");
    let was = std::mem::replace(&mut world.rows.revisions[149].hash, vec![0; 32]);
    let error = fill(&place, 7, &world.rows, &world.blobs).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (io::ErrorKind::InvalidData, "revision 150 is not what was committed")
    );
    assert!(!place.join("7").exists());
    // What was left is not in the way.
    world.rows.revisions[149].hash = was;
    fill(&place, 7, &world.rows, &world.blobs).unwrap();
    assert!(place.join("7/repo").exists() && !place.join("7.part").exists());
}

#[test]
fn what_no_vault_has_makes_no_repository() {
    let mut world = world();
    world.rows.revisions[200].parts = vec![BlobName::of(b"nowhere")];
    let error = fill(&world.dir.path().join("svn"), 7, &world.rows, &world.blobs).unwrap_err();
    assert!(error.to_string().contains("neither in the spool nor in a vault"), "{error}");
    assert!(!world.dir.path().join("svn/7").exists());
}
