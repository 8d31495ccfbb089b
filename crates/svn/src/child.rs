//! The one place that starts Subversion's programs.
//!
//! # Invariants
//! 1. No argument is made from a user's text: arguments are constants, numbers, paths of ours, and names and addresses that were
//!    parsed, each one argument by itself.
//! 2. A child sees the system's programs and the directories it was given, writes only where it was told to, connects to no port
//!    and listens on none but those that were allowed. Landlock keeps this also for what it starts itself.
//! 3. Its environment is made from nothing. Where this program runs as root, the child is another user.
//! 4. A child does not outlive this program, nor the handle to it.
//!
//! Each child is started from a thread of its own that binds itself first (Landlock binds a thread and what it starts) and then
//! waits for the child's end. The system tells the child when that thread ends: it lives as long as the child should.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, NetPort, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, prlimit};
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The user and group that children are where this program runs as root: a number that Debian gives to nobody.
pub(crate) const CHILD_ID: u32 = 65_210;
/// Address space of a child, in bytes.
pub(crate) const CHILD_ADDRESS_SPACE_BYTES_MAX: u64 = 8 << 30;
/// Open files of a child.
pub(crate) const CHILD_FILES_MAX: u64 = 4096;
/// How far children give way to others who want the processor.
pub(crate) const CHILD_NICENESS: i32 = 5;
/// How much of what a child says is kept.
pub(crate) const CHILD_WORDS_BYTES_MAX: u64 = 64 << 10;
/// How long a child gets to end by itself when it is told to.
const END_WAIT: Duration = Duration::from_secs(3);

/// Why a child did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// Subversion is not there.
    #[error("{0}")]
    NotInstalled(String),
    /// It could not be started.
    #[error("cannot start {program}: {error}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It ended with an error.
    #[error("{program}: {}", if .words.is_empty() { .status.to_string() } else { .words.clone() })]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last words.
        words: String,
    },
}

/// Subversion's programs on this machine.
#[derive(Clone, Debug)]
pub struct Programs {
    pub(crate) svnadmin: PathBuf,
    pub(crate) svnserve: PathBuf,
    pub(crate) svnrdump: PathBuf,
    pub(crate) apache: PathBuf,
    pub(crate) modules: PathBuf,
    setpriv: PathBuf,
}

impl Programs {
    /// Finds them.
    ///
    /// # Errors
    /// When one is missing; the text says what to install.
    pub fn find() -> Result<Self, ChildError> {
        let missing = |what: &str| {
            ChildError::NotInstalled(format!(
                "Subversion is not installed on this server ({what} is missing): install it (Debian: apt install subversion \
                 apache2-bin libapache2-mod-svn) and start again. Git works without it"
            ))
        };
        let modules = PathBuf::from("/usr/lib/apache2/modules");
        let find = |name: &str| {
            let dirs = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"];
            dirs.iter().map(|dir| Path::new(dir).join(name)).find(|file| file.is_file()).ok_or_else(|| missing(name))
        };
        let (svnadmin, svnserve, svnrdump) = (find("svnadmin")?, find("svnserve")?, find("svnrdump")?);
        let programs =
            Self { svnadmin, svnserve, svnrdump, apache: find("apache2")?, modules, setpriv: find("setpriv")? };
        if programs.modules.join("mod_dav_svn.so").is_file() { Ok(programs) } else { Err(missing("mod_dav_svn")) }
    }
}

/// Whose children's files are; None: they are this program's own user's.
pub(crate) fn owner() -> Option<u32> {
    rustix::process::geteuid().is_root().then_some(CHILD_ID)
}

/// Gives a file or a directory to the children's user.
pub(crate) fn give(path: &Path) -> io::Result<()> {
    owner().map_or(Ok(()), |id| std::os::unix::fs::lchown(path, Some(id), Some(id)))
}

/// A child to be started.
#[derive(Debug)]
pub(crate) struct Start {
    program: PathBuf,
    setpriv: PathBuf,
    args: Vec<OsString>,
    dir: PathBuf,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    env: Vec<(&'static str, OsString)>,
    port: Option<u16>,
    door: Option<u16>,
    address_space_max: u64,
    file_bytes_max: Option<u64>,
    cpu_seconds_max: Option<u64>,
    talk: Option<UnixStream>,
}

impl Start {
    /// A program that works in a directory, and may only read there until told otherwise.
    pub(crate) fn new(programs: &Programs, program: &Path, dir: &Path) -> Self {
        Self {
            program: program.to_owned(),
            setpriv: programs.setpriv.clone(),
            args: Vec::new(),
            dir: dir.to_owned(),
            read: vec![dir.to_owned()],
            write: Vec::new(),
            env: Vec::new(),
            port: None,
            door: None,
            address_space_max: CHILD_ADDRESS_SPACE_BYTES_MAX,
            file_bytes_max: None,
            cpu_seconds_max: None,
            talk: None,
        }
    }

    /// An argument of ours.
    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Lets it read there too.
    pub(crate) fn read(mut self, path: PathBuf) -> Self {
        self.read.push(path);
        self
    }

    /// Lets it write there.
    pub(crate) fn write(mut self, path: PathBuf) -> Self {
        self.write.push(path);
        self
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Lets it listen on this port.
    pub(crate) fn listens_on(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Lets it connect to this port, of whatever machine: what listens there here is the only one that it is told of.
    pub(crate) fn connects_to(mut self, port: u16) -> Self {
        self.door = Some(port);
        self
    }

    /// Bounds its memory more narrowly.
    pub(crate) fn address_space_max(mut self, bytes: u64) -> Self {
        self.address_space_max = bytes;
        self
    }

    /// Bounds each file that it writes.
    pub(crate) fn file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = Some(bytes);
        self
    }

    /// Bounds the processor time it takes; then it is ended.
    pub(crate) fn cpu_seconds_max(mut self, seconds: u64) -> Self {
        self.cpu_seconds_max = Some(seconds);
        self
    }

    /// Gives it this as its standard input and output.
    pub(crate) fn talks_on(mut self, stream: UnixStream) -> Self {
        self.talk = Some(stream);
        self
    }

    fn command(&mut self) -> io::Result<Command> {
        // setpriv is the system's; it asks to be told when its parent ends, and replaces itself by the program.
        let mut command = Command::new(&self.setpriv);
        if let Some(id) = owner() {
            // Not by this program: the directory is entered first, which the other user might not be able to.
            command.arg(format!("--reuid={id}")).arg(format!("--regid={id}")).arg("--clear-groups");
        }
        command.args(["--pdeathsig", "TERM", "--"]).arg(&self.program).args(&self.args);
        command.current_dir(&self.dir).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        // Nobody here keeps its end: the other end hears when the child is gone.
        if let Some(stream) = self.talk.take() {
            command.stdin(OwnedFd::from(stream.try_clone()?)).stdout(OwnedFd::from(stream));
        }
        Ok(command)
    }

    /// Binds this thread, and what is started from it, for good.
    fn restrict(&self) -> Result<(), landlock::RulesetError> {
        if cfg!(feature = "unconfined") {
            return Ok(());
        }
        let abi = ABI::V4;
        let system = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom"];
        // A repository's files are data: nothing in it is ever run, whoever put it there.
        let data = AccessFs::from_read(abi) & !AccessFs::Execute;
        let all = AccessFs::from_all(abi) & !AccessFs::Execute;
        let mut ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .create()?
            .add_rules(path_beneath_rules(system, AccessFs::from_read(abi)))?
            .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
            .add_rules(path_beneath_rules(&self.read, data))?
            .add_rules(path_beneath_rules(&self.write, all))?;
        for (port, access) in [(self.port, AccessNet::BindTcp), (self.door, AccessNet::ConnectTcp)] {
            if let Some(port) = port {
                ruleset = ruleset.add_rule(NetPort::new(port, access))?;
            }
        }
        // Git and the pages come first. Who may not say so has children like others'.
        let _ = rustix::process::setpriority_process(None, CHILD_NICENESS);
        ruleset.restrict_self().map(|_| ())
    }

    fn limit(&self, pid: Pid) {
        let set = [
            (Resource::As, Some(self.address_space_max)),
            (Resource::Nofile, Some(CHILD_FILES_MAX)),
            (Resource::Core, Some(0)),
            (Resource::Fsize, self.file_bytes_max),
            (Resource::Cpu, self.cpu_seconds_max),
        ];
        for (resource, value) in set.into_iter().filter(|(_, value)| value.is_some()) {
            if let Err(error) = prlimit(Some(pid), resource, Rlimit { current: value, maximum: value }) {
                tracing::debug!(%error, "cannot limit a child; it has ended, or this user may not");
            }
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the system can't.
    pub(crate) async fn spawn(mut self) -> Result<Running, ChildError> {
        let program = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = program.clone();
        let failed = move |error| ChildError::Start { program: name.clone(), error };
        let (started, starting) = tokio::sync::oneshot::channel();
        let (ended, ending) = watch::channel(None);
        let thread = std::thread::Builder::new().name("svn-child".to_owned());
        let supervise = move || {
            let bound = self.restrict().map_err(io::Error::other);
            let spawned = bound.and_then(|()| self.command()?.spawn());
            let mut child = match spawned {
                Ok(child) => child,
                Err(error) => return drop(started.send(Err(error))),
            };
            let pid = Pid::from_child(&child);
            self.limit(pid);
            let alive = Arc::new(Mutex::new(Some(pid)));
            // Nobody waits any more: it is ended as its handle is dropped.
            drop(started.send(Ok(alive.clone())));
            ended.send_replace(Some(supervise(&mut child, pid, &alive)));
        };
        thread.spawn(supervise).map_err(&failed)?;
        let started = starting.await.map_err(|_| failed(io::Error::other("the starting thread ended")))?;
        Ok(Running { program, alive: started.map_err(&failed)?, ending })
    }

    /// Runs it to its end; gives what it said on standard output.
    ///
    /// # Errors
    /// When it can't be started, or fails.
    pub(crate) async fn run(self) -> Result<Vec<u8>, ChildError> {
        let running = self.spawn().await?;
        let Ended { status, output, words } = running.ended().await;
        match status {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(ChildError::Failed { program: running.program.clone(), status, words }),
            Err(error) => Err(ChildError::Start { program: running.program.clone(), error: io::Error::other(error) }),
        }
    }
}

/// How a child ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) status: Result<ExitStatus, String>,
    pub(crate) output: Vec<u8>,
    /// Its last words, as one line.
    pub(crate) words: String,
}

/// Waits for the child's end while listening to what it says. Its number is forgotten before the system may give it to another.
fn supervise(child: &mut Child, pid: Pid, alive: &Mutex<Option<Pid>>) -> Ended {
    let listen = |stream: Option<Box<dyn io::Read + Send>>| {
        std::thread::spawn(move || {
            let (mut kept, Some(mut stream)) = (Vec::new(), stream) else { return Vec::new() };
            // What can't be read of its words is lost; its status says enough.
            let _ = (&mut stream).take(CHILD_WORDS_BYTES_MAX).read_to_end(&mut kept);
            let _ = io::copy(&mut stream, &mut io::sink());
            kept
        })
    };
    let output = listen(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn io::Read + Send>));
    let words = listen(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn io::Read + Send>));
    let waited = rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    if let Err(error) = waited {
        tracing::warn!(%error, "waiting for a child");
    }
    // What it has started itself goes with it.
    let mut number = lock(alive);
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    *number = None;
    drop(number);
    let status = child.wait().map_err(|error| error.to_string());
    let (output, words) = (output.join().unwrap_or_default(), words.join().unwrap_or_default());
    Ended { status, output, words: clean(&words) }
}

fn lock(alive: &Mutex<Option<Pid>>) -> MutexGuard<'_, Option<Pid>> {
    alive.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that is running. It is told to end when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    program: String,
    alive: Arc<Mutex<Option<Pid>>>,
    ending: watch::Receiver<Option<Ended>>,
}

impl Running {
    /// Whether it has ended, and how.
    pub(crate) fn is_over(&self) -> Option<Ended> {
        self.ending.borrow().clone()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Ended {
        let mut ending = self.ending.clone();
        let over = ending.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        over.unwrap_or_else(|| Ended { status: Err("lost".to_owned()), output: Vec::new(), words: String::new() })
    }

    /// Tells it to end, and makes it when it does not.
    pub(crate) async fn stop(&self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(END_WAIT, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = *lock(&self.alive) {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// A child's words for people: one line, without control characters.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").replace(char::is_control, " ")
}
