//! What was read and will be asked for again. Everything is keyed by what never changes, so nothing is ever wrong.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Rev files that are kept open.
const OPEN_FILES_MAX: usize = 96;

/// What of a repository is kept: its number here, what it is, revision and item.
pub(crate) type Key = (u64, Kind, u64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    File,
    Page,
    Root,
    Node,
    Directory,
    Properties,
    Content,
    RevisionProperties,
    Made,
}

/// Shared by all repositories that are read; it holds a bounded number of bytes.
#[derive(Debug)]
pub struct Caches {
    objects: Mutex<Generations>,
    files: Mutex<Generations>,
}

/// Two generations: what is not asked for while one fills is forgotten with the other.
#[derive(Debug)]
struct Generations {
    young: HashMap<Key, (Arc<dyn Any + Send + Sync>, usize)>,
    old: HashMap<Key, (Arc<dyn Any + Send + Sync>, usize)>,
    weight: usize,
    half_max: usize,
}

impl Generations {
    fn new(max: usize) -> Mutex<Self> {
        Mutex::new(Self { young: HashMap::new(), old: HashMap::new(), weight: 0, half_max: max / 2 })
    }

    fn get(&mut self, key: &Key) -> Option<Arc<dyn Any + Send + Sync>> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(key)?;
        self.put(*key, value.clone(), weight);
        Some(value)
    }

    fn put(&mut self, key: Key, value: Arc<dyn Any + Send + Sync>, weight: usize) {
        if weight > self.half_max / 4 {
            return;
        }
        if self.weight + weight > self.half_max {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        if let Some((_, before)) = self.young.insert(key, (value, weight)) {
            self.weight -= before;
        }
        self.weight += weight;
    }
}

impl Caches {
    /// At most so many bytes, about.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { objects: Generations::new(bytes_max), files: Generations::new(OPEN_FILES_MAX) }
    }

    fn of(&self, kind: Kind) -> &Mutex<Generations> {
        if kind == Kind::File { &self.files } else { &self.objects }
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self, key: &Key) -> Option<Arc<T>> {
        let mut kept = self.of(key.1).lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key)?.downcast().ok()
    }

    /// Keeps what weighs so many bytes (an open file weighs 1).
    pub(crate) fn put<T: Send + Sync + 'static>(&self, key: Key, value: Arc<T>, weight: usize) {
        let overhead = if key.1 == Kind::File { 0 } else { 96 };
        self.of(key.1).lock().unwrap_or_else(PoisonError::into_inner).put(key, value, weight + overhead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let caches = Caches::new(20_000);
        let key = |item| (1, Kind::Node, 1, item);
        for item in 0..1_000 {
            caches.put(key(item), Arc::new(item), 100);
            assert!(caches.get::<u64>(&key(0)).is_some(), "{item}");
        }
        let left = (0..1_000).filter(|item| caches.get::<u64>(&key(*item)).is_some()).count();
        assert!((2..110).contains(&left), "{left}");
        caches.put(key(5_000), Arc::new(0_u64), 1 << 20);
        assert!(caches.get::<u64>(&key(5_000)).is_none());
    }
}
