//! `git-upload-pack` on a connection that stays open (SSH): refs first, then one request after another.
//!
//! ```text
//! v2:  capabilities -> [request -> answer]... -> end
//! v0:  refs -> end
//!           -> wants, done -> pack                          from the cache, as over HTTP
//!           -> wants, then a conversation about what is had  Git's own upload-pack
//! ```

use super::{Answer, UploadError, UploadLimits, answer};
use crate::cache::PackCache;
use crate::pkt::{self, Line};
use crate::repository::Repository;
use crate::smart_http::Protocol;
use crate::snapshot::{RefSnapshot, capabilities_v2};
use futures_util::StreamExt as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

/// Serves one client until it has what it wants. What it did wrong it is told in the protocol's own way.
///
/// # Errors
/// When the client can't be told: the connection or the server failed.
pub async fn serve_stream<R, W>(
    repository: &Repository,
    refs: &RefSnapshot,
    protocol: Protocol,
    reader: R,
    mut writer: W,
    cache: &Arc<PackCache>,
    limits: UploadLimits,
) -> Result<(), UploadError>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    let mut client = Client { reader: BufReader::new(reader), limits };
    let context = Context { repository, refs, protocol, cache, limits };
    let served = match protocol {
        Protocol::V2 => context.version_2(&mut client, &mut writer).await,
        Protocol::V0 | Protocol::V1 => context.version_0(&mut client, &mut writer).await,
    };
    if let Err(error) = &served {
        // It may be gone.
        let _ = writer.write_all(&pkt::error_line(&error.to_string())).await;
    }
    writer.flush().await?;
    match served {
        Err(UploadError::Request(words)) => {
            tracing::info!(%words, "a fetch was refused");
            Ok(())
        }
        other => other,
    }
}

struct Context<'a> {
    repository: &'a Repository,
    refs: &'a RefSnapshot,
    protocol: Protocol,
    cache: &'a Arc<PackCache>,
    limits: UploadLimits,
}

impl Context<'_> {
    async fn version_2<R, W>(&self, client: &mut Client<R>, writer: &mut W) -> Result<(), UploadError>
    where
        R: AsyncBufRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        writer.write_all(&capabilities_v2(self.refs.format())).await?;
        writer.flush().await?;
        while let Some(request) = client.request().await? {
            copy(self.answer(request).await?, writer).await?;
        }
        Ok(())
    }

    async fn answer(&self, request: Vec<u8>) -> Result<Answer, UploadError> {
        answer(self.repository, self.refs, self.protocol, request, self.cache, self.limits, None).await
    }

    async fn version_0<R, W>(&self, client: &mut Client<R>, writer: &mut W) -> Result<(), UploadError>
    where
        R: AsyncBufRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let mut greeting = Vec::new();
        if self.protocol == Protocol::V1 {
            pkt::write_text(&mut greeting, "version 1");
        }
        greeting.extend_from_slice(&self.refs.stateful_advertisement());
        writer.write_all(&greeting).await?;
        writer.flush().await?;
        let Some(mut request) = client.request().await? else { return Ok(()) };
        if !boundaries_are_asked_for(&request) {
            match client.in_time(&mut request).await? {
                Some(line) if line.text() == Some("done") => return copy(self.answer(request).await?, writer).await,
                Some(_) => {}
                None => return Ok(()),
            }
        }
        self.converse(request, client, writer).await
    }

    /// The rest of a conversation that began with `request`, with Git's own server.
    async fn converse<R, W>(&self, request: Vec<u8>, client: &mut Client<R>, writer: &mut W) -> Result<(), UploadError>
    where
        R: AsyncBufRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let command = self.repository.command("upload-pack").flag("--strict").flag(".");
        let mut child = command.protocol(Protocol::V0.number()).spawn().await?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a child without pipes").into());
        };
        let mut stdout = BufReader::with_capacity(64 << 10, stdout);
        // Its refs: the client has ours.
        while let Some(Line::Data(_)) = pkt::read(&mut stdout).await? {}
        let idle = self.limits.request_time_max;
        let feeding = async {
            stdin.write_all(&request).await?;
            pour(&mut client.reader, &mut stdin, idle).await?;
            drop(stdin);
            std::future::pending::<io::Result<()>>().await
        };
        tokio::select! {
            poured = pour(&mut stdout, writer, Duration::MAX) => poured?,
            fed = feeding => fed?,
        }
        writer.flush().await?;
        match child.wait().await {
            Ok(()) => Ok(()),
            Err(error) => {
                // What was wrong with the request it has told the client itself.
                tracing::debug!(%error, "a fetch was not completed");
                Ok(())
            }
        }
    }
}

/// Copies until the end; an error when nothing comes for so long.
async fn pour<R, W>(reader: &mut R, writer: &mut W, idle: Duration) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = tokio::time::timeout(idle, reader.read(&mut buffer)).await;
        let count = read.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the client fell silent"))??;
        if count == 0 {
            return Ok(());
        }
        writer.write_all(&buffer[..count]).await?;
        writer.flush().await?;
    }
}

/// Sends an answer as it comes.
async fn copy<W: AsyncWrite + Unpin>(mut answer: Answer, writer: &mut W) -> Result<(), UploadError> {
    while let Some(bytes) = answer.next().await {
        writer.write_all(&bytes?).await?;
    }
    Ok(writer.flush().await?)
}

/// Whether the client waits for an answer before it says what it has.
fn boundaries_are_asked_for(request: &[u8]) -> bool {
    let lines = super::lines(request).unwrap_or_default();
    lines.iter().filter_map(Line::text).any(|text| text.starts_with("shallow ") || text.starts_with("deepen"))
}

/// Who asks.
struct Client<R> {
    reader: R,
    limits: UploadLimits,
}

impl<R: AsyncBufRead + Unpin> Client<R> {
    /// The bytes of a request, through its flush. None when the client is done: it said so, or went away.
    async fn request(&mut self) -> Result<Option<Vec<u8>>, UploadError> {
        let mut bytes = Vec::new();
        let time_max = self.limits.request_time_max;
        let reading = async {
            loop {
                match self.line(&mut bytes).await? {
                    None => return Ok(false),
                    Some(Line::Flush) => return Ok(bytes.len() > 4),
                    Some(_) => {}
                }
            }
        };
        let late = || UploadError::Request("the request did not come in time (request_time_max)".to_owned());
        let whole: Result<bool, UploadError> = tokio::time::timeout(time_max, reading).await.map_err(|_| late())?;
        Ok(whole?.then_some(bytes))
    }

    /// As [`Self::line`], with a limit on how long it takes.
    async fn in_time(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Line>, UploadError> {
        let late = |_| UploadError::Request("the request did not come in time (request_time_max)".to_owned());
        tokio::time::timeout(self.limits.request_time_max, self.line(bytes)).await.map_err(late)?
    }

    /// The next line, which is also added to `bytes` as it came.
    async fn line(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Line>, UploadError> {
        let line = pkt::read(&mut self.reader).await?;
        match &line {
            Some(Line::Data(payload)) if payload.is_empty() => bytes.extend_from_slice(b"0004"),
            Some(Line::Data(payload)) => pkt::write(bytes, payload),
            Some(Line::Flush) => bytes.extend_from_slice(b"0000"),
            Some(Line::Delimiter) => bytes.extend_from_slice(b"0001"),
            Some(Line::ResponseEnd) => bytes.extend_from_slice(b"0002"),
            None => {}
        }
        if bytes.len() > self.limits.request_bytes_max {
            let max = self.limits.request_bytes_max;
            return Err(UploadError::Request(format!("the request is over {max} bytes; fetch less at once")));
        }
        Ok(line)
    }
}
