//! Bodies: a request's as a blocking reader, a reader's as an answer.

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use std::io::{self, Read};
use std::time::Duration;
use tokio::sync::mpsc;

/// What answers are made of.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// How many bytes go through a channel at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// How many chunks may wait in a channel.
const CHUNKS_WAITING: usize = 4;

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// How long the sender of a large body may say nothing in the middle.
const BODY_SILENCE_MAX: Duration = Duration::from_secs(60);

/// A request's body for code that blocks. `bytes_max` bounds it.
pub(crate) fn reader(mut body: Incoming, bytes_max: u64) -> impl Read + Send {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_WAITING);
    tokio::spawn(async move {
        let mut left = bytes_max;
        loop {
            let frame = match tokio::time::timeout(BODY_SILENCE_MAX, body.frame()).await {
                Ok(None) => return,
                Ok(Some(frame)) => frame.map_err(io::Error::other),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            let chunk = frame.and_then(|frame| {
                let data = frame.into_data().unwrap_or_default();
                left = left.checked_sub(data.len() as u64).ok_or_else(|| io::Error::other("the body is too large"))?;
                Ok(data)
            });
            let failed = chunk.is_err();
            if sender.send(chunk).await.is_err() || failed {
                return;
            }
        }
    });
    ChannelReader { receiver, current: Bytes::new(), failed: false }
}

struct ChannelReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    failed: bool,
}

impl Read for ChannelReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.failed {
            match self.receiver.blocking_recv() {
                None => return Ok(0),
                Some(Ok(bytes)) => self.current = bytes,
                Some(Err(error)) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
        let count = self.current.len().min(buf.len());
        self.current.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

/// What a blocking reader gives, as an answer.
pub(crate) fn from_reader(mut reader: Box<dyn Read + Send>) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_WAITING);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let read = reader.read(&mut chunk).map(|count| {
                chunk.truncate(count);
                Bytes::from(chunk)
            });
            let last = !matches!(&read, Ok(bytes) if !bytes.is_empty());
            let is_end = matches!(&read, Ok(bytes) if bytes.is_empty());
            if is_end || sender.blocking_send(read).is_err() || last {
                return;
            }
        }
    });
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    });
    BoxBody::new(StreamBody::new(stream.map(|item| item.map(Frame::data))))
}
