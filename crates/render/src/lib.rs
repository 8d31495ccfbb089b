//! Bytes of strangers to safe HTML: Markdown, highlighting, differences, text with links.
//!
//! # Invariants
//! 1. Whatever comes in, what goes out has no script, no style, no address that a browser would run, nothing that is
//!    loaded from elsewhere, and balanced tags: each piece by itself (a line, a message, a document).
//! 2. Every function has a budget of bytes or time; beyond it text is shown plainly, never not at all.
//! 3. What is shown of code, with tags stripped and entities decoded, is [`code::visible`] of what came in: no unseen or
//!    direction-changing characters.

mod diff;
mod highlight;
mod language;
mod markdown;
mod markup;
mod scopes;
mod text;

pub use diff::{diff_line, diff_lines};
pub use highlight::{
    Effort, FIRST_LINES_MAX, HIGHLIGHT_BYTES_MAX, HIGHLIGHT_TIME_MAX, HIGHLIGHT_WHOLE_TIME_MAX, Highlighted,
    LINE_BYTES_MAX, file_lines, highlight, warm,
};
pub use language::language;
pub use markdown::{LinkBase, MARKDOWN_BYTES_MAX, document, is_markup, markdown};
pub use text::{Reference, commit_message, escape, linked, linked_with};
