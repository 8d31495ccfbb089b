//! What a file was called before.
