//! What a revision says it changed.

use crate::error::{Result, damaged};
use crate::node::{NodeId, NodeKind, Place, place};

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Its content or its properties changed.
    Modify,
    /// It came.
    Add,
    /// It went.
    Delete,
    /// It went, and another came in its place.
    Replace,
}

/// A changed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPath {
    /// Where; with a slash first.
    pub path: Vec<u8>,
    /// What happened.
    pub action: Action,
    /// The node; None where the revision does not say.
    pub id: Option<NodeId>,
    /// File or directory; None where the revision does not say (before format 4).
    pub kind: Option<NodeKind>,
    /// The content changed.
    pub text: bool,
    /// The properties changed.
    pub properties: bool,
    /// What it was copied from.
    pub copied_from: Option<Place>,
}

/// Reads a list up to its empty line or its end.
///
/// # Errors
/// When the bytes are something else.
pub fn parse_changes(bytes: &[u8]) -> Result<Vec<ChangedPath>> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut changes = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        let from = lines.next().unwrap_or_default();
        let copied_from = if from.is_empty() { None } else { Some(place(from)?) };
        if let Some(change) = change(line, copied_from)? {
            changes.push(change);
        }
    }
    Ok(fold(changes))
}

/// `ID ACTION[-KIND] TEXT PROPERTIES [MERGEINFO] PATH`
fn change(line: &[u8], copied_from: Option<Place>) -> Result<Option<ChangedPath>> {
    let mut parts = line.splitn(5, |byte| *byte == b' ');
    let mut next = || parts.next().unwrap_or_default();
    let (id, action, text, properties, mut path) = (next(), next(), next(), next(), next());
    let mut action = action.splitn(2, |byte| *byte == b'-');
    let action_name = action.next().unwrap_or_default();
    let kind = action.next().map(NodeKind::parse).transpose()?;
    let action = match action_name {
        b"modify" => Action::Modify,
        b"add" => Action::Add,
        b"delete" => Action::Delete,
        b"replace" => Action::Replace,
        // What was taken back in the same transaction.
        b"reset" => return Ok(None),
        _ => return damaged("a change is of no kind"),
    };
    if !path.starts_with(b"/") {
        let Some(space) = path.iter().position(|byte| *byte == b' ') else {
            return damaged("a change has no path");
        };
        path = &path[space + 1..];
    }
    if !path.starts_with(b"/") {
        return damaged("a change's path has no slash");
    }
    let (text, properties) = (flag(text)?, flag(properties)?);
    let id = NodeId::parse(id).ok();
    Ok(Some(ChangedPath { path: path.to_vec(), action, id, kind, text, properties, copied_from }))
}

fn flag(word: &[u8]) -> Result<bool> {
    match word {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => damaged("a change's flag is neither true nor false"),
    }
}

/// Each path once, sorted. Revisions of old formats have a path as often as it was touched.
fn fold(mut changes: Vec<ChangedPath>) -> Vec<ChangedPath> {
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let mut folded: Vec<ChangedPath> = Vec::with_capacity(changes.len());
    for change in changes {
        match folded.last_mut() {
            Some(last) if last.path == change.path => join(last, change),
            _ => folded.push(change),
        }
    }
    folded
}

fn join(first: &mut ChangedPath, then: ChangedPath) {
    let action = match (first.action, then.action) {
        (before, Action::Modify) => before,
        (Action::Delete, Action::Add) => Action::Replace,
        (_, action) => action,
    };
    let copied_from = if then.action == Action::Modify { first.copied_from.take() } else { then.copied_from.clone() };
    let (text, properties) = (first.text || then.text, first.properties || then.properties);
    *first = ChangedPath { action, copied_from, text, properties, ..then };
}
