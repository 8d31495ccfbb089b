//! What a blocking thread writes, for who reads without blocking.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

/// Pieces that wait for the reader.
const PIECES_MAX: usize = 4;
/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes that are being written on another thread. Reading ends in an error if writing did.
struct Written {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

/// Starts to write; it breaks off when nobody reads any more.
pub(super) fn written(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> impl AsyncRead + Send + Unpin {
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE_BYTES) };
        if let Err(error) = write(&mut out).and_then(|()| out.send()) {
            drop(sender.blocking_send(Err(error)));
        }
    });
    Written { pieces, piece: Vec::new(), at: 0 }
}

impl AsyncRead for Written {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.at == self.piece.len() {
            match ready!(self.pieces.poll_recv(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(piece) => (self.piece, self.at) = (piece?, 0),
            }
        }
        let count = (self.piece.len() - self.at).min(buffer.remaining());
        buffer.put_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

struct Pieces {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test(flavor = "multi_thread")]
    async fn everything_comes_and_an_error_comes_last() {
        let piece = vec![7_u8; 100_000];
        let expected = piece.repeat(5);
        let mut whole = Vec::new();
        let mut reader = written(move |out| (0..5).try_for_each(|_| out.write_all(&piece)));
        reader.read_to_end(&mut whole).await.unwrap();
        assert!(whole == expected);
        let mut broken = written(|out| out.write_all(b"half").and_then(|()| Err(io::Error::other("the disk"))));
        let mut half = Vec::new();
        let error = broken.read_to_end(&mut half).await.unwrap_err();
        assert_eq!(error.to_string(), "the disk");
    }
}
