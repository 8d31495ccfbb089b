//! A disk in memory that loses what was not synced, fails in the middle of a write, and may lie.

use crate::mutant::Mutant;
use crate::random::Random;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use vault::Eraser;
use vault::disk::Disk;

/// How a disk is bad, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Badness {
    /// It is not.
    Good,
    /// It says that something is durable which is not.
    LosesSynced,
    /// It stores a flipped bit now and then.
    Flips,
}

#[derive(Debug, Clone, Default)]
struct File {
    bytes: Vec<u8>,
    /// So many of them survive a power cut.
    durable: usize,
    /// Whether its name does.
    named: bool,
}

struct State {
    files: BTreeMap<PathBuf, File>,
    /// What was removed or replaced, while a power cut may still bring it back: as it was durable.
    undone: BTreeMap<PathBuf, File>,
    random: Random,
    badness: Badness,
    mutant: Mutant,
    /// Errors and crashes, in a thousand writes; none while it heals.
    trouble: u64,
    dead: bool,
}

/// Shared by the store and the world that crashes it.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    pub(crate) fn new(random: Random, badness: Badness, mutant: Mutant) -> Self {
        let (files, undone) = Default::default();
        let state = State { files, undone, random, badness, mutant, trouble: 0, dead: false };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn trouble(&self, in_a_thousand: u64) {
        self.state().trouble = in_a_thousand;
    }

    /// Whether the machine died in the middle of a write.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// The process ends; what it wrote stays in the kernel's memory.
    pub(crate) fn process_dies(&self) {
        self.state().dead = false;
    }

    /// The power goes: what was not synced is cut off anywhere, or has zeros where bytes had not arrived.
    pub(crate) fn power_cut(&self) {
        let mut state = self.state();
        state.dead = false;
        let State { files, undone, random, .. } = &mut *state;
        files.retain(|_, file| file.named || random.chance(300));
        files.extend(std::mem::take(undone).into_iter().filter(|_| random.chance(500)));
        for file in files.values_mut() {
            file.named = true;
            let loose = file.bytes.len() - file.durable;
            let kept = random.below(loose as u64 + 1) as usize;
            let zeros = loose - kept;
            file.bytes.truncate(file.durable + kept);
            if zeros >= 512 && random.chance(300) {
                file.bytes.resize(file.durable + loose, 0);
            }
            file.durable = file.bytes.len();
        }
    }

    /// What a power cut at this moment would surely leave.
    pub(crate) fn survivors(&self) -> Self {
        let state = self.state();
        let keep = |(path, file): (&PathBuf, &File)| {
            let bytes = file.bytes[..file.durable].to_vec();
            file.named.then(|| (path.clone(), File { durable: bytes.len(), bytes, named: true }))
        };
        let files = state.files.iter().filter_map(keep).collect();
        let (random, badness, mutant, undone) = (Random(0), Badness::Good, state.mutant, BTreeMap::new());
        Self(Arc::new(Mutex::new(State { files, undone, random, badness, mutant, trouble: 0, dead: false })))
    }

    /// Whether these bytes are anywhere on it, or a power cut could bring them back.
    pub(crate) fn holds(&self, needle: &[u8]) -> bool {
        let state = self.state();
        let mut files = state.files.values().chain(state.undone.values());
        files.any(|file| file.bytes.windows(needle.len()).any(|window| window == needle))
    }

    /// A bit of what is stored in the middle flips.
    pub(crate) fn rot(&self) {
        let mut state = self.state();
        let State { files, random, .. } = &mut *state;
        let mut segments = files
            .iter_mut()
            .filter(|(path, file)| path.to_string_lossy().contains("segment") && file.bytes.len() > 400);
        if let Some((_, file)) = segments.next_back() {
            let place = random.below(file.bytes.len() as u64 - 200) as usize;
            file.bytes[place] ^= 4;
        }
    }

    /// Each file and how much of it is durable.
    pub(crate) fn sizes(&self) -> Vec<(PathBuf, usize)> {
        self.state()
            .files
            .iter()
            .filter(|(_, file)| file.named)
            .map(|(path, file)| (path.clone(), file.durable))
            .collect()
    }
}

fn died() -> io::Error {
    io::Error::other("the machine died")
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(died()) } else { Ok(()) }
    }

    /// At every write the machine may die, before or after it.
    fn may_die(&mut self) -> io::Result<()> {
        self.alive()?;
        let trouble = self.trouble;
        self.dead = self.random.chance(trouble);
        self.alive()
    }

    fn flipped(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if self.badness == Badness::Flips && !bytes.is_empty() && self.random.chance(100) {
            let place = self.random.below(bytes.len() as u64) as usize;
            bytes[place] ^= 1;
        }
        bytes
    }

    /// A file's name is durable.
    fn named(&mut self, path: &Path) {
        if let Some(file) = self.files.get_mut(path) {
            file.named = true;
        }
    }

    /// All names in a directory are durable, and those that are gone from it.
    fn names_last(&mut self, directory: &Path) {
        let within = |path: &Path| path.parent() == Some(directory);
        self.undone.retain(|path, _| !within(path));
        self.files.iter_mut().filter(|(path, _)| within(path)).for_each(|(_, file)| file.named = true);
    }

    fn lies(&mut self) -> bool {
        self.badness == Badness::LosesSynced && self.random.chance(300)
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        self.state().alive()
    }

    fn create(
        &self,
        path: &Path,
        source: &mut dyn Read,
        check: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        let mut state = self.state();
        state.may_die()?;
        let bytes = state.flipped(&bytes);
        if state.mutant != Mutant::BlobHash {
            check(&mut bytes.as_slice())?;
        }
        if state.files.contains_key(path) {
            state.named(path);
            return Ok(false);
        }
        let durable = if state.mutant == Mutant::CreateSync || state.lies() { 0 } else { bytes.len() };
        state.files.insert(path.to_owned(), File { bytes, durable, named: false });
        // It has its name for whoever looks, before the directory is durable.
        state.may_die()?;
        let trouble = state.trouble;
        if state.random.chance(trouble) {
            return Err(io::Error::other("fsync of the directory failed"));
        }
        state.named(path);
        state.may_die()?;
        Ok(true)
    }

    fn create_segment(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may_die()?;
        if state.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let named = state.mutant != Mutant::SegmentDirSync && !state.lies();
        state.files.insert(path.to_owned(), File { named, ..File::default() });
        state.may_die()
    }

    fn append(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.may_die()?;
        let stored = state.flipped(bytes);
        let (trouble, lies) = (state.trouble, state.lies());
        let State { files, random, mutant, dead, .. } = &mut *state;
        let file = files.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        if file.bytes.len() as u64 != offset {
            return Err(io::Error::other("the segment does not end where it should"));
        }
        if random.chance(trouble) {
            // A full disk, a bad sector, or the end of the machine: a part is written.
            let part = random.below(stored.len() as u64 + 1) as usize;
            file.bytes.extend_from_slice(&stored[..part]);
            *dead = random.chance(500);
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.bytes.extend_from_slice(&stored);
        if random.chance(trouble) {
            *dead = random.chance(500);
            return Err(io::Error::other("fsync failed"));
        }
        if *mutant != Mutant::AppendSync && !lies {
            file.durable = file.bytes.len();
        }
        state.may_die()
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may_die()?;
        let lies = state.lies();
        let Some(file) = state.files.get_mut(path) else {
            // A directory: its names.
            if state.mutant != Mutant::LoadDirSync && !lies {
                state.names_last(path);
            }
            return Ok(());
        };
        let all = file.bytes.len();
        if state.mutant != Mutant::LoadSync && !lies {
            state.files.get_mut(path).ok_or(io::ErrorKind::NotFound)?.durable = all;
        }
        Ok(())
    }

    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let state = self.state();
        state.alive()?;
        let file = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).unwrap();
        file.bytes.get(start..start + len).map(<[u8]>::to_vec).ok_or(io::ErrorKind::UnexpectedEof.into())
    }

    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn Read + Send>, u64)>> {
        let state = self.state();
        state.alive()?;
        let open =
            |file: &File| (Box::new(Cursor::new(file.bytes.clone())) as Box<dyn Read + Send>, file.bytes.len() as u64);
        Ok(state.files.get(path).map(open))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.alive()?;
        let mut names: Vec<_> = state
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(path).ok()?.components().next())
            .map(|name| name.as_os_str().to_string_lossy().into_owned())
            .collect();
        names.dedup();
        Ok(names)
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(1 << 40)
    }
}

impl State {
    /// What a power cut may bring back until the directory is durable.
    fn was(&mut self, path: &Path, file: File) {
        let File { mut bytes, durable, named } = file;
        bytes.truncate(durable);
        if named {
            self.undone.entry(path.to_owned()).or_insert(File { bytes, durable, named });
        }
    }
}

impl Eraser for SimDisk {
    fn remove(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.state();
        state.may_die()?;
        let Some(file) = state.files.remove(path) else { return Ok(false) };
        state.was(path, file);
        state.may_die()?;
        Ok(true)
    }

    fn replace(&self, path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.may_die()?;
        let mut stored = state.flipped(bytes);
        let trouble = state.trouble;
        let fails = state.random.chance(trouble);
        if fails {
            let some = state.random.below(stored.len() as u64 + 1) as usize;
            stored.truncate(some);
        }
        let durable = if state.mutant == Mutant::ReplaceSync || state.lies() { 0 } else { stored.len() };
        state.files.insert(part.to_owned(), File { bytes: stored.clone(), durable, named: false });
        state.may_die()?;
        if fails || (stored != bytes && state.mutant != Mutant::ReplaceReadBack) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.files.remove(part);
        if let Some(old) = state.files.insert(path.to_owned(), File { bytes: stored, durable, named: true }) {
            state.was(path, old);
        }
        state.may_die()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may_die()?;
        if state.mutant != Mutant::ErasureSync && !state.lies() {
            state.names_last(path);
        }
        Ok(())
    }
}
