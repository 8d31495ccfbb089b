//! Why something could not be read.

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// There is no such revision or path.
    #[error("there is no {0}")]
    NotFound(String),
    /// It is there, and beyond what is read.
    #[error("{0}")]
    TooMuch(String),
    /// The bytes are not what Subversion writes.
    #[error("the repository is damaged: {0}")]
    Damaged(String),
    /// A format that is not read here.
    #[error("{0}")]
    Unsupported(String),
    /// The disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What reading gives.
pub type Result<T> = std::result::Result<T, FsError>;

pub(crate) fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(FsError::Damaged(what.into()))
}

/// Through [`std::io::Read`], and back.
pub(crate) fn into_io(error: FsError) -> std::io::Error {
    match error {
        FsError::Io(error) => error,
        other => std::io::Error::new(std::io::ErrorKind::InvalidData, other),
    }
}

/// The error that [`into_io`] had put away.
pub(crate) fn from_io(error: std::io::Error) -> FsError {
    match error.downcast::<FsError>() {
        Ok(inner) => inner,
        Err(error) => FsError::Io(error),
    }
}
