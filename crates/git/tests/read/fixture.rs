//! Repositories made with the real `git`.

use code::RevisionId;
use git::read::{GitSource, ReadCaches};
use git::{ChildLimits, Git, ObjectFormat, RefSnapshot, Repository};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Both formats.
pub(crate) const FORMATS: [ObjectFormat; 2] = [ObjectFormat::Sha1, ObjectFormat::Sha256];

/// A bare repository.
pub(crate) struct Fixture {
    path: PathBuf,
    /// Removes it in the end.
    _dir: Option<tempfile::TempDir>,
    pub(crate) caches: Arc<ReadCaches>,
}

impl Fixture {
    pub(crate) fn new(format: ObjectFormat) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let fixture = Self { _dir: Some(dir), ..Self::at(path) };
        let format = format!("--object-format={}", format.name());
        fixture.git(&["init", "-q", "--bare", "-b", "main", &format, "."]);
        fixture
    }

    /// A repository that is there already.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, _dir: None, caches: Arc::new(ReadCaches::new(64 << 20)) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.path).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    }

    /// What Git says, without the last line feed.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// The lines that Git says.
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<String> {
        self.git(args).lines().map(str::to_owned).collect()
    }

    /// What Git says to this input.
    pub(crate) fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        let mut child = self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn import(&self, stream: &[u8]) {
        self.git_with(&["fast-import", "--quiet", "--force", "--date-format=raw"], stream);
    }

    /// Writes a commit object as it stands here.
    pub(crate) fn commit_object(&self, bytes: &[u8]) -> RevisionId {
        RevisionId(self.git_with(&["hash-object", "-t", "commit", "-w", "--literally", "--stdin"], bytes))
    }

    pub(crate) fn write_commit_graph(&self) {
        self.git(&["commit-graph", "write", "--reachable", "--changed-paths", "--no-progress"]);
    }

    pub(crate) fn repository(&self) -> Repository {
        Repository::open(&Git::find(ChildLimits::default()).unwrap(), &self.path).unwrap()
    }

    /// A reader at the state of the refs of now.
    pub(crate) fn source(&self) -> GitSource {
        self.source_with(&self.caches)
    }

    /// The same, with nothing in memory.
    fn fresh_source(&self) -> GitSource {
        self.source_with(&Arc::new(ReadCaches::new(64 << 20)))
    }

    fn source_with(&self, caches: &Arc<ReadCaches>) -> GitSource {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let repository = self.repository();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (head, refs) = runtime.block_on(repository.refs()).unwrap();
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        let refs = RefSnapshot::new(generation, repository.format(), head, refs);
        GitSource::open(&repository, Arc::new(refs), Arc::clone(caches)).unwrap()
    }

    pub(crate) fn id(&self, name: &str) -> RevisionId {
        RevisionId(self.git(&["rev-parse", &format!("{name}^{{commit}}")]))
    }
}

/// Numbers that are the same on each run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A stream for `git fast-import` of a history with branches, merges and renames: so many commits, one a minute, the last
/// on `main`, and a branch on every seventh of the last hundred.
pub(crate) fn history(seed: u64, commits: usize) -> Vec<u8> {
    history_of(seed, commits, true)
}

/// The same, without branches and merges unless they are wanted.
pub(crate) fn history_of(seed: u64, commits: usize, branches: bool) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut stream = String::new();
    // What is where in each commit.
    let mut trees: Vec<Vec<(String, u64)>> = Vec::new();
    for n in 0..commits {
        let back = if branches { 8.min(n as u64) } else { 1 };
        let old = |dice: &mut Dice| n - 1 - usize::try_from(dice.roll(back)).unwrap();
        let parent = (n > 0).then(|| old(&mut dice));
        let other =
            (branches && n > 8 && dice.roll(4) == 0).then(|| old(&mut dice)).filter(|other| Some(*other) != parent);
        let mut tree = parent.map(|parent| trees[parent].clone()).unwrap_or_default();
        let time = 1_600_000_000 + n * 60;
        let message = format!("Change {n}\n\nWord{} and more\n", n % 13);
        let kept = commits - n <= 100 && n % 7 == 0;
        let branch = if n + 1 == commits {
            "main".to_owned()
        } else if kept {
            format!("part/{n}")
        } else {
            "rest".to_owned()
        };
        write!(stream, "commit refs/heads/{branch}\nmark :{}\n", n + 1).unwrap();
        writeln!(stream, "author Writer {} <w{}@example.org> {time} +0200", n % 5, n % 5).unwrap();
        write!(stream, "committer Server <s@example.org> {time} +0000\ndata {}\n{message}", message.len()).unwrap();
        let from = |mark: usize| format!(":{}\n", mark + 1);
        parent.iter().for_each(|parent| write!(stream, "from {}", from(*parent)).unwrap());
        if let Some(other) = other {
            write!(stream, "merge {}", from(other)).unwrap();
            // A merge takes some of the other side.
            for (path, content) in &trees[other] {
                if dice.roll(2) == 0 {
                    put(&mut stream, &mut tree, path, *content);
                }
            }
        }
        if other.is_none() || dice.roll(8) == 0 {
            for _ in 0..=dice.roll(2) {
                change(&mut stream, &mut tree, &mut dice, n);
            }
        }
        trees.push(tree);
        stream.push('\n');
    }
    stream.into_bytes()
}

fn put(stream: &mut String, tree: &mut Vec<(String, u64)>, path: &str, content: u64) {
    tree.retain(|(known, _)| known != path);
    tree.push((path.to_owned(), content));
    // No file is like another that did not come from it.
    let (born, changed) = (content >> 32, content & 0xffff_ffff);
    let text = (0..20).map(|line| format!("line {line} of {born} {}\n", if line == 7 { changed } else { 0 }));
    let text = text.collect::<String>();
    write!(stream, "M 644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
}

fn change(stream: &mut String, tree: &mut Vec<(String, u64)>, dice: &mut Dice, n: usize) {
    let any = |dice: &mut Dice, tree: &Vec<(String, u64)>| {
        tree.get(usize::try_from(dice.roll(tree.len().max(1) as u64)).unwrap()).cloned()
    };
    match (dice.roll(12), any(dice, tree)) {
        (0, Some((path, content))) => {
            let to = format!("{}/moved{n}", path.rsplit_once('/').unwrap().0);
            tree.retain(|(known, _)| *known != path);
            tree.push((to.clone(), content));
            writeln!(stream, "R {path} {to}").unwrap();
        }
        (1, Some((path, _))) => {
            tree.retain(|(known, _)| *known != path);
            writeln!(stream, "D {path}").unwrap();
        }
        (2..8, Some((path, content))) => put(stream, tree, &path, (content >> 32) << 32 | n as u64),
        _ => {
            let path = format!("dir{}/sub{}/file{}", dice.roll(3), dice.roll(3), dice.roll(6));
            put(stream, tree, &path, (n as u64) << 32);
        }
    }
}

/// The same repository without a commit-graph; with one of a part of it; with a chain of two; with one of all.
pub(crate) fn with_and_without_graph(fixture: &Fixture, test: impl Fn(&Fixture, &GitSource)) {
    test(fixture, &fixture.fresh_source());
    let split = ["commit-graph", "write", "--changed-paths", "--split=no-merge", "--no-progress"];
    let all = fixture.lines(&["rev-list", "--all"]);
    let old = &all[all.len() / 2];
    fixture.git_with(&[&split[..], &["--stdin-commits"]].concat(), format!("{old}\n").as_bytes());
    test(fixture, &fixture.fresh_source());
    fixture.git(&[&split[..], &["--reachable"]].concat());
    let chain = std::fs::read_to_string(fixture.path().join("objects/info/commit-graphs/commit-graph-chain")).unwrap();
    assert_eq!(chain.lines().count(), 2);
    test(fixture, &fixture.fresh_source());
    fixture.write_commit_graph();
    test(fixture, &fixture.fresh_source());
}

/// A path.
pub(crate) fn path(text: impl AsRef<Path>) -> code::CodePath {
    text.as_ref().to_str().unwrap().parse().unwrap()
}
