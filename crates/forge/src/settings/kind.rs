//! What values a setting takes, how they are written and how they are shown.

use crate::error::Error;
use crate::names::plain_text;
use crate::repo::command::head_name;

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line.
    Text {
        /// At most so many characters.
        chars_max: usize,
    },
    /// One of these words, each with what it means.
    Choice(&'static [(&'static str, &'static str)]),
    /// A whole number.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A number of bytes.
    Bytes {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A branch, without `refs/heads/`.
    Branch,
}

impl Kind {
    /// The value in the one way it is kept: numbers without a unit.
    ///
    /// # Errors
    /// [`Error::Invalid`], which says what is taken.
    pub fn parse(&self, text: &str) -> Result<String, Error> {
        let text = text.trim();
        let wrong = || Error::invalid(format!("{text:?} is not taken here: {}", self.takes()));
        match *self {
            Self::Text { .. } if text.contains('\n') => Err(wrong()),
            Self::Text { chars_max } => {
                Ok(plain_text("this", text, chars_max).map_err(|_| wrong())?.unwrap_or_default())
            }
            Self::Choice(words) if words.iter().any(|(word, _)| *word == text) => Ok(text.to_owned()),
            Self::Choice(_) => Err(wrong()),
            Self::Number { min, max, .. } => within(number(text), min, max).ok_or_else(wrong),
            Self::Bytes { min, max } => within(bytes(text), min, max).ok_or_else(wrong),
            Self::Branch => head_name(text).map(|_| text.to_owned()).map_err(|_| wrong()),
        }
    }

    /// What is taken, in words.
    #[must_use]
    pub fn takes(&self) -> String {
        match *self {
            Self::Text { chars_max } => format!("a line of at most {chars_max} characters, all of which can be seen"),
            Self::Choice(words) => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Number { min, max, unit } => format!("a number of {unit} from {min} to {max}"),
            Self::Bytes { min, max } => format!("a size from {} to {}, as 10 GiB", size(min), size(max)),
            Self::Branch => "the name of a branch".to_owned(),
        }
    }

    /// A value as people write it: sizes with the largest unit that tells all of it.
    #[must_use]
    pub fn show(&self, value: &str) -> String {
        match self {
            Self::Bytes { .. } => value.parse().map_or_else(|_| value.to_owned(), size),
            _ => value.to_owned(),
        }
    }
}

fn within(number: Option<u64>, min: u64, max: u64) -> Option<String> {
    number.filter(|number| (min..=max).contains(number)).map(|number| number.to_string())
}

/// A whole number, with or without commas between its thousands.
fn number(text: &str) -> Option<u64> {
    text.replace(',', "").parse().ok()
}

/// `10 GiB`, `10G`, `10737418240`.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len());
    let (digits, unit) = (number(&text[..end])?, text[end..].trim());
    let is = |known: &&str| known.eq_ignore_ascii_case(unit) || known[..1].eq_ignore_ascii_case(unit);
    let power = if unit.is_empty() { 0 } else { UNITS.iter().position(is)? };
    digits.checked_mul(1 << (10 * power))
}

fn size(bytes: u64) -> String {
    let power = (1..UNITS.len()).take_while(|power| bytes > 0 && bytes.is_multiple_of(1 << (10 * power))).count();
    format!("{} {}", bytes >> (10 * power), UNITS[power])
}
