//! A repository on the disk, as Subversion's own programs have it: made, filled, and looked at.
//!
//! Everything here blocks. Files are opened below the repository's directory without following links: what serves the repository
//! may write in it, and must not make this program read or change anything else.

use crate::child::{self, ChildError, Programs, Start};
use rustix::fs::{FlockOperation, Mode, OFlags, ResolveFlags};
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Revisions in one directory: what the `format` file of what we make says.
pub(crate) const SHARD: u64 = 1000;
/// The largest file of one revision, in bytes.
pub const REVISION_BYTES_MAX: u64 = 4 << 30;
/// The most that is read of a small file: properties, locks, numbers.
const SMALL_BYTES_MAX: u64 = 16 << 20;

/// Where a repository is for a program that works in the directory above it: no right to enter those further above is needed.
pub(crate) const OWN: &str = "/proc/self/cwd/repo";

/// What a new repository is made of. Everything else in it follows from its revisions.
const GENESIS: &[&str] = &[
    "format",
    "db/format",
    "db/fs-type",
    "db/fsfs.conf",
    "db/uuid",
    "db/min-unpacked-rev",
    "db/revs/0/0",
    "db/revprops/0/0",
];
/// Directories that a repository has besides.
const DIRECTORIES: &[&str] = &[
    "conf",
    "dav",
    "hooks",
    "locks",
    "db",
    "db/locks",
    "db/revs",
    "db/revs/0",
    "db/revprops",
    "db/revprops/0",
    "db/transactions",
    "db/txn-protorevs",
];

/// One of the files a repository begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisFile {
    /// Where, below the repository.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A repository on the disk. `DIR/repo` is the repository; beside it lies what its server needs.
#[derive(Clone, Debug)]
pub struct SvnRepository {
    dir: PathBuf,
}

/// Held while nobody else commits, changes locks or revision properties.
#[derive(Debug)]
pub struct WriteLock(#[expect(dead_code, reason = "closing it gives the lock back")] File);

impl SvnRepository {
    /// The repository in a directory, whether or not it is there.
    #[must_use]
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Whether it is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.root().join("db/current").is_file()
    }

    /// The repository, as stock tools are told.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.dir.join("repo")
    }

    /// The directory above it, where a program that works on it works.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What a new repository begins with: another identity each time.
    ///
    /// # Errors
    /// When `svnadmin` fails.
    pub async fn begin(programs: &Programs, scratch: &Path) -> Result<Vec<GenesisFile>, ChildError> {
        let created = Self::create(programs, scratch).await;
        let read = created.map(|made| made.genesis());
        // Also when it failed: what lies there would be in the next one's way.
        let removed = fs::remove_dir_all(scratch);
        read?
            .and_then(|files| removed.map(|()| files))
            .map_err(|error| ChildError::Start { program: "svnadmin".to_owned(), error })
    }

    /// An empty repository as `svnadmin` makes it, in this directory, which is made too. It is for nobody to use.
    ///
    /// # Errors
    /// When `svnadmin` fails.
    pub async fn create(programs: &Programs, scratch: &Path) -> Result<Self, ChildError> {
        let prepared = fs::create_dir_all(scratch).and_then(|()| child::give(scratch));
        prepared.map_err(|error| ChildError::Start { program: "svnadmin".to_owned(), error })?;
        let start = Start::new(programs, &programs.svnadmin, scratch).write(scratch.to_owned());
        // It looks for a place for what it needs for a moment, by names that it may have no right to follow.
        let start = start.env("TMPDIR", "/proc/self/cwd");
        start.arg("create").arg("--fs-type").arg("fsfs").arg(OWN).run().await?;
        Ok(Self::at(scratch.to_owned()))
    }

    /// The files that one like it begins with.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn genesis(&self) -> io::Result<Vec<GenesisFile>> {
        let read = |name: &&str| Ok(GenesisFile { name: (*name).to_owned(), bytes: self.small(name)? });
        GENESIS.iter().map(read).collect()
    }

    /// Makes it, with revision 0 alone. The directory must not be there.
    ///
    /// # Errors
    /// Those of the disk; [`io::ErrorKind::InvalidData`] for files that no repository begins with.
    pub fn make(&self, genesis: &[GenesisFile]) -> io::Result<()> {
        for dir in [self.dir.clone(), self.root()].into_iter().chain(DIRECTORIES.iter().map(|d| self.root().join(d))) {
            fs::create_dir_all(&dir)?;
            child::give(&dir)?;
        }
        for file in genesis {
            if !GENESIS.contains(&file.name.as_str()) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} begins no repository", file.name)));
            }
            let bytes = if file.name == "db/uuid" { with_new_instance(&file.bytes)? } else { file.bytes.clone() };
            self.write(&file.name, &bytes, 0o644)?;
        }
        for (name, bytes) in [("db/txn-current", "0\n"), ("db/txn-current-lock", ""), ("db/write-lock", "")] {
            self.write(name, bytes.as_bytes(), 0o644)?;
        }
        // Changing a revision's properties is asked of the gate, not of a script.
        std::os::unix::fs::symlink("/bin/true", self.root().join("hooks/pre-revprop-change"))?;
        self.set_youngest(0)
    }

    /// Its newest revision.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn youngest(&self) -> io::Result<u64> {
        number(&self.small("db/current")?).ok_or_else(|| damaged("db/current"))
    }

    /// Makes a revision the newest: from then on it can be seen.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn set_youngest(&self, rev: u64) -> io::Result<()> {
        self.replace("db/current", 0o644, |file| {
            file.write_all(format!("{rev}\n").as_bytes())?;
            // Whatever the file system does with a rename: after a power loss it is the number of before, or this one.
            file.sync_data()
        })
    }

    /// A revision's file and its length.
    ///
    /// # Errors
    /// When it can't be opened, or is larger than [`REVISION_BYTES_MAX`].
    pub fn revision(&self, rev: u64) -> io::Result<(File, u64)> {
        let file = self.open(&rev_path(rev))?;
        let bytes = file.metadata()?.len();
        if bytes > REVISION_BYTES_MAX {
            return Err(io::Error::other(format!("revision {rev} has {bytes} bytes; at most {REVISION_BYTES_MAX}")));
        }
        Ok((file, bytes))
    }

    /// How many bytes a revision's file has; None: there is no such file.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn revision_bytes(&self, rev: u64) -> io::Result<Option<u64>> {
        match fs::symlink_metadata(self.root().join(rev_path(rev))) {
            Ok(about) => Ok(about.is_file().then_some(about.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A revision's properties, as they lie there.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn revision_properties(&self, rev: u64) -> io::Result<Vec<u8>> {
        self.small(&revprops_path(rev))
    }

    /// Puts a revision's content there; it can't be seen before [`SvnRepository::set_youngest`], and is on the disk after
    /// [`SvnRepository::sync`].
    ///
    /// # Errors
    /// Those of the disk and of reading.
    pub fn put_content(&self, rev: u64, content: &mut dyn Read) -> io::Result<()> {
        self.make_shard("db/revs", rev)?;
        self.replace(&rev_path(rev), 0o444, |file| io::copy(content, file).map(drop))
    }

    /// Puts a revision's properties there.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn put_revision_properties(&self, rev: u64, properties: &[u8]) -> io::Result<()> {
        self.make_shard("db/revprops", rev)?;
        self.write(&revprops_path(rev), properties, 0o644)
    }

    /// Removes what a refused commit has left: its properties would be in the way of the next.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn remove_refused(&self, rev: u64) -> io::Result<()> {
        self.remove(&revprops_path(rev))
    }

    /// Removes what is beyond the newest revision, and transactions nobody will go on with. Nobody must be committing.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sweep(&self) -> io::Result<()> {
        let youngest = self.youngest()?;
        for kind in ["db/revs", "db/revprops"] {
            let shard = self.root().join(kind).join((youngest / SHARD).to_string());
            for entry in fs::read_dir(&shard)? {
                let name = entry?.file_name();
                let name = name.to_string_lossy();
                if name.parse::<u64>().is_ok_and(|rev| rev > youngest)
                    || name.starts_with("svn-")
                    || name.ends_with(".tmp")
                {
                    self.remove(&format!("{kind}/{}/{name}", youngest / SHARD))?;
                }
            }
        }
        for dir in ["db/transactions", "db/txn-protorevs"] {
            self.make_empty(dir)?;
        }
        self.make_directory("db/locks")
    }

    /// Makes a directory of this name with nothing in it, whatever is there, or is not: a crash may have come between any two steps.
    pub(crate) fn make_empty(&self, name: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.root().join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.make_directory(name),
        }
    }

    /// A directory of this name that the server may write in. One that is there may be from just before a crash: it is given too.
    pub(crate) fn make_directory(&self, name: &str) -> io::Result<()> {
        let dir = self.root().join(name);
        match fs::create_dir(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => child::give(&dir),
        }
    }

    /// Keeps everybody else from committing. Waits for those who do.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn write_lock(&self) -> io::Result<WriteLock> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let file = self.open_with("db/write-lock", flags)?;
        // Subversion's lock is a process's: of two threads of ours neither would wait for the other, and who is done first would close
        // its file and with that give back what the other has. This one is the open file's; nobody else asks for it.
        file.lock()?;
        rustix::fs::fcntl_lock(&file, FlockOperation::LockExclusive)?;
        Ok(WriteLock(file))
    }

    /// Its identity.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn uuid(&self) -> io::Result<String> {
        let text = self.small("db/uuid")?;
        let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    /// Gives all of it to the user that serves it: another, the operator, has written in it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn take_over(&self) -> io::Result<()> {
        let mut waiting = vec![self.root()];
        while let Some(path) = waiting.pop() {
            child::give(&path)?;
            if fs::symlink_metadata(&path)?.is_dir() {
                for entry in fs::read_dir(&path)? {
                    waiting.push(entry?.path());
                }
            }
        }
        Ok(())
    }

    /// Everything that was written is on the disk afterwards.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.dir)?)?)
    }

    /// Has Subversion look through all of it; what it finds wrong.
    ///
    /// # Errors
    /// When `svnadmin` can't be started.
    pub async fn verify(&self, programs: &Programs) -> Result<Option<String>, ChildError> {
        let start = Start::new(programs, &programs.svnadmin, &self.dir);
        // It takes the lock of the representation cache, and writes nothing.
        let start = start.write(self.root().join("db")).write(self.root().join("locks"));
        match start.arg("verify").arg("--quiet").arg(OWN).run().await {
            Ok(_) => Ok(None),
            Err(error @ ChildError::Failed { .. }) => Ok(Some(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// A small file's content.
    pub(crate) fn small(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?.take(SMALL_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > SMALL_BYTES_MAX {
            return Err(io::Error::other(format!("{name} has more than {SMALL_BYTES_MAX} bytes")));
        }
        Ok(bytes)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        self.open_with(name, OFlags::RDONLY | OFlags::CLOEXEC)
    }

    /// Below the repository, and nowhere else.
    pub(crate) fn open_with(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let root = File::open(self.root())?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        // NONBLOCK: a pipe in the place of a file must not hold anybody up.
        Ok(File::from(rustix::fs::openat2(&root, name, flags | OFlags::NONBLOCK, Mode::empty(), resolve)?))
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.replace(name, mode, |file| file.write_all(bytes))
    }

    /// Writes a file beside its place and puts it there whole.
    fn replace(&self, name: &str, mode: u32, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let (path, part) = (self.root().join(name), self.root().join(format!("{name}.tmp")));
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(&part)?;
        fill(&mut file)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        drop(file);
        child::give(&part)?;
        fs::rename(&part, &path)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.root().join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn make_shard(&self, kind: &str, rev: u64) -> io::Result<()> {
        self.make_directory(&format!("{kind}/{}", rev / SHARD))
    }
}

fn rev_path(rev: u64) -> String {
    format!("db/revs/{}/{rev}", rev / SHARD)
}

fn revprops_path(rev: u64) -> String {
    format!("db/revprops/{}/{rev}", rev / SHARD)
}

pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.trim_end().parse().ok()
}

pub(crate) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} is damaged"))
}

/// Caches of running servers go by the second line: what was filled anew is another instance of the same repository.
fn with_new_instance(uuid: &[u8]) -> io::Result<Vec<u8>> {
    let first = uuid.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok([first, b"\n", parts.join("-").as_bytes(), b"\n"].concat())
}
