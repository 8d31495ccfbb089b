//! Pages made of parts. What follows from content alone (the lines of a file, a difference, a directory's listing) is made and
//! compressed once, and kept; what is the visitor's is made anew around it with each look.
//!
//! # Invariants
//! 1. A part is asked for through [`RepoPage::part`](super::repo::RepoPage::part), so only by who may see the repository.
//! 2. Its key names the repository, its address and everything else that the HTML follows from. Nothing of the visitor is in it.
//! 3. What is sent is the same bytes whether or not a part was kept.

mod deliver;
mod kept;

pub(crate) use deliver::{ANSWER_BYTES_MAX, Parted, Whole, deliver};
pub use kept::Kept;
pub(crate) use kept::{Keeper, Key};

use super::error::PageError;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Read as _;
use std::sync::{Arc, LazyLock};

/// How hard HTML is compressed that somebody waits for, and what is kept of which more is sent than is made.
const LEVEL_FIRST: u32 = 1;
const LEVEL_KEPT: u32 = 6;

/// HTML as it is sent: a piece of a deflate stream that refers to nothing before it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    deflated: Bytes,
    sum: crc32fast::Hasher,
    bytes: u64,
}

impl Part {
    /// For somebody who waits.
    pub(crate) fn new(html: &[u8]) -> Self {
        Self::compressed(html, LEVEL_FIRST)
    }

    /// For keeping, as small as is worth it.
    pub(crate) fn small(html: &[u8]) -> Self {
        Self::compressed(html, LEVEL_KEPT)
    }

    fn compressed(html: &[u8], level: u32) -> Self {
        let mut sum = crc32fast::Hasher::new();
        sum.update(html);
        Self { deflated: deflated(html, level), sum, bytes: html.len() as u64 }
    }

    /// What it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.deflated.len() + 128
    }

    /// The HTML, for whoever takes nothing compressed.
    fn html(&self) -> Vec<u8> {
        let mut html = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or_default());
        // The stream has no end of its own, so the reader's word on it says nothing; what it was made from had this many bytes.
        let _ = DeflateDecoder::new(self.deflated.as_ref().chain(END)).read_to_end(&mut html);
        html
    }
}

/// The last block of a deflate stream, with nothing in it.
const END: &[u8] = &[0x03, 0x00];

/// Raw deflate, ended on the border of a byte so that another piece can follow.
fn deflated(bytes: &[u8], level: u32) -> Bytes {
    let mut stream = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(bytes.len() / 6 + 64);
    let mut rest = bytes;
    loop {
        if out.capacity() - out.len() < 1024 {
            out.reserve(out.capacity().max(8 * 1024));
        }
        let before = stream.total_in();
        let status = stream.compress_vec(rest, &mut out, FlushCompress::Full);
        let taken = usize::try_from(stream.total_in() - before).unwrap_or_default();
        rest = &rest[taken..];
        // All was taken and there is room left: nothing waits within the stream.
        let done = rest.is_empty() && out.len() < out.capacity();
        if done || !matches!(status, Ok(Status::Ok | Status::BufError)) {
            return out.into();
        }
    }
}

/// Where a part stands in a template. It is written with `|safe`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot(usize);

/// Nobody outside knows it, so nothing that is shown can be taken for a slot. A hasher's keys are the system's randomness.
static SECRET: LazyLock<String> = LazyLock::new(|| {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
});

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<part {} {}>", *SECRET, self.0)
    }
}

/// A part as the answer itself.
pub(crate) fn alone(part: Arc<Part>) -> Response {
    of_parts(Parted { parts: vec![part], whole: false })
}

fn of_parts(parts: Parted) -> Response {
    let mut response = Html("").into_response();
    response.extensions_mut().insert(parts);
    response
}

/// The parts of a page, while it is put together.
#[derive(Default)]
pub(crate) struct Parts {
    parts: Vec<Arc<Part>>,
    /// More effort would make one of them better.
    unfinished: bool,
}

impl Parts {
    /// Takes a part, and gives where it will stand.
    pub(crate) fn slot(&mut self, part: Arc<Part>) -> Slot {
        self.parts.push(part);
        Slot(self.parts.len() - 1)
    }

    /// Notes that a part is not all there is.
    pub(crate) fn unfinished(&mut self) {
        self.unfinished = true;
    }

    /// The page, with its parts in their slots.
    pub(crate) fn page(self, template: &impl Template) -> Result<Response, PageError> {
        let html = template.render()?;
        let standing = self.parts.into_iter().enumerate().filter_map(|(index, part)| {
            let mark = Slot(index).to_string();
            Some((html.find(&mark)?, mark.len(), part))
        });
        let mut standing: Vec<_> = standing.collect();
        standing.sort_by_key(|(at, ..)| *at);
        let mut pieces = Vec::with_capacity(2 * standing.len() + 1);
        let mut from = 0;
        for (at, length, part) in standing {
            pieces.push(Arc::new(Part::new(&html.as_bytes()[from..at])));
            pieces.push(part);
            from = at + length;
        }
        pieces.push(Arc::new(Part::new(&html.as_bytes()[from..])));
        Ok(of_parts(Parted { parts: pieces, whole: !self.unfinished }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_in_a_row_are_one_stream(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5_000), 0..6)) {
            let parts = pieces.iter().map(|piece| Arc::new(Part::new(piece))).collect();
            let parts = Parted { parts, whole: true };
            let whole = pieces.concat();
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(parts.gzip().as_slice()).read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, &whole);
            prop_assert_eq!(parts.html(), whole);
        }
    }

    #[test]
    fn what_is_large_comes_back_whole() {
        let large: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        assert_eq!(Part::new(&large).html(), large);
        assert_eq!(Part::small(&large).html(), large);
        assert_eq!(Part::new(b"").html(), b"");
    }

    #[derive(Template)]
    #[template(source = "<p>{{ words }}</p>{{ second|safe }}<p>{{ words }}</p>{{ first|safe }}", ext = "html")]
    struct Page {
        words: String,
        first: Slot,
        second: Slot,
    }

    #[test]
    fn a_part_stands_in_its_slot_and_nowhere_else() {
        let mut parts = Parts::default();
        let first = parts.slot(Arc::new(Part::new(b"<b>first</b>")));
        let second = parts.slot(Arc::new(Part::new(b"<b>second</b>")));
        let page = parts.page(&Page { words: "<part 0>".to_owned(), first, second }).unwrap();
        let parted = page.extensions().get::<Parted>().unwrap();
        let words = "<p>&#60;part 0&#62;</p>";
        assert_eq!(parted.html(), format!("{words}<b>second</b>{words}<b>first</b>").into_bytes());
    }
}
