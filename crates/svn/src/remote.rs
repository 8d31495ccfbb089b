//! A repository somewhere else, read to its end by Subversion's own `svnrdump`, which reaches nothing but a door of ours.
//!
//! ```text
//! svnrdump, under Landlock --the one port that it may connect to--> our proxy --> the one host that was asked for
//!     `--dump--> us
//! ```

use crate::child::{ChildError, Programs, Running, Start};
use std::io;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// Bytes that are read at one time.
const PIECE_BYTES: usize = 128 << 10;

/// Somewhere else, and how it is reached. All of it was parsed: no part begins with a `-` or has a control character.
#[derive(Clone, Copy, Debug)]
pub struct RemoteSource<'a> {
    /// `http://...` or `https://...`, without a credential.
    pub url: &'a str,
    /// Name and password.
    pub login: Option<(&'a str, &'a str)>,
    /// A proxy on this machine, which connects to that host alone.
    pub proxy_port: u16,
}

/// A dump that is being made somewhere else. Dropped, it ends.
#[derive(Debug)]
pub struct RemoteDump {
    stream: UnixStream,
    running: Running,
}

impl RemoteDump {
    /// Begins it. `dir` is a directory of its own.
    ///
    /// # Errors
    /// When `svnrdump` can't be started.
    pub async fn start(programs: &Programs, dir: &Path, source: RemoteSource<'_>) -> Result<Self, ChildError> {
        let failed = |error| ChildError::Start { program: "svnrdump".to_owned(), error };
        let proxy = [("host", "127.0.0.1".to_owned()), ("port", source.proxy_port.to_string())];
        let mut start =
            Start::new(programs, &programs.svnrdump, dir).arg("dump").arg("--quiet").arg("--non-interactive");
        start = start.arg("--no-auth-cache").arg("--config-dir").arg("/proc/self/cwd/config");
        for (name, value) in proxy {
            start = start.arg("--config-option").arg(format!("servers:global:http-proxy-{name}={value}"));
        }
        if let Some((user, _)) = source.login {
            start = start.arg("--password-from-stdin").arg("--username").arg(user);
        }
        let start = start.arg("--").arg(source.url).connects_to(source.proxy_port).write(dir.to_owned());
        let start =
            start.read("/etc/ssl".into()).read("/usr/share/ca-certificates".into()).env("TMPDIR", "/proc/self/cwd");
        let (near, far) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        near.set_nonblocking(true).map_err(failed)?;
        let mut stream = UnixStream::from_std(near).map_err(failed)?;
        let running = start.talks_on(far).spawn().await?;
        if let Some((_, password)) = source.login {
            stream.write_all(format!("{password}\n").as_bytes()).await.map_err(failed)?;
        }
        stream.shutdown().await.map_err(failed)?;
        Ok(Self { stream, running })
    }

    /// The next piece of the dump. None: it is whole.
    ///
    /// # Errors
    /// What `svnrdump` says when it is not.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        if self.stream.read_buf(&mut piece).await? > 0 {
            return Ok(Some(piece));
        }
        let ended = self.running.ended().await;
        match ended.status {
            Ok(status) if status.success() => Ok(None),
            Ok(status) if ended.words.is_empty() => Err(io::Error::other(format!("svnrdump: {status}"))),
            Ok(_) => Err(io::Error::other(ended.words)),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
