//! The binary under test as a child process that can be stopped, frozen, and killed, and that never outlives its test.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The binary that Cargo built for these tests.
pub(crate) const OUTLAST: &str = env!("CARGO_BIN_EXE_outlast");

/// One run of `outlast`, its output in a file.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it says goes to the end of the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let err = out.try_clone().unwrap();
        // Its own group, so that a Ctrl-C in the test's terminal leaves the order of stopping to the test.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        Self { child, log: log.to_path_buf() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// SIGSTOP, and every thread of it stands still when this returns.
    pub(crate) fn freeze(&self) {
        freeze(&[self.pid()]);
    }

    /// It goes on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGKILL, and the child is gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A graceful stop.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "did not stop within 40 s:\n{}", self.log_tail());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `Some` when it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The last of what it said.
    pub(crate) fn log_tail(&self) -> String {
        let text = String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Waits until `ready` gives something; fails when the process ends first or 30 s pass.
    pub(crate) fn await_ready<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(value) = ready() {
                return value;
            }
            if let Some(status) = self.ended() {
                panic!("it ended ({status}) before it was ready:\n{}", self.log_tail());
            }
            assert!(Instant::now() < deadline, "not ready after 30 s:\n{}", self.log_tail());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of {}\n{}", self.log.display(), self.log_tail());
        }
        // Frozen or not: SIGKILL ends it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Stops these processes, and waits until they stand still: the signal is only sent so far, and on a busy machine a thread may answer
/// one more request before it does.
pub(crate) fn freeze(pids: &[u32]) {
    pids.iter().for_each(|pid| send(*pid, Signal::STOP));
    wait_until("they stand still", 20, || pids.iter().all(|pid| stands_still(*pid)));
}

fn stands_still(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    tasks.map(|task| std::fs::read_to_string(task.path().join("status")).unwrap_or_default()).all(|status| {
        // A thread that ended while we looked has no status any more.
        status.is_empty() || status.lines().any(|line| line.starts_with("State:\tT"))
    })
}

/// `strace` at a process and what it starts. It ends with them.
pub(crate) struct Strace {
    child: Child,
}

impl Strace {
    /// Attaches to `pid`; from when this returns on, what it is `told` is so.
    pub(crate) fn attach<S: AsRef<std::ffi::OsStr>>(pid: u32, told: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new("strace");
        command.args(["-p", &pid.to_string()]).args(told).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut attached = String::new();
        // The pipe stays open: it says more of each thread that begins.
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut attached).unwrap();
        assert!(attached.contains("attached"), "{attached}");
        Self { child }
    }

    /// Waits until what it watches has ended, and it has written all of that.
    pub(crate) fn wait(mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a command of the binary printed and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Standard output of a command that must succeed.
    pub(crate) fn success(self) -> String {
        assert!(self.ok, "{self:?}");
        self.stdout
    }

    /// Standard error of a command that must fail.
    pub(crate) fn failure(self) -> String {
        assert!(!self.ok, "it should have failed: {self:?}");
        self.stderr
    }
}

/// Runs `outlast ARGUMENTS` to its end.
pub(crate) fn cli<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    cli_with(arguments, "")
}

/// As [`cli`], with something on standard input.
pub(crate) fn cli_with<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>, input: &str) -> Said {
    let mut command = Command::new(OUTLAST);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that asks for nothing may have ended already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    Said {
        ok: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Polls `condition` until it holds; fails with `what` after `seconds`.
pub(crate) fn wait_until(what: &str, seconds: u64, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
