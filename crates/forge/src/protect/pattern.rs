//! Patterns of names: `main`, `release/*`, `**`.

use crate::error::Error;
use crate::names::is_harmless;
use std::fmt;
use std::str::FromStr;

/// Bytes of a pattern.
pub const PATTERN_BYTES_MAX: usize = 200;

/// A name, or a pattern of names: `*` stands for anything in one part of a name, `**` for anything, `?` for one character that is
/// no slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How exact it is: a name before any pattern, then by the letters of its own.
    #[must_use]
    pub fn weight(&self) -> (bool, usize) {
        let wild = self.0.bytes().filter(|byte| matches!(byte, b'*' | b'?')).count();
        (wild == 0, self.0.len() - wild)
    }

    /// Whether a name may be one that both stand for. Says so too often rather than too seldom.
    pub(crate) fn may_share(&self, other: &Self) -> bool {
        let start = |pattern: &Self| pattern.0.split(['*', '?']).next().unwrap_or_default().to_owned();
        match (self.weight().0, other.weight().0) {
            (true, true) => self == other,
            (true, false) => other.fits(&self.0),
            (false, true) => self.fits(&other.0),
            (false, false) => {
                let (one, two) = (start(self), start(other));
                one.starts_with(&two) || two.starts_with(&one)
            }
        }
    }

    /// Whether it stands for this name. Takes time in proportion to both lengths, whatever they are.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        fits(&self.0, name)
    }
}

/// A path in the tree, or a pattern of paths, with the same marks; one that ends in a slash stands for all that is below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathPattern(String);

impl PathPattern {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for this path.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        match self.0.strip_suffix('/') {
            Some(directory) => fits(&format!("{directory}/**"), path),
            None => fits(&self.0, path),
        }
    }
}

impl FromStr for PathPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let parts = text.strip_suffix('/').unwrap_or(text).split('/');
        let good = parts.into_iter().all(|part| !["", ".", ".."].contains(&part)) && text.chars().all(is_harmless);
        if good && text.len() <= PATTERN_BYTES_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(format!(
            "a pattern of paths is written as from the root of the repository, without a slash in front; *, ** and ? stand for any, \
             and docs/ for all that is in docs; at most {PATTERN_BYTES_MAX} bytes"
        )))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a pattern stands for a name.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    // `reached[i]`: the part of the pattern that was looked at fits the first i bytes of the name.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let many = pattern[at] == b'*';
        let across = many && pattern.get(at + 1) == Some(&b'*');
        let mut next = vec![false; name.len() + 1];
        for i in 0..=name.len() {
            next[i] = if many {
                reached[i] || (i > 0 && next[i - 1] && (across || name[i - 1] != b'/'))
            } else {
                i > 0 && reached[i - 1] && (pattern[at] == name[i - 1] || (pattern[at] == b'?' && name[i - 1] != b'/'))
            };
        }
        reached = next;
        at += if across { 2 } else { 1 };
    }
    reached[name.len()]
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let part = |p: &str| !p.is_empty() && !p.starts_with('.') && !p.ends_with(".lock");
        let plain = |c: char| is_harmless(c) && !" ~^:[\\".contains(c);
        let good = text.split('/').all(part) && text.chars().all(plain) && !text.contains("..") && !text.contains("@{");
        if good && text.len() <= PATTERN_BYTES_MAX && !text.starts_with('-') && !text.starts_with("refs/") {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(format!(
            "a pattern is the name of a branch or tag without refs/..., in which *, ** and ? stand for any; at most \
             {PATTERN_BYTES_MAX} bytes"
        )))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_stand_for_names() {
        for (text, fits, others) in [
            ("main", &["main"][..], &["mai", "mainx", "x/main", "Main"][..]),
            ("release/*", &["release/1", "release/a.b"], &["release", "release/1/2"]),
            ("release/**", &["release/1", "release/1/2"], &["release", "xrelease/1"]),
            ("**", &["main", "a/b/c"], &[]),
            ("v?.?", &["v1.2"], &["v1.", "v12.3", "v/.1"]),
            ("*-*", &["a-b", "-", "a--b"], &["ab", "a/b-c"]),
            ("**/hot", &["a/hot", "a/b/hot"], &["hot"]),
        ] {
            fits.iter().for_each(|name| assert!(pattern(text).fits(name), "{text} {name}"));
            others.iter().for_each(|name| assert!(!pattern(text).fits(name), "{text} {name}"));
        }
        let slow = pattern(&"*?".repeat(90));
        assert!(!slow.fits(&"a/".repeat(2000)));
    }

    #[test]
    fn patterns_stand_for_paths() {
        for (text, fits, others) in [
            ("Cargo.lock", &["Cargo.lock"][..], &["x/Cargo.lock", "Cargo.lockx"][..]),
            (".github/", &[".github/workflows/ci.yml", ".github/x"], &[".github", "x/.github/y"]),
            ("docs/*.md", &["docs/a.md"], &["docs/a/b.md", "docs/a.rs"]),
            ("**/secret", &["a/secret", "a/b/secret"], &["secret"]),
        ] {
            let pattern: PathPattern = text.parse().unwrap();
            fits.iter().for_each(|path| assert!(pattern.fits(path), "{text} {path}"));
            others.iter().for_each(|path| assert!(!pattern.fits(path), "{text} {path}"));
        }
        for bad in ["", "/", "/a", "a//b", "../a", "a/./b", "a\u{202e}b", &"a".repeat(201)] {
            assert!(bad.parse::<PathPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_exact_weighs_more() {
        let order = ["**", "*", "rel*", "release/**", "release/*", "release/1?", "release/12"];
        let weights: Vec<_> = order.iter().map(|text| pattern(text).weight()).collect();
        assert!(weights.is_sorted(), "{weights:?}");
        for bad in ["", "refs/heads/main", "-x", "a..b", "a b", "a//b", "/a", "a\u{202e}b", &"a".repeat(201), "[a]"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
