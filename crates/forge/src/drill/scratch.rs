//! The throw-away place of a drill.

use crate::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Under the data directory: where drills are.
const DIR: &str = "drill";

/// A directory that goes when it is dropped, also when the drill is broken off.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// An empty one, in the place of any that a killed process left. Drills of one site run one at a time.
    pub(super) fn new(data: &Path) -> Result<Self, Error> {
        let dir = data.join(DIR);
        let failed = |e: std::io::Error| Error::internal(format!("{}: {e}", dir.display()));
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(failed)?;
        }
        fs::create_dir_all(&dir).map_err(failed)?;
        Ok(Self(dir))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, dir = %self.0.display(), "what a drill left could not be removed");
        }
    }
}
