//! Keeping a repository fast: packs consolidated, bitmaps, commit-graph, packed refs. At low priority, and never removing
//! an object: what a push in flight may build on stays, and the vaults keep everything anyway.

use crate::repository::{Repository, RepositoryError};
use std::fs;

/// With so many packs a repository wants maintenance.
pub const PACKS_MANY: usize = 24;

impl Repository {
    /// How many packs there are.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn pack_count(&self) -> Result<usize, RepositoryError> {
        let entries = fs::read_dir(self.path().join("objects/pack")).map_err(|error| self.io(error))?;
        let is_pack = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().ends_with(b".pack");
        Ok(entries.filter_map(Result::ok).filter(is_pack).count())
    }

    /// Consolidates packs geometrically (each at least twice the next; all into one, now and then, by itself), writes a
    /// multi-pack-index with bitmaps and a commit-graph with changed paths, and packs refs.
    ///
    /// Packs that were consolidated are removed once their objects are in the new one; objects no ref leads to stay.
    ///
    /// # Errors
    /// When Git fails. The repository is then as good as before.
    pub async fn maintain(&self) -> Result<(), RepositoryError> {
        let repack = self
            .command("repack")
            .flag("--geometric=2")
            .flag("-d")
            .flag("--write-midx")
            .flag("--write-bitmap-index")
            .flag("-q");
        repack.writable().in_background().run(b"", 1 << 20).await?;
        let graph =
            self.command("commit-graph").flag("write").flag("--reachable").flag("--changed-paths").flag("--split");
        graph.flag("--no-progress").writable().in_background().run(b"", 1 << 20).await?;
        self.command("pack-refs").flag("--all").writable().in_background().run(b"", 1 << 20).await?;
        Ok(())
    }

    /// One pack of everything, with deltas that are looked for anew: for packs that were written without. Objects that no ref leads
    /// to stay.
    ///
    /// # Errors
    /// When Git fails. The repository is then as good as before.
    pub async fn condense(&self) -> Result<(), RepositoryError> {
        let repack = self.command("repack").flag("-a").flag("-d").flag("-f").flag("--keep-unreachable").flag("-q");
        repack.writable().in_background().run(b"", 1 << 20).await?;
        Ok(())
    }

    /// One pack of all that refs lead to, with deltas that are looked for anew, as bytes on the child's output.
    ///
    /// # Errors
    /// When Git can't be started.
    pub async fn pack_reachable(&self) -> Result<crate::child::GitChild, RepositoryError> {
        let pack = self.command("pack-objects").flag("--all").flag("--revs").flag("--stdout").flag("--no-reuse-delta");
        let mut child = pack.flag("--delta-base-offset").flag("-q").in_background().spawn().await?;
        drop(child.stdin.take());
        Ok(child)
    }

    /// One pack of every object there is, as bytes on the child's output: what refs lead to, and what they once led to and
    /// was pushed over or deleted. A repository that is filled from it must have its past tips too.
    ///
    /// # Errors
    /// When Git can't be started.
    pub async fn pack_everything(&self) -> Result<crate::child::GitChild, RepositoryError> {
        let pack = self
            .command("pack-objects")
            .flag("--all")
            .flag("--reflog")
            .flag("--indexed-objects")
            .flag("--keep-unreachable")
            .flag("--pack-loose-unreachable")
            .flag("--revs")
            .flag("--stdout")
            .flag("--delta-base-offset")
            .flag("-q");
        let mut child = pack.in_background().spawn().await?;
        drop(child.stdin.take());
        Ok(child)
    }
}
