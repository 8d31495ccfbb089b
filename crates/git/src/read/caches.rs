//! What reading keeps in memory: repositories that are open, and answers by the ids they are about.

use super::store::Store;
use crate::Repository;
use code::ReadError;
use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
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
    used: u64,
}

#[derive(Default)]
struct Answers {
    by_key: HashMap<Key, Answer>,
    by_use: BTreeMap<u64, Key>,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

impl ReadCaches {
    /// Keeps answers of at most so many bytes. Repositories that are open take some beside.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { stores: Mutex::default(), answers: Mutex::new(Answers { bytes_max, ..Answers::default() }) }
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
        lock(&self.answers).bytes
    }

    /// A kept answer.
    pub(crate) fn get<T: Any + Send + Sync>(
        &self,
        store: &Store,
        question: &'static str,
        about: &[u8],
    ) -> Option<Arc<T>> {
        let key = Key { store: store.number, question, about: about.into() };
        lock(&self.answers).get(&key)?.downcast().ok()
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
    fn get(&mut self, key: &Key) -> Option<Arc<dyn Any + Send + Sync>> {
        self.clock += 1;
        let answer = self.by_key.get_mut(key)?;
        let key = self.by_use.remove(&answer.used)?;
        answer.used = self.clock;
        self.by_use.insert(self.clock, key);
        Some(Arc::clone(&answer.value))
    }

    fn put(&mut self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        if bytes > self.bytes_max / ANSWER_PART_MAX {
            return;
        }
        self.clock += 1;
        let answer = Answer { value, bytes, used: self.clock };
        if let Some(old) = self.by_key.insert(key.clone(), answer) {
            self.by_use.remove(&old.used);
            self.bytes -= old.bytes;
        }
        self.by_use.insert(self.clock, key);
        self.bytes += bytes;
        while self.bytes > self.bytes_max
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.bytes -= self.by_key.remove(&oldest).map_or(0, |answer| answer.bytes);
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
        let mut answers = Answers { bytes_max: 400, ..Answers::default() };
        for about in 0..4 {
            answers.put(key(about), Arc::new(about), 100);
        }
        assert!(answers.get(&key(0)).is_some());
        answers.put(key(4), Arc::new(4_u8), 100);
        assert!(answers.get(&key(1)).is_none(), "the one that was not asked for");
        assert!(answers.get(&key(0)).is_some());
        assert_eq!(answers.bytes, 400);
        assert_eq!(answers.by_key.len(), answers.by_use.len());
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_what_is_kept_again_counts_once() {
        let mut answers = Answers { bytes_max: 400, ..Answers::default() };
        answers.put(key(0), Arc::new(0_u8), 101);
        assert_eq!(answers.bytes, 0);
        answers.put(key(0), Arc::new(0_u8), 60);
        answers.put(key(0), Arc::new(1_u8), 70);
        assert_eq!((answers.bytes, answers.by_use.len()), (70, 1));
    }
}
