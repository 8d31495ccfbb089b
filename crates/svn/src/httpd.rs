//! One repository's HTTP server: Debian's `apache2` with `mod_dav_svn`, on a loopback port, behind a secret.
//!
//! Its configuration is the same for every repository but for the address, the port and the secret. Paths are relative to the
//! server's own directory, through `/proc/self/cwd` where the server asks for an absolute one: so nobody's right to enter the
//! directories above matters, and no error tells where the data lies. The repository's is relative by itself: the kernel walks a path
//! without locks only until it comes to such a link, and a log opens thousands of files (42 ms of processor time instead of 28).

use crate::child::{self, ChildError, Programs, Running, Start};
use crate::engine::EngineLimits;
use crate::gate::{Asker, Askers};
use crate::turns::{Turn, Turns};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The header that carries the secret.
pub const SECRET_HEADER: &str = "x-outlast-gate";
/// How long a server may take to start.
const START_WAIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Requests that one repository's server works on at one time.
pub(crate) const HTTP_THREADS: u32 = 25;
/// Connections that it keeps open for each thread that is idle: most are between two requests.
const CONNECTIONS_PER_THREAD: u32 = 200;
/// The largest XML body of a request, in bytes: a working copy of 40,000 mixed revisions sends 2 MB.
pub(crate) const XML_BYTES_MAX: u64 = 32 << 20;
/// Below a server's own directory: where it finds the repository, by a link with the last part of its address as its name. It is not
/// told the repository itself: of the address that it is told, the module for rules of paths asks no rule, and that would be the root.
const PARENT: &str = "parent";
/// How many ports are tried.
const PORTS_TRIED: u32 = 5;

const MODULES: &[&str] =
    &["mpm_event", "authn_core", "authn_anon", "auth_basic", "authz_core", "authz_user", "dav", "dav_svn"];

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct HttpServer {
    port: u16,
    secret: String,
    location: String,
    token: String,
    askers: Askers,
    running: Running,
    used: Mutex<Instant>,
    rules: Option<Rules>,
    turns: Turns,
    limits: EngineLimits,
}

/// Rules of paths, as they were read.
#[derive(Clone, Copy, Debug)]
pub struct PathRules<'a> {
    /// As Subversion's servers read them; None: there are none.
    pub text: Option<&'a str>,
    /// Larger for what was read later.
    pub as_of: u64,
}

/// The rules of paths that a server asks.
#[derive(Debug)]
struct Rules {
    file: PathBuf,
    known: Mutex<Known>,
    /// Counts how often they became others.
    changes: AtomicU64,
}

#[derive(Debug)]
struct Known {
    text: String,
    as_of: u64,
}

/// What there is to ask when there are no rules any more.
const NO_RULES: &str = "[/]\n* = rw\n";

/// What starting one takes.
#[derive(Debug)]
pub(crate) struct HttpStart<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) askers: &'a Askers,
    /// `DIR/svn/ID`
    pub(crate) dir: PathBuf,
    pub(crate) repo: u64,
    /// `/OWNER/NAME.svn`
    pub(crate) location: &'a str,
    /// Rules of paths. A server that is started without any is not told of any later.
    pub(crate) authz: PathRules<'a>,
    pub(crate) limits: EngineLimits,
}

impl HttpServer {
    /// Starts it and sees that its gate holds.
    pub(crate) async fn start(start: HttpStart<'_>) -> Result<Self, ChildError> {
        let mut last = failed(io::Error::other("no port is free"));
        for _ in 0..PORTS_TRIED {
            // Between this and the server's own listening another may take the port: then the next is tried.
            let port =
                std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).map_err(failed)?.port();
            match Self::start_on(&start, port).await {
                Ok(server) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn start_on(start: &HttpStart<'_>, port: u16) -> Result<Self, ChildError> {
        let (secret, token) = (random().map_err(failed)?, random().map_err(failed)?);
        let run = start.dir.join("run");
        let (above, name) = start.location.rsplit_once('/').unwrap_or_default();
        prepare(&run, name, &configuration(start, above, port, &secret)).map_err(failed)?;
        start.authz.text.map_or(Ok(()), |text| put(&run.join("authz"), text)).map_err(failed)?;
        let probes = Arc::new(AtomicU64::new(0));
        let (dir, own) = (start.dir.clone(), format!("run/{PARENT}/{name}/").into_bytes());
        let asker = Asker { repo: start.repo, dir, own, session: None, only_probes: false, probes: probes.clone() };
        start.askers.add(token.clone(), asker);
        let base = start.dir.parent().unwrap_or(Path::new("/"));
        let child = Start::new(start.programs, &start.programs.apache, &start.dir)
            .arg("-f")
            .arg("/proc/self/cwd/run/httpd.conf")
            .arg("-DFOREGROUND")
            .read(base.join("gate.so"))
            .write(base.join("probe"))
            .write(start.dir.join("repo/db"))
            .write(start.dir.join("repo/dav"))
            .write(run.clone())
            .env("LD_PRELOAD", "/proc/self/cwd/../gate.so")
            .env("OUTLAST_SVN_GATE", "/proc/self/cwd/../gate.sock")
            .env("OUTLAST_SVN_TOKEN", token.as_str())
            .env("TMPDIR", "/proc/self/cwd/run")
            .listens_on(port);
        let running = child.spawn().await.inspect_err(|_| start.askers.remove(&token))?;
        let (location, askers, used) = (start.location.to_owned(), start.askers.clone(), Mutex::new(Instant::now()));
        let rules = start.authz.text.map(|text| Rules {
            file: run.join("authz"),
            known: Mutex::new(Known { text: text.to_owned(), as_of: start.authz.as_of }),
            changes: AtomicU64::new(0),
        });
        let (turns, limits) = (Turns::default(), start.limits);
        let server = Self { port, secret, location, token, askers, running, used, rules, turns, limits };
        server.until_it_listens(&run).await?;
        server.probe(&probes).await.map_err(failed)?;
        Ok(server)
    }

    /// Bounds of what it is asked.
    #[must_use]
    pub fn limits(&self) -> &EngineLimits {
        &self.limits
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wants in [`SECRET_HEADER`].
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Changes with its rules of paths. The server reads them once for each connection: one that was opened before is not to be
    /// used any more.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.rules.as_ref().map_or(0, |rules| rules.changes.load(Ordering::SeqCst))
    }

    pub(crate) fn asks_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Gives it these rules of paths, unless it has what was read later; a server without any has none to be changed.
    pub(crate) fn set_rules(&self, authz: PathRules<'_>) -> io::Result<()> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let mut known = rules.known.lock().unwrap_or_else(PoisonError::into_inner);
        if authz.as_of < known.as_of {
            return Ok(());
        }
        let text = authz.text.unwrap_or(NO_RULES);
        if known.text != text {
            put(&rules.file, text)?;
            text.clone_into(&mut known.text);
            rules.changes.fetch_add(1, Ordering::SeqCst);
        }
        known.as_of = authz.as_of;
        Ok(())
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Whether it runs: one that ended is started again by who asks for it anew.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_over().is_none()
    }

    /// It is being used now.
    pub fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long it has not been used.
    pub(crate) fn idle(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Waits for the turn to ask it something, for an account; 0 is nobody in particular. None: there is none for them now.
    pub async fn turn(&self, account: u64) -> Option<Turn> {
        self.turns.take(account).await
    }

    /// Ends it, whatever it is doing. It is started again when its repository is asked for.
    pub async fn stop(&self) {
        self.running.stop().await;
    }

    async fn until_it_listens(&self, run: &Path) -> Result<(), ChildError> {
        let began = Instant::now();
        loop {
            if let Some(ended) = self.running.is_over() {
                let log = fs::read_to_string(run.join("error.log")).unwrap_or_default();
                let words = [ended.words, String::from_utf8_lossy(&ended.output).into_owned(), log].join(" ");
                return Err(failed(io::Error::other(words.trim().replace('\n', "; "))));
            }
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            if began.elapsed() > START_WAIT {
                return Err(failed(io::Error::other("it does not listen")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Commits nothing into a repository of no use, which the gate must hold back.
    async fn probe(&self, probes: &AtomicU64) -> io::Result<()> {
        let begun = self.ask("POST", "/-probe/!svn/me", "application/vnd.svn-skel", "( create-txn )").await?;
        let lower = begun.to_ascii_lowercase();
        let transaction = lower.split("svn-txn-name:").nth(1).and_then(|rest| rest.split_whitespace().next());
        let transaction = transaction.ok_or_else(|| io::Error::other(format!("its probe does not begin: {begun}")))?;
        let merge = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:merge xmlns:D=\"DAV:\"><D:source><D:href>/-probe/!svn/txn/{transaction}\
             </D:href></D:source><D:no-auto-merge/><D:no-checkout/></D:merge>"
        );
        let answer = self.ask("MERGE", "/-probe", "text/xml", &merge).await?;
        let refused = answer.split_whitespace().nth(1).is_some_and(|status| status.starts_with('5'));
        if refused && probes.load(Ordering::SeqCst) == 1 {
            return Ok(());
        }
        Err(io::Error::other(
            "its commit gate does not hold: a commit that was to be refused was not. Nothing is served",
        ))
    }

    async fn ask(&self, method: &str, path: &str, content_type: &str, body: &str) -> io::Result<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic b3V0bGFzdDp4\r\n{SECRET_HEADER}: {}\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.secret,
            body.len()
        );
        let asking = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.take(64 << 10).read_to_end(&mut answer).await?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        tokio::time::timeout(START_WAIT, asking).await?
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.askers.remove(&self.token);
    }
}

/// The directory of what a server keeps while it runs, and the one in which it finds the repository by its name.
fn prepare(run: &Path, name: &str, configuration: &str) -> io::Result<()> {
    match fs::remove_dir_all(run) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(run)?;
    child::give(run)?;
    let parent = run.join(PARENT);
    fs::create_dir(&parent)?;
    child::give(&parent)?;
    std::os::unix::fs::symlink("../../repo", parent.join(name))?;
    put(&run.join("httpd.conf"), configuration)
}

/// Puts a file there whole.
fn put(file: &Path, text: &str) -> io::Result<()> {
    let part = file.with_extension("part");
    fs::write(&part, text)?;
    child::give(&part)?;
    fs::rename(&part, file)
}

fn configuration(start: &HttpStart<'_>, above: &str, port: u16, secret: &str) -> String {
    let modules = start.programs.modules.display();
    let (rules, rules_module) = match start.authz.text {
        Some(_) => ("  AuthzSVNAccessFile /proc/self/cwd/run/authz\n", Some(&"authz_svn")),
        // Each path of a log would be asked for by itself, with the same answer.
        None => ("  SVNPathAuthz Off\n", None),
    };
    let modules =
        MODULES.iter().chain(rules_module).map(|name| format!("LoadModule {name}_module {modules}/mod_{name}.so\n"));
    let modules = modules.collect::<String>();
    format!(
        "ServerRoot /proc/self/cwd/run
PidFile /proc/self/cwd/run/httpd.pid
DefaultRuntimeDir /proc/self/cwd/run
Mutex fcntl:/proc/self/cwd/run default
Listen 127.0.0.1:{port}
ServerName localhost
ServerTokens Prod
TraceEnable Off
ErrorLog /proc/self/cwd/run/error.log
LogLevel crit
{modules}ServerLimit 1
StartServers 1
ThreadsPerChild {HTTP_THREADS}
MaxRequestWorkers {HTTP_THREADS}
MinSpareThreads 1
MaxSpareThreads {HTTP_THREADS}
MaxConnectionsPerChild 0
AsyncRequestWorkerFactor {CONNECTIONS_PER_THREAD}
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 3600
Timeout 300
LimitXMLRequestBody {XML_BYTES_MAX}
LimitRequestBody 0
<Location />
  AuthType Basic
  AuthName outlast
  AuthBasicProvider anon
  Anonymous \"*\"
  Anonymous_MustGiveEmail Off
  <RequireAll>
    Require valid-user
    Require expr \"%{{HTTP:{SECRET_HEADER}}} == '{secret}'\"
  </RequireAll>
</Location>
<Location \"{above}\">
  DAV svn
  SVNParentPath run/{PARENT}
  SVNAutoversioning Off
{rules}</Location>
<Location \"/-probe\">
  DAV svn
  SVNPath /proc/self/cwd/../probe
</Location>
"
    )
}

/// Letters that nobody can guess.
pub(crate) fn random() -> io::Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn failed(error: io::Error) -> ChildError {
    ChildError::Start { program: "Subversion's server".to_owned(), error }
}
