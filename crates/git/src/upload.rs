//! `git-upload-pack`: refs and packs for those who clone and fetch.
//!
//! `ls-refs` is answered from memory. A fetch is looked up in the cache, and on a miss computed by Git's own
//! `upload-pack`, whose answer goes to the cache and to all who asked.

mod stream;

pub use stream::serve_stream;

use crate::cache::{CacheKey, Lookup, PackCache, Reader, Writer};
use crate::child::{ChildError, GitChild};
use crate::pkt::{self, Line, PktError};
use crate::repository::Repository;
use crate::smart_http::Protocol;
use crate::snapshot::{LsRefs, REF_PREFIXES_MAX, RefSnapshot};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// Limits on a request to fetch.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Bytes of the request, expanded: wants and haves.
    pub request_bytes_max: usize,
    /// Objects that a client may want at once.
    pub wants_max: usize,
    /// Objects that a client may say it has, in one request.
    pub haves_max: usize,
    /// How long the request may take to come.
    pub request_time_max: Duration,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            request_bytes_max: 32 << 20,
            wants_max: 200_000,
            haves_max: 400_000,
            request_time_max: Duration::from_secs(120),
        }
    }
}

/// Why a fetch was not answered.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The request is not of the protocol, or over a limit: the client is told in the protocol's own way.
    #[error("{0}")]
    Request(String),
    /// Git failed.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The cache's disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<PktError> for UploadError {
    fn from(error: PktError) -> Self {
        Self::Request(error.to_string())
    }
}

/// Something that is kept for as long as Git works on an answer, however long or short the answer is read; a turn, for instance.
pub type WhileComputing = Option<Arc<dyn Any + Send + Sync>>;

/// An answer as it comes.
pub type Answer = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

fn once(bytes: impl Into<Bytes>) -> Answer {
    Box::pin(futures_util::stream::iter([Ok(bytes.into())]))
}

/// A request, read whole and understood as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Refs are asked for: answered from memory.
    LsRefs(LsRefs),
    /// For Git.
    Git {
        /// The bytes as they came.
        bytes: Vec<u8>,
        /// What of them the answer depends on.
        normal: Vec<u8>,
    },
}

/// Answers one POST to `git-upload-pack`. Where the answer is kept already, nothing is computed, and `turn` is dropped with it.
///
/// # Errors
/// When the request is not one, or Git fails before it has said anything.
pub async fn serve<R: AsyncRead + Send + Unpin>(
    repository: &Repository,
    refs: &RefSnapshot,
    protocol: Protocol,
    body: R,
    cache: &Arc<PackCache>,
    limits: UploadLimits,
    turn: WhileComputing,
) -> Result<Answer, UploadError> {
    let mut bytes = Vec::new();
    let mut body = body.take(limits.request_bytes_max as u64 + 1);
    let read = tokio::time::timeout(limits.request_time_max, body.read_to_end(&mut bytes)).await;
    read.map_err(|_| UploadError::Request("the request did not come in time (request_time_max)".to_owned()))??;
    if bytes.len() > limits.request_bytes_max {
        return Err(UploadError::Request(format!(
            "the request is over {} bytes; fetch less at once",
            limits.request_bytes_max
        )));
    }
    answer(repository, refs, protocol, bytes, cache, limits, turn).await
}

/// Answers one request that was read whole.
async fn answer(
    repository: &Repository,
    refs: &RefSnapshot,
    protocol: Protocol,
    bytes: Vec<u8>,
    cache: &Arc<PackCache>,
    limits: UploadLimits,
    turn: WhileComputing,
) -> Result<Answer, UploadError> {
    match parse(bytes, protocol, refs, limits)? {
        Request::LsRefs(request) => Ok(once(refs.ls_refs(&request))),
        Request::Git { bytes, normal } => fetch(repository, refs, protocol, bytes, &normal, cache, turn).await,
    }
}

/// Understands a request, as far as it matters here.
///
/// # Errors
/// When it is none, or over a limit.
pub fn parse(
    bytes: Vec<u8>,
    protocol: Protocol,
    refs: &RefSnapshot,
    limits: UploadLimits,
) -> Result<Request, UploadError> {
    let lines = lines(&bytes)?;
    let count =
        |prefix: &str| lines.iter().filter(|line| line.text().is_some_and(|text| text.starts_with(prefix))).count();
    if count("want ") > limits.wants_max || count("have ") > limits.haves_max {
        return Err(UploadError::Request(format!(
            "a request may want {} and have {} objects",
            limits.wants_max, limits.haves_max
        )));
    }
    if protocol != Protocol::V2 {
        let normal = normalised(&lines);
        return Ok(Request::Git { bytes, normal });
    }
    let command = lines.first().and_then(Line::text).and_then(|text| text.strip_prefix("command="));
    let format = lines.iter().filter_map(Line::text).find_map(|text| text.strip_prefix("object-format="));
    if format.is_some_and(|format| format != refs.format().name()) {
        return Err(UploadError::Request(format!("this repository's objects are {}", refs.format().name())));
    }
    match command {
        Some("ls-refs") => Ok(Request::LsRefs(parse_ls_refs(&lines)?)),
        Some("fetch" | "object-info") => {
            let normal = normalised(&lines);
            Ok(Request::Git { bytes, normal })
        }
        Some(other) => Err(UploadError::Request(format!("unknown command {other:?}"))),
        None => Err(UploadError::Request("no command in the request".to_owned())),
    }
}

/// All packet lines of a request.
fn lines(mut bytes: &[u8]) -> Result<Vec<Line>, PktError> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let (digits, rest) = bytes.split_first_chunk::<4>().ok_or(PktError::CutShort)?;
        let Some(length) = pkt::parse_length(*digits)? else {
            lines.push(match digits[3] {
                b'0' => Line::Flush,
                b'1' => Line::Delimiter,
                _ => Line::ResponseEnd,
            });
            bytes = rest;
            continue;
        };
        let (payload, rest) = rest.split_at_checked(length).ok_or(PktError::CutShort)?;
        lines.push(Line::Data(payload.to_vec()));
        bytes = rest;
    }
    Ok(lines)
}

fn parse_ls_refs(lines: &[Line]) -> Result<LsRefs, UploadError> {
    let mut request = LsRefs::default();
    let arguments =
        lines.iter().skip_while(|line| **line != Line::Delimiter).skip(1).take_while(|line| **line != Line::Flush);
    for text in arguments.filter_map(Line::text) {
        match text {
            "peel" => request.peel = true,
            "symrefs" => request.symrefs = true,
            "unborn" => request.unborn = true,
            other => match other.strip_prefix("ref-prefix ") {
                Some(prefix) => request.prefixes.push(prefix.to_owned()),
                None => return Err(UploadError::Request(format!("unexpected line in ls-refs: {other:?}"))),
            },
        }
    }
    if request.prefixes.len() >= REF_PREFIXES_MAX {
        // As Git's own server: too many to be of use, so all refs are sent.
        request.prefixes.clear();
    }
    Ok(request)
}

/// What of a request the answer depends on: all but who the client says it is.
fn normalised(lines: &[Line]) -> Vec<u8> {
    let mut normal = Vec::new();
    for line in lines {
        match line {
            Line::Data(payload) => match line.text() {
                Some(text) if text.starts_with("agent=") || text.starts_with("session-id=") => {}
                // The first want of protocol v0 has the capabilities behind it.
                Some(text) if text.starts_with("want ") && text.contains(" agent=") => {
                    let kept =
                        text.split(' ').filter(|word| !word.starts_with("agent=") && !word.starts_with("session-id="));
                    pkt::write_text(&mut normal, &kept.collect::<Vec<_>>().join(" "));
                }
                Some(text) => pkt::write_text(&mut normal, text),
                None => pkt::write(&mut normal, payload),
            },
            Line::Flush => normal.extend_from_slice(b"0000"),
            Line::Delimiter => normal.extend_from_slice(b"0001"),
            Line::ResponseEnd => normal.extend_from_slice(b"0002"),
        }
    }
    normal
}

async fn fetch(
    repository: &Repository,
    refs: &RefSnapshot,
    protocol: Protocol,
    bytes: Vec<u8>,
    normal: &[u8],
    cache: &Arc<PackCache>,
    turn: WhileComputing,
) -> Result<Answer, UploadError> {
    let key = CacheKey::new(repository.path(), refs.generation(), protocol.number(), normal);
    let mut reader = match cache.get(key)? {
        Lookup::Follow(reader) => reader,
        Lookup::Compute(reader, writer) => {
            start(repository, protocol, bytes, writer, turn).await?;
            reader
        }
    };
    reader.started().await.map_err(UploadError::Request)?;
    Ok(Box::pin(Reader::into_stream(reader)))
}

async fn start(
    repository: &Repository,
    protocol: Protocol,
    bytes: Vec<u8>,
    writer: Writer,
    turn: WhileComputing,
) -> Result<(), UploadError> {
    let command = repository
        .command("upload-pack")
        .flag("--stateless-rpc")
        .flag("--strict")
        .flag(".")
        .protocol(protocol.number());
    let child = command.spawn().await?;
    // Not tied to the client that asked first: others may follow by the time it goes away.
    tokio::spawn(async move {
        if let Err(error) = compute(child, bytes, writer).await {
            tracing::debug!(%error, "an answer was not completed");
        }
        drop(turn);
    });
    Ok(())
}

async fn compute(mut child: GitChild, request: Vec<u8>, mut writer: Writer) -> Result<(), String> {
    let stdin = child.stdin.take();
    let feeding = tokio::spawn(async move {
        if let Some(mut stdin) = stdin {
            // A child that stops listening says why in its answer.
            let _ = stdin.write_all(&request).await;
        }
    });
    let copied = copy(&mut child, &mut writer).await;
    let result = match copied {
        Ok(()) => match child.wait().await {
            Err(error @ ChildError::Failed { .. }) if writer.bytes() > 0 => {
                // It has told the client itself what is wrong, as its last line.
                feeding.abort();
                writer.end_unkept();
                return Err(error.to_string());
            }
            waited => waited.map_err(|error| error.to_string()),
        },
        Err(error) => Err(error),
    };
    feeding.abort();
    writer.end(result.clone());
    result
}

async fn copy(child: &mut GitChild, writer: &mut Writer) -> Result<(), String> {
    let Some(mut stdout) = child.stdout.take() else { return Ok(()) };
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = stdout.read(&mut buffer).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(());
        }
        if !writer.wanted() {
            return Err("nobody waits for it any more".to_owned());
        }
        writer.write(&buffer[..count]).map_err(|error| error.to_string())?;
    }
}

/// An error told in the protocol's own way: clients print it as the remote's.
pub fn error_answer(error: &UploadError) -> Answer {
    once(pkt::error_line(&error.to_string())).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ObjectFormat, RefName};

    fn refs() -> RefSnapshot {
        RefSnapshot::new(1, ObjectFormat::Sha1, RefName::main(), vec![])
    }

    fn request(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            match *line {
                "|" => out.extend_from_slice(b"0001"),
                "." => out.extend_from_slice(b"0000"),
                text => pkt::write_text(&mut out, text),
            }
        }
        out
    }

    fn parsed(lines: &[&str], protocol: Protocol) -> Result<Request, UploadError> {
        parse(request(lines), protocol, &refs(), UploadLimits { wants_max: 2, ..UploadLimits::default() })
    }

    #[test]
    fn who_asks_does_not_matter_and_what_is_asked_does() {
        let id = "1".repeat(40);
        let fetch = |agent: &str, thin: &str| {
            let lines = ["command=fetch", agent, "object-format=sha1", "|", thin, &format!("want {id}"), "done", "."];
            match parsed(&lines, Protocol::V2).unwrap() {
                Request::Git { normal, .. } => normal,
                Request::LsRefs(_) => panic!("a fetch"),
            }
        };
        assert_eq!(fetch("agent=git/2.47", "thin-pack"), fetch("agent=git/2.30", "thin-pack"));
        assert_ne!(fetch("agent=git/2.47", "thin-pack"), fetch("agent=git/2.47", "ofs-delta"));
        let v0 = |agent: &str| match parsed(&[&format!("want {id} thin-pack {agent}"), ".", "done"], Protocol::V0)
            .unwrap()
        {
            Request::Git { normal, .. } => normal,
            Request::LsRefs(_) => panic!("a fetch"),
        };
        assert_eq!(v0("agent=a"), v0("agent=b"));
    }

    #[test]
    fn limits_and_nonsense_are_refused_with_words() {
        let want = format!("want {}", "1".repeat(40));
        for (lines, words) in [
            (vec!["command=fetch", "|", &want, &want, &want, "."], "may want 2"),
            (vec!["command=evil", "."], "unknown command"),
            (vec!["."], "no command"),
            (vec!["command=fetch", "object-format=sha256", "|", "."], "objects are sha1"),
            (vec!["command=ls-refs", "|", "rm -rf", "."], "unexpected line"),
        ] {
            let error = parsed(&lines, Protocol::V2).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn ls_refs_is_understood() {
        let lines = ["command=ls-refs", "agent=x", "|", "peel", "symrefs", "unborn", "ref-prefix refs/heads/", "."];
        let expected = LsRefs { peel: true, symrefs: true, unborn: true, prefixes: vec!["refs/heads/".to_owned()] };
        assert_eq!(parsed(&lines, Protocol::V2).unwrap(), Request::LsRefs(expected));
    }
}
