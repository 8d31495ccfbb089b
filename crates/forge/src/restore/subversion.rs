//! What is put back of Subversion: revisions' properties and locks by entries like everything else, and revisions by new ones, which
//! somebody has to commit.

use super::Selection;
use super::course::Course;
use super::slot::Slot;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::svn::SvnRevpropsSet;
use crate::log::{entry_each, read_row};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use svn::Properties;

/// Revisions of one repository that selected acts made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnRevisions {
    /// The repository.
    pub repo: u64,
    /// Its path.
    pub path: String,
    /// Their numbers.
    pub revisions: BTreeSet<u64>,
}

impl SvnRevisions {
    /// `revision 7`, or `revisions 3 to 5, 7`.
    #[must_use]
    pub fn numbers(&self) -> String {
        let mut text = String::from(if self.revisions.len() == 1 { "revision " } else { "revisions " });
        for (n, (first, last)) in self.runs().into_iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let _ = match first == last {
                true => write!(text, "{comma}{first}"),
                false => write!(text, "{comma}{first} to {last}"),
            };
        }
        text
    }

    /// What takes them back in a working copy, the newest first.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let runs = self.runs();
        runs.iter().rev().map(|(first, last)| format!("svn merge -r {last}:{} ^/ .", first - 1)).collect()
    }

    /// What to do where they can't be taken back, and why that is.
    #[must_use]
    pub fn by_hand(&self, why: &str) -> String {
        format!(
            "{}: {} not taken back, {why}: in a new working copy of all of it, {}, then svn commit",
            self.path,
            self.numbers(),
            self.commands().join(", ")
        )
    }

    /// From which to which, without a gap.
    fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for rev in &self.revisions {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *rev => *last = *rev,
                _ => runs.push((*rev, *rev)),
            }
        }
        runs
    }
}

/// How the properties of these revisions went: they are read apart, because to remember those of all revisions would be too much.
pub(super) fn properties(
    tx: &mut Tx,
    selection: &Selection,
    wanted: &BTreeSet<(u64, u64)>,
    rows: &mut BTreeMap<Slot, Course<Event>>,
) -> Result<(), Error> {
    entry_each(tx, 0, u64::MAX >> 1, |entry| {
        let event = read_row(&entry)?.1;
        let selected = selection.has(&entry.stamp, None);
        let mut step = |repo: u64, rev: u64, properties: &[u8]| {
            if wanted.contains(&(repo, rev)) {
                let set = SvnRevpropsSet { repo, rev, properties: properties.to_vec() };
                rows.entry(Slot::SvnProperties(repo, rev)).or_default().step(Some(set.into()), selected);
            }
        };
        match &event {
            Event::SvnCommitted(e) => step(e.repo, e.rev, &e.properties),
            Event::SvnRevpropsSet(e) => step(e.repo, e.rev, &e.properties),
            Event::SvnLoaded(e) => {
                e.revisions.iter().zip(e.first..).for_each(|(revision, rev)| step(e.repo, rev, &revision.properties));
            }
            Event::SvnBegun(e) => {
                let first = e.files.iter().filter(|file| file.name == "db/revprops/0/0");
                first.for_each(|file| step(e.repo, 0, &file.bytes));
            }
            _ => {}
        }
        Ok::<_, Error>(())
    })
}

/// The repository on whose disk something must follow when this is put back; None: on none.
pub(super) fn touches(event: &Event) -> Option<u64> {
    match event {
        Event::SvnRevpropsSet(e) => Some(e.repo),
        Event::SvnLocked(e) => Some(e.repo),
        Event::SvnUnlocked(e) => Some(e.repo),
        _ => None,
    }
}

/// A lock in words: `PLACE: lock of PATH`.
pub(super) fn lock_shown(shown: &str, course: &Course<Event>) -> String {
    let known = [&course.before, &course.left, &course.last].into_iter().flatten().find_map(|event| match event {
        Event::SvnLocked(e) => Properties::parse(&e.lock).ok()?.text("path"),
        _ => None,
    });
    match (known, shown.split_once(": ")) {
        (Some(path), Some((place, _))) => format!("{place}: lock of {}", code::visible(path.as_bytes())),
        _ => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_named_with_what_takes_them_back() {
        let of = |revisions: &[u64]| SvnRevisions {
            repo: 1,
            path: "ann/paper".into(),
            revisions: revisions.iter().copied().collect(),
        };
        assert_eq!(of(&[7]).numbers(), "revision 7");
        let several = of(&[3, 4, 5, 7, 10, 11]);
        assert_eq!(several.numbers(), "revisions 3 to 5, 7, 10 to 11");
        let said = "svn merge -r 11:9 ^/ ., svn merge -r 7:6 ^/ ., svn merge -r 5:2 ^/ .";
        assert_eq!(several.commands().join(", "), said);
        assert!(several.by_hand("there is no svn here").contains(said));
    }
}
