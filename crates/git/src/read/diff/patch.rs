//! Differences as text, for `git apply` and `git am`: made by Git itself, from ids.

use crate::read::damaged;
use crate::{ObjectId, Repository};
use code::{ReadError, RevisionId};

/// What text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchFormat {
    /// The difference alone.
    Diff,
    /// As a mail, for `git am`.
    Mail,
}

/// What a revision changed against its first parent, as text of at most `bytes_max` bytes.
///
/// # Errors
/// When there is no such revision, it is too much, or Git fails.
pub async fn patch(
    repository: &Repository,
    of: &RevisionId,
    format: PatchFormat,
    bytes_max: u64,
) -> Result<Vec<u8>, ReadError> {
    let id: ObjectId = of.0.parse().map_err(|_| ReadError::NotFound(format!("revision {of}")))?;
    let command = match format {
        PatchFormat::Diff => repository.command("diff-tree").flag("-p").flag("--no-commit-id"),
        PatchFormat::Mail => repository.command("log").flag("-1").flag("--pretty=email").flag("--patch-with-stat"),
    };
    let command = command
        .flag("--root")
        .flag("--diff-merges=first-parent")
        .flag("--histogram")
        .flag("--find-renames")
        .flag("--binary")
        .flag("--full-index")
        .flag("--no-color")
        .flag("--no-ext-diff")
        .flag("--no-textconv")
        .flag("--no-notes")
        .flag("--end-of-options")
        .object(id);
    command.run(b"", bytes_max).await.map_err(damaged)
}
