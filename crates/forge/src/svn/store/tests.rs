use super::*;
use crate::svn::fill::tests::{World, world};
use std::fs;

/// A store with repository 7 on its disk: three hundred revisions, as the journal has them.
fn store(world: &World) -> (SvnStore, SvnRepository) {
    let (dir, erased) = (world.dir.path().join("svn"), Erased::new(&[]));
    let db = Db::sqlite(&world.dir.path().join("db")).unwrap();
    let store = SvnStore { dir, db, blobs: world.blobs.clone(), held: watch::Sender::new(9).subscribe(), erased };
    fill(&store.dir, 7, &world.rows, &store.blobs).unwrap();
    let repository = store.repository(7);
    (store, repository)
}

fn content(repository: &SvnRepository, rev: u64) -> Vec<u8> {
    fs::read(repository.root().join(format!("db/revs/0/{rev}"))).unwrap()
}

#[test]
fn what_a_power_loss_left_of_revisions_is_put_anew_and_nothing_of_it_is_taken_for_a_change() {
    let world = world();
    let (store, repository) = store(&world);
    let (newest, earlier) = (content(&repository, 300), content(&repository, 77));
    let place = |kind: &str, rev: u64| repository.root().join(format!("db/{kind}/0/{rev}"));
    let put = |path: PathBuf, bytes: &[u8]| {
        fs::remove_file(&path).unwrap();
        fs::write(path, bytes).unwrap();
    };
    // Files that were made and never written, cut off, full of zeros, or are not there.
    put(place("revs", 300), &vec![0; newest.len()]);
    put(place("revs", 77), b"");
    put(place("revprops", 300), b"");
    put(place("revprops", 299), &[0; 4]);
    put(place("revprops", 298), b"K 7\nsvn:l");
    fs::remove_file(place("revprops", 297)).unwrap();
    let extras = store.compare(&repository, &world.rows, 9, true).unwrap();
    assert!(extras.revisions.is_none() && extras.properties.is_empty(), "{extras:?}");
    assert!(content(&repository, 300) == newest && content(&repository, 77) == earlier);
    for rev in 297..=300 {
        assert_eq!(repository.revision_properties(rev).unwrap(), b"END\n", "{rev}");
    }
    // What somebody has set is something else.
    put(place("revprops", 5), b"K 7\nsvn:log\nV 2\nhi\nEND\n");
    assert_eq!(store.compare(&repository, &world.rows, 9, true).unwrap().properties, [5]);
}

#[test]
fn what_is_held_and_missing_is_put_there_up_to_what_no_vault_has() {
    let mut world = world();
    let (store, repository) = store(&world);
    repository.set_youngest(200).unwrap();
    repository.sweep().unwrap();
    let parts = std::mem::take(&mut world.rows.revisions[250].parts);
    assert!(store.compare(&repository, &world.rows, 9, true).is_err());
    assert_eq!(repository.youngest().unwrap(), 250);
    world.rows.revisions[250].parts = parts;
    store.compare(&repository, &world.rows, 9, true).unwrap();
    assert_eq!(repository.youngest().unwrap(), 300);
    assert!(lies_there(&repository, &world.rows.revisions[299]));
}

#[test]
fn a_repository_that_a_crash_left_without_some_directory_opens() {
    let mut world = world();
    let (store, repository) = store(&world);
    let db = repository.root().join("db");
    for gone in ["transactions", "txn-protorevs", "locks"] {
        fs::remove_dir_all(db.join(gone)).unwrap();
        store.compare(&repository, &world.rows, 9, true).unwrap();
        assert!(db.join(gone).is_dir(), "{gone}");
    }
    fs::remove_dir_all(db.join("locks")).unwrap();
    let lock = b"K 4\npath\nV 4\n/a/b\nK 5\ntoken\nV 1\nt\nEND\n".to_vec();
    world.rows.locks.insert("0123456789abcdef0123456789abcdef".to_owned(), lock);
    store.compare(&repository, &world.rows, 9, false).unwrap();
    assert_eq!(repository.locks().unwrap(), world.rows.locks);
}
