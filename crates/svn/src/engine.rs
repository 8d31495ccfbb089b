//! The servers of one site: started when a repository is first asked for, stopped when nobody has for a while.

use crate::child::{self, ChildError, Programs};
use crate::cut_off;
use crate::fill::prepare_directory;
use crate::gate::{self, Askers, CommitGate};
use crate::httpd::{HttpServer, HttpStart, PathRules};
use crate::repository::SvnRepository;
use crate::tunnel::{Session, Tunnel, TunnelStart};
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::task::JoinHandle;

/// Bounds of the servers.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Repositories that are served at one time.
    pub servers_max: usize,
    /// How long a server that nobody uses is kept.
    pub idle_max: Duration,
    /// Sessions over SSH at one time: each has a server of its own.
    pub sessions_max: usize,
    /// Of them, sessions of one account.
    pub account_sessions_max: usize,
    /// How long a session may go without a byte either way.
    pub session_idle_max: Duration,
    /// How long a server may say nothing to a request over HTTP that only reads.
    pub silence_max: Duration,
    /// How long a reader over HTTP may take none of a large answer.
    pub reader_wait_max: Duration,
    /// How long a large answer over HTTP may take in all.
    pub answer_time_max: Duration,
    /// How long a commit that nobody goes on with is kept: much longer than any of these ends a client that is silent.
    pub transaction_idle_max: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            servers_max: 32,
            idle_max: Duration::from_secs(300),
            sessions_max: 128,
            account_sessions_max: 32,
            session_idle_max: Duration::from_secs(600),
            silence_max: Duration::from_secs(300),
            reader_wait_max: Duration::from_secs(60),
            answer_time_max: Duration::from_secs(4 * 3600),
            transaction_idle_max: Duration::from_secs(4 * 3600),
        }
    }
}

/// Starts and stops servers. Dropped, it ends them all.
#[derive(Debug)]
pub struct Engine {
    base: PathBuf,
    programs: Programs,
    limits: EngineLimits,
    askers: Askers,
    servers: Arc<Mutex<HashMap<u64, Arc<HttpServer>>>>,
    greeting: OnceCell<Vec<u8>>,
    sessions: Arc<Semaphore>,
    tunnels: AtomicU64,
    tasks: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Prepares `base`, in which the repositories lie, and listens for what the gate asks.
    ///
    /// # Errors
    /// When the directory can't be prepared.
    pub async fn start<G: CommitGate>(
        base: &Path,
        programs: Programs,
        limits: EngineLimits,
        gate: Arc<G>,
    ) -> Result<Self, ChildError> {
        let failed = |error| ChildError::Start { program: "the commit gate".to_owned(), error };
        prepare(base).map_err(failed)?;
        end_strays(base);
        let listener = listen(base).map_err(failed)?;
        let probe = base.join("probe");
        if !probe.join("db/current").is_file() {
            make_probe(&programs, base).await?;
        }
        let askers = Askers::default();
        let servers: Arc<Mutex<HashMap<u64, Arc<HttpServer>>>> = Arc::default();
        let answering = tokio::spawn(gate::serve(listener, askers.clone(), gate));
        let idle = tokio::spawn(stop_idle(servers.clone(), limits.idle_max));
        let cut_off = tokio::spawn(cut_off::remove_again_and_again(base.to_owned(), limits.transaction_idle_max));
        Ok(Self {
            base: base.to_owned(),
            programs,
            limits,
            askers,
            servers,
            greeting: OnceCell::new(),
            sessions: Arc::new(Semaphore::new(limits.sessions_max.min(Semaphore::MAX_PERMITS))),
            tunnels: AtomicU64::new(1),
            tasks: vec![answering, idle, cut_off],
        })
    }

    /// Where a repository lies or would lie.
    #[must_use]
    pub fn repository(&self, repo: u64) -> SvnRepository {
        SvnRepository::at(self.base.join(repo.to_string()))
    }

    /// The server of a repository that is on the disk, at this address; started if it does not run. It asks the rules of paths in
    /// `authz`. None: too many others run, and all are in use.
    ///
    /// # Errors
    /// When it can't be started, or its gate does not hold.
    pub async fn http(
        &self,
        repo: u64,
        location: &str,
        authz: PathRules<'_>,
    ) -> Result<Option<Arc<HttpServer>>, ChildError> {
        let mut servers = self.servers.lock().await;
        let fits = |server: &&Arc<HttpServer>| {
            server.is_running() && server.location() == location && server.asks_rules() >= authz.text.is_some()
        };
        if let Some(server) = servers.get(&repo).filter(fits) {
            server.set_rules(authz).map_err(|error| ChildError::Start { program: "apache2".to_owned(), error })?;
            server.touch();
            return Ok(Some(server.clone()));
        }
        if let Some(old) = servers.remove(&repo) {
            old.stop().await;
        }
        if servers.len() >= self.limits.servers_max {
            let unused = servers.iter().filter(|(_, server)| Arc::strong_count(server) == 1);
            let Some(longest) = unused.max_by_key(|(_, server)| server.idle()).map(|(id, _)| *id) else {
                return Ok(None);
            };
            if let Some(server) = servers.remove(&longest) {
                server.stop().await;
            }
        }
        let dir = self.base.join(repo.to_string());
        let (programs, askers, limits) = (&self.programs, &self.askers, self.limits);
        let start = HttpStart { programs, askers, dir, repo, location, authz, limits };
        let server = Arc::new(HttpServer::start(start).await?);
        servers.insert(repo, server.clone());
        Ok(Some(server))
    }

    /// What a server of a session says first. The first time, it is seen that its gate holds.
    ///
    /// # Errors
    /// When it can't be started, or its gate does not hold.
    pub async fn greeting(&self) -> Result<&[u8], ChildError> {
        let probe = || Tunnel::probe(&self.programs, &self.askers, &self.base);
        self.greeting.get_or_try_init(probe).await.map(Vec::as_slice)
    }

    /// A server for one session, of a repository that is on the disk. None: there are as many sessions as there may be.
    ///
    /// # Errors
    /// When it can't be started, or its gate does not hold.
    pub async fn tunnel(&self, repo: u64, session: Session<'_>) -> Result<Option<Tunnel>, ChildError> {
        self.greeting().await?;
        let Ok(permit) = self.sessions.clone().try_acquire_owned() else { return Ok(None) };
        let number = self.tunnels.fetch_add(1, Ordering::Relaxed);
        let (programs, askers, base) = (&self.programs, &self.askers, self.base.as_path());
        Tunnel::start(&TunnelStart { programs, askers, base, repo, session, number }, permit).await.map(Some)
    }

    /// Ends a repository's server, whoever uses it.
    pub async fn close(&self, repo: u64) {
        let server = self.servers.lock().await.remove(&repo);
        if let Some(server) = server {
            server.stop().await;
        }
    }

    /// Ends all servers.
    pub async fn stop(&self) {
        let servers: Vec<_> = self.servers.lock().await.drain().collect();
        for (_, server) in servers {
            server.stop().await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn stop_idle(servers: Arc<Mutex<HashMap<u64, Arc<HttpServer>>>>, idle_max: Duration) {
    loop {
        tokio::time::sleep(idle_max / 4).await;
        let mut servers = servers.lock().await;
        let idle = |server: &Arc<HttpServer>| Arc::strong_count(server) == 1 && server.idle() > idle_max;
        let over: Vec<u64> = servers.iter().filter(|(_, server)| idle(server)).map(|(id, _)| *id).collect();
        for server in over.into_iter().filter_map(|id| servers.remove(&id)) {
            server.stop().await;
        }
    }
}

/// The directory of all repositories is the children's to enter and nobody else's.
fn prepare(base: &Path) -> io::Result<()> {
    prepare_directory(base)?;
    let (part, library) = (base.join("gate.so.part"), base.join("gate.so"));
    fs::write(&part, gate::LIBRARY)?;
    child::give(&part)?;
    fs::rename(&part, &library)
}

/// The socket that the gate asks at. It is bound through the directory: a socket's path may have 107 bytes.
fn listen(base: &Path) -> io::Result<UnixListener> {
    use std::os::fd::AsRawFd as _;
    let socket = base.join("gate.sock");
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let dir = fs::File::open(base)?;
    let listener = UnixListener::bind(format!("/proc/self/fd/{}/gate.sock", dir.as_raw_fd()))?;
    fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
    child::give(&socket)?;
    Ok(listener)
}

/// The repository whose only use is that commits into it are refused.
async fn make_probe(programs: &Programs, base: &Path) -> Result<(), ChildError> {
    // Never a name of before: what made it for an earlier process, or for a start that was given up, may still be at it.
    static STARTS: AtomicU64 = AtomicU64::new(0);
    let (process, start) = (std::process::id(), STARTS.fetch_add(1, Ordering::Relaxed));
    let files = SvnRepository::begin(programs, &base.join(format!("begin-{process}-{start}-probe"))).await?;
    let made = || {
        let scratch = base.join("probe.part");
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        let probe = SvnRepository::at(scratch.clone());
        probe.make(&files)?;
        if base.join("probe").exists() {
            fs::remove_dir_all(base.join("probe"))?;
        }
        fs::rename(probe.root(), base.join("probe"))?;
        fs::remove_dir(scratch)
    };
    made().map_err(|error| ChildError::Start { program: "the commit gate".to_owned(), error })
}

/// Servers of an earlier process that did not hear of its end.
fn end_strays(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let dir = entry.path();
        let name = entry.file_name();
        // What that process was making: nobody goes on with it.
        if ["begin-", "load-"].iter().any(|kind| name.to_string_lossy().starts_with(kind)) {
            let _ = fs::remove_dir_all(&dir);
            continue;
        }
        // Of sessions that ended with that process: what their servers spoke on was its.
        let _ = fs::remove_dir_all(dir.join("tunnels"));
        let pid = fs::read_to_string(dir.join("run/httpd.pid")).ok().and_then(|text| text.trim().parse::<i32>().ok());
        let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else { continue };
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_pid()));
        let ours = fs::read(process.join("cmdline"))
            .is_ok_and(|line| line.starts_with(b"/usr/sbin/apache2\0-f\0/proc/self/cwd/run/"))
            && fs::read_link(process.join("cwd")).is_ok_and(|cwd| fs::canonicalize(&dir).is_ok_and(|dir| dir == cwd));
        if ours {
            tracing::warn!(dir = %dir.display(), "ending a Subversion server that an earlier process left");
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}
