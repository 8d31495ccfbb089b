//! When and from where credentials were used last. Kept in a file beside the database and not in the journal: it may be lost
//! with the machine, and writing it down must cost a request nothing.

use crate::clock::now_us;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Credentials whose use is remembered; beyond it those used longest ago are forgotten.
pub const LAST_USES_MAX: usize = 100_000;
/// How exact the time is, and how much of it a crash can lose.
const GRAIN_US: i64 = 60_000_000;

/// A use of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// Microseconds since 1970; exact to a minute.
    pub time_us: i64,
    /// The address it came from.
    pub address: String,
}

/// The last uses, by the credential's id.
#[derive(Debug)]
pub struct LastUses {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    uses: HashMap<u64, LastUse>,
    written_us: i64,
    dirty: bool,
}

impl LastUses {
    /// Those that `file` has; a file that is missing or damaged has none.
    #[must_use]
    pub fn open(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let uses = text.lines().filter_map(parse).take(LAST_USES_MAX).collect();
        Self { file: file.to_owned(), state: Mutex::new(State { uses, ..State::default() }) }
    }

    /// Notes a use, now. Cheap; now and then the file is written, apart from the caller.
    pub fn note(self: &std::sync::Arc<Self>, credential: u64, address: IpAddr) {
        let (now, address) = (now_us(), address.to_canonical().to_string());
        let due = {
            let mut state = self.lock();
            let known = state.uses.get(&credential);
            if known.is_some_and(|known| known.address == address && now - known.time_us < GRAIN_US) {
                return;
            }
            state.uses.insert(credential, LastUse { time_us: now, address });
            state.dirty = true;
            let due = now - state.written_us >= GRAIN_US;
            if due {
                state.written_us = now;
            }
            due
        };
        if due {
            let this = self.clone();
            tokio::task::spawn_blocking(move || this.write());
        }
    }

    /// The last use of a credential, if one is known.
    #[must_use]
    pub fn get(&self, credential: u64) -> Option<LastUse> {
        self.lock().uses.get(&credential).cloned()
    }

    /// Credentials that were used since then: rather one too many than one too few, the time is exact to a minute.
    #[must_use]
    pub fn since(&self, since_us: i64) -> Vec<u64> {
        let state = self.lock();
        let used = state.uses.iter().filter(|(_, last)| last.time_us.saturating_add(GRAIN_US) >= since_us);
        used.map(|(id, _)| *id).collect()
    }

    /// Writes the file, if something changed. What can't be written is lost with the process, no more.
    pub fn write(&self) {
        let text = {
            let mut state = self.lock();
            if !std::mem::take(&mut state.dirty) {
                return;
            }
            if state.uses.len() > LAST_USES_MAX {
                let mut times: Vec<i64> = state.uses.values().map(|last| last.time_us).collect();
                let (_, oldest, _) = times.select_nth_unstable(state.uses.len() - LAST_USES_MAX);
                let oldest = *oldest;
                state.uses.retain(|_, last| last.time_us >= oldest);
            }
            let line = |(id, last): (&u64, &LastUse)| format!("{id} {} {}\n", last.time_us, last.address);
            state.uses.iter().map(line).collect::<String>()
        };
        let part = self.file.with_extension("part");
        let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, &self.file));
        if let Err(error) = written {
            tracing::warn!(%error, file = %self.file.display(), "when credentials were used last can't be written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(line: &str) -> Option<(u64, LastUse)> {
    let mut words = line.split(' ');
    let (id, time, address) = (words.next()?, words.next()?, words.next()?);
    let address = address.parse::<IpAddr>().ok()?.to_string();
    Some((id.parse().ok()?, LastUse { time_us: time.parse().ok()?, address }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn uses_are_known_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("last-use");
        let uses = Arc::new(LastUses::open(&file));
        assert_eq!(uses.get(7), None);
        uses.note(7, "::ffff:192.0.2.1".parse().unwrap());
        uses.write();
        let again = LastUses::open(&file);
        assert_eq!(again.get(7).unwrap().address, "192.0.2.1");
        assert_eq!(again.get(7), uses.get(7));
        std::fs::write(&file, "nonsense\n8 x y\n9 5 2001:db8::1\n").unwrap();
        let damaged = LastUses::open(&file);
        assert_eq!((damaged.get(8), damaged.get(9).unwrap().time_us), (None, 5));
    }
}
