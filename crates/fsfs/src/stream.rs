//! Contents: plain, or a chain of deltas, made window by window, so that memory does not grow with them.

use crate::cache::Kind;
use crate::error::{FsError, Result, damaged, from_io, into_io};
use crate::files::parse;
use crate::fs::Fs;
use crate::node::Rep;
use crate::revision::Section;
use crate::svndiff::{WINDOW_BYTES_MAX, Windows};
use md5::{Digest as _, Md5};
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest chain of deltas.
pub const CHAIN_MAX: usize = 1_000;
/// So many bytes are made at most, over all deltas of a chain, for what is read whole.
pub const WHOLE_DECODED_BYTES_MAX: u64 = 8 << 30;
/// The same for what is streamed, for each byte of it, beyond [`WHOLE_DECODED_BYTES_MAX`].
const STREAM_DECODED_FACTOR: u64 = 64;
/// So many deltas are made window by window at one time; what they are against is made whole before.
const NESTED_MAX: usize = 48;
/// The largest content that is made whole for that.
const BASE_BYTES_MAX: u64 = 512 << 20;
/// The most bytes of the line before a content.
const HEAD_BYTES_MAX: usize = 100;
/// What is read of a file at a time.
const READ_BYTES: usize = 16 << 10;

/// A content that is being made.
pub(crate) enum Stream {
    Empty,
    Plain(Section),
    Kept(Cursor<Arc<Vec<u8>>>),
    Delta(Box<Delta>),
}

/// A delta and what it is against.
pub(crate) struct Delta {
    windows: Windows<BufReader<Section>>,
    base: Stream,
    /// Where the base is read to.
    base_at: u64,
    /// What was read of it last.
    view: Vec<u8>,
    view_at: u64,
    target: Vec<u8>,
    target_at: usize,
    budget: Arc<AtomicU64>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Empty => Ok(0),
            Self::Plain(section) => section.read(buffer),
            Self::Kept(content) => {
                let at = usize::try_from(content.position()).unwrap_or(usize::MAX);
                let rest = content.get_ref().get(at..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                content.set_position((at + count) as u64);
                Ok(count)
            }
            Self::Delta(delta) => delta.read(buffer),
        }
    }
}

impl Read for Delta {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.target_at == self.target.len() {
            if !self.next_window().map_err(into_io)? {
                return Ok(0);
            }
        }
        let rest = &self.target[self.target_at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.target_at += count;
        Ok(count)
    }
}

impl Delta {
    fn next_window(&mut self) -> Result<bool> {
        let Some(window) = self.windows.next()? else { return Ok(false) };
        self.look_at(window.source_at, window.source_len)?;
        window.apply(&self.view, &mut self.target)?;
        self.target_at = 0;
        spend(&self.budget, self.target.len() as u64)?;
        Ok(true)
    }

    /// Has the part of the source in `view` that a window looks at. It never goes back.
    fn look_at(&mut self, at: u64, length: usize) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        let passed = usize::try_from(at - self.view_at).unwrap_or(usize::MAX).min(self.view.len());
        self.view.drain(..passed);
        self.view_at = at;
        if self.base_at < at {
            let skipped = io::copy(&mut (&mut self.base).take(at - self.base_at), &mut io::sink()).map_err(from_io)?;
            self.base_at += skipped;
            spend(&self.budget, skipped)?;
        }
        let missing = length.saturating_sub(self.view.len()) as u64;
        let read = (&mut self.base).take(missing).read_to_end(&mut self.view).map_err(from_io)? as u64;
        self.base_at += read;
        if self.base_at < at || self.view.len() < length {
            return damaged("a delta looks beyond its source");
        }
        Ok(())
    }
}

fn spend(budget: &AtomicU64, bytes: u64) -> Result<()> {
    let left = budget.load(Ordering::Relaxed);
    budget.store(left.saturating_sub(bytes), Ordering::Relaxed);
    if left < bytes {
        return Err(FsError::TooMuch("this content takes too long to put together".to_owned()));
    }
    Ok(())
}

fn whole(stream: Stream) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    stream.take(BASE_BYTES_MAX + 1).read_to_end(&mut content).map_err(from_io)?;
    if content.len() as u64 > BASE_BYTES_MAX {
        return Err(FsError::TooMuch("a large content is a chain of too many deltas".to_owned()));
    }
    Ok(content)
}

/// What the line before a content says.
enum Head {
    Plain,
    Delta(Option<(u64, u64, u64)>),
}

fn head(section: &Section) -> Result<(Head, u64)> {
    let bytes = section.peek(HEAD_BYTES_MAX)?;
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return damaged("a content does not begin as one");
    };
    let words: Vec<&[u8]> = bytes[..end].split(|byte| *byte == b' ').collect();
    let head = match words.as_slice() {
        [b"PLAIN"] => Head::Plain,
        [b"DELTA"] => Head::Delta(None),
        [b"DELTA", rev, item, stored] => {
            let base = parse(rev).zip(parse(item)).zip(parse(stored));
            let base = base.map(|((rev, item), stored)| (rev, item, stored));
            Head::Delta(Some(base.map_or_else(|| damaged("a delta's base is no place"), Ok)?))
        }
        _ => return damaged("a content does not begin as one"),
    };
    Ok((head, end as u64 + 1))
}

/// A content as it is read from the beginning to the end; fails at the end if it is not what it must be.
pub struct ContentReader {
    stream: Stream,
    hash: Option<Md5>,
    md5: [u8; 16],
}

impl std::fmt::Debug for ContentReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentReader").finish_non_exhaustive()
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if count > 0 {
            if let Some(hash) = &mut self.hash {
                hash.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some(hash) = self.hash.take()
            && hash.finalize().as_slice() != self.md5
        {
            return Err(into_io(FsError::Damaged("a content is not what was committed".to_owned())));
        }
        Ok(count)
    }
}

impl Fs {
    fn stream(&self, rep: &Rep, budget: u64) -> Result<Stream> {
        let budget = Arc::new(AtomicU64::new(budget));
        let (mut chain, mut next) = (Vec::new(), (rep.rev, rep.item, rep.stored));
        let mut stream = loop {
            let (rev, item, stored) = next;
            if let Some(kept) = self.caches.get::<Vec<u8>>(&self.key(Kind::Content, rev, item)) {
                break Stream::Kept(Cursor::new(kept));
            }
            let mut section = self.locate(rev, item)?;
            let (head, length) = head(&section)?;
            section.at += length;
            let end = section.at.checked_add(stored).filter(|end| *end <= section.end);
            section.end = end.map_or_else(|| damaged("a content is longer than its file"), Ok)?;
            match head {
                Head::Plain => break Stream::Plain(section),
                Head::Delta(base) => {
                    chain.push(section);
                    if chain.len() > CHAIN_MAX {
                        return Err(FsError::TooMuch("a content is a chain of too many deltas".to_owned()));
                    }
                    match base {
                        None => break Stream::Empty,
                        Some(base) => next = base,
                    }
                }
            }
        };
        for (nested, section) in chain.into_iter().rev().enumerate() {
            if nested % NESTED_MAX == NESTED_MAX - 1 {
                stream = Stream::Kept(Cursor::new(Arc::new(whole(stream)?)));
            }
            let bytes = usize::try_from(section.end - section.at).unwrap_or(READ_BYTES).min(READ_BYTES);
            stream = Stream::Delta(Box::new(Delta {
                windows: Windows::new(BufReader::with_capacity(bytes.max(64), section)),
                base: stream,
                base_at: 0,
                view: Vec::new(),
                view_at: 0,
                target: Vec::new(),
                target_at: 0,
                budget: budget.clone(),
            }));
        }
        Ok(stream)
    }

    /// Reads a content from its beginning to its end, of any length. What is read is checked at the end.
    pub(crate) fn open_rep(&self, rep: &Rep) -> Result<ContentReader> {
        let budget = WHOLE_DECODED_BYTES_MAX.saturating_add(rep.expanded.saturating_mul(STREAM_DECODED_FACTOR));
        Ok(ContentReader { stream: self.stream(rep, budget)?, hash: Some(Md5::new()), md5: rep.md5 })
    }

    /// A whole content of at most so many bytes, and kept for the next who asks.
    pub(crate) fn whole(&self, rep: &Rep, bytes_max: u64) -> Result<Arc<Vec<u8>>> {
        let too_large = || FsError::TooMuch(format!("a content has more than {bytes_max} bytes"));
        if rep.expanded > bytes_max {
            return Err(too_large());
        }
        let key = self.key(Kind::Content, rep.rev, rep.item);
        if let Some(kept) = self.caches.get::<Vec<u8>>(&key) {
            return if kept.len() as u64 > bytes_max { Err(too_large()) } else { Ok(kept) };
        }
        let stream = self.stream(rep, WHOLE_DECODED_BYTES_MAX)?;
        let mut content = Vec::with_capacity(usize::try_from(rep.expanded).unwrap_or(0).min(WINDOW_BYTES_MAX));
        let mut reader = ContentReader { stream, hash: Some(Md5::new()), md5: rep.md5 }.take(bytes_max + 1);
        reader.read_to_end(&mut content).map_err(from_io)?;
        if content.len() as u64 > bytes_max {
            return Err(too_large());
        }
        let content = Arc::new(content);
        self.caches.put(key, content.clone(), content.len());
        Ok(content)
    }
}
