//! Subversion's own protocol, as far as a doorkeeper needs it: where items begin and end, what a client says first, and how a
//! failure is written (`notes: subversion/libsvn_ra_svn/protocol`).
//!
//! ```text
//! item   = number SP | word SP | LENGTH ":" bytes SP | "(" SP *item ")" SP
//! server ( success ( ... ) )  ->  client ( 2 ( CAPABILITY... ) URL ... )  ->  server ( success ( ... ) ) or ( failure ( ... ) )
//! ```

/// How deep lists may lie in lists, as Subversion has it.
const DEPTH_MAX: u32 = 64;
/// How every failure begins.
const FAILURE: &[u8] = b"( failure ( ";
/// The longest failure that is looked at; a longer one is handed on as it is.
const FAILURE_BYTES_MAX: usize = 64 << 10;
/// What a client is told of a commit that was held back: as of a hook that refused it.
pub const HOOK_FAILURE: u64 = 165_001;
/// What a server says to who may not.
pub const NOT_AUTHORIZED: u64 = 170_001;

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A number.
    Number(u64),
    /// A word.
    Word(String),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// A list of items.
    List(Vec<Item>),
}

/// The bytes are none of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are no words of Subversion's protocol")]
pub struct Malformed;

/// The first item, and how many bytes it has. None: it is not all there yet.
///
/// # Errors
/// When it can become none.
pub fn parse(bytes: &[u8]) -> Result<Option<(Item, usize)>, Malformed> {
    let mut reader = Reader { bytes, at: 0 };
    match reader.item(0) {
        Ok(item) => Ok(Some((item, reader.at))),
        Err(Stop::More) => Ok(None),
        Err(Stop::Malformed) => Err(Malformed),
    }
}

enum Stop {
    More,
    Malformed,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::More)
    }

    fn space(&mut self) -> Result<(), Stop> {
        if !is_space(self.peek()?) {
            return Err(Stop::Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn item(&mut self, depth: u32) -> Result<Item, Stop> {
        while is_space(self.peek()?) {
            self.at += 1;
        }
        match self.peek()? {
            b'(' if depth < DEPTH_MAX => self.list(depth),
            b'0'..=b'9' => self.number_or_bytes(),
            b'a'..=b'z' | b'A'..=b'Z' => self.word(),
            _ => Err(Stop::Malformed),
        }
    }

    fn list(&mut self, depth: u32) -> Result<Item, Stop> {
        self.at += 1;
        self.space()?;
        let mut items = Vec::new();
        loop {
            while is_space(self.peek()?) {
                self.at += 1;
            }
            if self.peek()? == b')' {
                self.at += 1;
                self.space()?;
                return Ok(Item::List(items));
            }
            items.push(self.item(depth + 1)?);
        }
    }

    fn number_or_bytes(&mut self) -> Result<Item, Stop> {
        let mut number = 0_u64;
        while let digit @ b'0'..=b'9' = self.peek()? {
            let more = number.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit - b'0')));
            number = more.ok_or(Stop::Malformed)?;
            self.at += 1;
        }
        if self.peek()? != b':' {
            self.space()?;
            return Ok(Item::Number(number));
        }
        let start = self.at + 1;
        let length = usize::try_from(number).map_err(|_| Stop::Malformed)?;
        let end = start.checked_add(length).ok_or(Stop::Malformed)?;
        let bytes = self.bytes.get(start..end).ok_or(Stop::More)?.to_vec();
        self.at = end;
        self.space()?;
        Ok(Item::Bytes(bytes))
    }

    fn word(&mut self) -> Result<Item, Stop> {
        let start = self.at;
        while let b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' = self.peek()? {
            self.at += 1;
        }
        let word = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        self.space()?;
        Ok(Item::Word(word))
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n')
}

/// Where a client's first words say that it wants to go: the path of the address, with its `/`.
///
/// # Errors
/// When they are not what a client says first.
pub fn wanted_path(opening: &Item) -> Result<&str, Malformed> {
    let Item::List(items) = opening else { return Err(Malformed) };
    let [Item::Number(2), Item::List(_), Item::Bytes(url), ..] = items.as_slice() else { return Err(Malformed) };
    let url = std::str::from_utf8(url).map_err(|_| Malformed)?;
    let (_, rest) = url.split_once("://").ok_or(Malformed)?;
    rest.find('/').map(|at| &rest[at..]).ok_or(Malformed)
}

/// A failure with these words.
#[must_use]
pub fn failure(code: u64, words: &str) -> Vec<u8> {
    format!("{}( {code} {}:{words} 0: 0 ) ) ) ", String::from_utf8_lossy(FAILURE), words.len()).into_bytes()
}

/// The code of a failure; None: it is none.
fn failure_code(bytes: &[u8]) -> Option<u64> {
    let (Item::List(items), _) = parse(bytes).ok()?? else { return None };
    let Some(Item::List(errors)) = items.get(1) else { return None };
    // The last is the one that began it; clients show all of them.
    errors.iter().rev().find_map(|error| match error {
        Item::List(parts) => {
            parts.first().and_then(|code| if let Item::Number(code) = code { Some(*code) } else { None })
        }
        _ => None,
    })
}

/// Finds the ends of items in a stream, without keeping it.
#[derive(Debug, Default)]
struct Frames {
    depth: u32,
    /// Bytes of a string that are still to come.
    skip: u64,
    digits: Option<u64>,
    begun: bool,
}

impl Frames {
    /// How many of the bytes belong to the item under way, and whether it ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if self.skip > 0 {
                let n = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len() - at);
                self.skip -= n as u64;
                at += n;
                continue;
            }
            let byte = bytes[at];
            at += 1;
            match byte {
                b'0'..=b'9' if self.digits.is_some() || !self.begun || self.depth > 0 => {
                    let before = self.digits.unwrap_or(0);
                    self.digits = Some(before.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
                    self.begun = true;
                    continue;
                }
                b':' => self.skip = self.digits.unwrap_or(0),
                b'(' => {
                    self.depth = self.depth.saturating_add(1);
                    self.begun = true;
                }
                b')' => self.depth = self.depth.saturating_sub(1),
                _ if is_space(byte) => {
                    if self.depth == 0 && self.begun {
                        (self.begun, self.digits) = (false, None);
                        return (at, true);
                    }
                }
                _ => self.begun = true,
            }
            self.digits = None;
        }
        (at, false)
    }
}

/// Hands a server's words on, and says its failures in other words where somebody knows better.
#[derive(Debug, Default)]
pub(crate) struct Reworded {
    frames: Frames,
    /// An item of which it isn't known yet what it is, or a failure that is not all there.
    held: Vec<u8>,
    inside: bool,
}

impl Reworded {
    /// What is to be said for these bytes. `better`: for a failure's code, the words to say instead.
    pub(crate) fn pass(&mut self, mut bytes: &[u8], out: &mut Vec<u8>, better: impl Fn(u64) -> Option<String>) {
        while !bytes.is_empty() {
            let (n, ended) = self.frames.take(bytes);
            let (part, rest) = bytes.split_at(n);
            bytes = rest;
            if self.inside {
                out.extend_from_slice(part);
            } else {
                self.held.extend_from_slice(part);
                let begins = self.held.len().min(FAILURE.len());
                let may_be = self.held[..begins] == FAILURE[..begins] && self.held.len() <= FAILURE_BYTES_MAX;
                match (may_be, ended) {
                    (true, false) => continue,
                    (true, true) => match failure_code(&self.held).and_then(&better) {
                        Some(words) => out.extend_from_slice(&failure(HOOK_FAILURE, &words)),
                        None => out.extend_from_slice(&self.held),
                    },
                    (false, _) => out.extend_from_slice(&self.held),
                }
                self.held.clear();
            }
            self.inside = !ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENING: &[u8] = b"( 2 ( edit-pipeline svndiff1 ) 32:svn+ssh://git@h:2222/ann/x.svn/t 10:SVN/1.14.2 ( ) ) ";

    #[test]
    fn a_clients_first_words_say_where_it_wants_to_go() {
        let (item, n) = parse(OPENING).unwrap().unwrap();
        assert_eq!((wanted_path(&item), n), (Ok("/ann/x.svn/t"), OPENING.len()));
        for end in 0..OPENING.len() {
            assert_eq!(parse(&OPENING[..end]), Ok(None), "{end}");
        }
        for bad in ["[ ", "( 99999999999999999999 ) ", "( 1:ab ) ", "(2 ) ", ") ", "( % ) "] {
            assert_eq!(parse(bad.as_bytes()), Err(Malformed), "{bad}");
        }
        assert_eq!(parse("( ".repeat(100).as_bytes()), Err(Malformed), "too deep");
    }

    fn reworded(text: &[u8], piece: usize) -> String {
        let (mut passing, mut out) = (Reworded::default(), Vec::new());
        for part in text.chunks(piece) {
            passing.pass(part, &mut out, |code| (code == 5).then(|| "in short: no".to_owned()));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_failures_that_are_known_better_are_said_in_other_words() {
        let plain =
            "( success ( ( ) 0: ) ) 14:( failure ( ( 5) ( failure ( ( 13 2:no 0: 0 ) ) ) ( failure-of ( ) ) 7 word ";
        let failing = "( failure ( ( 200 1:a 0: 0 ) ( 5 3:why 0: 0 ) ) ) ";
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(reworded(plain.as_bytes(), piece).len(), plain.len());
            assert_eq!(reworded(plain.as_bytes(), piece), plain, "{piece}");
            let told = "( failure ( ( 165001 12:in short: no 0: 0 ) ) ) ";
            let all = format!("{plain}{failing}( success ( ) ) ");
            assert_eq!(reworded(all.as_bytes(), piece), format!("{plain}{told}( success ( ) ) "), "{piece}");
        }
    }
}
