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

/// Bytes of an address that somebody names as their own.
const WEBSITE_BYTES_MAX: usize = 500;

/// A text of at most `chars_max` characters that only show themselves, trimmed; None when nothing is left. `what` is how the
/// error calls it.
pub(crate) fn plain_text(what: &str, text: &str, chars_max: usize) -> Result<Option<String>, Error> {
    let trimmed = text.trim();
    if trimmed.chars().count() > chars_max || !trimmed.chars().all(|c| is_harmless(c) || c == '\n') {
        return Err(Error::invalid(format!("{what} has at most {chars_max} characters, all of which can be seen")));
    }
    Ok(Some(trimmed.to_owned()).filter(|text| !text.is_empty()))
}

/// An address of the web; None when there is none.
pub(crate) fn website(text: &str) -> Result<Option<String>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| is_harmless(c) && !c.is_whitespace() && !"\"<>`\\^{}|".contains(c);
    let good = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain));
    if good && text.len() <= WEBSITE_BYTES_MAX {
        return Ok(Some(text.to_owned()));
    }
    Err(Error::invalid(format!(
        "a website begins with https:// or http:// and has at most {WEBSITE_BYTES_MAX} characters"
    )))
}
