//! What pages keep in memory: parts, and what they are made from; the longest unused go.

use clru::{CLruCache, WeightScale};
use std::any::Any;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the pages of all repositories keep, in bytes; parts count as they are sent, compressed.
pub(super) const KEPT_BYTES_MAX: usize = 64 << 20;
/// No single thing takes more than this part of it.
const SHARE_MAX: usize = 4;

/// What something that is kept follows from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The repository's id.
    pub(crate) repo: u64,
    /// Its address, which links have.
    pub(crate) path: String,
    /// What it is.
    pub(crate) what: &'static str,
    /// What it is of: ids and paths.
    pub(crate) of: String,
}

struct Thing {
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

struct InBytes;

impl WeightScale<Key, Thing> for InBytes {
    fn weight(&self, _: &Key, thing: &Thing) -> usize {
        thing.bytes
    }
}

struct Things {
    by_key: CLruCache<Key, Thing, RandomState, InBytes>,
    /// How often everything was let go of.
    clears: u64,
}

/// What pages keep.
pub struct Kept {
    things: Mutex<Things>,
    making: Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>,
    /// What nobody waits for is made one at a time.
    ahead: Arc<Semaphore>,
}

impl Default for Kept {
    fn default() -> Self {
        let most = NonZeroUsize::new(KEPT_BYTES_MAX).unwrap_or(NonZeroUsize::MIN);
        let things = Things { by_key: CLruCache::with_scale(most, InBytes), clears: 0 };
        Self { things: Mutex::new(things), making: Mutex::default(), ahead: Arc::new(Semaphore::new(1)) }
    }
}

impl Kept {
    /// What is kept of this key.
    pub(crate) fn get<T: Any + Send + Sync>(&self, key: &Key) -> Option<Arc<T>> {
        Arc::clone(&lock(&self.things).by_key.get(key)?.value).downcast().ok()
    }

    /// The right to keep what is read from now on.
    pub(crate) fn keeper(self: &Arc<Self>) -> Keeper {
        Keeper { kept: Arc::clone(self), clears: lock(&self.things).clears }
    }

    /// Lets go of everything: something of it may be of a repository that must leave no trace.
    pub fn clear(&self) {
        let mut things = lock(&self.things);
        things.by_key.clear();
        things.clears += 1;
    }

    /// The right to make what this key names: who comes meanwhile waits, and finds it kept.
    pub(crate) async fn turn(&self, key: &Key) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut making = lock(&self.making);
            making.retain(|_, turn| turn.strong_count() > 0);
            let known = making.get(key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                making.insert(key.clone(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

/// The right of one request to keep what it makes. What it read before everything was let go of is not kept after that.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    kept: Arc<Kept>,
    clears: u64,
}

impl Deref for Keeper {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        &self.kept
    }
}

impl Keeper {
    /// Keeps something that takes about so many bytes, and lets go of what was longest not asked for.
    pub(crate) fn put<T: Any + Send + Sync>(&self, key: &Key, value: Arc<T>, bytes: usize) {
        let bytes = bytes + 2 * (key.path.len() + key.of.len()) + 256;
        let mut things = lock(&self.kept.things);
        if bytes <= KEPT_BYTES_MAX / SHARE_MAX && things.clears == self.clears {
            // There is room for four times as much.
            let _ = things.by_key.put_with_weight(key.clone(), Thing { value, bytes });
        }
    }
}

impl Kept {
    /// The right to make something that nobody waits for; None: somebody else has it.
    pub(crate) fn ahead(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.ahead).try_acquire_owned().ok()
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("weight", &lock(&self.things).by_key.weight()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(of: &str) -> Key {
        Key { repo: 1, path: "a/b".to_owned(), what: "lines", of: of.to_owned() }
    }

    #[test]
    fn nothing_is_kept_when_it_was_cleared_and_then_it_is_kept_anew() {
        let before = Arc::new(Kept::default()).keeper();
        before.put(&key("1"), Arc::new("1".to_owned()), 100);
        before.clear();
        assert_eq!(before.get::<String>(&key("1")), None);
        assert_eq!(lock(&before.things).by_key.weight(), 0);
        before.put(&key("1"), Arc::new("read before".to_owned()), 100);
        assert_eq!(before.get::<String>(&key("1")), None, "it may be of what must leave no trace");
        let kept = before.kept.keeper();
        kept.put(&key("1"), Arc::new("2".to_owned()), 100);
        assert_eq!(kept.get::<String>(&key("1")).as_deref(), Some(&"2".to_owned()));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_longest_unused_goes() {
        let kept = Arc::new(Kept::default()).keeper();
        let weight = KEPT_BYTES_MAX / 5;
        for of in ["1", "2", "3", "4"] {
            kept.put(&key(of), Arc::new(of.to_owned()), weight);
        }
        assert_eq!(kept.get::<String>(&key("1")).as_deref(), Some(&"1".to_owned()));
        kept.put(&key("5"), Arc::new("5".to_owned()), weight);
        assert!(kept.get::<String>(&key("2")).is_none() && kept.get::<String>(&key("1")).is_some());
        assert!(lock(&kept.things).by_key.weight() <= KEPT_BYTES_MAX);
        kept.put(&key("6"), Arc::new("6".to_owned()), KEPT_BYTES_MAX / SHARE_MAX);
        assert!(kept.get::<String>(&key("6")).is_none(), "too large for one");
        kept.put(&key("1"), Arc::new("again".to_owned()), 10);
        let things = &lock(&kept.things).by_key;
        assert_eq!(things.weight(), things.iter().map(|(_, thing)| thing.bytes).sum::<usize>());
    }

    #[test]
    fn another_repository_another_address_another_thing_is_another_key() {
        let kept = Arc::new(Kept::default()).keeper();
        kept.put(&key("1"), Arc::new(1_u32), 1);
        for other in
            [Key { repo: 2, ..key("1") }, Key { path: "a/c".to_owned(), ..key("1") }, Key { what: "x", ..key("1") }]
        {
            assert!(kept.get::<u32>(&other).is_none());
        }
    }

    #[tokio::test]
    async fn one_makes_it_and_the_others_wait() {
        let kept = Arc::new(Kept::default()).keeper();
        let first = kept.turn(&key("1")).await;
        let waiting = tokio::spawn({
            let kept = kept.clone();
            async move {
                let _turn = kept.turn(&key("1")).await;
                kept.get::<u32>(&key("1")).is_some()
            }
        });
        drop(kept.turn(&key("2")).await);
        kept.put(&key("1"), Arc::new(1_u32), 1);
        drop(first);
        assert!(waiting.await.unwrap());
    }
}
