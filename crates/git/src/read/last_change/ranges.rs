//! Sets of numbers as ranges: a whole directory's paths are one.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of numbers; ranges do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RangeSet {
    ends: BTreeMap<u32, u32>,
}

impl RangeSet {
    /// All of a range.
    pub(super) fn of(range: Range<u32>) -> Self {
        let mut set = Self::default();
        set.insert(range);
        set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many there are, if they are no more than this.
    pub(super) fn few(&self, most: usize) -> Option<usize> {
        let count = || self.ranges().map(|range| range.len()).sum();
        Some(self.ends.len()).filter(|ranges| *ranges <= most).map(|_| count()).filter(|count: &usize| *count <= most)
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.ends.range(..=number).next_back().is_some_and(|(_, end)| *end > number)
    }

    /// Whether any of a range is in it.
    pub(super) fn touches(&self, range: Range<u32>) -> bool {
        self.ends.range(..range.end).next_back().is_some_and(|(_, end)| *end > range.start) && !range.is_empty()
    }

    pub(super) fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        while let Some((other, other_end)) = self.ends.range(..=end).next_back().map(|(a, b)| (*a, *b))
            && other_end >= start
        {
            self.ends.remove(&other);
            (start, end) = (start.min(other), end.max(other_end));
        }
        self.ends.insert(start, end);
    }

    pub(super) fn remove(&mut self, range: Range<u32>) {
        while let Some((start, end)) = self.ends.range(..range.end).next_back().map(|(a, b)| (*a, *b))
            && end > range.start
            && !range.is_empty()
        {
            self.ends.remove(&start);
            if end > range.end {
                self.ends.insert(range.end, end);
            }
            if start < range.start {
                self.ends.insert(start, range.start);
            }
        }
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.ends.iter().map(|(start, end)| *start..*end)
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges().flatten()
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let (small, large) = if self.ends.len() <= other.ends.len() { (self, other) } else { (other, self) };
        let mut both = Self::default();
        for range in small.ranges() {
            let first = large.ends.range(..=range.start).next_back().map_or(range.start, |(start, _)| *start);
            for (start, end) in large.ends.range(first..range.end) {
                both.insert((*start).max(range.start)..(*end).min(range.end).max((*start).max(range.start)));
            }
        }
        both
    }

    /// Puts all of another in.
    pub(super) fn add(&mut self, mut other: Self) {
        if other.ends.len() > self.ends.len() {
            std::mem::swap(self, &mut other);
        }
        other.ranges().for_each(|range| self.insert(range));
    }

    /// Takes all of another out.
    pub(super) fn subtract(&mut self, other: &Self) {
        if other.ends.len() > self.ends.len() * 4 {
            let gone = self.and(other);
            gone.ranges().for_each(|range| self.remove(range));
        } else {
            other.ranges().for_each(|range| self.remove(range));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn made(ranges: &[(u32, u32)]) -> (RangeSet, BTreeSet<u32>) {
        let (mut set, mut plain) = (RangeSet::default(), BTreeSet::new());
        for (start, length) in ranges {
            set.insert(*start..start + length);
            plain.extend(*start..start + length);
        }
        (set, plain)
    }

    fn check(set: &RangeSet, plain: &BTreeSet<u32>) {
        assert_eq!(set.numbers().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
        let ranges = set.ranges().collect::<Vec<_>>();
        assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?}");
    }

    proptest! {
        #[test]
        fn it_is_a_set(a in prop::collection::vec((0_u32..40, 0_u32..6), 0..8), b in prop::collection::vec((0_u32..40, 0_u32..6), 0..8)) {
            let ((one, one_plain), (two, two_plain)) = (made(&a), made(&b));
            check(&one, &one_plain);
            check(&one.and(&two), &one_plain.intersection(&two_plain).copied().collect());
            let mut sum = one.clone();
            sum.add(two.clone());
            check(&sum, &one_plain.union(&two_plain).copied().collect());
            let mut rest = one.clone();
            rest.subtract(&two);
            check(&rest, &one_plain.difference(&two_plain).copied().collect());
            for number in 0..50 {
                assert_eq!(one.contains(number), one_plain.contains(&number));
                for end in number..50 {
                    assert_eq!(one.touches(number..end), one_plain.range(number..end).next().is_some());
                }
            }
        }
    }
}
