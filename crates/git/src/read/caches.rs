//! What reading keeps in memory: repositories that are open, and answers by the ids they are about.

use super::store::Store;
use crate::Repository;
use clru::{CLruCache, WeightScale};
use code::ReadError;
use std::any::Any;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many repositories are kept open; a further one closes the longest unused.
const STORES_MAX: usize = 256;
/// So many of them keep their threads' handles, which hold decoded objects.
const STORES_WARM_MAX: usize = 16;
/// What an answer costs beside its own bytes.
const ANSWER_OVERHEAD_BYTES: usize = 160;
/// No single answer takes more than this part of the whole.
const ANSWER_PART_MAX: usize = 4;

/// Kept for reading, for all repositories of a site.
pub struct ReadCaches {
    stores: Mutex<Stores>,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Stores {
    by_path: HashMap<PathBuf, (u64, Arc<Store>)>,
    /// The last in use, the very last at the end.
    warm: VecDeque<Arc<Store>>,
    clock: u64,
}

impl Stores {
    fn get(&mut self, path: &Path, place: (u64, u64)) -> Option<Arc<Store>> {
        self.clock += 1;
        let (used, store) = self.by_path.get_mut(path)?;
        if !store.is_at(place) {
            return None;
        }
        *used = self.clock;
        let store = Arc::clone(store);
        self.warm_up(&store);
        Some(store)
    }

    fn put(&mut self, path: &Path, store: &Arc<Store>) {
        self.by_path.insert(path.to_owned(), (self.clock, Arc::clone(store)));
        self.warm_up(store);
        if self.by_path.len() > STORES_MAX {
            let oldest = self.by_path.iter().min_by_key(|(_, (used, _))| *used).map(|(path, _)| path.clone());
            oldest.map(|path| self.by_path.remove(&path));
        }
    }

    fn warm_up(&mut self, store: &Arc<Store>) {
        if let Some(at) = self.warm.iter().position(|other| Arc::ptr_eq(other, store)) {
            self.warm.remove(at);
        }
        self.warm.push_back(Arc::clone(store));
        if self.warm.len() > STORES_WARM_MAX
            && let Some(cold) = self.warm.pop_front()
        {
            cold.cool_down();
        }
    }
}

/// What an answer is about: the store's number, the question, and ids.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    store: u64,
    question: &'static str,
    about: Box<[u8]>,
}

struct Answer {
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

struct InBytes;

impl WeightScale<Key, Answer> for InBytes {
    fn weight(&self, _: &Key, answer: &Answer) -> usize {
        answer.bytes
    }
}

/// The longest unused go first.
struct Answers(CLruCache<Key, Answer, RandomState, InBytes>);

impl ReadCaches {
    /// Keeps answers of at most so many bytes. Repositories that are open take some beside.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { stores: Mutex::default(), answers: Mutex::new(Answers::new(bytes_max)) }
    }

    /// The open repository; opened now if it was not, or if another is at its place.
    pub(super) fn store(&self, repository: &Repository) -> Result<Arc<Store>, ReadError> {
        let (path, place) = (repository.path(), Store::place(repository.path())?);
        let known = lock(&self.stores).get(path, place);
        if let Some(store) = known {
            store.refresh();
            return Ok(store);
        }
        let store = Arc::new(Store::open(repository, place)?);
        lock(&self.stores).put(path, &store);
        Ok(store)
    }

    /// How many bytes the answers take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        lock(&self.answers).0.weight()
    }

    /// A kept answer.
    pub(crate) fn get<T: Any + Send + Sync>(
        &self,
        store: &Store,
        question: &'static str,
        about: &[u8],
    ) -> Option<Arc<T>> {
        let key = Key { store: store.number, question, about: about.into() };
        Arc::clone(&lock(&self.answers).0.get(&key)?.value).downcast().ok()
    }

    /// Keeps an answer that takes so many bytes.
    pub(crate) fn put<T: Any + Send + Sync>(
        &self,
        store: &Store,
        question: &'static str,
        about: &[u8],
        value: Arc<T>,
        bytes: usize,
    ) {
        let key = Key { store: store.number, question, about: about.into() };
        lock(&self.answers).put(key, value, bytes + about.len() + ANSWER_OVERHEAD_BYTES);
    }
}

impl Answers {
    fn new(bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN);
        Self(CLruCache::with_scale(bytes_max, InBytes))
    }

    fn put(&mut self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        if bytes <= self.0.capacity() / ANSWER_PART_MAX {
            // It has room for four times as much.
            let _ = self.0.put_with_weight(key, Answer { value, bytes });
        }
    }
}

/// A lock whose data is right after every statement, so that a panic elsewhere is no reason to stop.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(about: u8) -> Key {
        Key { store: 1, question: "t", about: Box::new([about]) }
    }

    #[test]
    fn the_longest_unused_answer_goes_first() {
        let mut answers = Answers::new(404);
        for about in 0..4 {
            answers.put(key(about), Arc::new(about), 100);
        }
        assert!(answers.0.get(&key(0)).is_some());
        answers.put(key(4), Arc::new(4_u8), 100);
        assert!(answers.0.get(&key(1)).is_none(), "the one that was not asked for");
        assert!(answers.0.get(&key(0)).is_some());
        assert_eq!((answers.0.weight(), answers.0.len()), (400, 4));
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_what_is_kept_again_counts_once() {
        let mut answers = Answers::new(400);
        answers.put(key(0), Arc::new(0_u8), 101);
        assert_eq!(answers.0.weight(), 0);
        answers.put(key(0), Arc::new(0_u8), 60);
        answers.put(key(0), Arc::new(1_u8), 70);
        assert_eq!((answers.0.weight(), answers.0.len()), (70, 1));
        let mut none = Answers::new(0);
        none.put(key(0), Arc::new(0_u8), 1);
        assert!(none.0.is_empty());
    }
}
