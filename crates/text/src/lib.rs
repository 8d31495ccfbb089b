//! What is made of the bytes of files, whatever keeps them: lines that differ, whose they are, which language they are in, what
//! stands in them, and archives of them. Git's reader and Subversion's share it, so that both give the same answers.
//!
//! Bytes in, plain data of [`code`] out: no disk, no clock, no HTML. Each takes time with the length of what it is given.

mod blame;
mod fold;
mod kind;
mod languages;
mod lines;
mod pattern;
mod tar;
mod unified;
mod words;
mod zip;

pub use blame::{Piece, divide};
pub use fold::{FILE_BYTES_MAX, Folder, SHOWN_LINES_MAX};
pub use kind::{is_binary, kind_of};
pub use languages::{Shares, language};
pub use lines::{Differences, has_too_many, replaced};
pub use pattern::Pattern;
pub use tar::{ArchiveEntry, TarWriter};
pub use unified::unified;
pub use zip::ZipWriter;
