//! What a file's bytes are.

use code::FileKind;

/// A file with a NUL in its first bytes is no text, as Git has it.
const BINARY_LOOK_BYTES: usize = 8_000;
/// An LFS pointer is smaller than this (its specification).
const LFS_POINTER_BYTES_MAX: u64 = 1024;

/// What to make of a file's whole content.
#[must_use]
pub fn kind_of(bytes: &[u8]) -> FileKind {
    lfs_pointer(bytes).unwrap_or(if is_binary(bytes) { FileKind::Binary } else { FileKind::Text })
}

/// Whether it is no text, as Git judges: there is a NUL near the beginning.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_LOOK_BYTES)].contains(&0)
}

/// A Git LFS pointer: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
fn lfs_pointer(bytes: &[u8]) -> Option<FileKind> {
    if bytes.len() as u64 >= LFS_POINTER_BYTES_MAX || !bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let oid = value("oid")?.strip_prefix("sha256:")?;
    let size = value("size")?.parse().ok()?;
    let right = oid.len() == 64 && oid.bytes().all(|byte| byte.is_ascii_hexdigit());
    right.then(|| FileKind::LfsPointer { oid: oid.to_ascii_lowercase(), size })
}
