//! Names that Git gives to things: object ids, object formats, refs. Parsed once, at the border.

use gix::bstr::ByteSlice as _;
use gix::validate::path::component;
use std::fmt;
use std::str::FromStr;

/// The most bytes of a ref's name.
pub const REF_NAME_BYTES_MAX: usize = 1024;

/// How a repository names its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// SHA-1, with collision detection in Git itself.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// An object's name in either format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// 20 bytes.
    Sha1([u8; 20]),
    /// 32 bytes.
    Sha256([u8; 32]),
}

/// The full name of a ref: `refs/...`, as `git check-ref-format` has it, and without what deceives a reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

/// Not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not an object id.
    #[error("not an object id: it has 40 or 64 hexadecimal digits")]
    ObjectId,
    /// Not an object format.
    #[error("not an object format: sha1 or sha256")]
    ObjectFormat,
    /// Not a ref's name.
    #[error("not a usable ref name: {0}")]
    RefName(&'static str),
}

impl ObjectFormat {
    /// As Git writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The hexadecimal digits of an id.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }

    /// The id of no object.
    pub fn zero(self) -> ObjectId {
        match self {
            Self::Sha1 => ObjectId::Sha1([0; 20]),
            Self::Sha256 => ObjectId::Sha256([0; 32]),
        }
    }
}

impl FromStr for ObjectFormat {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            _ => Err(NameError::ObjectFormat),
        }
    }
}

impl ObjectId {
    /// From its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            20 => bytes.try_into().ok().map(Self::Sha1),
            _ => bytes.try_into().ok().map(Self::Sha256),
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }

    /// Its format.
    pub fn format(&self) -> ObjectFormat {
        match self {
            Self::Sha1(_) => ObjectFormat::Sha1,
            Self::Sha256(_) => ObjectFormat::Sha256,
        }
    }

    /// Whether it is the id of no object.
    pub fn is_zero(&self) -> bool {
        self.as_bytes().iter().all(|byte| *byte == 0)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.as_bytes();
        if !matches!(digits.len(), 40 | 64) {
            return Err(NameError::ObjectId);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let bytes = digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
        let bytes = bytes.collect::<Option<Vec<u8>>>().ok_or(NameError::ObjectId)?;
        Self::from_bytes(&bytes).ok_or(NameError::ObjectId)
    }
}

impl RefName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The default branch of a new repository, `refs/heads/main`.
    pub fn main() -> Self {
        Self("refs/heads/main".to_owned())
    }

    /// The branch's own name, if it is one.
    pub fn branch(&self) -> Option<&str> {
        self.0.strip_prefix("refs/heads/")
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that make a name read as another: bidirectional controls, and what has no width.
fn deceives(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{061c}' | '\u{00ad}')
}

impl FromStr for RefName {
    type Err = NameError;

    /// The rules of git-check-ref-format(1), and our own: under `refs/`, no control or deceiving character, not under
    /// `refs/outlast/`, which is the server's.
    fn from_str(name: &str) -> Result<Self, NameError> {
        let bad = |what| Err(NameError::RefName(what));
        let Some(rest) = name.strip_prefix("refs/") else { return bad("it does not begin with refs/") };
        if name.len() > REF_NAME_BYTES_MAX {
            return bad("it is too long");
        }
        if rest.starts_with("outlast/") {
            return bad("refs/outlast/ is the server's own");
        }
        if name.chars().any(|c| c.is_control() || deceives(c)) {
            return bad("it holds a control or invisible character");
        }
        if name.contains([' ', '~', '^', ':', '?', '*', '[', '\\']) || name.contains("..") || name.contains("@{") {
            return bad("it holds a character or sequence that refs may not have");
        }
        let part_is_bad = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
        if name.ends_with('.') || name.split('/').any(part_is_bad) {
            return bad("a part of it is empty, begins or ends with a dot, or ends with .lock");
        }
        // `refs/x` alone is legal for Git and useful for nobody but `refs/stash`, which is not for sharing.
        if !rest.contains('/') {
            return bad("it has only two parts");
        }
        Ok(Self(name.to_owned()))
    }
}

/// Whether clients take a file, link or directory of this name: it is a part of a path, and none that Git keeps for itself on any
/// system.
#[must_use]
pub fn entry_is_safe(name: &[u8], is_link: bool) -> bool {
    let options = component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    let link = is_link.then_some(component::Mode::Symlink);
    !name.contains(&b'/') && !name.contains(&0) && component(name.as_bstr(), link, options).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn ids_round_trip_and_others_are_refused() {
        let sha1: ObjectId = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        assert_eq!(sha1.to_string(), "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(sha1.format(), ObjectFormat::Sha1);
        assert!(ObjectFormat::Sha256.zero().is_zero() && !sha1.is_zero());
        for bad in ["", "0123", "g123456789abcdef0123456789abcdef01234567", "--output=/tmp/x"] {
            assert_eq!(bad.parse::<ObjectId>(), Err(NameError::ObjectId));
        }
    }

    #[test]
    fn hostile_ref_names_are_refused() {
        let hostile = [
            "HEAD",
            "refs/heads/",
            "refs/heads/a..b",
            "refs/heads/.a",
            "refs/heads/a.lock",
            "refs/heads/a b",
            "refs/heads/a\u{202e}b",
            "refs/heads/a\nb",
            "refs/heads/a@{1}",
            "refs/outlast/x",
            "--output=x",
            "refs/heads//a",
            "refs/stash",
            "refs/heads/a\\b",
            "refs/heads/a\u{7f}",
            "refs/heads/a.",
            "../refs/heads/a",
            "refs/../heads/a",
        ];
        for name in hostile {
            assert!(name.parse::<RefName>().is_err(), "{name:?}");
        }
        for name in [
            "refs/heads/main",
            "refs/tags/v1.0",
            "refs/heads/feature/a-b",
            "refs/notes/commits",
            "refs/heads/größe",
            "refs/heads/@",
        ] {
            name.parse::<RefName>().unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_we_take_git_takes(name in "refs/heads/[a-z./@{\\\\~^: \\-_é]{1,12}") {
            if name.parse::<RefName>().is_ok() {
                let git = Command::new("git").args(["check-ref-format", &name]).status().unwrap();
                prop_assert!(git.success(), "{:?}", name);
            }
        }
    }
}
