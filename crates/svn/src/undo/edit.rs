//! What a new revision changes.

use super::{Name, Now, Open, Result, Values, Walk, is_directory};
use fsfs::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Properties that get a value, or lose theirs.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A change of one path.
#[derive(Debug)]
pub(super) enum Edit {
    /// It goes.
    Remove,
    /// It comes from this path in that revision.
    Copy {
        /// Which.
        rev: u64,
        /// Whether something else has to go first.
        instead: bool,
        /// None: it is a file.
        within: Option<Within>,
    },
    /// A file gets what this one has.
    File {
        /// None: its content stays.
        text: Option<Arc<Node>>,
        /// And its properties.
        properties: Changes,
    },
    /// A directory changes.
    Directory(Within),
}

/// What changes in a directory.
#[derive(Debug)]
pub(super) struct Within {
    pub(super) properties: Changes,
    pub(super) entries: BTreeMap<Name, Edit>,
}

impl Edit {
    pub(super) fn places(&self) -> u64 {
        match self {
            Self::Remove | Self::File { .. } => 1,
            Self::Copy { within, .. } => 1 + within.as_ref().map_or(0, Within::places),
            Self::Directory(within) => within.places(),
        }
    }
}

impl Within {
    fn places(&self) -> u64 {
        u64::from(!self.properties.is_empty()) + self.entries.values().map(Edit::places).sum::<u64>()
    }

    fn is_nothing(&self) -> bool {
        self.properties.is_empty() && self.entries.is_empty()
    }
}

/// From these to those.
fn changes(from: &Values, to: &Values) -> Changes {
    let names = from.keys().chain(to.keys()).collect::<BTreeSet<_>>();
    let changed = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    changed.map(|name| (name.clone(), to.get(name).cloned())).collect()
}

impl Walk<'_> {
    /// What makes of what is at a path what it will have; None: it is that.
    pub(super) fn edit(&mut self, there: Option<&Arc<Node>>, now: &Now) -> Result<Option<Edit>> {
        self.count()?;
        let instead = there.is_some();
        Ok(match now {
            Now::Gone => instead.then_some(Edit::Remove),
            Now::Is(is) => match there {
                Some(there) if self.same(there, &is.node)? => None,
                Some(there) if !is_directory(there) && !is_directory(&is.node) => {
                    let text = if self.same_text(there, &is.node)? { None } else { Some(is.node.clone()) };
                    Some(Edit::File { text, properties: changes(&self.values(there)?, &self.values(&is.node)?) })
                }
                _ => {
                    let nothing = || Within { properties: Vec::new(), entries: BTreeMap::new() };
                    Some(Edit::Copy { rev: is.rev, instead, within: is_directory(&is.node).then(nothing) })
                }
            },
            Now::Open(open) => {
                let within = self.within(open)?;
                match there.is_some_and(|there| there.id == open.was.node.id) {
                    true if within.is_nothing() => None,
                    true => Some(Edit::Directory(within)),
                    false => Some(Edit::Copy { rev: open.was.rev, instead, within: Some(within) }),
                }
            }
        })
    }

    fn within(&mut self, open: &Open) -> Result<Within> {
        let properties = changes(&self.values(&open.was.node)?, &open.properties);
        let mut entries = BTreeMap::new();
        for (name, now) in &open.entries {
            let there = self.child(&open.was.node, name)?;
            if let Some(edit) = self.edit(there.as_ref(), now)? {
                entries.insert(name.clone(), edit);
            }
        }
        Ok(Within { properties, entries })
    }
}
