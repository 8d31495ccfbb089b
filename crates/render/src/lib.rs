//! Bytes of strangers to safe HTML: Markdown, highlighting, differences.
//!
//! # Invariants
//! 1. Whatever comes in, what goes out has no script, no style, no address that a browser would run, and balanced tags.
//! 2. Every function has a budget of bytes or time; beyond it text is shown plainly.
//! 3. Text is made visible with [`code::visible`] before it is shown: no unseen or direction-changing characters.

mod diff;
mod highlight;
mod markdown;
mod text;

pub use diff::{diff_lines, file_lines};
pub use highlight::{HIGHLIGHT_BYTES_MAX, HIGHLIGHT_TIME_MAX, Highlighted, LINE_BYTES_MAX, highlight, warm};
pub use markdown::{LinkBase, MARKDOWN_BYTES_MAX, document, markdown};
pub use text::{escape, linked};
