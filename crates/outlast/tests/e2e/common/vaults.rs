//! `outlast vault serve` under test.

use super::process::{OUTLAST, Process};
use super::{Said, cli};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running (or killed) vault.
pub(crate) struct Vault {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    process: Option<Process>,
    address: Option<String>,
    bucket: Option<String>,
}

/// How a vault is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VaultStart {
    /// As an operator would.
    Plain,
    /// No file of it may grow beyond this many KiB: what a full disk does to a writer, without filling one.
    FileKibMax(u64),
    /// Without one of the guards that a development build does without when told so.
    Without(&'static str),
}

impl Vault {
    /// Starts a new vault in `dir`.
    pub(crate) fn start(dir: &Path, name: &str) -> Self {
        Self::start_over(dir, name, None)
    }

    /// As [`Vault::start`], with its store in a bucket.
    pub(crate) fn start_in_bucket(dir: &Path, name: &str, url: &str) -> Self {
        Self::start_over(dir, name, Some(url.to_owned()))
    }

    fn start_over(dir: &Path, name: &str, bucket: Option<String>) -> Self {
        let mut vault = Self { name: name.to_owned(), dir: dir.to_path_buf(), process: None, address: None, bucket };
        vault.resume(VaultStart::Plain);
        vault
    }

    /// Starts it again, where it listened before.
    pub(crate) fn resume(&mut self, start: VaultStart) {
        assert!(self.process.is_none(), "it runs already");
        let listening = self.dir.join("listening.json");
        std::fs::remove_file(&listening).ok();
        let mut command = match start {
            VaultStart::Plain => Command::new(OUTLAST),
            VaultStart::Without(guard) => {
                let mut command = Command::new(OUTLAST);
                command.env("OUTLAST_WITHOUT_GUARD", guard);
                command
            }
            VaultStart::FileKibMax(kib) => {
                let mut shell = Command::new("sh");
                // Ignored, SIGXFSZ becomes an error of the write, as on a full disk. POSIX counts blocks of 512 bytes.
                shell.args([
                    "-c",
                    "trap '' XFSZ; ulimit -f $1; shift; exec \"$@\"",
                    "sh",
                    &(kib * 2).to_string(),
                    OUTLAST,
                ]);
                shell
            }
        };
        let address = self.address.as_deref().unwrap_or("127.0.0.1:0");
        command.args(["vault", "serve", "--name", &self.name, "--domain", &self.name, "--listen", address, "--dir"]);
        command.arg(&self.dir);
        if let Some(bucket) = &self.bucket {
            command.args(["--s3", bucket]);
        }
        let mut process = Process::start(command, &self.log());
        let address = process.await_ready(|| {
            let bytes = std::fs::read(&listening).ok()?;
            let value: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
            Some(value.get("https")?.as_str()?.to_owned())
        });
        self.address = Some(address);
        self.process = Some(process);
    }

    pub(crate) fn log(&self) -> PathBuf {
        let mut log = self.dir.clone().into_os_string();
        log.push(".log");
        log.into()
    }

    /// Where it listens, `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.address.as_deref().unwrap()
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    pub(crate) fn stop(&mut self) {
        self.process.take().unwrap().stop();
    }

    /// The text that a site enrols it with.
    pub(crate) fn site_url(&self) -> String {
        std::fs::read_to_string(self.dir.join("site.url")).unwrap().trim().to_owned()
    }

    /// The file with the text that recovery needs.
    pub(crate) fn recover_url(&self) -> String {
        self.dir.join("recover.url").to_str().unwrap().to_owned()
    }

    /// `outlast verify --vault`, with the recovery key when one is given.
    pub(crate) fn verify(&self, key: Option<&Path>) -> Said {
        let mut arguments = vec!["verify".to_owned(), "--vault".to_owned(), self.recover_url()];
        if let Some(key) = key {
            arguments.extend(["--key".to_owned(), key.to_str().unwrap().to_owned()]);
        }
        cli(arguments)
    }

    /// Every file that holds stored blobs or entries.
    pub(crate) fn stored(&self, kind: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files_below(&self.dir.join("store").join(kind), &mut found);
        found.sort();
        found
    }
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}
