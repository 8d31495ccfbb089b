//! Tokens looked up lately, so that a busy client costs no database.

use super::principal::Principal;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tokens remembered at one time.
pub const CACHE_ENTRIES_MAX: usize = 4096;
/// How long an account's rights are believed without asking again.
pub const CACHE_AGE_MAX: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    /// Counts the revocations: what was read before one must not be remembered after it.
    generation: u64,
    known: HashMap<[u8; 32], (Instant, Principal)>,
}

/// From a token's hash to whose it is.
#[derive(Default)]
pub struct TokenCache {
    state: Mutex<State>,
}

impl TokenCache {
    /// To be asked for before the database is, and given back with what it said.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Whose token it is, if that is known and fresh.
    #[must_use]
    pub fn get(&self, hash: &[u8; 32], now: Instant) -> Option<Principal> {
        let state = self.lock();
        let (since, principal) = state.known.get(hash)?;
        (now.duration_since(*since) < CACHE_AGE_MAX).then(|| principal.clone())
    }

    /// Remembers what the database said, unless something was revoked since `generation`.
    pub fn put(&self, generation: u64, hash: [u8; 32], principal: Principal, now: Instant) {
        let mut state = self.lock();
        if state.generation != generation {
            return;
        }
        if state.known.len() >= CACHE_ENTRIES_MAX {
            state.known.retain(|_, (since, _)| now.duration_since(*since) < CACHE_AGE_MAX);
        }
        if state.known.len() < CACHE_ENTRIES_MAX {
            state.known.insert(hash, (now, principal));
        }
    }

    /// Forgets everything: to be called when a revocation or a change of rights is committed, before anybody is told.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.generation += 1;
        state.known.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Scopes;

    fn somebody() -> Principal {
        let name = "ada".to_owned();
        Principal {
            user: 1,
            name,
            credential: Some(2),
            scopes: Scopes::all(),
            operator: false,
            expires_us: None,
            repos: None,
            within: None,
            session: None,
        }
    }

    #[test]
    fn a_lookup_that_a_revocation_overtook_is_not_remembered() {
        let (cache, now) = (TokenCache::default(), Instant::now());
        let before = cache.generation();
        cache.clear();
        cache.put(before, [1; 32], somebody(), now);
        assert_eq!(cache.get(&[1; 32], now), None);
        cache.put(cache.generation(), [1; 32], somebody(), now);
        assert_eq!(cache.get(&[1; 32], now), Some(somebody()));
        assert_eq!(cache.get(&[1; 32], now + CACHE_AGE_MAX), None, "old");
        cache.clear();
        assert_eq!(cache.get(&[1; 32], now), None, "revoked");
    }

    #[test]
    fn it_is_bounded() {
        let (cache, now) = (TokenCache::default(), Instant::now());
        for i in 0..(CACHE_ENTRIES_MAX as u64 + 10) {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&i.to_le_bytes());
            cache.put(0, hash, somebody(), now);
        }
        assert_eq!(cache.lock().known.len(), CACHE_ENTRIES_MAX);
        cache.put(0, [255; 32], somebody(), now + CACHE_AGE_MAX);
        assert_eq!(cache.lock().known.len(), 1, "the old ones make room");
    }
}
