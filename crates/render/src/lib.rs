//! Bytes of strangers to safe HTML: Markdown, highlighting, differences.
