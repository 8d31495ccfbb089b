//! How revisions are related.

use crate::fixture::{FORMATS, Fixture, history, with_and_without_graph};
use code::{RevisionId, Source};
use std::collections::BTreeSet;

#[test]
fn bases_and_counts_are_gits() {
    for seed in 0..4 {
        let fixture = Fixture::new(FORMATS[seed % 2]);
        fixture.import(&history(50 + seed as u64, 140));
        with_and_without_graph(&fixture, |fixture, source| {
            let ids = fixture.lines(&["for-each-ref", "--format=%(objectname)", "refs/heads"]);
            for base in ids.iter().step_by(3) {
                for head in ids.iter().step_by(2) {
                    let range = format!("{base}...{head}");
                    let counts = fixture.git(&["rev-list", "--left-right", "--count", &range]);
                    let bases = fixture.lines(&["merge-base", "--all", base, head]);
                    let listed = fixture.lines(&["rev-list", &format!("{base}..{head}")]);
                    let (base, head) = (RevisionId(base.clone()), RevisionId(head.clone()));
                    let compared = source.compare(&base, &head, 1_000).unwrap();
                    assert_eq!(format!("{}\t{}", compared.behind, compared.ahead), counts, "{range}");
                    assert!(bases.contains(&compared.base.unwrap().0), "{range}");
                    let revisions = compared.revisions.iter().map(|revision| revision.id.0.clone());
                    assert_eq!(revisions.collect::<Vec<_>>(), listed, "{range}");
                }
            }
        });
    }
}

#[test]
fn clocks_that_go_wrong_do_not_change_what_is_counted() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let text = String::from_utf8(history(60, 120)).unwrap();
    // Every third commit is a year off.
    let mut n = 0;
    let skewed = text.lines().map(|line| {
        let Some(rest) = line.strip_prefix("committer Server <s@example.org> ") else { return format!("{line}\n") };
        n += 1;
        let time: u64 = rest.split(' ').next().unwrap().parse().unwrap();
        format!("committer Server <s@example.org> {} +0000\n", if n % 3 == 0 { time - 31_000_000 } else { time })
    });
    fixture.import(skewed.collect::<String>().as_bytes());
    with_and_without_graph(&fixture, |fixture, source| {
        let main = fixture.id("main");
        for id in fixture.lines(&["for-each-ref", "--format=%(objectname)", "refs/heads"]) {
            // Git itself is misled by such clocks where it does not list everything.
            let all = |id: &str| fixture.lines(&["rev-list", id]).into_iter().collect::<BTreeSet<_>>();
            let (ours, theirs) = (all(&main.0), all(&id));
            let counts = (theirs.difference(&ours).count(), ours.difference(&theirs).count());
            let compared = source.compare(&main, &RevisionId(id), 10).unwrap();
            assert_eq!((compared.ahead as usize, compared.behind as usize), counts);
        }
        assert_eq!(source.count(&main).unwrap().to_string(), fixture.git(&["rev-list", "--count", "main"]));
    });
}

#[test]
fn revisions_are_counted_also_from_a_count_nearby() {
    let fixture = Fixture::new(git::ObjectFormat::Sha256);
    fixture.import(&history(61, 300));
    with_and_without_graph(&fixture, |fixture, source| {
        for name in ["main~40", "main~20", "main", "main~1", "main~41"] {
            let expected = fixture.git(&["rev-list", "--count", name]);
            assert_eq!(source.count(&fixture.id(name)).unwrap().to_string(), expected, "{name}");
        }
    });
}

#[test]
fn what_has_nothing_in_common_has_no_base() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(62, 10));
    let other = String::from_utf8(history(63, 5)).unwrap().replace("refs/heads/main", "refs/heads/other");
    let other = other.replace("refs/heads/rest", "refs/heads/rest2").replace("Change", "Chance");
    fixture.import(other.as_bytes());
    let source = fixture.source();
    let (main, other) = (fixture.id("main"), fixture.id("other"));
    let compared = source.compare(&main, &other, 10).unwrap();
    let count = |name: &str| fixture.git(&["rev-list", "--count", name]).parse::<u32>().unwrap();
    assert_eq!((compared.base, compared.ahead, compared.behind), (None, count("other"), count("main")));
    let same = source.compare(&main, &main, 10).unwrap();
    assert_eq!((same.base, same.ahead, same.behind), (Some(main), 0, 0));
}
