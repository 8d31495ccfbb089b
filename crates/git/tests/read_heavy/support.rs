//! Repositories made at random by `git fast-import`, and the real Git to compare with.

use code::RevisionId;
use git::read::{GitSource, ReadCaches};
use git::{ChildLimits, Git, ObjectFormat, RefName, RefSnapshot, Repository};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Numbers that look random, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }
}

/// A repository for a test.
pub(crate) struct Made {
    dir: TempDir,
    pub(crate) repository: Repository,
    pub(crate) caches: Arc<ReadCaches>,
}

impl Made {
    pub(crate) fn new(format: ObjectFormat) -> Self {
        let dir = TempDir::new().unwrap();
        let git = Git::find(ChildLimits::default()).unwrap();
        let repository = Repository::create(&git, &dir.path().join("r.git"), format, &RefName::main()).unwrap();
        Self { dir, repository, caches: Arc::new(ReadCaches::new(64 << 20)) }
    }

    /// One that is there already.
    pub(crate) fn at(path: &Path) -> Self {
        let git = Git::find(ChildLimits::default()).unwrap();
        let repository = Repository::open(&git, path).unwrap();
        Self { dir: TempDir::new().unwrap(), repository, caches: Arc::new(ReadCaches::new(256 << 20)) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.repository.path()
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn import(&self, stream: &[u8]) {
        let marks = self.scratch().join("marks");
        let (before, after) = (format!("--import-marks-if-exists={}", marks.display()), marks.display());
        self.git_with(&["fast-import", "--quiet", "--force", &before, &format!("--export-marks={after}")], stream);
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&self.git_bytes(args)).into_owned()
    }

    pub(crate) fn git_bytes(&self, args: &[&str]) -> Vec<u8> {
        self.git_with(args, b"")
    }

    pub(crate) fn git_with(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("git")
            .arg("--git-dir")
            .arg(self.path())
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feed.join().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The repository as it is now, with what was kept before.
    pub(crate) fn source(&self) -> GitSource {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (head, refs) = runtime.block_on(self.repository.refs()).unwrap();
        let snapshot = RefSnapshot::new(1, self.repository.format(), head, refs);
        GitSource::open(&self.repository, Arc::new(snapshot), Arc::clone(&self.caches)).unwrap()
    }

    /// The repository as it is now, with nothing kept.
    pub(crate) fn fresh_source(&mut self) -> GitSource {
        self.caches = Arc::new(ReadCaches::new(64 << 20));
        self.source()
    }

    pub(crate) fn id(&self, name: &str) -> RevisionId {
        RevisionId(self.git(&["rev-parse", "--verify", name]).trim().to_owned())
    }

    /// All commits, newest first.
    pub(crate) fn commits(&self) -> Vec<RevisionId> {
        self.git(&["rev-list", "--all", "--date-order"]).lines().map(|line| RevisionId(line.to_owned())).collect()
    }
}

/// Writes histories for `git fast-import`.
pub(crate) struct History {
    pub(crate) random: Random,
    stream: Vec<u8>,
    marks: usize,
    /// Files of each commit by its mark.
    files: Vec<BTreeMap<String, (String, String)>>,
    time: u64,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let files = vec![BTreeMap::new()];
        Self { random: Random::new(seed), stream: Vec::new(), marks: 0, files, time: 1_700_000_000 }
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.stream)
    }

    /// A text of some lines.
    pub(crate) fn text(&mut self, lines: usize) -> String {
        let words = ["let", "fn", "x", "value", "return", "if", "{", "}", "+", "call()", "größe", "end"];
        (0..lines)
            .map(|_| {
                let indent = " ".repeat(4 * self.random.below(3));
                let line: Vec<&str> =
                    (0..self.random.below(6)).map(|_| words[self.random.below(words.len())]).collect();
                format!("{indent}{}\n", line.join(" "))
            })
            .collect()
    }

    fn edited(&mut self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        for _ in 0..=self.random.below(3) {
            let at = self.random.below(lines.len() + 1);
            match self.random.below(3) {
                0 if at < lines.len() => drop(lines.remove(at)),
                1 if at < lines.len() => lines[at] = self.text(1),
                _ => lines.insert(at, self.text(1)),
            }
        }
        lines.concat()
    }

    /// A commit on these parents, with random edits; gives its mark. A merge takes files from either side, and now and
    /// then edits some.
    pub(crate) fn commit(&mut self, branch: &str, parents: &[usize]) -> usize {
        self.marks += 1;
        let mark = self.marks;
        // Clocks are not always right.
        self.time = self.time + 60 - 90 * u64::from(self.random.below(8) == 0);
        let time = self.time;
        let mut files = parents.first().map_or_else(BTreeMap::new, |parent| self.files[*parent].clone());
        for parent in parents.iter().skip(1) {
            let other = self.files[*parent].clone();
            for (path, file) in other {
                if self.random.below(2) == 0 && fits(&files, &path) {
                    files.insert(path, file);
                }
            }
        }
        let edits = if parents.len() > 1 { self.random.below(2) } else { self.random.below(4) };
        (0..edits).for_each(|_| self.edit(&mut files));
        if parents.is_empty() {
            (0..12).for_each(|_| self.edit(&mut files));
        }
        let who = format!("A U Thor <a@example.com> {time} +0000");
        let mut head =
            format!("commit refs/heads/{branch}\nmark :{mark}\nauthor {who}\ncommitter {who}\ndata 6\ncommit\n");
        for (at, parent) in parents.iter().enumerate() {
            head.push_str(&format!("{} :{parent}\n", if at == 0 { "from" } else { "merge" }));
        }
        head.push_str("deleteall\n");
        for (path, (mode, text)) in &files {
            head.push_str(&format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len()));
        }
        if parents.is_empty() {
            self.stream.extend_from_slice(format!("reset refs/heads/{branch}\n").as_bytes());
        }
        self.stream.extend_from_slice(head.as_bytes());
        self.files.push(files);
        mark
    }

    fn edit(&mut self, files: &mut BTreeMap<String, (String, String)>) {
        let dirs = ["", "src/", "src/deep/", "src/deep/er/", "docs/", "x-y/", "x/"];
        let path = format!("{}f{}", dirs[self.random.below(dirs.len())], self.random.below(5));
        match self.random.below(12) {
            0 => drop(files.remove(&path)),
            1 => {
                let Some((path, (_, text))) = files.pop_first() else { return };
                files.insert(path, ("100755".to_owned(), text));
            }
            2 => {
                // One goes elsewhere, as it is or a little changed.
                let Some(from) = files.keys().nth(self.random.below(files.len().max(1))).cloned() else { return };
                let Some((mode, text)) = files.remove(&from) else { return };
                let text = if self.random.below(2) == 0 { text } else { self.edited(&text) };
                if fits(files, &path) {
                    files.insert(path, (mode, text));
                }
            }
            _ => {
                let text = match files.get(&path) {
                    Some((_, text)) => self.edited(&text.clone()),
                    None => {
                        let lines = 10 + self.random.below(20);
                        self.text(lines)
                    }
                };
                if fits(files, &path) {
                    files.insert(path, ("100644".to_owned(), text));
                }
            }
        }
    }

    /// A history of so many commits on three branches that merge now and then.
    pub(crate) fn grow(&mut self, commits: usize, tips: &mut Vec<usize>) {
        for _ in 0..commits {
            let branch = self.random.below(3).min(tips.len());
            if tips.is_empty() {
                let root = self.commit("main", &[]);
                tips.push(root);
                continue;
            }
            let parents = if branch == tips.len() {
                vec![tips[0]]
            } else if tips.len() > 1 && self.random.below(4) == 0 {
                let other = tips[self.random.below(tips.len())];
                if other == tips[branch] { vec![other] } else { vec![tips[branch], other] }
            } else {
                vec![tips[branch]]
            };
            let name = ["main", "one", "two"][branch];
            let mark = self.commit(name, &parents);
            if branch == tips.len() {
                tips.push(mark);
            } else {
                tips[branch] = mark;
            }
        }
    }
}

/// Whether a path can be beside these: nothing above or below it is a file.
fn fits(files: &BTreeMap<String, (String, String)>, path: &str) -> bool {
    files.keys().all(|other| !other.starts_with(&format!("{path}/")) && !path.starts_with(&format!("{other}/")))
}
