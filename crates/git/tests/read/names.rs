//! Branches and tags.

use crate::fixture::{FORMATS, Fixture, history, with_and_without_graph};
use code::{NameKind, Source};

#[test]
fn branches_come_newest_first_with_what_they_have_more_and_less() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        fixture.import(&history(2, 150));
        with_and_without_graph(&fixture, |fixture, source| {
            let (named, total) = source.names(NameKind::Branch, "", 0, 100, true).unwrap();
            let shown = named.iter().map(|named| {
                let (ahead, behind) = named.ahead_behind.unwrap();
                format!("{} {} {ahead} {behind}", named.name, named.revision.id)
            });
            let format = "--format=%(refname:short) %(objectname) %(ahead-behind:main)";
            let expected = fixture.lines(&["for-each-ref", "--sort=-creatordate", format, "refs/heads"]);
            assert_eq!(shown.collect::<Vec<_>>(), expected);
            assert_eq!(total, expected.len());
            assert!(total > 10);
        });
    }
}

#[test]
fn tags_are_dated_by_their_own_date_and_those_of_no_commit_are_left_out() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(3, 90));
    for (name, of, date) in [("old", "main", "1400000000"), ("new", "main~9", "1700000000")] {
        let tag = format!(
            "object {}\ntype commit\ntag {name}\ntagger T <t@x> {date} +0000\n\nTag {name}\n\nmore\n-----BEGIN PGP SIGNATURE-----\nx\n",
            fixture.id(of)
        );
        let id = fixture.git_with(&["hash-object", "-t", "tag", "-w", "--stdin"], tag.as_bytes());
        fixture.git(&["update-ref", &format!("refs/tags/{name}"), &id]);
    }
    fixture.git(&["tag", "light", "main~2"]);
    fixture.git(&["tag", "a-tree", "main^{tree}"]);
    let source = fixture.source();
    let (named, total) = source.names(NameKind::Tag, "", 0, 100, false).unwrap();
    let names = named.iter().map(|named| named.name.as_str()).collect::<Vec<_>>();
    assert_eq!((names, total), (vec!["new", "light", "old"], 3));
    assert_eq!(named[0].annotation.as_deref(), Some("Tag new\n\nmore"));
    assert_eq!((named[1].annotation.clone(), named[1].ahead_behind), (None, None));
    assert_eq!(named[0].revision.id, fixture.id("main~9"));
    assert_eq!(source.short_names(NameKind::Tag).unwrap(), ["a-tree", "light", "new", "old"]);
}

#[test]
fn names_are_filtered_and_paged() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(4, 120));
    let source = fixture.source();
    let all = source.names(NameKind::Branch, "PART/1", 0, 100, false).unwrap();
    assert!(all.1 >= 2 && all.0.iter().all(|named| named.name.contains("part/1")));
    let page = source.names(NameKind::Branch, "PART/1", 1, 1, false).unwrap();
    assert_eq!((page.0.as_slice(), page.1), (&all.0[1..2], all.1));
    assert!(source.names(NameKind::Branch, "", 10_000, 10, false).unwrap().0.is_empty());
}
