//! The real `git`, with a configuration of the test's own and nothing of the user's.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `git` in one directory.
#[derive(Clone)]
pub(crate) struct Git {
    pub(crate) dir: PathBuf,
    protocol: u8,
    /// What it starts for SSH.
    pub(super) ssh: Option<String>,
}

/// What git printed and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Standard output, trimmed, of a command that must succeed.
    pub(crate) fn success(self) -> String {
        assert!(self.ok, "git failed:\n{}{}", self.stdout, self.stderr);
        self.stdout.trim_end().to_owned()
    }

    /// Standard error of a command that must fail.
    pub(crate) fn failure(self) -> String {
        assert!(!self.ok, "git should have failed:\n{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

impl Git {
    /// Git in `dir`, which need not exist yet for `init` and `clone`.
    pub(crate) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf(), protocol: 2, ssh: None }
    }

    /// A new repository with a working tree.
    pub(crate) fn init(dir: &Path, format: &str) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let git = Self::at(dir);
        git.run(["init", "-q", "-b", "main", "--object-format", format]).success();
        git
    }

    /// Another protocol version on the wire.
    pub(crate) fn speaking(mut self, protocol: u8) -> Self {
        self.protocol = protocol;
        self
    }

    /// The command, ready to be changed or started.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("git");
        let dir = if self.dir.is_dir() { self.dir.as_path() } else { self.dir.parent().unwrap() };
        command.current_dir(dir).env_remove("GIT_DIR").env("HOME", dir).env("XDG_CONFIG_HOME", dir);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "true");
        if let Some(ssh) = &self.ssh {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        for (key, value) in [("GIT_AUTHOR", "Ann"), ("GIT_COMMITTER", "Ann")] {
            command.env(format!("{key}_NAME"), value).env(format!("{key}_EMAIL"), "ann@example.org");
        }
        command.args([
            "-c",
            &format!("protocol.version={}", self.protocol),
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
        ]);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        Self::finish(self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), b"")
    }

    /// As [`Git::run`], with something on standard input.
    pub(crate) fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::finish(command.spawn().unwrap(), input)
    }

    fn finish(mut child: std::process::Child, input: &[u8]) -> Output {
        if let Some(mut stdin) = child.stdin.take() {
            // A command that fails early stops reading; what it then says matters more than the broken pipe.
            stdin.write_all(input).ok();
        }
        let output = child.wait_with_output().unwrap();
        Output {
            ok: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Commits `text` in the file `name` and gives back the commit's id.
    pub(crate) fn commit(&self, name: &str, text: &str) -> String {
        std::fs::write(self.dir.join(name), text).unwrap();
        self.run(["add", name]).success();
        self.run(["commit", "-q", "-m", &format!("{name}: {} bytes", text.len())]).success();
        self.run(["rev-parse", "HEAD"]).success()
    }

    /// A history of `commits` commits, four objects each, straight through `git fast-import`.
    pub(crate) fn generate(&self, commits: u32) {
        let mut stream = Vec::new();
        for n in 1..=commits {
            let text = format!("line one of {n}\nline two of {}\n", n.wrapping_mul(2_654_435_761));
            writeln!(stream, "blob\nmark :{n}\ndata {}\n{text}", text.len()).unwrap();
            let message = format!("commit {n}");
            write!(stream, "commit refs/heads/main\nmark :{}\n", 10_000_000 + n).unwrap();
            writeln!(
                stream,
                "committer Ann <ann@example.org> {} +0000\ndata {}\n{message}",
                1_700_000_000 + n,
                message.len()
            )
            .unwrap();
            if n > 1 {
                writeln!(stream, "from :{}", 10_000_000 + n - 1).unwrap();
            }
            writeln!(stream, "M 100644 :{n} d{}/f{}\n", n % 50, n % 997).unwrap();
            if n % 1000 == 0 {
                writeln!(stream, "reset refs/tags/v{}\nfrom :{}\n", n / 1000, 10_000_000 + n).unwrap();
            }
        }
        self.run_with(["fast-import", "--quiet", "--force"], &stream).success();
    }

    /// Every ref with what it points to, `ls-remote`'s way.
    pub(crate) fn refs_of(&self, url: &str) -> String {
        self.run(["ls-remote", url]).success()
    }

    /// Every object that a ref reaches, sorted.
    pub(crate) fn objects(&self) -> Vec<String> {
        let listed = self.run(["rev-list", "--objects", "--no-object-names", "--all"]).success();
        let mut objects: Vec<_> = listed.lines().map(str::to_owned).collect();
        objects.sort_unstable();
        objects
    }

    /// A mirror clone of `url` in `dir`.
    pub(crate) fn mirror(url: &str, dir: &Path) -> Self {
        Self::at(dir)
            .run([OsStr::new("clone"), OsStr::new("-q"), OsStr::new("--mirror"), OsStr::new(url), dir.as_os_str()])
            .success();
        Self::at(dir)
    }

    /// Fails unless `git fsck --full` finds nothing at all.
    pub(crate) fn fsck(&self) {
        let output = self.run(["fsck", "--full", "--strict", "--no-dangling"]);
        assert!(output.ok && output.stdout.trim().is_empty(), "{}{}", output.stdout, output.stderr);
    }
}
