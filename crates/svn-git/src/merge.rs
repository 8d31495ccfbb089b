//! What `svn:mergeinfo` says was merged.

use std::collections::BTreeMap;

/// The most bytes of the property that are looked at.
const BYTES_MAX: usize = 1 << 20;

/// Revisions from one to another, both included.
pub(crate) type Range = (u64, u64);

/// Merged revisions by the path that they were merged from, as the property has them. What is not readable says nothing.
pub(crate) fn parse(property: &[u8]) -> BTreeMap<Vec<u8>, Vec<Range>> {
    let mut merged = BTreeMap::new();
    if property.len() > BYTES_MAX {
        return merged;
    }
    for line in property.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().rposition(|byte| *byte == b':') else { continue };
        let (path, ranges) = (&line[..colon], &line[colon + 1..]);
        let Ok(ranges) = std::str::from_utf8(ranges) else { continue };
        // `*`: only of the directory itself, so not of all that is in it.
        let whole = ranges.split(',').filter(|range| !range.ends_with('*'));
        let mut ranges: Vec<Range> = whole.filter_map(range).collect();
        if path.starts_with(b"/") && !ranges.is_empty() {
            ranges.sort_unstable();
            merged.insert(path.to_vec(), ranges);
        }
    }
    merged
}

fn range(text: &str) -> Option<Range> {
    let (first, last) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// Whether a revision is in one of the ranges, which are sorted.
pub(crate) fn covers(ranges: &[Range], rev: u64) -> bool {
    let before = ranges.partition_point(|(first, _)| *first <= rev);
    ranges[..before].iter().rev().take(8).any(|(_, last)| rev <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mergeinfo_is_read() {
        let merged = parse(b"/branches/a:b:3-5,7\n/branches/c:9*,4\n/branches/d:8*\nnonsense\n/x:5-2\n");
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[b"/branches/a:b".as_slice()], [(3, 5), (7, 7)]);
        assert_eq!(merged[b"/branches/c".as_slice()], [(4, 4)]);
        let covered: Vec<u64> = (0..10).filter(|rev| covers(&[(3, 5), (7, 7)], *rev)).collect();
        assert_eq!(covered, [3, 4, 5, 7]);
    }
}
