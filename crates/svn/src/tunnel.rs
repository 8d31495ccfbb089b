//! Subversion's own server on somebody's SSH connection: `svnserve --tunnel`, one for each session, for one repository.
//!
//! ```text
//! client <--SSH--> our server <--a pair of sockets--> svnserve -t, under Landlock, with the commit gate
//! ```
//! It finds the repository below a directory of the session's own, in which a link has the repository's address as its name: so it
//! understands its clients' addresses, and all that is in them is this one repository.

use crate::child::{self, ChildError, Programs, Running, Start};
use crate::gate::{Asker, Askers};
use crate::httpd::random;
use crate::ra_svn::{self, Reworded};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;

/// How long a server may take to say its first words, and to hold the probe back.
const START_WAIT: Duration = Duration::from_secs(20);
/// The most it may say until then.
const GREETING_BYTES_MAX: usize = 16 << 10;
/// Bytes that are handed on at one time.
const PIECE_BYTES: usize = 32 << 10;
/// Cache of one server, in MiB: a session reads most things once.
const CACHE_MIB: &str = "16";
/// The largest request of a client, in MiB: paths, property values, not files.
const REQUEST_MIB_MAX: &str = "16";

/// Processor time of one session, in seconds.
const SESSION_CPU_SECONDS_MAX: u64 = 3600;

/// What starting one takes.
#[derive(Debug)]
pub(crate) struct TunnelStart<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) askers: &'a Askers,
    /// `DIR/svn`
    pub(crate) base: &'a Path,
    pub(crate) repo: u64,
    pub(crate) session: Session<'a>,
    /// Of this process: no two are the same.
    pub(crate) number: u64,
}

/// Whose session it is, and where.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// What the gate is told when the session wants to make something visible.
    pub id: u64,
    /// The account: a parsed name.
    pub user: &'a str,
    /// `OWNER/NAME.svn`, as the client writes it: of parsed names.
    pub location: &'a str,
    /// Whether it may change something.
    pub writes: bool,
    /// The rules of paths, as Subversion's servers read them.
    pub authz: Option<&'a str>,
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Tunnel {
    stream: UnixStream,
    running: Running,
    _room: Room,
    _permit: Option<OwnedSemaphorePermit>,
}

/// What a session has on the disk and at the gate; gone when it is dropped.
#[derive(Debug)]
struct Room {
    dir: PathBuf,
    token: String,
    askers: Askers,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.askers.remove(&self.token);
        // What can't be removed now is at the next start.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Tunnel {
    /// Starts one for a repository that is on the disk.
    pub(crate) async fn start(start: &TunnelStart<'_>, permit: OwnedSemaphorePermit) -> Result<Self, ChildError> {
        let dir = start.base.join(start.repo.to_string());
        let place = Place { dir: &dir, target: "/proc/self/cwd/repo", write: dir.join("repo/db"), probes: None };
        let mut tunnel = spawn(start, place).await?;
        // Its first words were said to the client before it was there.
        tokio::time::timeout(START_WAIT, tunnel.first_words())
            .await
            .map_err(late)
            .and_then(|said| said.map_err(failed))?;
        tunnel._permit = Some(permit);
        Ok(tunnel)
    }

    /// Sees that such a server's gate holds; gives what such a server says first.
    pub(crate) async fn probe(programs: &Programs, askers: &Askers, base: &Path) -> Result<Vec<u8>, ChildError> {
        let dir = base.join("probe.tunnel");
        fs::create_dir_all(&dir).and_then(|()| child::give(&dir)).map_err(failed)?;
        let probes = Arc::new(AtomicU64::new(0));
        let session = Session { id: 0, user: "outlast", location: "-/probe.svn", writes: true, authz: None };
        let start = TunnelStart { programs, askers, base, repo: 0, session, number: 0 };
        let place = Place {
            dir: &dir,
            target: "/proc/self/cwd/../probe",
            write: base.join("probe"),
            probes: Some(probes.clone()),
        };
        let mut tunnel = spawn(&start, place).await?;
        let probing = async {
            let greeting = tunnel.first_words().await?;
            tunnel.commit_nothing().await?;
            Ok(greeting)
        };
        let greeting = tokio::time::timeout(START_WAIT, probing).await.map_err(late)?.map_err(failed)?;
        if probes.load(Ordering::SeqCst) == 1 {
            return Ok(greeting);
        }
        Err(failed(io::Error::other(
            "svnserve's commit gate does not hold: a commit that was to be refused was not. Nothing is served over SSH",
        )))
    }

    /// The first item that it says.
    async fn first_words(&mut self) -> io::Result<Vec<u8>> {
        let mut said = Vec::new();
        loop {
            match ra_svn::parse(&said).map_err(io::Error::other)? {
                // It waits for an answer now.
                Some((_, n)) if n == said.len() => return Ok(said),
                None if said.len() < GREETING_BYTES_MAX => {}
                _ => return Err(io::Error::other("it says something else than svnserve does")),
            }
            if self.stream.read_buf(&mut said).await? == 0 {
                let words = self.running.ended().await.words;
                return Err(io::Error::other(format!("svnserve ended: {words}")));
            }
        }
    }

    /// A commit of nothing, as a client would make it. It is to fail.
    async fn commit_nothing(&mut self) -> io::Result<()> {
        let say = "( 2 ( edit-pipeline ) 26:svn+ssh://host/-/probe.svn ) ( EXTERNAL ( 0: ) ) \
                   ( commit ( 5:probe ( ) false ( ) ) ) ( open-root ( ( ) 1:r ) ) ( close-dir ( 1:r ) ) ( close-edit ( ) ) ";
        self.stream.write_all(say.as_bytes()).await?;
        let mut said = Vec::new();
        // It is refused, or was made: then its author is named, and the gate was not asked.
        let is_over = |said: &[u8]| {
            [&b"( failure "[..], b"( 7:outlast )"]
                .iter()
                .any(|end| said.windows(end.len()).any(|window| window == *end))
        };
        while !is_over(&said) {
            if said.len() > GREETING_BYTES_MAX || self.stream.read_buf(&mut said).await? == 0 {
                return Err(io::Error::other("svnserve said nothing of the probe's commit"));
            }
        }
        Ok(())
    }

    /// Hands on both ways, beginning with what the client has said already, until either side ends. `better`: for the code of a
    /// failure, the words that the client is told instead. `moved` counts what passes.
    ///
    /// # Errors
    /// When the client is gone in the middle.
    pub async fn relay<C: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        client: C,
        opening: &[u8],
        better: impl Fn(u64) -> Option<String>,
        moved: &AtomicU64,
    ) -> io::Result<()> {
        self.stream.write_all(opening).await?;
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = self.stream.split();
        let inwards = async {
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                let n = from_client.read(&mut piece).await?;
                if n == 0 {
                    // It hears the end of its client's words, and ends itself.
                    to_server.shutdown().await?;
                    return std::future::pending::<io::Result<()>>().await;
                }
                to_server.write_all(&piece[..n]).await?;
                moved.fetch_add(n as u64, Ordering::Relaxed);
            }
        };
        let outwards = async {
            let (mut piece, mut out, mut reworded) = (vec![0; PIECE_BYTES], Vec::new(), Reworded::default());
            loop {
                let n = from_server.read(&mut piece).await?;
                if n == 0 {
                    return to_client.shutdown().await;
                }
                out.clear();
                reworded.pass(&piece[..n], &mut out, &better);
                to_client.write_all(&out).await?;
                to_client.flush().await?;
                moved.fetch_add(n as u64, Ordering::Relaxed);
            }
        };
        tokio::select! { ended = inwards => ended, ended = outwards => ended }
    }
}

/// Where a server works and what it serves.
struct Place<'a> {
    dir: &'a Path,
    target: &'a str,
    write: PathBuf,
    /// It is the probe's; counts what was held back.
    probes: Option<Arc<AtomicU64>>,
}

async fn spawn(start: &TunnelStart<'_>, place: Place<'_>) -> Result<Tunnel, ChildError> {
    let (Session { id, user, location, writes, .. }, dir) = (start.session, place.dir);
    let own = format!("tunnels/{}", start.number);
    let token = random().map_err(failed)?;
    let room = Room { dir: dir.join(&own), token: token.clone(), askers: start.askers.clone() };
    prepare(dir, &room.dir, &start.session, place.target).map_err(failed)?;
    let prefix = format!("/proc/self/cwd/{own}/{location}/").into_bytes();
    let asker = Asker {
        repo: start.repo,
        dir: dir.to_owned(),
        own: prefix,
        session: Some(id),
        only_probes: place.probes.is_some(),
        probes: place.probes.unwrap_or_default(),
    };
    start.askers.add(token.clone(), asker);
    let (near, far) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
    near.set_nonblocking(true).map_err(failed)?;
    let stream = UnixStream::from_std(near).map_err(failed)?;
    let mut child = Start::new(start.programs, &start.programs.svnserve, dir)
        .arg("--tunnel")
        .arg(format!("--tunnel-user={user}"))
        .arg("--root")
        .arg(format!("/proc/self/cwd/{own}"))
        .arg("--config-file")
        .arg(format!("/proc/self/cwd/{own}/svnserve.conf"))
        .arg("--memory-cache-size")
        .arg(CACHE_MIB)
        .arg("--max-request-size")
        .arg(REQUEST_MIB_MAX)
        .read(start.base.join("gate.so"))
        .write(place.write)
        .write(room.dir.join("tmp"))
        .env("LD_PRELOAD", "/proc/self/cwd/../gate.so")
        .env("OUTLAST_SVN_GATE", "/proc/self/cwd/../gate.sock")
        .env("OUTLAST_SVN_TOKEN", token.as_str())
        .env("TMPDIR", format!("/proc/self/cwd/{own}/tmp"))
        .cpu_seconds_max(SESSION_CPU_SECONDS_MAX)
        .talks_on(far);
    if !writes {
        child = child.arg("--read-only");
    }
    let running = child.spawn().await?;
    Ok(Tunnel { stream, running, _room: room, _permit: None })
}

/// The session's directory: its configuration, and the link to the repository.
fn prepare(base: &Path, dir: &Path, session: &Session<'_>, target: &str) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let link = dir.join(session.location);
    let mut above: Vec<&Path> = link.ancestors().skip(1).take_while(|path| path.starts_with(dir)).collect();
    above.push(dir.parent().filter(|path| path.starts_with(base)).unwrap_or(dir));
    for path in above.into_iter().rev().chain([dir.join("tmp").as_path()]) {
        fs::create_dir_all(path)?;
        child::give(path)?;
    }
    symlink(target, &link)?;
    let access = if session.writes { "write" } else { "read" };
    let mut text = format!("[general]\nanon-access = none\nauth-access = {access}\n");
    if let Some(authz) = session.authz {
        text.push_str("authz-db = authz\n");
        put(&dir.join("authz"), authz)?;
    }
    put(&dir.join("svnserve.conf"), &text)
}

fn put(file: &Path, text: &str) -> io::Result<()> {
    fs::write(file, text)?;
    child::give(file)
}

fn failed(error: io::Error) -> ChildError {
    ChildError::Start { program: "svnserve".to_owned(), error }
}

fn late(_: tokio::time::error::Elapsed) -> ChildError {
    failed(io::Error::other("it does not answer"))
}
