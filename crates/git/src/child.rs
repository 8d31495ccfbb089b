//! The one place that starts `git`.
//!
//! # Invariants
//! 1. No argument is made from a user's text: flags are constants of this program, numbers are numbers, an object's id is
//!    its digits, an archive's directory a name of a few harmless characters; refs, patterns and requests go in on
//!    standard input.
//! 2. A child sees the repository it works on and the system's programs, and writes only where it was told to; it has no
//!    network. Landlock keeps this also for what it starts itself.
//! 3. A child's environment is made from nothing; no configuration but ours and the repository's own is read; no hook runs.
//! 4. A child does not outlive the handle to it, and has limits on memory, processor time and files.
//!
//! Landlock binds a thread and what is started from it. So each child is started from a thread of its own that binds
//! itself first: no code runs between fork and exec, and nothing here is unsafe.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
    path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
mod gpgv;

pub use gpgv::{Verdict, verify};

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The oldest Git that will do.
pub const GIT_VERSION_MIN: (u32, u32) = (2, 39);
/// How much of a child's standard error is kept.
pub const STDERR_BYTES_MAX: u64 = 16 << 10;

/// What a child may use.
#[derive(Debug, Clone, Copy)]
pub struct ChildLimits {
    /// Address space, in bytes.
    pub address_space_bytes_max: u64,
    /// Processor time, in seconds.
    pub cpu_seconds_max: u64,
    /// Open files.
    pub files_max: u64,
    /// From start to end.
    pub wall_time_max: Duration,
}

impl Default for ChildLimits {
    fn default() -> Self {
        Self {
            address_space_bytes_max: 3 << 30,
            cpu_seconds_max: 1800,
            files_max: 1024,
            wall_time_max: Duration::from_secs(2 * 3600),
        }
    }
}

/// Why a child did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// There is no usable Git.
    #[error("{0}")]
    NoGit(String),
    /// It could not be started.
    #[error("cannot start git {command}: {error}")]
    Start {
        /// Which subcommand.
        command: &'static str,
        /// Why.
        error: io::Error,
    },
    /// It ended with an error.
    #[error("git {command}: {}", if .stderr.is_empty() { .status.to_string() } else { .stderr.clone() })]
    Failed {
        /// Which subcommand.
        command: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Its last words.
        stderr: String,
    },
    /// It took too long.
    #[error("git {0} took too long and was ended")]
    TimedOut(&'static str),
    /// Talking to it failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The system's Git.
#[derive(Debug, Clone)]
pub struct Git {
    program: Arc<PathBuf>,
    version: (u32, u32),
    limits: ChildLimits,
    sandboxed: bool,
    started: Arc<AtomicU64>,
}

impl Git {
    /// Finds Git in the search path.
    ///
    /// # Errors
    /// When there is none, or it is too old.
    pub fn find(limits: ChildLimits) -> Result<Self, ChildError> {
        let missing = || {
            ChildError::NoGit("git is not installed; install it (Debian: apt install git) and start again".to_owned())
        };
        let path = std::env::var_os("PATH").ok_or_else(missing)?;
        let program =
            std::env::split_paths(&path).map(|dir| dir.join("git")).find(|file| file.is_file()).ok_or_else(missing)?;
        let output = std::process::Command::new(&program).arg("version").env_clear().output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = parse_version(&text)
            .ok_or_else(|| ChildError::NoGit(format!("{} says {text:?} for its version", program.display())))?;
        if version < GIT_VERSION_MIN {
            let (major, minor) = GIT_VERSION_MIN;
            return Err(ChildError::NoGit(format!(
                "git {}.{} is too old; {major}.{minor} or newer is needed",
                version.0, version.1
            )));
        }
        let sandboxed = sandbox_available();
        if !sandboxed {
            tracing::warn!("this kernel has no Landlock: git runs without a sandbox");
        }
        Ok(Self { program: Arc::new(program), version, limits, sandboxed, started: Arc::default() })
    }

    /// Its version.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// How many children this handle and its clones have started.
    pub fn children_started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Whether children are sandboxed.
    pub fn sandboxed(&self) -> bool {
        self.sandboxed
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix("git version ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether the kernel can keep a child where it belongs.
pub fn sandbox_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let probe = std::thread::spawn(|| {
            matches!(restrict(&[], &[]), Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced))
        });
        probe.join().unwrap_or(false)
    })
}

/// Binds this thread, and what is started from it, for good.
fn restrict(read: &[PathBuf], write: &[PathBuf]) -> Result<RulesetStatus, landlock::RulesetError> {
    let abi = ABI::V4;
    let system = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/dev/urandom"];
    let devices = AccessFs::ReadFile | AccessFs::WriteFile;
    // A repository's files are data: nothing in it is ever run, whoever put it there.
    let data = AccessFs::from_read(abi) & !AccessFs::Execute;
    let all = (AccessFs::from_all(abi)) & !AccessFs::Execute;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(system, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(["/dev/null"], devices))?
        .add_rules(path_beneath_rules(read, data))?
        .add_rules(path_beneath_rules(write, all))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Configuration that every child has, whatever the repository's own says.
const CONFIG: &[&str] = &[
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",
    "core.bigFileThreshold=64m",
    "core.packedGitWindowSize=16m",
    "core.packedGitLimit=256m",
    "core.deltaBaseCacheLimit=64m",
    "pack.windowMemory=128m",
    "pack.threads=2",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "transfer.advertiseObjectInfo=true",
    "uploadpack.allowFilter=true",
    "fsck.missingEmail=warn",
];

/// A `git` to be started.
#[derive(Debug)]
pub struct GitCommand {
    git: Git,
    repository: PathBuf,
    command: &'static str,
    args: Vec<OsString>,
    config: Vec<&'static str>,
    env: Vec<(&'static str, OsString)>,
    write: Vec<PathBuf>,
    cpu_seconds_max: u64,
    nice: bool,
}

impl GitCommand {
    /// A subcommand on a repository, which it may only read until told otherwise.
    pub fn new(git: &Git, repository: &Path, command: &'static str) -> Self {
        Self {
            git: git.clone(),
            repository: repository.to_owned(),
            command,
            args: Vec::new(),
            config: Vec::new(),
            env: Vec::new(),
            write: Vec::new(),
            cpu_seconds_max: git.limits.cpu_seconds_max,
            nice: false,
        }
    }

    /// A flag of ours.
    #[must_use]
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.args.push(flag.into());
        self
    }

    /// A flag of ours with a number: `--max-input-size=` and `1000`.
    #[must_use]
    pub fn number(mut self, flag: &'static str, value: u64) -> Self {
        self.args.push(format!("{flag}{value}").into());
        self
    }

    /// An object, by the digits of its id.
    #[must_use]
    pub fn object(mut self, id: crate::ObjectId) -> Self {
        self.args.push(id.to_string().into());
        self
    }

    /// The directory that everything in an archive is in.
    #[must_use]
    pub fn archive_prefix(mut self, prefix: &crate::read::ArchivePrefix) -> Self {
        self.args.push(format!("--prefix={}/", prefix.as_str()).into());
        self
    }

    /// The most processor time it may take; no more than the limit of all.
    #[must_use]
    pub fn cpu_seconds(mut self, seconds: u64) -> Self {
        self.cpu_seconds_max = self.cpu_seconds_max.min(seconds);
        self
    }

    /// A configuration of ours, `section.key=value`.
    #[must_use]
    pub fn config(mut self, config: &'static str) -> Self {
        self.config.push(config);
        self
    }

    /// The version of the protocol that the client asked for.
    #[must_use]
    pub fn protocol(mut self, version: u8) -> Self {
        self.env.push(("GIT_PROTOCOL", format!("version={version}").into()));
        self
    }

    /// Lets it write in the repository.
    #[must_use]
    pub fn writable(mut self) -> Self {
        self.write.push(self.repository.clone());
        self
    }

    /// New objects go to a directory of their own, in which alone it may write; those of the repository are seen.
    #[must_use]
    pub fn quarantine(mut self, objects: &Path) -> Self {
        self.env.push(("GIT_OBJECT_DIRECTORY", objects.into()));
        self.env.push(("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.repository.join("objects").into()));
        self.env.push(("GIT_QUARANTINE_PATH", objects.into()));
        self.write.push(objects.to_owned());
        self
    }

    /// Lets everything else go first.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.nice = true;
        self
    }

    fn build(&self) -> Command {
        // `nice` is the system's, like git itself; it replaces itself by git.
        let mut command =
            if self.nice { Command::new("/usr/bin/nice") } else { Command::new(self.git.program.as_path()) };
        if self.nice {
            command.args(["-n", "15"]).arg(self.git.program.as_path());
        }
        for config in CONFIG.iter().chain(&self.config) {
            command.arg("-c").arg(config);
        }
        command.arg(self.command).args(&self.args).current_dir(&self.repository).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("HOME", "/nonexistent");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_DIR", &self.repository).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the system can't.
    pub async fn spawn(self) -> Result<GitChild, ChildError> {
        let command = self.command;
        self.git.started.fetch_add(1, Ordering::Relaxed);
        let read = vec![self.repository.clone(), self.git.program.parent().unwrap_or(Path::new("/usr")).to_owned()];
        let spawned = spawn_bound(self.build(), self.git.sandboxed, read, self.write).await;
        let child = spawned.map_err(|error| ChildError::Start { command, error })?;
        limit(&child, self.git.limits, self.cpu_seconds_max);
        Ok(GitChild::new(child, command, self.git.limits.wall_time_max))
    }

    /// Runs it to its end with this input; gives its output.
    ///
    /// # Errors
    /// When it can't be started, fails, or says more than `output_bytes_max`.
    pub async fn run(self, input: &[u8], output_bytes_max: u64) -> Result<Vec<u8>, ChildError> {
        let mut child = self.spawn().await?;
        let output = child.talk(input, output_bytes_max).await?;
        child.wait().await?;
        Ok(output)
    }
}

/// Starts a command from a thread of its own that binds itself first.
async fn spawn_bound(
    mut command: Command,
    sandboxed: bool,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
) -> io::Result<Child> {
    let runtime = tokio::runtime::Handle::current();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let spawning = move || {
        let _entered = runtime.enter();
        let bound = if sandboxed { restrict(&read, &write).map(drop).map_err(io::Error::other) } else { Ok(()) };
        // Nobody waits any more: the child is killed as its handle is dropped.
        let _ = sender.send(bound.and_then(|()| command.spawn()));
    };
    std::thread::Builder::new().name("git-spawn".to_owned()).spawn(spawning)?;
    receiver.await.map_err(|_| io::Error::other("the spawning thread ended"))?
}

/// A child that is gone before its limits are set needs none.
fn limit(child: &Child, limits: ChildLimits, cpu_seconds_max: u64) {
    let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else { return };
    let set = [
        (Resource::As, limits.address_space_bytes_max),
        (Resource::Cpu, cpu_seconds_max),
        (Resource::Nofile, limits.files_max),
        (Resource::Core, 0),
    ];
    for (resource, value) in set {
        if let Err(error) = prlimit(Some(pid), resource, Rlimit { current: Some(value), maximum: Some(value) }) {
            tracing::debug!(%error, "cannot limit a child; it has ended, or this user may not");
        }
    }
}

/// A `git` that is running. It is killed when this is dropped.
#[derive(Debug)]
pub struct GitChild {
    child: Child,
    command: &'static str,
    wall_time_max: Duration,
    stderr: Option<JoinHandle<String>>,
    /// Where it listens, until taken.
    pub stdin: Option<ChildStdin>,
    /// What it says, until taken.
    pub stdout: Option<ChildStdout>,
}

impl GitChild {
    fn new(mut child: Child, command: &'static str, wall_time_max: Duration) -> Self {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take().map(|stderr| {
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let mut stderr = stderr;
                // What can't be read of its words is lost; its status says enough.
                let _ = (&mut stderr).take(STDERR_BYTES_MAX).read_to_end(&mut bytes).await;
                let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
                clean(&bytes)
            })
        });
        Self { child, command, wall_time_max, stderr, stdin, stdout }
    }

    /// Gives it this input and all of what it says, which is at most `output_bytes_max`. How it ends is for [`GitChild::wait`].
    async fn talk(&mut self, input: &[u8], output_bytes_max: u64) -> Result<Vec<u8>, ChildError> {
        let (stdin, stdout) = (self.stdin.take(), self.stdout.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                use tokio::io::AsyncWriteExt as _;
                match stdin.write_all(input).await {
                    // It has heard enough; its status tells.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    other => other?,
                }
            }
            Ok::<_, io::Error>(())
        };
        let listen = async {
            let mut output = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(output_bytes_max + 1).read_to_end(&mut output).await?;
            }
            Ok::<_, io::Error>(output)
        };
        let (fed, output) = tokio::join!(feed, listen);
        fed?;
        let output = output?;
        if output.len() as u64 > output_bytes_max {
            let text = format!("git {} says more than {output_bytes_max} bytes", self.command);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text).into());
        }
        Ok(output)
    }

    /// Kills it, without waiting for its end.
    pub fn stop(&mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "a child has ended by itself");
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it failed or took too long.
    pub async fn wait(mut self) -> Result<(), ChildError> {
        drop(self.stdin.take());
        drop(self.stdout.take());
        let status = match tokio::time::timeout(self.wall_time_max, self.child.wait()).await {
            Ok(status) => status?,
            Err(_) => return Err(ChildError::TimedOut(self.command)),
        };
        if status.success() {
            return Ok(());
        }
        let stderr = match self.stderr.take() {
            Some(words) => words.await.unwrap_or_default(),
            None => String::new(),
        };
        Err(ChildError::Failed { command: self.command, status, stderr })
    }
}

/// A child's words for people: one line, without control characters, without Git's own prefix.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| line.trim().trim_start_matches("fatal: ").trim_start_matches("error: "));
    let joined = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    joined.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests;
