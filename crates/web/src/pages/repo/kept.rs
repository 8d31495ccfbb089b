//! Highlighted files that were looked at lately: the dearest part of a file's page, and for ever the same.

use render::Highlighted;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Bytes of HTML that are kept.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// The repository, what names the content in it, and the file's name, which says how it is read.
type Key = (u64, String, String);

#[derive(Default)]
struct Kept {
    files: HashMap<Key, Arc<Highlighted>>,
    /// The oldest first, with their bytes.
    order: VecDeque<(Key, usize)>,
    bytes: usize,
}

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

impl Kept {
    fn put(&mut self, key: Key, file: &Arc<Highlighted>) {
        let bytes = 64 * file.lines.len() + file.lines.iter().map(String::len).sum::<usize>();
        if bytes > KEPT_BYTES_MAX / 4 || self.files.insert(key.clone(), Arc::clone(file)).is_some() {
            return;
        }
        self.order.push_back((key, bytes));
        self.bytes += bytes;
        while self.bytes > KEPT_BYTES_MAX
            && let Some((oldest, bytes)) = self.order.pop_front()
        {
            self.files.remove(&oldest);
            self.bytes -= bytes;
        }
    }
}

/// The lines of a file whose content this repository calls `id`, highlighted.
pub(super) fn file_lines(repo: u64, id: &str, name: &str, content: &[u8]) -> Arc<Highlighted> {
    let key = (repo, id.to_owned(), name.to_owned());
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = kept().files.get(&key) {
        return Arc::clone(found);
    }
    let made = Arc::new(render::file_lines(name, content));
    if made.whole {
        kept().put(key, &made);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_given_again_and_the_oldest_goes() {
        let one = file_lines(1, "a", "x.rs", b"fn main() {}\n");
        assert!(Arc::ptr_eq(&one, &file_lines(1, "a", "x.rs", b"fn main() {}\n")));
        assert!(!Arc::ptr_eq(&one, &file_lines(2, "a", "x.rs", b"fn main() {}\n")), "another repository's");
        assert_ne!(one.lines, file_lines(1, "a", "x.txt", b"fn main() {}\n").lines, "another name's");
        let mut kept = Kept::default();
        let large = Arc::new(Highlighted { lines: vec!["x".repeat(KEPT_BYTES_MAX / 5)], language: None, whole: true });
        for id in ["1", "2", "3", "4", "5", "6"] {
            kept.put((1, id.to_owned(), String::new()), &large);
        }
        assert!(kept.bytes <= KEPT_BYTES_MAX && kept.files.len() == kept.order.len());
        assert!(!kept.files.contains_key(&(1, "1".to_owned(), String::new())));
    }
}
