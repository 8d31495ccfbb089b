//! Free text people name things with.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Characters of a token's name.
pub(super) const TOKEN_NAME_CHARS_MAX: usize = 100;

/// Whether a character only shows itself: no control character, none that turns the direction of text, none without width.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// What its owner calls a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let length = trimmed.chars().count();
        if length == 0 || length > TOKEN_NAME_CHARS_MAX || !trimmed.chars().all(is_harmless) {
            let text = format!("a token's name has 1 to {TOKEN_NAME_CHARS_MAX} characters that can be seen");
            return Err(Error::invalid(text));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
