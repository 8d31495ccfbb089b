//! The real OpenSSH client, with keys of the test's own.

use super::{Answer, Git, World, request};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Makes a key in `file`, and gives its public half. `more` are arguments of `ssh-keygen`; Ed25519 without any.
pub(crate) fn ssh_keygen(file: &Path, more: &[&str]) -> String {
    let kind: &[&str] = if more.is_empty() { &["-t", "ed25519"] } else { more };
    let mut command = Command::new("ssh-keygen");
    let made = command.args(["-q", "-N", "", "-C", "test"]).args(kind).arg("-f").arg(file).status().unwrap();
    assert!(made.success(), "ssh-keygen {kind:?}");
    std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
}

/// `ssh` with one key, for one site.
#[derive(Clone)]
pub(crate) struct Ssh {
    key: PathBuf,
    pub(crate) public: String,
    address: String,
    more: Vec<String>,
}

impl Ssh {
    /// With a new key of this kind.
    pub(crate) fn new(world: &World, name: &str, kind: &[&str]) -> Self {
        let key = world.path(&format!("ssh-{name}"));
        let public = ssh_keygen(&key, kind);
        Self { key, public, address: world.site.ssh.clone(), more: Vec::new() }
    }

    /// With these arguments too.
    pub(crate) fn with(&self, more: &[&str]) -> Self {
        let mut with = self.clone();
        with.more.extend(more.iter().map(|&text| text.to_owned()));
        with
    }

    /// The same key, for a site that has moved.
    pub(crate) fn at(&self, world: &World) -> Self {
        Self { address: world.site.ssh.clone(), ..self.clone() }
    }

    /// Makes the key an account's.
    pub(crate) fn add_to(&self, world: &World, user: &str) {
        world.site.cli(&["key", "add", user, self.key.with_extension("pub").to_str().unwrap()]).success();
    }

    /// The address of a repository.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ssh://{}/{path}.git", self.address)
    }

    fn options(&self) -> Vec<String> {
        let options = [
            "-F",
            "/dev/null",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ];
        let key = ["-i".to_owned(), self.key.to_str().unwrap().to_owned()];
        options.iter().map(|&text| text.to_owned()).chain(key).chain(self.more.iter().cloned()).collect()
    }

    /// What Git is to start for `ssh`.
    pub(crate) fn for_git(&self) -> String {
        format!("ssh {}", self.options().join(" "))
    }

    /// The same for Subversion, which gives no port.
    pub(crate) fn for_svn(&self) -> String {
        format!("{} -p {}", self.for_git(), self.address.rsplit_once(':').unwrap().1)
    }

    /// The address of a repository of Subversion.
    pub(crate) fn svn_url(&self, path: &str) -> String {
        format!("svn+ssh://git@{}/{path}.svn", self.address.rsplit_once(':').unwrap().0)
    }

    /// `ssh ARGUMENTS HOST`, to be given a command and started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (host, port) = self.address.rsplit_once(':').unwrap();
        let mut command = Command::new("ssh");
        command.args(self.options()).args(arguments).args(["-p", port, host]).stdin(Stdio::null());
        command
    }

    /// Its exit status, and what it printed and said.
    pub(crate) fn run(&self, arguments: &[&str], what: Option<&str>) -> (i32, String, String) {
        let output = self.command(arguments).args(what).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Runs a command and says this to it; what it printed and said.
    pub(crate) fn talk(&self, what: &str, words: &str) -> (String, String) {
        let mut command = self.command(&["-T"]);
        let command = command.arg(what).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who is refused hangs up before all is said.
        let _ = child.stdin.take().unwrap().write_all(words.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }

    /// The key that the site shows.
    pub(crate) fn host_key(&self) -> String {
        let (host, port) = self.address.rsplit_once(':').unwrap();
        let output = Command::new("ssh-keyscan").args(["-t", "ed25519", "-p", port, host]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| !line.starts_with('#')).unwrap_or_else(|| panic!("no key: {output:?}"));
        line.split_once(' ').unwrap().1.to_owned()
    }

    /// A request to the API, with Ann's token.
    pub(crate) fn api(&self, world: &World, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", world.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap()
    }
}

impl Git {
    /// Reaching SSH addresses with this key.
    pub(crate) fn over(mut self, ssh: &Ssh) -> Self {
        self.ssh = Some(ssh.for_git());
        self
    }
}
