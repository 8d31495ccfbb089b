//! A revision's files in one file: `git archive`, streamed.

use super::{damaged, weight};
use crate::child::{ChildError, GitChild};
use crate::{ObjectId, Repository};
use code::{ArchiveFormat, ReadError, RevisionId};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::ChildStdout;

/// The longest name of the directory that everything is in.
const PREFIX_BYTES_MAX: usize = 200;
/// Processor time that an archive may take.
const CPU_SECONDS_MAX: u64 = 600;

/// The directory that everything in an archive is in: letters, digits, `-._+`, and neither a dot nor a dash first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivePrefix(String);

impl FromStr for ArchivePrefix {
    type Err = ReadError;
    fn from_str(text: &str) -> Result<Self, ReadError> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+');
        let first = text.bytes().next().filter(|byte| !matches!(byte, b'.' | b'-'));
        if first.is_none() || text.len() > PREFIX_BYTES_MAX || !text.bytes().all(good) {
            return Err(ReadError::Invalid("an archive's directory has letters, digits, -._+ in its name".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl ArchivePrefix {
    /// The nearest to any words, such as a repository's name with a tag's: what can't be in it becomes a dash.
    #[must_use]
    pub fn near(text: &str) -> Self {
        let good = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '+') { c } else { '-' };
        let name: String = text.chars().map(good).take(PREFIX_BYTES_MAX).collect();
        let name = name.trim_start_matches(['.', '-']);
        Self(if name.is_empty() { "archive".to_owned() } else { name.to_owned() })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A revision's files as an archive. Reading fails at the end if Git did: half an archive is never taken for one.
///
/// # Errors
/// When there is no such revision, its files are too many or too large ([`ReadError::TooMuch`]), or Git can't be started.
pub async fn archive(
    repository: &Repository,
    id: &RevisionId,
    format: ArchiveFormat,
    prefix: &ArchivePrefix,
) -> Result<Archive, ReadError> {
    let id: ObjectId = id.0.parse().map_err(|_| ReadError::NotFound(format!("revision {id}")))?;
    let weighed = repository.clone();
    tokio::task::spawn_blocking(move || weight::can_be_written_out(&weighed, &id)).await.map_err(damaged)??;
    let format = match format {
        ArchiveFormat::TarGz => "--format=tar.gz",
        ArchiveFormat::Zip => "--format=zip",
    };
    let command = repository.command("archive").flag(format).archive_prefix(prefix).object(id);
    let mut child = command.cpu_seconds(CPU_SECONDS_MAX).spawn().await.map_err(damaged)?;
    drop(child.stdin.take());
    let stdout = child.stdout.take().ok_or_else(|| damaged("git archive has no output"))?;
    Ok(Archive { state: State::Reading(stdout, Box::new(child)) })
}

/// An archive's bytes. The child ends when this is dropped.
pub struct Archive {
    state: State,
}

enum State {
    Reading(ChildStdout, Box<GitChild>),
    Ending(Pin<Box<dyn Future<Output = Result<(), ChildError>> + Send>>),
    Ended,
}

impl AsyncRead for Archive {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Reading(stdout, _) => {
                    let before = buf.filled().len();
                    ready!(Pin::new(stdout).poll_read(cx, buf))?;
                    if buf.filled().len() > before || buf.remaining() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    if let State::Reading(_, child) = std::mem::replace(&mut self.state, State::Ended) {
                        self.state = State::Ending(Box::pin(child.wait()));
                    }
                }
                State::Ending(end) => {
                    let ended = ready!(end.as_mut().poll(cx));
                    self.state = State::Ended;
                    return Poll::Ready(ended.map_err(io::Error::other));
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}
