//! The connections for reading.

use super::DbError;
use super::session::{Opener, Session};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a reader waits for a connection before it is told that there are too many.
const WAIT: Duration = Duration::from_secs(10);

/// At most `open_max` connections, opened when first needed and kept.
pub(super) struct Pool {
    opener: Opener,
    open_max: usize,
    state: Mutex<State>,
    came_free: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    open: usize,
}

impl Pool {
    pub(super) fn new(opener: Opener, open_max: usize) -> Self {
        Self { opener, open_max, state: Mutex::default(), came_free: Condvar::new() }
    }

    /// A session in a reading transaction.
    pub(super) fn begin(&self) -> Result<Session, DbError> {
        let idle = self.take()?;
        self.opener.begun(idle, false).inspect_err(|_| self.forget())
    }

    /// An idle session, or None for leave to open one more.
    fn take(&self) -> Result<Option<Session>, DbError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .came_free
            .wait_timeout_while(state, WAIT, |s| s.idle.is_empty() && s.open >= self.open_max)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = state.idle.pop() {
            return Ok(Some(session));
        }
        if state.open >= self.open_max {
            let message = format!("all {} connections for reading are in use", self.open_max);
            return Err(DbError::new(super::DbErrorKind::Busy, message));
        }
        state.open += 1;
        Ok(None)
    }

    /// A session that is no longer usable is closed instead of kept.
    pub(super) fn give_back(&self, session: Session) {
        if !session.usable() {
            return self.forget();
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.push(session);
        self.came_free.notify_one();
    }

    fn forget(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
        self.came_free.notify_one();
    }
}
