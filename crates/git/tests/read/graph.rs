//! The drawn history.

use crate::fixture::{FORMATS, Fixture, history, with_and_without_graph};
use code::{GraphRow, NameKind, Source};

#[test]
fn all_branches_are_drawn_in_gits_order_of_dates() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        fixture.import(&history(70, 200));
        fixture.git(&["tag", "v1", "main~5"]);
        with_and_without_graph(&fixture, |fixture, source| {
            let (rows, more) = source.graph(0, 500).unwrap();
            let ids = rows.iter().map(|row| row.revision.id.0.clone()).collect::<Vec<_>>();
            assert_eq!(ids, fixture.lines(&["rev-list", "--branches", "--date-order"]));
            assert!(!more);
            let main = rows.iter().find(|row| row.revision.id == fixture.id("main")).unwrap();
            assert!(main.names.contains(&(NameKind::Branch, "main".to_owned())));
            let tagged = rows.iter().find(|row| row.revision.id == fixture.id("v1")).unwrap();
            assert!(tagged.names.contains(&(NameKind::Tag, "v1".to_owned())));
            check_lines(&rows);
        });
    }
}

/// Follows the lines: from each dot down, they lead to exactly the commit's parents.
fn check_lines(rows: &[GraphRow]) {
    for (index, row) in rows.iter().enumerate() {
        let parents =
            row.revision.parents.iter().map(|parent| parent.0.clone()).collect::<std::collections::BTreeSet<_>>();
        let mut reached = std::collections::BTreeSet::new();
        let mut lanes = row.lines.iter().filter(|line| line.0 == row.lane).map(|line| line.1).collect::<Vec<_>>();
        for next in &rows[index + 1..] {
            if lanes.contains(&next.lane) {
                reached.insert(next.revision.id.0.clone());
            }
            lanes.retain(|lane| *lane != next.lane);
            let step = |lane: &u16| next.lines.iter().find(|line| line.0 == *lane).map(|line| line.1);
            lanes = lanes.iter().filter_map(step).collect();
        }
        assert_eq!(reached, parents, "row {index}");
    }
}

#[test]
fn a_row_is_the_same_on_every_page() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(71, 120));
    let source = fixture.source();
    let (all, _) = source.graph(0, 500).unwrap();
    let mut paged = Vec::new();
    loop {
        let (rows, more) = source.graph(paged.len(), 17).unwrap();
        paged.extend(rows);
        if !more {
            break;
        }
    }
    assert_eq!(paged, all);
}
