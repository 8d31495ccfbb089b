//! A repository of Git made of one of Subversion, for good: a view in a directory of its own, which is pushed and then removed.

use super::subversion::Subversion;
use super::view::{UNUSED_PREFIX, Views, failed};
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use svn_git::{Authors, How, Progress, View, ViewError, authors_of};

/// Authors that are named when they are missing from a list.
const MISSING_SHOWN_MAX: usize = 10;
/// What the directories are called that conversions work in.
const PREFIX: &str = "convert-";

/// A directory that goes when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.0.display(), "cannot remove what a conversion worked in; it goes at the next start");
        }
    }
}

/// What is to be pushed.
pub(crate) struct Converted {
    pub(crate) view: View,
    _scratch: Scratch,
}

impl Views {
    /// Makes all of a repository anew, with these authors.
    ///
    /// # Errors
    /// [`Error::Invalid`] names authors that a list lacks, or says that the history is too large.
    pub(crate) async fn convert(
        &self,
        subversion: &Subversion,
        repo: u64,
        authors: Authors,
        progress: &Arc<Progress>,
    ) -> Result<Converted, Error> {
        let (bounds, root) = (self.bounds(repo).await?, subversion.open_id(repo).await?.root());
        let scratch = Scratch(self.dir().join(format!("{PREFIX}{}", subversion.scratch_number())));
        let (place, git, through) = (scratch.0.clone(), self.git().clone(), bounds.youngest);
        let layout = bounds.layout.clone();
        let opening = tokio::task::spawn_blocking(move || {
            let fs = svn_git::open(&root)?;
            let through = through.min(fs.youngest()?);
            let names = if authors.is_empty() { Default::default() } else { authors_of(&fs, through)? };
            let missing: Vec<String> = authors.missing(&names).into_iter().map(str::to_owned).collect();
            let view = View::open(&git, &place, &fs, How { authors, layout })?;
            Ok::<_, ViewError>((fs, through, missing, view))
        });
        let opened = opening.await.map_err(|e| Error::internal(format!("repository {repo}: {e}")))?;
        let (fs, through, missing, view) = opened.map_err(|e| failed(repo, e))?;
        if !missing.is_empty() {
            let more = missing.len().saturating_sub(MISSING_SHOWN_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let shown = missing[..missing.len().min(MISSING_SHOWN_MAX)].join(", ");
            return Err(Error::invalid(format!(
                "the list of authors lacks {shown}{more}: add a line for each, like name = Full Name <address@example.org>"
            )));
        }
        let limits = self.limits();
        let _turn = self.turn().await?;
        let view = view.bring_up(&fs, through, bounds.mark(), limits, progress).await.map_err(|e| failed(repo, e))?;
        Ok(Converted { view, _scratch: scratch })
    }
}

/// Removes what conversions worked in that were cut off, and views whose removal was. Blocks.
pub(super) fn sweep(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if [PREFIX, UNUSED_PREFIX].iter().any(|prefix| entry.file_name().to_string_lossy().starts_with(prefix)) {
            drop(Scratch(entry.path()));
        }
    }
}
