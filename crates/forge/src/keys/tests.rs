use super::*;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_new_sites_keys_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!Keys::exist(dir.path()));
    let keys = Keys::create(dir.path()).unwrap();
    assert!(dir.path().join(RECOVERY_FILE).is_file());
    let again = Keys::open(dir.path()).unwrap();
    assert_eq!((again.origin(), again.epoch()), (keys.origin(), 1));
    assert_eq!(again.records()[0].statement, keys.records()[0].statement);
    assert_eq!(again.log_keys().unwrap().log_key.verifier(), keys.log_keys().unwrap().log_key.verifier());
    assert!(Keys::create(dir.path()).is_err(), "a site is begun once");
    for file in ["site.agekey", "log.key", "epoch/1.datakey.age"] {
        let mode = dir.path().join("keys").join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn the_recovery_key_is_not_among_them() {
    let dir = tempfile::tempdir().unwrap();
    Keys::create(dir.path()).unwrap();
    let secret = RecoveryKey::read(&dir.path().join(RECOVERY_FILE)).unwrap().identity().expose();
    std::fs::remove_file(dir.path().join(RECOVERY_FILE)).unwrap();
    for entry in std::fs::read_dir(dir.path().join("keys")).unwrap().flatten().filter(|e| e.path().is_file()) {
        assert!(!String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).contains(&*secret));
    }
    Keys::open(dir.path()).unwrap();
}

#[test]
fn keys_that_do_not_belong_together_are_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Keys::create(one.path()).unwrap();
    Keys::create(other.path()).unwrap();
    std::fs::copy(other.path().join("keys/log.key"), one.path().join("keys/log.key")).unwrap();
    assert!(matches!(Keys::open(one.path()), Err(Error::Damaged(_))));
}

#[test]
fn a_start_that_was_cut_short_begins_again_with_the_same_recovery_key() {
    let dir = tempfile::tempdir().unwrap();
    let recovery = RecoveryKey::generate();
    recovery.write(dir.path()).unwrap();
    std::fs::create_dir_all(dir.path().join("keys.new/epoch")).unwrap();
    let keys = Keys::create(dir.path()).unwrap();
    assert_eq!(keys.recovery_recipients().collect::<Vec<_>>(), [recovery.recipient()]);
}
