use super::DrillReport;
use super::query::{Drill, DrillState};
use crate::event::proof::DrillKind;
use journal::Hash;
use journal::note::{KeyKind, SigningKey};

fn report() -> DrillReport {
    DrillReport {
        origin: "outlast/ab".into(),
        kind: DrillKind::Full,
        through: 41,
        root: Hash::of(b"root"),
        started_us: 5,
        answers_ms: 120,
        whole_ms: 300,
        data_age_ms: 0,
        snapshot: Some(40),
        rows: 99,
        repositories: 3,
        refs: 4,
        blobs: 0,
        vaults: vec!["eu".into(), "us".into()],
        differences_count: 0,
        differences: Vec::new(),
    }
}

#[test]
fn a_report_says_the_same_after_reading_and_only_its_signer_vouches_for_it() {
    let key = |seed| SigningKey::from_seed("outlast/ab", KeyKind::Ed25519, &[seed; 32]).unwrap();
    let mut report = report();
    report.set_differences(vec!["ref a=\"1\nforged 2\"".into(), "x".repeat(2000)]);
    assert!(report.differences.iter().all(|text| !text.contains('\n') && text.len() < 500));
    let note = report.sign(&key(1)).unwrap().to_string();
    assert_eq!(DrillReport::verify(&note, key(1).verifier()).unwrap(), report);
    assert!(DrillReport::verify(&note, key(2).verifier()).is_err());
    assert!(DrillReport::verify(&note.replace("through 41", "through 42"), key(1).verifier()).is_err());
}

#[test]
fn differences_beyond_what_is_kept_are_counted() {
    let mut report = report();
    report.set_differences(vec!["one".into(); 1000]);
    assert_eq!((report.differences_count, report.differences.len()), (1000, super::DIFFERENCES_KEPT_MAX));
    assert!(!report.is_good());
}

fn state(hours: i64, differences: u64) -> DrillState {
    let drill = Drill {
        id: 9,
        kind: DrillKind::Full,
        through: 1,
        started_us: 0,
        answers_ms: 0,
        whole_ms: 0,
        data_age_ms: 0,
        repositories: 0,
        differences,
        vaults: String::new(),
        report: String::new(),
        done_us: 0,
    };
    DrillState { last: vec![drill], site_started_us: 0, can_drill: true, now_us: hours * 3_600_000_000 }
}

#[test]
fn a_missing_drill_and_a_failed_one_are_alarms() {
    assert_eq!(state(25, 0).alarm(), None);
    assert!(state(27, 0).alarm().unwrap().contains("27 h"));
    assert!(state(1, 2).alarm().unwrap().contains("2 differences"));
    let young = DrillState { last: Vec::new(), ..state(20, 0) };
    assert_eq!(young.alarm(), None);
    let never = DrillState { last: Vec::new(), can_drill: false, ..state(27, 0) };
    assert!(never.alarm().unwrap().contains("--drill-vault"));
}
