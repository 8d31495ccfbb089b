//! The index of a file of revisions: from a revision and an item's number to where the item is (format 7 and later; Subversion's
//! `libsvn_fs_fs/structure-indexes`). The index the other way, from places to items, is for checking and not read.

use crate::error::{Result, damaged};
use crate::files::{parse, read_at};
use std::fs::File;

/// The most bytes of the footer's text.
const FOOTER_BYTES_MAX: u64 = 255;
/// What an index begins with.
const MARK: &[u8] = b"L2P-INDEX\n";
/// The most bytes of the tables before the pages.
const TABLES_BYTES_MAX: u64 = 64 << 20;
/// The most entries of a page.
const ENTRIES_MAX: u64 = 1 << 20;

/// Where the pages of an index are.
#[derive(Debug)]
pub(crate) struct Index {
    first: u64,
    page_size: u64,
    /// For each revision the number of its first page; and the end.
    starts: Vec<usize>,
    pages: Vec<Page>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    at: u64,
    bytes: u64,
    entries: u64,
}

impl Index {
    /// Reads the tables of a file of so many bytes. Gives where the items end, too.
    pub(crate) fn read(file: &File, size: u64) -> Result<(Self, u64)> {
        let Some(last) = size.checked_sub(1) else { return damaged("a file of revisions is empty") };
        let length = u64::from(read_at(file, last, size, 1)?[0]).min(FOOTER_BYTES_MAX);
        let Some(at) = last.checked_sub(length) else { return damaged("a file of revisions has no footer") };
        let footer = read_at(file, at, last, FOOTER_BYTES_MAX as usize)?;
        let words: Vec<&[u8]> = footer.split(|byte| *byte == b' ').collect();
        let place = |word: usize| words.get(word).and_then(|word| parse(word));
        let (Some(l2p), Some(p2l)) = (place(0), place(2)) else { return damaged("a footer names no indexes") };
        if l2p >= p2l || p2l > at {
            return damaged("a footer's places are in no order");
        }
        Ok((Self::tables(file, l2p, p2l)?, l2p))
    }

    fn tables(file: &File, l2p: u64, p2l: u64) -> Result<Self> {
        let bytes = read_at(file, l2p, p2l, TABLES_BYTES_MAX as usize)?;
        let Some(mut rest) = bytes.strip_prefix(MARK) else { return damaged("an index does not begin as one") };
        let rest = &mut rest;
        let (first, page_size) = (number(rest)?, number(rest)?);
        let (revisions, pages) = (number(rest)?, number(rest)?);
        // Each takes a byte at least.
        let room = rest.len() as u64;
        if page_size == 0 || revisions > room || pages > room {
            return damaged("an index has impossible sizes");
        }
        let mut starts = vec![0_usize];
        for _ in 0..revisions {
            let last = starts[starts.len() - 1];
            let next = usize::try_from(number(rest)?).ok().and_then(|count| last.checked_add(count));
            starts.push(next.map_or_else(|| damaged("an index has impossible sizes"), Ok)?);
        }
        let mut table = Vec::new();
        for _ in 0..pages {
            table.push(Page { at: 0, bytes: number(rest)?, entries: number(rest)? });
        }
        let mut at = p2l.min(l2p + bytes.len() as u64) - rest.len() as u64;
        for page in &mut table {
            page.at = at;
            at = at
                .checked_add(page.bytes)
                .filter(|end| *end <= p2l)
                .map_or_else(|| damaged("a page is outside"), Ok)?;
        }
        Ok(Self { first, page_size, starts, pages: table })
    }

    /// The page that an item of a revision is in: its number here, and which of its entries.
    pub(crate) fn page_of(&self, rev: u64, item: u64) -> Option<(usize, usize)> {
        let at = usize::try_from(rev.checked_sub(self.first)?).ok()?;
        let (start, end) = (*self.starts.get(at)?, *self.starts.get(at + 1)?);
        let page = start.checked_add(usize::try_from(item / self.page_size).ok()?).filter(|page| *page < end)?;
        let entry = item % self.page_size;
        let known = self.pages.get(page).is_some_and(|page| entry < page.entries);
        known.then_some((page, usize::try_from(entry).ok()?))
    }

    /// The entries of a page: places in the file, 0 for what is nowhere.
    pub(crate) fn entries(&self, file: &File, page: usize) -> Result<Vec<u64>> {
        let Page { at, bytes, entries } = self.pages[page];
        if entries > bytes || entries > ENTRIES_MAX {
            return damaged("a page of an index has impossible sizes");
        }
        let page = read_at(file, at, at + bytes, usize::try_from(bytes).unwrap_or(0))?;
        let (mut rest, mut places, mut last) = (page.as_slice(), Vec::new(), 0_i64);
        for _ in 0..entries {
            let value = number(&mut rest)?;
            let half = i64::try_from(value / 2).unwrap_or(0);
            last = last.wrapping_add(if value % 2 == 1 { -1 - half } else { half });
            places.push(u64::try_from(last.wrapping_sub(1)).unwrap_or(0));
        }
        Ok(places)
    }

    pub(crate) fn weight(&self) -> usize {
        self.starts.len() * 8 + self.pages.len() * 24
    }
}

/// Seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if at == 9 && bits > 1 {
            break;
        }
        value |= bits << (7 * at);
        if *byte < 0x80 {
            *bytes = &bytes[at + 1..];
            return Ok(value);
        }
    }
    damaged("a number in an index is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_lowest_bits_first() {
        for (bytes, value) in [(&[0x7f][..], 0x7f), (&[0x80, 1], 128), (&[0xff, 0xff, 1], 0x7fff)] {
            let mut rest = bytes;
            assert_eq!(number(&mut rest).unwrap(), value);
            assert!(rest.is_empty());
        }
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(number(&mut &most[..]).unwrap(), u64::MAX);
        assert!(number(&mut &[0xff; 11][..]).is_err());
        assert!(number(&mut &[0x80][..]).is_err());
    }
}
