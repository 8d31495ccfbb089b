//! Names and values as Subversion writes them into files: `K 7`, the name, `V 5`, the value, ..., `END`.

use crate::error::{Result, damaged};
use crate::files::parse;
use std::collections::BTreeMap;

/// Properties of a file, a directory or a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<Vec<u8>, Vec<u8>>);

impl Properties {
    /// Reads a whole list. An empty one need not have an `END`.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut properties = BTreeMap::new();
        each(bytes, |name, value| {
            properties.insert(name.to_vec(), value.to_vec());
            Ok(())
        })?;
        Ok(Self(properties))
    }

    /// One's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// One's value as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn weight(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len() + 96).sum()
    }
}

/// Gives each name with its value, in the order in which they stand.
pub(crate) fn each<'a>(mut bytes: &'a [u8], mut found: impl FnMut(&'a [u8], &'a [u8]) -> Result<()>) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    loop {
        if let Some(rest) = bytes.strip_prefix(b"END\n") {
            return if rest.is_empty() { Ok(()) } else { damaged("something follows a list's END") };
        }
        let (name, rest) = counted(bytes, b"K ")?;
        let (value, rest) = counted(rest, b"V ")?;
        found(name, value)?;
        bytes = rest;
    }
}

/// `K 3\nabc\n`: the three bytes, and what follows.
fn counted<'a>(bytes: &'a [u8], mark: &[u8]) -> Result<(&'a [u8], &'a [u8])> {
    let read = || {
        let rest = bytes.strip_prefix(mark)?;
        let end = rest.iter().take(21).position(|byte| *byte == b'\n')?;
        let length = usize::try_from(parse(&rest[..end])?).ok()?;
        let rest = &rest[end + 1..];
        let value = rest.get(..length)?;
        Some((value, rest.get(length..)?.strip_prefix(b"\n")?))
    };
    read().map_or_else(|| damaged("a list of names and values breaks off"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_subversion_writes_is_read() {
        let text = b"K 10\nsvn:author\nV 5\nalice\nK 7\nsvn:log\nV 9\nline\nEND\n\nEND\n";
        let properties = Properties::parse(text).unwrap();
        assert_eq!(properties.text("svn:author").as_deref(), Some("alice"));
        assert_eq!(properties.get("svn:log"), Some(b"line\nEND\n".as_slice()));
        assert_eq!(properties.iter().count(), 2);
        for empty in ["", "END\n"] {
            assert_eq!(Properties::parse(empty.as_bytes()).unwrap(), Properties::default());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "END",
            "K 1\na\n",
            "K 9\na\nV 1\nb\nEND\n",
            "K -1\n\nV 1\nb\nEND\n",
            "K 1\na\nV 1\nb\nEND\nx",
            "K 99999999999999999999\n",
        ] {
            assert!(matches!(Properties::parse(bad.as_bytes()), Err(crate::FsError::Damaged(_))), "{bad}");
        }
    }
}
