//! The real `git`, as a person would call it, in a directory of its own.

use crate::server::Server;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A work tree, or a directory to clone into.
pub(crate) struct Client {
    pub(crate) dir: PathBuf,
    /// Given with `-c` at each call: how this client is set.
    pub(crate) config: Vec<String>,
    _root: tempfile::TempDir,
}

impl Client {
    fn at(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { dir: root.path().join(name), config: Vec::new(), _root: root }
    }

    /// An empty repository of the server's format whose `origin` is the server.
    pub(crate) fn new(server: &Server) -> Self {
        let client = Self::at("work");
        std::fs::create_dir(&client.dir).unwrap();
        let format = server.state.repository.format().name();
        client.ok(["init", "-q", "-b", "main", "--object-format", format, "."]);
        client.ok(["remote", "add", "origin", &server.url()]);
        client
    }

    /// A clone, with these options.
    pub(crate) fn clone(server: &Server, config: &[&str], options: &[&str]) -> Self {
        let client = Self::try_clone(server, config, options);
        client.unwrap_or_else(|stderr| panic!("clone {options:?}: {stderr}"))
    }

    pub(crate) fn try_clone(server: &Server, config: &[&str], options: &[&str]) -> Result<Self, String> {
        let mut client = Self::at("clone");
        client.config = config.iter().map(|&text| text.to_owned()).collect();
        let parent = client.dir.parent().unwrap().to_owned();
        let (url, target) = (server.url(), client.dir.to_str().unwrap().to_owned());
        let args = ["clone", "-q"].iter().chain(options).copied().chain([url.as_str(), target.as_str()]);
        let output = client.command(&parent, args).output().unwrap();
        if output.status.success() { Ok(client) } else { Err(stderr(&output)) }
    }

    fn command<S: AsRef<OsStr>>(&self, dir: &Path, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("git");
        for config in &self.config {
            command.arg("-c").arg(config);
        }
        let who = [("NAME", "A U Thor"), ("EMAIL", "author@example.org")];
        for (name, value) in who {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.env("no_proxy", "*").args(args).current_dir(dir);
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(&self.dir, args).output().unwrap()
    }

    /// Runs what must succeed; its words.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let output = self.run(&args);
        assert!(output.status.success(), "git {args:?}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs what must succeed; what it says on the side.
    pub(crate) fn says<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let output = self.run(&args);
        assert!(output.status.success(), "git {args:?}: {}", stderr(&output));
        stderr(&output)
    }

    /// Runs what must fail; its words, all of them.
    pub(crate) fn fails<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let output = self.run(&args);
        assert!(!output.status.success(), "git {args:?} succeeded");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output))
    }

    /// Runs what reads from its standard input.
    pub(crate) fn fed<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &[u8]) -> Vec<u8> {
        let mut child = self.command(&self.dir, args);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feeding = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        // A child that has heard enough closes its end.
        let _ = feeding.join().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    pub(crate) fn commit(&self, text: &str) -> String {
        std::fs::write(self.dir.join("file"), format!("{text}\n").repeat(50)).unwrap();
        std::fs::write(self.dir.join(format!("file-{text}")), text).unwrap();
        self.ok(["add", "."]);
        self.ok(["commit", "-q", "-m", text]);
        self.id("HEAD")
    }

    pub(crate) fn id(&self, what: &str) -> String {
        self.ok(["rev-parse", "--verify", what])
    }

    /// The refs as a listing of the server gives them.
    pub(crate) fn listed(&self) -> String {
        self.ok(["ls-remote", "origin"])
    }

    /// Whole and sound.
    pub(crate) fn sound(&self) {
        self.ok(["fsck", "--full", "--strict"]);
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server with some history on it, and the client that pushed it: ten commits, two branches, tags of both kinds, one of
/// them a tag of a tag.
pub(crate) fn history(server: &Server) -> Client {
    let client = Client::new(server);
    for n in 0..10 {
        client.commit(&format!("{n}"));
    }
    client.ok(["branch", "side", "HEAD~4"]);
    client.ok(["tag", "light", "HEAD~2"]);
    client.ok(["tag", "-a", "-m", "annotated", "v1", "HEAD~1"]);
    client.ok(["tag", "-a", "-m", "a tag of a tag", "v1-again", "v1"]);
    client.ok(["push", "-q", "origin", "main", "side", "--tags"]);
    client
}

/// Bytes that nothing compresses.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}
