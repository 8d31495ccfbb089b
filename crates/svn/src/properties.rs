//! Properties as Subversion writes them into files: `K 7`, the name, `V 5`, the value, ..., `END`.

use std::collections::BTreeMap;

/// Names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<Vec<u8>, Vec<u8>>);

/// The bytes are no list of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are no properties as Subversion writes them")]
pub struct PropertiesError;

impl Properties {
    /// Reads a whole file of them; what follows `END` must be nothing.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn parse(bytes: &[u8]) -> Result<Self, PropertiesError> {
        let (properties, rest) = Self::parse_prefix(bytes)?;
        if rest.is_empty() { Ok(properties) } else { Err(PropertiesError) }
    }

    /// Reads those at the beginning; and what follows them.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn parse_prefix(mut bytes: &[u8]) -> Result<(Self, &[u8]), PropertiesError> {
        let mut properties = BTreeMap::new();
        loop {
            if let Some(rest) = bytes.strip_prefix(b"END\n") {
                return Ok((Self(properties), rest));
            }
            let (name, rest) = counted(bytes, b"K ")?;
            let (value, rest) = counted(rest, b"V ")?;
            properties.insert(name.to_vec(), value.to_vec());
            bytes = rest;
        }
    }

    /// A property's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// A property's value as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

/// `K 3\nabc\n`: the three bytes, and what follows.
fn counted<'a>(bytes: &'a [u8], mark: &[u8]) -> Result<(&'a [u8], &'a [u8]), PropertiesError> {
    let rest = bytes.strip_prefix(mark).ok_or(PropertiesError)?;
    let end = rest.iter().take(20).position(|b| *b == b'\n').ok_or(PropertiesError)?;
    let digits = std::str::from_utf8(&rest[..end]).map_err(|_| PropertiesError)?;
    let length: usize = digits.parse().map_err(|_| PropertiesError)?;
    let rest = &rest[end + 1..];
    let value = rest.get(..length).ok_or(PropertiesError)?;
    match rest.get(length) {
        Some(b'\n') => Ok((value, &rest[length + 1..])),
        _ => Err(PropertiesError),
    }
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
        assert_eq!(Properties::parse(b"END\n"), Ok(Properties::default()));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "END",
            "K 1\na\n",
            "K 9\na\nV 1\nb\nEND\n",
            "K -1\n\nV 1\nb\nEND\n",
            "K 1\na\nV 1\nb\nEND\nx",
            "K 99999999999999999999\n",
        ] {
            assert_eq!(Properties::parse(bad.as_bytes()), Err(PropertiesError), "{bad}");
        }
    }
}
