//! What a caller of the domain is told when something does not happen: what happened, and what to do.

use crate::db::{DbError, DbErrorKind};
use crate::event::{ApplyError, EventError};

/// Why a command or a query was not carried out. The text is meant for the person who asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or may not be seen by who asked.
    #[error("{0}")]
    NotFound(String),
    /// Something else has it, or changed it in between.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Seen, but not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// A push to what Git may only read; the text says how it is written.
    #[error("{0}")]
    ReadOnlyView(String),
    /// The credential is not, or no longer, valid.
    #[error("{0}")]
    Unauthenticated(String),
    /// It asks for a fresh proof of who is there: a passkey, or the password and a code.
    #[error("this needs a fresh proof that it is you: sign in to the pages, where you are asked for it")]
    ReauthRequired,
    /// An organisation requires a second factor, and who asks has none.
    #[error(
        "{org} requires a second factor of everybody who has a part in it: add one at /-/settings/security, then come back"
    )]
    FactorRequired {
        /// The organisation's path.
        org: String,
    },
    /// Too few vaults answer: nothing was written.
    #[error("not written: too few vaults can be reached (missing: {}). Reading goes on; try again when they are back", .missing.join(", "))]
    NoQuorum {
        /// The vaults that do not answer.
        missing: Vec<String>,
    },
    /// Written here, and not held by a quorum in time. It is not lost, and must not be sent again.
    #[error("written as entry {seq}, but NOT YET HELD by enough vaults after {waited_s} s (missing: {}). It will be held when they are back: do not send it again", .missing.join(", "))]
    NotHeldYet {
        /// The first entry of what was written.
        seq: u64,
        /// How long was waited, seconds.
        waited_s: u64,
        /// The vaults that have not cosigned it.
        missing: Vec<String>,
    },
    /// The site has found that it must not write.
    #[error("this site refuses to write: {reason}")]
    Frozen {
        /// Why.
        reason: String,
    },
    /// Too much is waiting to be written.
    #[error("too many writes are waiting; try again in a moment")]
    Busy,
    /// A repository is still being brought back from the vaults; the text says when to come again.
    #[error("{0}")]
    Filling(String),
    /// Officers ordered the content to be erased; the text says which, and by what order.
    #[error("{0}")]
    Erased(String),
    /// A limit of this site's own is reached; the text says which, and what to do.
    #[error("{0}")]
    NoRoom(String),
    /// The site is stopping.
    #[error("the site is stopping; try again when it is back")]
    Stopping,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// An event could not be applied.
    #[error(transparent)]
    Apply(ApplyError),
    /// An event could not be read.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Something stored is not what it should be.
    #[error("damage: {0}")]
    Damaged(String),
    /// Anything else that is our fault or the machine's.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// `what` is there for nobody, or not for who asks.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::NotFound(format!("{what} does not exist, or you may not see it"))
    }

    /// The name is taken, the ref has moved.
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::Conflict(text.into())
    }

    /// The text says what would be right.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }

    /// The text says who could.
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::Forbidden(text.into())
    }

    /// What is stored is wrong; the text names it.
    pub fn damaged(text: impl Into<String>) -> Self {
        Self::Damaged(text.into())
    }

    /// Our fault or the machine's.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal(text.into())
    }

    /// Whether the fault is the site's and not the asker's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        !matches!(
            self,
            Self::NotFound(_)
                | Self::Conflict(_)
                | Self::Invalid(_)
                | Self::Forbidden(_)
                | Self::ReadOnlyView(_)
                | Self::Erased(_)
                | Self::Unauthenticated(_)
                | Self::ReauthRequired
                | Self::FactorRequired { .. }
        )
    }
}

/// A disk that is full or a connection that broke is no fault of the event.
impl From<journal::order::OrderError> for Error {
    fn from(e: journal::order::OrderError) -> Self {
        Self::invalid(e.0)
    }
}

impl From<ApplyError> for Error {
    fn from(e: ApplyError) -> Self {
        use DbErrorKind::{Constraint, Mistake};
        match e {
            ApplyError::Db(e) if !matches!(e.kind(), Constraint | Mistake) => Self::Db(e),
            e => Self::Apply(e),
        }
    }
}
