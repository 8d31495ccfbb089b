//! Paths inside a repository.

use std::fmt;
use std::str::FromStr;

/// The longest path that is looked at, in bytes: Linux's `PATH_MAX`.
pub const PATH_BYTES_MAX: usize = 4096;

/// A path from the root of a tree: bytes, no leading or trailing slash, no empty part, no `.` or `..`, no NUL. The root
/// is the empty path. It need not be UTF-8; [`CodePath::shown`] is for people.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CodePath(Vec<u8>);

/// Why some bytes are not a path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// Too long.
    #[error("a path has at most {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// A part is empty, `.`, `..`, or has a NUL.
    #[error("a path's parts are names: not empty, not . or .., without NUL")]
    Part,
}

impl CodePath {
    /// The root of the tree.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path. One slash at either end is let pass, because addresses have them.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        let bytes = bytes.strip_prefix(b"/").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
        if bytes.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong);
        }
        if !bytes.is_empty() && bytes.split(|b| *b == b'/').any(|part| !is_name(part)) {
            return Err(PathError::Part);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names along it.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// Its last name; None for the root.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.parts().next_back()
    }

    /// The directory it is in; None for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let name = self.name()?;
        let end = self.0.len() - name.len();
        Some(Self(self.0[..end].strip_suffix(b"/").unwrap_or_default().to_vec()))
    }

    /// A name in it. The name must be one (no slash): otherwise the error.
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        if !is_name(name) || name.contains(&b'/') {
            return Err(PathError::Part);
        }
        let mut bytes = self.0.clone();
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self::parse(&bytes)
    }

    /// For people: what is not UTF-8 or could deceive is made visible.
    #[must_use]
    pub fn shown(&self) -> String {
        crate::visible(&self.0)
    }

    /// For an address: every byte but letters, digits, `-._~` and the slashes is percent-encoded.
    #[must_use]
    pub fn in_address(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        for byte in &self.0 {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    text.push(char::from(*byte))
                }
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
        text
    }
}

fn is_name(part: &[u8]) -> bool {
    !part.is_empty() && part != b"." && part != b".." && !part.contains(&0)
}

impl FromStr for CodePath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Debug for CodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_between_slashes() {
        let path: CodePath = "/src/lib.rs/".parse().unwrap();
        assert_eq!(path.as_bytes(), b"src/lib.rs");
        assert_eq!(path.name(), Some(&b"lib.rs"[..]));
        assert_eq!(path.parent().unwrap().as_bytes(), b"src");
        assert_eq!(path.parent().unwrap().parent(), Some(CodePath::root()));
        assert_eq!(CodePath::root().parent(), None);
        assert_eq!(CodePath::root().join(b"a").unwrap().join(b"b").unwrap().as_bytes(), b"a/b");
    }

    #[test]
    fn what_walks_out_or_has_no_name_is_refused() {
        for bad in ["a//b", "../a", "a/./b", "///", "a/.."] {
            assert_eq!(bad.parse::<CodePath>(), Err(PathError::Part), "{bad}");
        }
        assert_eq!(CodePath::parse(b"a\0b"), Err(PathError::Part));
        assert_eq!(CodePath::parse(&[b'a'; PATH_BYTES_MAX + 1]), Err(PathError::TooLong));
        assert_eq!(CodePath::root().join(b"a/b"), Err(PathError::Part));
    }

    #[test]
    fn addresses_carry_every_byte() {
        let path = CodePath::parse(b"a b/\xff#?%").unwrap();
        assert_eq!(path.in_address(), "a%20b/%FF%23%3F%25");
    }
}
