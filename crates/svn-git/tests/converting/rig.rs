//! A repository, views of it, and what both sides say is in them.

use crate::fixture::{run, text};
use fsfs::{Caches, Fs};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use svn_git::{How, Progress, View, ViewError, ViewLimits};

pub(crate) struct Rig {
    dir: tempfile::TempDir,
    root: PathBuf,
    pub(crate) progress: Arc<Progress>,
    scratch: AtomicU64,
}

/// What is at a path: `x` or `-`, or `l` for a link; and its bytes.
pub(crate) type Files = BTreeMap<PathBuf, (char, Vec<u8>)>;

impl Rig {
    pub(crate) fn new(make: impl Fn(&Path) -> PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = make(dir.path());
        Self { dir, root, progress: Arc::default(), scratch: AtomicU64::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn fs(&self) -> Arc<Fs> {
        Arc::new(Fs::open(&self.root, Arc::new(Caches::new(16 << 20))).unwrap())
    }

    pub(crate) fn youngest(&self) -> u64 {
        self.fs().youngest().unwrap()
    }

    fn scratch(&self) -> PathBuf {
        self.path(&format!("scratch{}", self.scratch.fetch_add(1, Ordering::Relaxed)))
    }

    /// A view of everything, at a place of its own.
    pub(crate) async fn whole(&self, how: How) -> View {
        self.up_to(&self.scratch(), how, self.youngest()).await.unwrap()
    }

    pub(crate) async fn up_to(&self, place: &Path, how: How, through: u64) -> Result<View, ViewError> {
        self.within(place, how, through, ViewLimits::default()).await
    }

    pub(crate) async fn within(
        &self,
        place: &Path,
        how: How,
        through: u64,
        limits: ViewLimits,
    ) -> Result<View, ViewError> {
        let fs = self.fs();
        let git = git::Git::find(git::ChildLimits::default()).unwrap();
        View::open(&git, place, &fs, how)?.bring_up(&fs, through, 0, limits, &self.progress).await
    }

    /// What `svn export` gives of `PATH@REVISION`.
    pub(crate) fn export(&self, at: &str) -> PathBuf {
        let to = self.scratch();
        let url = format!("file://{}/{}", self.root.to_str().unwrap(), at.trim_start_matches('/'));
        run("svn", &["export", "-q", "--ignore-externals", &url, to.to_str().unwrap()]);
        to
    }

    /// The files of a commit.
    pub(crate) fn archive(&self, place: &Path, commit: &str) -> PathBuf {
        let (to, tar) = (self.scratch(), self.path("archive.tar"));
        fs::create_dir(&to).unwrap();
        git(place, &["archive", "-o", tar.to_str().unwrap(), commit]);
        run("tar", &["-xf", tar.to_str().unwrap(), "-C", to.to_str().unwrap()]);
        to
    }

    /// Compares a commit with what it says it is.
    pub(crate) fn same_files(&self, place: &Path, commit: &str, at: &str) {
        let (exported, archived) = (self.export(at), self.archive(place, commit));
        let mut expected = files_of(&exported);
        expected.retain(|path, _| !path.iter().any(|part| part == ".git"));
        assert_eq!(files_of(&archived), expected, "{at}");
        for dir in [exported, archived] {
            fs::remove_dir_all(dir).unwrap();
        }
    }
}

/// All files below a directory.
pub(crate) fn files_of(dir: &Path) -> Files {
    let mut files = Files::new();
    let mut left = vec![dir.to_owned()];
    while let Some(here) = left.pop() {
        for entry in fs::read_dir(&here).unwrap().flatten() {
            let (path, meta) = (entry.path(), entry.path().symlink_metadata().unwrap());
            let name = path.strip_prefix(dir).unwrap().to_owned();
            if meta.is_dir() {
                left.push(path);
            } else if meta.is_symlink() {
                files.insert(name, ('l', fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()));
            } else {
                let mode = if meta.permissions().mode() & 0o100 != 0 { 'x' } else { '-' };
                files.insert(name, (mode, fs::read(path).unwrap()));
            }
        }
    }
    files
}

pub(crate) fn git(place: &Path, args: &[&str]) -> String {
    text("git", &[&["-C", place.to_str().unwrap(), "-c", "safe.directory=*"], args].concat())
}

/// The refs as Git lists them; they are those that the view says it has.
pub(crate) fn refs(view: &View) -> BTreeMap<String, String> {
    let listed = git(view.repository().path(), &["for-each-ref", "--format=%(refname) %(objectname)"]);
    let listed = listed.lines().map(|line| line.split_once(' ').unwrap());
    let listed: BTreeMap<_, _> = listed.map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
    let said = view.refs().into_iter().map(|r| (r.name.to_string(), r.id.to_string()));
    assert_eq!(listed, said.collect());
    listed
}

/// A commit or tag as it is written.
pub(crate) fn show(view: &View, id: &str) -> String {
    git(view.repository().path(), &["cat-file", "-p", id])
}
