//! Which words of replaced lines differ from those they were replaced by.
//!
//! Lines that went are paired with lines that came, in order, by how much they have in common; lines that have little in
//! common with any are not marked, because marks all over a line say less than none.

use gix_imara_diff::{Algorithm, Diff, Interner, Token};
use std::collections::HashMap;

/// Byte ranges of a line.
pub(crate) type Ranges = Vec<(u32, u32)>;

/// A longer line is not looked into.
const LINE_BYTES_MAX: usize = 1_000;
/// So many pairs of lines are compared with each other in a block; beyond, blocks of equal length are paired line by line.
const PAIRS_MAX: usize = 2_500;
/// A block with more lines on either side is not looked into.
const LINES_MAX: usize = 500;
/// What two lines must have in common, of the bytes of their words, in percent.
const COMMON_PERCENT_MIN: usize = 40;

/// For each line of a block that went, and of the one that came in its place, what to mark.
pub(crate) fn of_block(old: &[&[u8]], new: &[&[u8]]) -> (Vec<Ranges>, Vec<Ranges>) {
    let mut marks = (vec![Ranges::new(); old.len()], vec![Ranges::new(); new.len()]);
    if old.is_empty() || new.is_empty() || old.len() > LINES_MAX || new.len() > LINES_MAX {
        return marks;
    }
    let mut interner = Interner::new((old.len() + new.len()) * 16);
    let mut parse = |lines: &[&'_ [u8]]| -> Vec<Words> { lines.iter().map(|l| Words::of(l, &mut interner)).collect() };
    let (before, after) = (parse(old), parse(new));
    let tokens_count = interner.num_tokens();
    let pairs = if old.len() * new.len() <= PAIRS_MAX {
        align(&before, &after)
    } else if old.len() == new.len() {
        (0..old.len()).map(|at| (at, at)).collect()
    } else {
        Vec::new()
    };
    for (a, b) in pairs {
        let (a_marks, b_marks) = of_pair(&before[a], &after[b], tokens_count);
        (marks.0[a], marks.1[b]) = (a_marks, b_marks);
    }
    marks
}

/// A line's words: letters and digits together, white space together, everything else alone.
struct Words {
    tokens: Vec<Token>,
    ends: Vec<u32>,
    /// Bytes of each word, white space excepted, sorted by token.
    weights: Vec<(u32, u32)>,
    weight: usize,
}

impl Words {
    fn of(line: &[u8], interner: &mut Interner<Vec<u8>>) -> Self {
        let line = if line.len() > LINE_BYTES_MAX { &[] } else { line };
        let mut words = Self { tokens: Vec::new(), ends: Vec::new(), weights: Vec::new(), weight: 0 };
        let mut counted: HashMap<u32, u32> = HashMap::new();
        let mut start = 0;
        for end in word_ends(line) {
            let word = &line[start..end];
            let token = interner.intern(word.to_vec());
            if !word.trim_ascii().is_empty() {
                words.weight += word.len();
                *counted.entry(token.0).or_default() += count(word.len());
            }
            words.tokens.push(token);
            words.ends.push(count(end));
            start = end;
        }
        words.weights = counted.into_iter().collect();
        words.weights.sort_unstable();
        words
    }

    /// How many bytes of words two lines have in common, wherever in them.
    fn common(&self, other: &Self) -> usize {
        let (mut a, mut b, mut sum) = (self.weights.iter().peekable(), other.weights.iter().peekable(), 0);
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            match x.0.cmp(&y.0) {
                std::cmp::Ordering::Less => drop(a.next()),
                std::cmp::Ordering::Greater => drop(b.next()),
                std::cmp::Ordering::Equal => {
                    sum += x.1.min(y.1) as usize;
                    a.next();
                    b.next();
                }
            }
        }
        sum
    }

    fn start(&self, word: usize) -> u32 {
        word.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Space,
    Word,
    Other,
}

fn class(c: char) -> Class {
    match c {
        _ if c.is_whitespace() => Class::Space,
        // Of scripts without spaces each character is a word.
        '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => Class::Other,
        _ if c.is_alphanumeric() || c == '_' => Class::Word,
        _ => Class::Other,
    }
}

/// Where each word ends. What is no text is taken byte by byte, all beyond ASCII as letters.
fn word_ends(line: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut last: Option<Class> = None;
    let mut add = |at: usize, class: Class| {
        if at > 0 && (last != Some(class) || class == Class::Other) {
            ends.push(at);
        }
        last = Some(class);
    };
    match std::str::from_utf8(line) {
        Ok(text) => text.char_indices().for_each(|(at, c)| add(at, class(c))),
        Err(_) => {
            let of = |byte: u8| if byte.is_ascii() { class(char::from(byte)) } else { Class::Word };
            line.iter().enumerate().for_each(|(at, byte)| add(at, of(*byte)));
        }
    }
    if !line.is_empty() {
        ends.push(line.len());
    }
    ends
}

/// Pairs of lines, in order on both sides, so that they have as much as possible in common.
fn align(old: &[Words], new: &[Words]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut best = vec![0_usize; (old.len() + 1) * width];
    let mut score = vec![0_usize; old.len() * new.len()];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let common = a.common(b);
            let alike = common > 0 && common * 100 >= COMMON_PERCENT_MIN * a.weight.max(b.weight);
            let here = if alike { common * 1000 / a.weight.max(b.weight) } else { 0 };
            score[i * new.len() + j] = here;
            let paired = if here > 0 { here + best[(i + 1) * width + j + 1] } else { 0 };
            best[i * width + j] = paired.max(best[(i + 1) * width + j]).max(best[i * width + j + 1]);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        let (here, now) = (score[i * new.len() + j], best[i * width + j]);
        if here > 0 && now == here + best[(i + 1) * width + j + 1] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if now == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

fn of_pair(old: &Words, new: &Words, tokens_count: u32) -> (Ranges, Ranges) {
    let mut diff = Diff::default();
    diff.compute_with(Algorithm::Myers, &old.tokens, &new.tokens, tokens_count);
    let old_marks = marks(old, |word| diff.is_removed(word));
    let new_marks = marks(new, |word| diff.is_added(word));
    let kept = (0..count(old.tokens.len())).filter(|word| !diff.is_removed(*word));
    let common: usize = kept.map(|word| old.weight_of(word as usize)).sum();
    if common * 100 < COMMON_PERCENT_MIN * old.weight.max(new.weight) || common == 0 {
        return (Ranges::new(), Ranges::new());
    }
    (old_marks, new_marks)
}

impl Words {
    /// Bytes of a word; none if it is white space.
    fn weight_of(&self, word: usize) -> usize {
        let token = self.tokens[word].0;
        let counted = self.weights.binary_search_by_key(&token, |(token, _)| *token).is_ok();
        if counted { (self.ends[word] - self.start(word)) as usize } else { 0 }
    }
}

/// Words that differ, as ranges of bytes; what has only white space between them is one range.
fn marks(words: &Words, differs: impl Fn(u32) -> bool) -> Ranges {
    let mut ranges = Ranges::new();
    for word in (0..words.tokens.len()).filter(|word| differs(count(*word))) {
        let (start, end) = (words.start(word), words.ends[word]);
        match ranges.last_mut() {
            Some(last) if last.1 == start || words.is_space_between(last.1, start) => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    ranges
}

impl Words {
    /// Whether exactly one word of white space is between two places.
    fn is_space_between(&self, from: u32, to: u32) -> bool {
        let Ok(word) = self.ends.binary_search(&to) else { return false };
        self.start(word) == from && self.weight_of(word) == 0
    }
}

fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(line: &str, ranges: &Ranges) -> Vec<String> {
        ranges.iter().map(|(start, end)| line[*start as usize..*end as usize].to_owned()).collect()
    }

    fn check(old: &[&'static str], new: &[&'static str], old_marks: &[&[&str]], new_marks: &[&[&str]]) {
        let bytes = |lines: &[&'static str]| lines.iter().map(|line| line.as_bytes()).collect::<Vec<_>>();
        let (a, b) = (bytes(old), bytes(new));
        let (left, right) = of_block(&a, &b);
        let left: Vec<_> = old.iter().zip(&left).map(|(line, ranges)| marked(line, ranges)).collect();
        let right: Vec<_> = new.iter().zip(&right).map(|(line, ranges)| marked(line, ranges)).collect();
        assert_eq!(left, old_marks);
        assert_eq!(right, new_marks);
    }

    #[test]
    fn the_words_that_changed_are_marked() {
        check(&["let x = one(a);"], &["let x = two(a, b);"], &[&["one"]], &[&["two", ", b"]]);
    }

    #[test]
    fn lines_with_little_in_common_are_not_marked() {
        check(&["return the_answer;"], &["if something { panic!() }"], &[&[]], &[&[]]);
    }

    #[test]
    fn a_line_finds_its_like_among_others() {
        check(
            &["    alpha(first, second);"],
            &["    // a remark", "    alpha(first, third);"],
            &[&["second"]],
            &[&[], &["third"]],
        );
    }

    #[test]
    fn marks_are_between_characters() {
        check(&["größe = 1 — 漢字"], &["größe = 2 — 漢語"], &[&["1", "字"]], &[&["2", "語"]]);
    }

    #[test]
    fn spaces_between_marked_words_are_marked() {
        check(&["keep this: one two three end"], &["keep this: four end"], &[&["one two three"]], &[&["four"]]);
    }
}
