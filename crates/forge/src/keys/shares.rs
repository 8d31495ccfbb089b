//! The recovery key in shares: any `threshold` of them give it again, fewer say nothing about it.
//!
//! Shamir's scheme over GF(256), byte by byte, each coefficient random. The scheme itself notices nothing: one wrong byte in one
//! share gives another secret. So a share carries checks of its own, each line of its words does, and what comes out is compared
//! with the recovery key's public half, of which each share has a digest. `docs/formats/shares.md` has the bytes.

use super::identity::identity_of;
use super::recovery::text_of;
use super::{RecoveryKey, failed, random};
use crate::error::Error;
use journal::Hash;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use vault::seal::Identity;

/// The most shares of one key.
pub const SHARES_MAX: u8 = 16;
/// Bytes of a share.
const SHARE_BYTES: usize = 48;
/// Bytes on one line of words.
const LINE_BYTES: usize = 8;
const VERSION: u8 = 1;
/// Lines of words of a share.
pub(super) const SHARE_LINES: usize = SHARE_BYTES / LINE_BYTES;
/// What a share begins with, as text for machines.
pub const SHARE_PREFIX: &str = "OUTLAST-SHARE-1:";

/// One share.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// How many it takes.
    pub threshold: u8,
    /// How many there are.
    pub of: u8,
    /// Which this is, from 1.
    pub number: u8,
    /// Which recovery key it is of: the beginning of the digest of its public half.
    set: [u8; 8],
    bytes: [u8; 32],
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({} of {})", self.number, self.of)
    }
}

fn set_of(recipient: &str) -> [u8; 8] {
    let digest = Sha256::new().chain_update("outlast share set\n").chain_update(recipient).finalize();
    let mut set = [0; 8];
    set.copy_from_slice(&digest[..8]);
    set
}

/// Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1; in constant time, because a factor is secret.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= a & (b >> bit & 1).wrapping_neg();
        a = a << 1 ^ (a >> 7).wrapping_neg() & 0x1b;
    }
    product
}

/// a^254: the inverse of every number but 0.
fn inverse(a: u8) -> u8 {
    let mut power = 1;
    for _ in 0..254 {
        power = times(power, a);
    }
    power
}

/// Splits the recovery key: any `threshold` of `of` shares give it again.
///
/// # Errors
/// [`Error::Invalid`] when there are no such shares.
pub fn split(key: &RecoveryKey, threshold: u8, of: u8) -> Result<Vec<Share>, Error> {
    if threshold < 2 || threshold > of || of > SHARES_MAX {
        return Err(Error::invalid(format!(
            "{threshold} of {of} shares: it takes at least 2, and there are at most {SHARES_MAX}"
        )));
    }
    let (secret, set) = (key.identity().secret_bytes(), set_of(&key.recipient()));
    let mut polynomials = vec![secret];
    for _ in 1..threshold {
        polynomials.push(random::<32>()?);
    }
    let at = |x: u8, byte: usize| polynomials.iter().rev().fold(0, |sum, c| times(sum, x) ^ c[byte]);
    let share = |number: u8| {
        let mut bytes = [0; 32];
        bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = at(number, i));
        Share { threshold, of, number, set, bytes }
    };
    Ok((1..=of).map(share).collect())
}

/// The recovery key from its shares; more than it takes are all used, so that a wrong one among them is noticed.
///
/// # Errors
/// [`Error::Invalid`], which says what is wrong with them.
pub fn combine(shares: &[Share]) -> Result<RecoveryKey, Error> {
    let first = shares.first().ok_or_else(|| Error::invalid("there is no share"))?;
    if let Some(other) = shares.iter().find(|share| (share.set, share.threshold) != (first.set, first.threshold)) {
        return Err(Error::invalid(format!("shares {} and {} are of different keys", first.number, other.number)));
    }
    let mut shares: Vec<&Share> = shares.iter().collect();
    shares.sort_by_key(|share| share.number);
    if let Some(twice) = shares.windows(2).find(|pair| pair[0].number == pair[1].number && pair[0] != pair[1]) {
        return Err(Error::invalid(format!("there are two different shares with the number {}", twice[0].number)));
    }
    shares.dedup();
    if shares.len() < usize::from(first.threshold) {
        return Err(Error::invalid(format!(
            "{} of the {} shares it takes are here (numbers {}): bring {} more",
            shares.len(),
            first.threshold,
            shares.iter().map(|share| share.number.to_string()).collect::<Vec<_>>().join(", "),
            usize::from(first.threshold) - shares.len()
        )));
    }
    let mut secret = [0; 32];
    for share in &shares {
        let others = shares.iter().filter(|other| other.number != share.number);
        let weight = others.fold(1, |w, other| times(w, times(other.number, inverse(other.number ^ share.number))));
        secret.iter_mut().zip(share.bytes).for_each(|(sum, byte)| *sum ^= times(weight, byte));
    }
    let identity: Identity = identity_of(&secret).map_err(failed)?;
    let key = RecoveryKey::from_identity(identity);
    if set_of(&key.recipient()) == first.set {
        return Ok(key);
    }
    Err(Error::invalid(
        "these shares give another key than they were made from: one of them is wrong, or of another splitting",
    ))
}

impl Share {
    fn to_bytes(&self) -> [u8; SHARE_BYTES] {
        let mut bytes = [0; SHARE_BYTES];
        bytes[..4].copy_from_slice(&[VERSION, self.threshold, self.of, self.number]);
        bytes[4..12].copy_from_slice(&self.set);
        bytes[12..44].copy_from_slice(&self.bytes);
        let check = Sha256::digest(&bytes[..44]);
        bytes[44..].copy_from_slice(&check[..4]);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; SHARE_BYTES] = bytes.try_into().map_err(|_| Error::invalid("a share has 48 bytes"))?;
        if Sha256::digest(&bytes[..44])[..4] != bytes[44..] {
            return Err(Error::invalid("the share's check does not fit: something in it is wrong"));
        }
        let [version, threshold, of, number] = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let sound =
            version == VERSION && threshold >= 2 && threshold <= of && of <= SHARES_MAX && (1..=of).contains(&number);
        if !sound {
            return Err(Error::invalid("it is a share of a form that this version does not know"));
        }
        let (mut set, mut data) = ([0; 8], [0; 32]);
        set.copy_from_slice(&bytes[4..12]);
        data.copy_from_slice(&bytes[12..44]);
        Ok(Self { threshold, of, number, set, bytes: data })
    }

    /// What may be published of it: whoever has the share can show that it is this one.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash(Sha256::new().chain_update("outlast share\n").chain_update(self.to_bytes()).finalize().into())
    }

    /// Whether it is of the recovery key with this public half.
    #[must_use]
    pub fn is_of(&self, recipient: &str) -> bool {
        self.set == set_of(recipient)
    }

    /// For machines: one line, capitals and digits alone, as a QR code likes it.
    #[must_use]
    pub fn code(&self) -> String {
        let digits: String = self.to_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        format!("{SHARE_PREFIX}{digits}")
    }

    /// For people: six lines of five words, the last word of each a check of its line.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.to_bytes().chunks(LINE_BYTES).enumerate().map(|(i, line)| words_of(i, line)).collect()
    }

    /// From a file, or from standard input when it is `-`.
    ///
    /// # Errors
    /// As for [`Share::parse`].
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        Self::parse(&text_of(path)?)
    }

    /// From a file or from what somebody typed: the code, or the words. Lines with `#` are for people.
    ///
    /// # Errors
    /// [`Error::Invalid`], which names the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        if let Some(code) =
            lines().find_map(|line| line.to_ascii_uppercase().strip_prefix(SHARE_PREFIX).map(str::to_owned))
        {
            return Self::from_bytes(
                &unhex(&code).ok_or_else(|| Error::invalid("the share's code is no hexadecimal number"))?,
            );
        }
        let (mut bytes, mut wrong) = (Vec::new(), Vec::new());
        for (i, line) in lines().enumerate() {
            match line_of(i, line) {
                Some(part) => bytes.extend(part),
                None => wrong.push((i + 1).to_string()),
            }
        }
        if !wrong.is_empty() {
            return Err(Error::invalid(format!("in these lines of words something is wrong: {}", wrong.join(", "))));
        }
        Self::from_bytes(&bytes).map_err(|_| Error::invalid("a share has six lines of five words, in their order"))
    }
}

/// What everybody may know of the shares of a recovery key: how many it takes, and the digest of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The recovery key's public half.
    pub recipient: String,
    /// How many it takes.
    pub threshold: u8,
    /// The digest of each, from number 1 on.
    pub digests: Vec<Hash>,
}

impl Published {
    /// Of these shares, which are all there are.
    #[must_use]
    pub fn of(key: &RecoveryKey, shares: &[Share]) -> Self {
        let threshold = shares.first().map_or(0, |share| share.threshold);
        Self { recipient: key.recipient(), threshold, digests: shares.iter().map(Share::digest).collect() }
    }

    /// Whether this share is the one that was published.
    #[must_use]
    pub fn has(&self, share: &Share) -> bool {
        let index = usize::from(share.number).checked_sub(1);
        share.is_of(&self.recipient) && index.and_then(|i| self.digests.get(i)) == Some(&share.digest())
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "recipient {}\nthreshold {}", self.recipient, self.threshold)?;
        self.digests.iter().enumerate().try_for_each(|(i, digest)| writeln!(f, "share {} {digest}", i + 1))
    }
}

impl FromStr for Published {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::invalid("not the public half of a recovery key with its shares (recovery-public.txt)");
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).map(str::trim);
        let recipient = field("recipient ").ok_or_else(bad)?.to_owned();
        let threshold: u8 = field("threshold ").and_then(|text| text.parse().ok()).ok_or_else(bad)?;
        let mut digests = Vec::new();
        while let Some(line) = field("share ") {
            let (number, digest) = line.split_once(' ').ok_or_else(bad)?;
            if number.parse() != Ok(digests.len() + 1) {
                return Err(bad());
            }
            digests.push(digest.parse().map_err(|_| bad())?);
        }
        let sound =
            threshold >= 2 && usize::from(threshold) <= digests.len() && digests.len() <= usize::from(SHARES_MAX);
        if sound { Ok(Self { recipient, threshold, digests }) } else { Err(bad()) }
    }
}

/// Proquints (arXiv 0901.4016): 16 bits as five letters that can be spoken.
const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

fn word(n: u16) -> String {
    let consonant = |shift: u16| char::from(CONSONANTS[usize::from(n >> shift & 15)]);
    let vowel = |shift: u16| char::from(VOWELS[usize::from(n >> shift & 3)]);
    [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)].iter().collect()
}

fn number(word: &str) -> Option<u16> {
    let letters: &[u8; 5] = word.as_bytes().try_into().ok()?;
    let place = |all: &[u8], letter: u8| all.iter().position(|l| *l == letter.to_ascii_lowercase()).map(|n| n as u16);
    let (a, c, e) = (place(CONSONANTS, letters[0])?, place(CONSONANTS, letters[2])?, place(CONSONANTS, letters[4])?);
    let (b, d) = (place(VOWELS, letters[1])?, place(VOWELS, letters[3])?);
    Some(a << 12 | b << 10 | c << 6 | d << 4 | e)
}

fn line_check(index: usize, bytes: &[u8]) -> u16 {
    let digest = Sha256::new().chain_update([index as u8]).chain_update(bytes).finalize();
    u16::from_be_bytes([digest[0], digest[1]])
}

fn words_of(index: usize, bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let words = pairs.iter().map(|pair| word(u16::from_be_bytes(*pair))).chain([word(line_check(index, bytes))]);
    words.collect::<Vec<_>>().join(" ")
}

fn line_of(index: usize, line: &str) -> Option<Vec<u8>> {
    let separator = |c: char| c.is_whitespace() || c == '-';
    let numbers: Vec<u16> = line.split(separator).filter(|w| !w.is_empty()).map(number).collect::<Option<_>>()?;
    let (check, numbers) = numbers.split_last()?;
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    (bytes.len() == LINE_BYTES && line_check(index, &bytes) == *check).then_some(bytes)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_the_one_of_aes() {
        assert_eq!((times(0x53, 0xca), times(0x57, 0x83), inverse(0x53)), (1, 0xc1, 0xca));
        assert!((1..=255).all(|a| times(a, inverse(a)) == 1));
    }

    #[test]
    fn any_two_of_three_give_the_key_and_one_does_not() {
        let key = RecoveryKey::generate();
        let shares = split(&key, 2, 3).unwrap();
        for pair in [[0, 1], [0, 2], [1, 2], [2, 0]] {
            let pair = pair.map(|i: usize| shares[i].clone());
            assert_eq!(combine(&pair).unwrap().recipient(), key.recipient());
        }
        assert_eq!(combine(&shares).unwrap().recipient(), key.recipient());
        let error = combine(&[shares[1].clone(), shares[1].clone()]).unwrap_err().to_string();
        assert!(error.contains("1 of the 2") && error.contains("bring 1 more"), "{error}");
        assert!(split(&key, 1, 3).is_err() && split(&key, 4, 3).is_err() && split(&key, 2, SHARES_MAX + 1).is_err());
    }

    #[test]
    fn five_of_nine_in_any_order() {
        let key = RecoveryKey::generate();
        let shares = split(&key, 5, 9).unwrap();
        let chosen: Vec<_> = [8, 0, 4, 2, 6].iter().map(|i| shares[*i].clone()).collect();
        assert_eq!(combine(&chosen).unwrap().recipient(), key.recipient());
        assert!(combine(&chosen[..4]).is_err());
    }

    #[test]
    fn fewer_than_it_takes_fit_any_secret() {
        // With one share of two, each secret byte has exactly one polynomial that gives the share's byte.
        let (share, x) = (0xa7_u8, 2_u8);
        for secret in 0..=255_u8 {
            let slope = times(share ^ secret, inverse(x));
            assert_eq!(secret ^ times(slope, x), share);
        }
    }

    #[test]
    fn a_wrong_byte_or_a_share_of_another_key_is_noticed() {
        let (one, other) = (RecoveryKey::generate(), RecoveryKey::generate());
        let (shares, others) = (split(&one, 2, 3).unwrap(), split(&other, 2, 3).unwrap());
        assert!(combine(&[shares[0].clone(), others[1].clone()]).unwrap_err().to_string().contains("different keys"));
        let again = split(&one, 2, 3).unwrap();
        assert!(combine(&[shares[0].clone(), again[1].clone()]).unwrap_err().to_string().contains("another splitting"));
        let mut broken = shares[0].clone();
        broken.bytes[7] ^= 1;
        assert!(combine(&[broken, shares[1].clone()]).is_err());
        let code = shares[0].code();
        for at in SHARE_PREFIX.len()..code.len() {
            let mut text = code.clone().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            assert!(Share::parse(std::str::from_utf8(&text).unwrap()).is_err(), "{at}");
        }
    }

    #[test]
    fn words_typed_back_are_checked_line_by_line() {
        let share = split(&RecoveryKey::generate(), 2, 2).unwrap().remove(1);
        let words = share.words();
        assert_eq!((words.len(), words[0].split(' ').count()), (6, 5));
        assert_eq!(Share::parse(&words.join("\n").to_uppercase()).unwrap(), share);
        assert_eq!(Share::parse(&share.code().to_lowercase()).unwrap(), share);
        let mut swapped = words.clone();
        swapped.swap(2, 3);
        let error = Share::parse(&swapped.join("\n")).unwrap_err().to_string();
        assert!(error.ends_with("3, 4"), "{error}");
        let mut typo = words.clone();
        let last = typo[4].pop().unwrap();
        typo[4].push(if last == 'b' { 'd' } else { 'b' });
        assert!(Share::parse(&typo.join("\n")).unwrap_err().to_string().ends_with(": 5"));
        assert!(Share::parse(&words[..5].join("\n")).is_err() && Share::parse("").is_err());
    }

    #[test]
    fn what_is_published_knows_its_shares_and_tells_nothing_of_them() {
        let key = RecoveryKey::generate();
        let shares = split(&key, 2, 3).unwrap();
        let published = Published::of(&key, &shares);
        assert_eq!(published.to_string().parse::<Published>().unwrap(), published);
        assert!(shares.iter().all(|share| published.has(share)));
        assert!(!published.has(&split(&key, 2, 3).unwrap()[0]), "of another splitting");
        for bad in ["", "recipient age1x\nthreshold 2\nshare 1 00\n", "recipient age1x\nthreshold 2\nshare 2 00\n"] {
            assert!(bad.parse::<Published>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_word_is_a_number_and_back() {
        assert_eq!((word(0x7f00), word(0x0001)), ("lusab".to_owned(), "babad".to_owned()));
        assert!((0..=u16::MAX).all(|n| number(&word(n)) == Some(n)));
        assert_eq!((number("babae"), number("baba"), number("bäbd")), (None, None, None));
    }
}
