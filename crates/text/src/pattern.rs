//! Text that somebody looks for.

use code::ReadError;

/// The longest text that is looked for, in bytes.
const TEXT_BYTES_MAX: usize = 1_000;

/// What is looked for: in any case, unless it has a capital.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Its bytes.
    pub text: Vec<u8>,
    /// Capitals are as small letters.
    pub any_case: bool,
}

impl Pattern {
    /// Reads what somebody looks for.
    ///
    /// # Errors
    /// When it is nothing, too long, or more than a line.
    pub fn new(text: &str) -> Result<Self, ReadError> {
        let invalid = |what: &str| Err(ReadError::Invalid(what.to_owned()));
        match text {
            _ if text.trim().is_empty() => invalid("there is nothing to search for: give a word or a part of a line"),
            _ if text.len() > TEXT_BYTES_MAX => invalid("the text to search for is too long"),
            _ if text.contains(['\n', '\r', '\0']) => invalid("a search is within one line"),
            _ => Ok(Self { text: text.as_bytes().to_vec(), any_case: !text.chars().any(char::is_uppercase) }),
        }
    }

    /// Where it stands in a line.
    #[must_use]
    pub fn ranges(&self, line: &[u8]) -> Vec<(u32, u32)> {
        let (mut ranges, mut at) = (Vec::new(), 0);
        let small = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        while let Some(part) = line.get(at..at + self.text.len()) {
            let here = if self.any_case { part.eq_ignore_ascii_case(&self.text) } else { part == self.text };
            if here {
                ranges.push((small(at), small(at + self.text.len())));
            }
            at += if here { self.text.len() } else { 1 };
        }
        ranges
    }
}
