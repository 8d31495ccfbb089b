//! A view on the disk: `DIR/git`, an ordinary bare repository, and `DIR/state`, what was made of what.

use crate::commit::author;
use crate::convert::{Converter, Went, lines};
use crate::state::State;
use crate::{Authors, How, ViewError};
use fsfs::Fs;
use git::pack::PackWriter;
use git::{Git, ObjectFormat, Ref, RefName, Repository};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// After so many bytes of objects what was made is taken in and noted.
const BATCH_BYTES: u64 = 64 << 20;
/// And after so long.
const BATCH_TIME: Duration = Duration::from_secs(20);

/// Bounds of one view.
#[derive(Clone, Copy, Debug)]
pub struct ViewLimits {
    /// Commits.
    pub commits_max: u64,
    /// Files and directories, each as often as it was changed.
    pub nodes_max: usize,
    /// Bytes of packs that are written for it.
    pub bytes_max: u64,
}

impl Default for ViewLimits {
    fn default() -> Self {
        Self { commits_max: 2_000_000, nodes_max: 5_000_000, bytes_max: 64 << 30 }
    }
}

/// How far a view is while it is being made; may be looked at from elsewhere.
#[derive(Debug, Default)]
pub struct Progress {
    /// The revision that is done.
    pub done: AtomicU64,
    /// The last that is wanted.
    pub of: AtomicU64,
    /// Set to have it stop.
    pub stop: AtomicBool,
}

/// Looks after bounds while something is made.
pub(crate) struct Watch<'a> {
    limits: &'a ViewLimits,
    progress: &'a Progress,
}

impl Watch<'_> {
    pub(crate) fn look(&self, state: &State, pack_bytes: u64) -> Result<(), ViewError> {
        if self.progress.stop.load(Ordering::Relaxed) {
            return Err(ViewError::Stopped);
        }
        let too_much = |what: &str, max: u64| {
            Err(ViewError::TooMuch(format!("the history is too large for a Git view: more than {max} {what}")))
        };
        let ViewLimits { commits_max, nodes_max, bytes_max } = *self.limits;
        if state.commits > commits_max {
            return too_much("commits", commits_max);
        }
        if state.nodes() > nodes_max {
            return too_much("changed files and directories", nodes_max as u64);
        }
        if state.bytes + pack_bytes > bytes_max {
            return too_much("bytes of objects", bytes_max);
        }
        Ok(())
    }
}

/// One view, for who brings it up: nobody else may at the same time.
#[derive(Debug)]
pub struct View {
    dir: PathBuf,
    repository: Repository,
    state: State,
    how: How,
    uuid: String,
}

impl View {
    /// Opens the view in a directory, which is made if absent. What lies there of another history, or is damaged, is made anew.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(git: &Git, dir: &Path, fs: &Fs, how: How) -> Result<Self, ViewError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let (place, noted, uuid) = (dir.join("git"), dir.join("state"), fs.uuid().to_owned());
        // What is noted is of the objects here: one is nothing without the other.
        let opened = if noted.exists() { Repository::open(git, &place).ok() } else { None };
        let repository = match opened {
            Some(repository) => repository,
            None => {
                for path in [&place, &noted] {
                    remove(path)?;
                }
                Repository::create(git, &place, ObjectFormat::Sha1, &RefName::main())?
            }
        };
        let state = State::load(&noted, &uuid, &how)?;
        Ok(Self { dir: dir.to_owned(), repository, state, how, uuid })
    }

    /// Removes what a process left that was killed. Only while nobody else works on the repository.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sweep(&self) -> Result<(), ViewError> {
        Ok(self.repository.sweep_unfinished()?)
    }

    /// The repository of Git.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The revision up to which it is made.
    #[must_use]
    pub fn through(&self) -> u64 {
        self.state.through
    }

    /// Bytes of packs that were written for it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state.bytes
    }

    /// The state of the revisions' properties that it is made of; see [`View::bring_up`].
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.state.mark
    }

    /// Begins again from the first revision. Contents are not made twice.
    fn forget_commits(mut self) -> Result<Self, ViewError> {
        self.state = std::mem::take(&mut self.state).begin_again(&self.noted(), &self.uuid, &self.how)?;
        Ok(self)
    }

    fn noted(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// Makes what is missing up to a revision, and sets the refs. It may be cut off anywhere; what was made then is kept. `mark` is
    /// another whenever properties of revisions have changed that were there before: then all commits are made again.
    ///
    /// # Errors
    /// When a bound is met, or something can't be read or written. No ref is moved then.
    pub async fn bring_up(
        mut self,
        fs: &Arc<Fs>,
        through: u64,
        mark: u64,
        limits: ViewLimits,
        progress: &Arc<Progress>,
    ) -> Result<Self, ViewError> {
        if through < self.state.through || (mark != self.state.mark && self.state.through > 0) {
            self = self.forget_commits()?;
        }
        self.state.mark = mark;
        progress.of.store(through, Ordering::Relaxed);
        while self.state.through < through {
            self = self.batch(fs.clone(), through, limits, progress.clone()).await?;
        }
        self.set_refs().await?;
        Ok(self)
    }

    async fn batch(
        mut self,
        fs: Arc<Fs>,
        through: u64,
        limits: ViewLimits,
        progress: Arc<Progress>,
    ) -> Result<Self, ViewError> {
        let making = move || {
            let made = self.make(&fs, through, limits, &progress)?;
            Ok::<_, ViewError>((self, made))
        };
        let made = tokio::task::spawn_blocking(making).await.map_err(|error| io::Error::other(error.to_string()))?;
        let (mut view, (pack, bytes, went)) = made?;
        if let Some(pack) = pack {
            let mut pack = tokio::fs::File::from_std(pack);
            pack.rewind().await?;
            view.repository.import_pack(pack.take(bytes)).await?;
        }
        remove(&view.dir.join("pack.part"))?;
        view.state.bytes += bytes;
        view.state.save(&view.noted(), bytes)?;
        if went == Went::Anew { view.forget_commits() } else { Ok(view) }
    }

    /// Makes some revisions' objects. Blocks.
    fn make(
        &mut self,
        fs: &Fs,
        through: u64,
        limits: ViewLimits,
        progress: &Progress,
    ) -> Result<(Option<File>, u64, Went), ViewError> {
        let file =
            File::options().read(true).write(true).create(true).truncate(true).open(self.dir.join("pack.part"))?;
        let mut pack = PackWriter::new(ObjectFormat::Sha1, file)?;
        let watch = Watch { limits: &limits, progress };
        let (began, mut went) = (Instant::now(), Went::On);
        for rev in self.state.through + 1..=through {
            watch.look(&self.state, pack.bytes())?;
            let (layout, authors) = (&self.how.layout, &self.how.authors);
            let (state, pack) = (&mut self.state, &mut pack);
            went = Converter { fs, layout, authors, state, pack, watch: &watch }.revision(rev)?;
            progress.done.store(rev, Ordering::Relaxed);
            if went == Went::Anew || pack.bytes() > BATCH_BYTES || began.elapsed() > BATCH_TIME {
                break;
            }
        }
        if pack.count() == 0 {
            return Ok((None, 0, went));
        }
        let (file, bytes) = pack.finish()?;
        Ok((Some(file), bytes, went))
    }

    /// The branches and tags that there are.
    #[must_use]
    pub fn refs(&self) -> Vec<Ref> {
        let lines = lines(&self.how.layout, &self.state);
        let named = self.state.lines.iter().filter_map(|(branch, line)| {
            let (name, commit) = (lines.ref_name(branch)?, line.tip()?);
            Some(Ref { name, id: line.tag.unwrap_or(commit), peeled: line.tag.map(|_| commit) })
        });
        named.collect()
    }

    async fn set_refs(&self) -> Result<(), ViewError> {
        let wanted: Vec<_> = self.refs().into_iter().map(|r| (r.name, Some(r.id))).collect();
        let names: BTreeSet<&RefName> = wanted.iter().map(|(name, _)| name).collect();
        let (_, there) = self.repository.refs().await?;
        let at = |name: &RefName| there.iter().find(|r| r.name == *name).map(|r| r.id);
        let gone = there.iter().filter(|r| !names.contains(&r.name)).map(|r| (r.name.clone(), None));
        let moved = wanted.iter().filter(|(name, id)| at(name) != *id).cloned();
        self.repository.set_refs(&gone.chain(moved).collect::<Vec<_>>())?;
        Ok(())
    }
}

/// The names of all authors up to a revision. Blocks.
///
/// # Errors
/// When revisions can't be read.
pub fn authors_of(fs: &Fs, through: u64) -> Result<BTreeSet<String>, ViewError> {
    // Nobody authors revision 0.
    (1..=through).map(|rev| Ok(author(&fs.revision_properties(rev)?))).collect()
}

impl Authors {
    /// Those of the names that are not in it.
    #[must_use]
    pub fn missing<'a>(&self, names: &'a BTreeSet<String>) -> Vec<&'a str> {
        names.iter().map(String::as_str).filter(|name| !self.knows(name)).collect()
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
