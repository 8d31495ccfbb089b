//! A bare repository on disk: an ordinary one, that stock tools read.

use crate::child::{ChildError, Git, GitCommand};
use crate::names::{ObjectFormat, ObjectId, RefName};
use crate::quarantine::Quarantine;
use crate::snapshot::Ref;
use gix_lock::acquire::Fail;
use gix_ref::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix_ref::{FullName, Target, store::WriteReflog};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// The most bytes that a listing of refs may have.
const REFS_BYTES_MAX: u64 = 1 << 30;
/// The most that is kept of what Git's check says.
const FSCK_BYTES_MAX: u64 = 1 << 20;
/// How long to wait for another writer of refs, which is a stock tool or maintenance.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How Git ends when it can't work on a repository.
const GIT_DIED: i32 = 128;
/// Up to so many refs, a connectivity check is told of all; beyond, of those that matter.
const KNOWN_TIPS_MAX: usize = 256;

/// Why a repository could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The file system failed.
    #[error("repository {}: {error}", .path.display())]
    Io {
        /// Which repository.
        path: PathBuf,
        /// How.
        error: io::Error,
    },
    /// Git failed.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// There is something in it that is not what it should be.
    #[error("repository {}: {what}", .path.display())]
    Damaged {
        /// Which repository.
        path: PathBuf,
        /// What.
        what: String,
    },
}

impl RepositoryError {
    /// Whether the repository is not what it should be, as far as this program or Git can tell; not: the system refused.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Io { .. } => false,
            Self::Child(error) => matches!(error, ChildError::Failed { status, .. } if status.code() == Some(GIT_DIED)),
            Self::Damaged { .. } => true,
        }
    }
}

/// A bare repository.
#[derive(Debug, Clone)]
pub struct Repository {
    git: Git,
    path: PathBuf,
    format: ObjectFormat,
}

impl Repository {
    /// Makes an empty repository, whole or not at all.
    ///
    /// # Errors
    /// When it exists, or the file system fails.
    pub fn create(git: &Git, path: &Path, format: ObjectFormat, head: &RefName) -> Result<Self, RepositoryError> {
        let io = |error| RepositoryError::Io { path: path.to_owned(), error };
        let part = Self::unfinished(path);
        if part.exists() {
            fs::remove_dir_all(&part).map_err(io)?;
        }
        lay_out(&part, format, head).map_err(io)?;
        fs::rename(&part, path).map_err(io)?;
        Self::open(git, path)
    }

    /// Writes again, where a repository was made, what a power cut may have left empty of it: the directories, HEAD, the
    /// configuration. What is as it should be stays as it is.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn lay_out_again(path: &Path, format: ObjectFormat, head: &RefName) -> Result<(), RepositoryError> {
        lay_out(path, format, head).map_err(|error| RepositoryError::Io { path: path.to_owned(), error })
    }

    /// Where a repository is while it is being made.
    pub fn unfinished(path: &Path) -> PathBuf {
        path.with_extension("part")
    }

    /// Opens a repository.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(git: &Git, path: &Path) -> Result<Self, RepositoryError> {
        let io = |error| RepositoryError::Io { path: path.to_owned(), error };
        // A child's directory is the repository itself, from where a relative path leads elsewhere.
        let path = path.canonicalize().map_err(io)?;
        let config = fs::read_to_string(path.join("config")).map_err(io)?;
        if !path.join("objects").is_dir() || !path.join("refs").is_dir() {
            return Err(RepositoryError::Damaged { path, what: "it has no objects or no refs".to_owned() });
        }
        let Some(format) = format_of(&config) else {
            return Err(RepositoryError::Damaged {
                path,
                what: "its configuration is none of a repository".to_owned(),
            });
        };
        Ok(Self { git: git.clone(), path, format })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How its objects are named.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The Git that works on it.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// A child on this repository.
    pub fn command(&self, subcommand: &'static str) -> GitCommand {
        GitCommand::new(&self.git, &self.path, subcommand)
    }

    pub(crate) fn io(&self, error: io::Error) -> RepositoryError {
        RepositoryError::Io { path: self.path.clone(), error }
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> RepositoryError {
        RepositoryError::Damaged { path: self.path.clone(), what: what.into() }
    }

    /// The refs on disk, and where HEAD points.
    ///
    /// # Errors
    /// When they can't be read. Refs that this server would not have taken, and those to objects that are not here, are
    /// passed over: one of them must not hide all others.
    pub async fn refs(&self) -> Result<(RefName, Vec<Ref>), RepositoryError> {
        let list = self.command("for-each-ref").flag("--format=%(objectname) %(refname)");
        let output = list.run(b"", REFS_BYTES_MAX).await?;
        let listed = output.split(|byte| *byte == b'\n').filter_map(|line| {
            let (id, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            Some((name.parse::<RefName>().ok()?, id.parse::<ObjectId>().ok()?))
        });
        let listed = listed.collect::<Vec<_>>();
        let ids = listed.iter().map(|(_, id)| *id).collect::<Vec<_>>();
        let ends = self.ends(&ids).await?;
        let refs = listed.into_iter().zip(ends).filter_map(|((name, id), end)| {
            if end.is_none() {
                tracing::warn!(%name, %id, path = %self.path.display(), "a ref is passed over: its object is not here");
            }
            Some(Ref { name, id, peeled: Some(end?).filter(|end| *end != id) })
        });
        Ok((self.head()?, refs.collect()))
    }

    /// What each object finally points to, itself if it is no tag; `None` if something of that is missing.
    async fn ends(&self, ids: &[ObjectId]) -> Result<Vec<Option<ObjectId>>, RepositoryError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let input: String = ids.iter().map(|id| format!("{id}^{{}}\n")).collect();
        let ask = self.command("cat-file").flag("--batch-check=%(objectname)").flag("--buffer");
        let output = ask.run(input.as_bytes(), REFS_BYTES_MAX).await?;
        let ends = String::from_utf8_lossy(&output).lines().map(|line| line.parse().ok()).collect::<Vec<_>>();
        if ends.len() != ids.len() {
            return Err(self.damaged("git cat-file gave another number of answers than it was asked for"));
        }
        Ok(ends)
    }

    /// Where HEAD points.
    ///
    /// # Errors
    /// When it points to no branch.
    pub fn head(&self) -> Result<RefName, RepositoryError> {
        let text = fs::read_to_string(self.path.join("HEAD")).map_err(|error| self.io(error))?;
        branch_of(&text).ok_or_else(|| self.damaged("HEAD does not name a branch"))
    }

    /// Points HEAD to a branch, born or not.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn set_head(&self, head: &RefName) -> Result<(), RepositoryError> {
        let write = || {
            let part = self.path.join("HEAD.part");
            fs::write(&part, format!("ref: {head}\n"))?;
            fs::rename(part, self.path.join("HEAD"))
        };
        write().map_err(|error| self.io(error))
    }

    /// Makes refs be as given, whatever they are now: `None` removes one. Repeating it changes nothing. Removals come
    /// first, so that a name may give way to one below it.
    ///
    /// # Errors
    /// When a name can't be beside another (`a` and `a/b`), or the file system fails. What was done till then stays.
    pub fn set_refs(&self, refs: &[(RefName, Option<ObjectId>)]) -> Result<(), RepositoryError> {
        let (keep, remove): (Vec<_>, Vec<_>) = refs.iter().partition(|(_, id)| id.is_some());
        self.edit(remove.into_iter().map(|(name, _)| (name, None)))?;
        self.edit(keep.into_iter().map(|(name, id)| (name, *id)))
    }

    fn edit<'a>(&self, refs: impl Iterator<Item = (&'a RefName, Option<ObjectId>)>) -> Result<(), RepositoryError> {
        let edits = refs.map(|(name, id)| self.ref_edit(name, id)).collect::<Result<Vec<_>, _>>()?;
        if edits.is_empty() {
            return Ok(());
        }
        let options = gix_ref::store::init::Options { write_reflog: WriteReflog::Disable, ..Default::default() };
        let hash = match self.format {
            ObjectFormat::Sha1 => gix_hash::Kind::Sha1,
            ObjectFormat::Sha256 => gix_hash::Kind::Sha256,
        };
        let store = gix_ref::file::Store::at_opts(self.path.clone(), hash, options);
        let wait = Fail::AfterDurationWithBackoff(LOCK_WAIT);
        let prepared =
            store.transaction().prepare(edits, wait, wait).map_err(|error| self.damaged(error.to_string()))?;
        prepared.commit(None).map_err(|error| self.damaged(error.to_string()))?;
        Ok(())
    }

    fn ref_edit(&self, name: &RefName, id: Option<ObjectId>) -> Result<RefEdit, RepositoryError> {
        let full = FullName::try_from(name.as_str()).map_err(|error| self.damaged(format!("{name}: {error}")))?;
        let change = match id {
            Some(id) => {
                let id =
                    gix_hash::ObjectId::try_from(id.as_bytes()).map_err(|error| self.damaged(error.to_string()))?;
                Change::Update { log: LogChange::default(), expected: PreviousValue::Any, new: Target::Object(id) }
            }
            None => Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference },
        };
        Ok(RefEdit { change, name: full, deref: false })
    }

    /// A place of its own for the objects of a push.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn quarantine(&self) -> Result<Quarantine, RepositoryError> {
        Quarantine::create(self.clone())
    }

    /// Removes what pushes left behind that were cut off by a crash, except those that `keep` names.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn sweep_quarantines(&self, keep: impl Fn(&str) -> bool) -> Result<(), RepositoryError> {
        let dir = self.path.join("quarantine");
        let Ok(entries) = fs::read_dir(&dir) else { return Ok(()) };
        for entry in entries {
            let entry = entry.map_err(|error| self.io(error))?;
            if !entry.file_name().to_str().is_some_and(&keep) {
                fs::remove_dir_all(entry.path()).map_err(|error| self.io(error))?;
            }
        }
        Ok(())
    }

    /// Removes what writers left behind that were killed: locks, which nobody would ever release, and halves of packs, of
    /// commit-graphs and of listings of refs. Only for when nobody else works on the repository, so at the start of a server.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn sweep_unfinished(&self) -> Result<(), RepositoryError> {
        let lock = |name: &str| name.ends_with(".lock");
        let half = |name: &str| lock(name) || name.starts_with("tmp_") || name.starts_with(".tmp-");
        let swept = remove_files(&self.path, false, &|name| lock(name) || name == "packed-refs.new")
            .and_then(|()| remove_files(&self.path.join("refs"), true, &lock))
            .and_then(|()| remove_files(&self.path.join("objects/pack"), true, &half))
            .and_then(|()| remove_files(&self.path.join("objects/info"), true, &half));
        swept.map_err(|error| self.io(error))
    }

    /// Takes a pack in as a client sent it; objects that it builds on are in the repository already.
    ///
    /// # Errors
    /// When it is not a good pack. Nothing of it is then in the repository.
    pub async fn import_pack(&self, mut pack: impl AsyncRead + Unpin) -> Result<(), RepositoryError> {
        let mut child = self.command("index-pack").flag("--stdin").flag("--fix-thin").writable().spawn().await?;
        if let Some(mut stdin) = child.stdin.take() {
            let copied = tokio::io::copy(&mut pack, &mut stdin).await;
            let closed = stdin.shutdown().await;
            if let Err(error) = copied.and(closed)
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                return Err(self.io(error));
            }
        }
        let mut words = child.stdout.take();
        if let Some(words) = &mut words {
            tokio::io::copy(words, &mut tokio::io::sink()).await.map_err(|error| self.io(error))?;
        }
        Ok(child.wait().await?)
    }

    /// Checks that everything that `new` leads to is here (or in the quarantine), given that everything that `known`
    /// leads to is.
    ///
    /// # Errors
    /// The words of Git when something is missing.
    pub async fn check_connected(
        &self,
        quarantine: Option<&Quarantine>,
        new: &[ObjectId],
        known: &[ObjectId],
    ) -> Result<(), RepositoryError> {
        self.check_tips(quarantine, &[], new, known).await
    }

    /// As [`Self::check_connected`]; besides, `branches` have to be commits, or tags of them.
    ///
    /// # Errors
    /// The words of Git when something is missing or of another kind.
    pub async fn check_tips(
        &self,
        quarantine: Option<&Quarantine>,
        branches: &[ObjectId],
        new: &[ObjectId],
        known: &[ObjectId],
    ) -> Result<(), RepositoryError> {
        if branches.is_empty() && new.is_empty() {
            return Ok(());
        }
        let mut input = String::new();
        branches.iter().for_each(|id| input.push_str(&format!("{id}^{{commit}}\n")));
        new.iter().for_each(|id| input.push_str(&format!("{id}\n")));
        known.iter().for_each(|id| input.push_str(&format!("^{id}\n")));
        let mut walk = self.command("rev-list").flag("--objects").flag("--stdin").flag("--quiet");
        if let Some(quarantine) = quarantine {
            walk = walk.quarantine(quarantine.path());
        }
        walk.run(input.as_bytes(), 1 << 16).await?;
        Ok(())
    }

    /// Whether a branch that goes from one commit to another leaves commits behind.
    ///
    /// # Errors
    /// When Git cannot tell, for instance because one of them is not there.
    pub async fn leaves_behind(
        &self,
        from: ObjectId,
        to: ObjectId,
        quarantine: Option<&Quarantine>,
    ) -> Result<bool, RepositoryError> {
        let mut walk = self.command("rev-list").flag("--max-count=1").object(from).flag("--not").object(to);
        if let Some(quarantine) = quarantine {
            walk = walk.quarantine(quarantine.path());
        }
        Ok(!walk.run(b"", 1 << 10).await?.is_empty())
    }

    /// Of moves from one object to another, how many lose some of the history they come from. So many are looked at; each beyond is
    /// taken for one that does, or whoever pushes would put what nobody may see behind them.
    pub async fn rewrites(
        &self,
        quarantine: Option<&Quarantine>,
        moves: &[(ObjectId, ObjectId)],
        looked_at_max: usize,
    ) -> u64 {
        let moved: Vec<_> = moves.iter().filter(|(old, new)| old != new).collect();
        let mut count = moved.len().saturating_sub(looked_at_max) as u64;
        for (old, new) in moved.into_iter().take(looked_at_max) {
            // What is no commit is taken for a rewrite, as git does for tags.
            count += u64::from(self.leaves_behind(*old, *new, quarantine).await.unwrap_or(true));
        }
        count
    }

    /// What each object finally points to, for annotated tags; `None` for what is no tag.
    ///
    /// # Errors
    /// When an object is missing.
    pub async fn peel(&self, ids: &[ObjectId]) -> Result<Vec<Option<ObjectId>>, RepositoryError> {
        let ends = self.ends(ids).await?;
        let peeled = ends.into_iter().zip(ids).map(|(end, id)| {
            let end = end.ok_or_else(|| self.damaged(format!("object {id} is missing")))?;
            Ok(Some(end).filter(|end| end != id))
        });
        peeled.collect()
    }

    /// Everything that Git's own check finds wrong, as its lines; none when all is well.
    ///
    /// # Errors
    /// When it can't be run.
    pub async fn fsck(&self) -> Result<Vec<String>, RepositoryError> {
        let check = self.command("fsck").flag("--full").flag("--no-dangling").flag("--no-progress");
        let mut child = check.spawn().await?;
        drop(child.stdin.take());
        // What is missing it says on standard output and ends with an error: both are wanted.
        let mut output = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            (&mut stdout).take(FSCK_BYTES_MAX).read_to_end(&mut output).await.map_err(|error| self.io(error))?;
            tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await.map_err(|error| self.io(error))?;
        }
        let mut found = String::from_utf8_lossy(&output).lines().map(str::to_owned).collect::<Vec<_>>();
        match child.wait().await {
            Ok(()) => {}
            Err(ChildError::Failed { stderr, status, .. }) if status.code().is_some() => {
                found.extend(Some(stderr).filter(|words| !words.is_empty()));
                if found.is_empty() {
                    found.push(format!("git fsck: {status}"));
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(found)
    }
}

/// The tips that a connectivity check is told of: all of few refs; of many, those that the push is about and HEAD's.
pub fn known_tips(refs: &[Ref], head: Option<ObjectId>, old: impl Iterator<Item = ObjectId>) -> Vec<ObjectId> {
    let all = refs.iter().map(|r| r.id).take(KNOWN_TIPS_MAX).filter(|_| refs.len() <= KNOWN_TIPS_MAX);
    let mut tips = old.chain(head).chain(all).filter(|id| !id.is_zero()).collect::<Vec<_>>();
    tips.sort_unstable();
    tips.dedup();
    tips
}

/// What is not there, or goes meanwhile, is removed.
fn remove_files(dir: &Path, deep: bool, which: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let Some(entries) = unless_absent(fs::read_dir(dir))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if deep {
                remove_files(&entry.path(), deep, which)?;
            }
        } else if entry.file_name().to_str().is_some_and(which) {
            unless_absent(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn unless_absent<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// The branch that HEAD's text names.
fn branch_of(head: &str) -> Option<RefName> {
    head.trim().strip_prefix("ref: ")?.parse().ok()
}

/// How the objects of a repository with this configuration are named.
fn format_of(config: &str) -> Option<ObjectFormat> {
    let has = |what: &str| config.lines().any(|line| line.trim().replace(' ', "").eq_ignore_ascii_case(what));
    let sha256 = has("objectformat=sha256");
    let is_one = sha256 || has("repositoryformatversion=0") || has("repositoryformatversion=1");
    is_one.then_some(if sha256 { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 })
}

/// Writes what is not there, or is not what it should be.
fn lay_out(path: &Path, format: ObjectFormat, head: &RefName) -> io::Result<()> {
    for dir in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "quarantine"] {
        fs::create_dir_all(path.join(dir))?;
    }
    let text = |name| fs::read_to_string(path.join(name)).unwrap_or_default();
    if branch_of(&text("HEAD")).is_none() {
        fs::write(path.join("HEAD"), format!("ref: {head}\n"))?;
    }
    if format_of(&text("config")) == Some(format) {
        return Ok(());
    }
    let mut config = fs::File::create(path.join("config"))?;
    let version = if format == ObjectFormat::Sha256 { 1 } else { 0 };
    write!(config, "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = true\n")?;
    if format == ObjectFormat::Sha256 {
        write!(config, "[extensions]\n\tobjectFormat = sha256\n")?;
    }
    Ok(())
}
