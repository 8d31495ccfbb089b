//! An answer of a repository's server on its way out: it is watched, and holds its turn until it is out of the server.
//!
//! 1. A server that says nothing for so long (`EngineLimits::silence_max`) is ended: what was asked of it was too much. It is started again when somebody
//!    asks for the repository.
//! 2. A small answer is taken from the server at once, however slowly it is read here. Who reads a large one takes a piece of it
//!    in time (`EngineLimits::reader_wait_max`), and all of it (`EngineLimits::answer_time_max`), or is cut off.
//! 3. Who leaves gives the turn back when the server has noticed, not before.
//! 4. Whoever reads a large one and may no longer is cut off: it is asked every two seconds (`until_other_rights`).

use axum::body::{Body, Bytes};
use axum::response::Response;
use forge::site::{SvnServer, SvnTurn};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};

/// Answers up to this many bytes are taken from the server whole.
const SMALL_BYTES_MAX: u64 = 256 << 10;
/// Pieces of a large one that are read ahead.
const PIECES_AHEAD: usize = 4;

type Piece = Result<Frame<Bytes>, io::Error>;

/// Waits for what a server says, if it must say it soon; ends the server when it does not.
pub(super) async fn watched<T>(
    server: &SvnServer,
    hurry: bool,
    saying: impl Future<Output = T>,
) -> Result<T, io::Error> {
    if !hurry {
        return Ok(saying.await);
    }
    let max = server.limits().silence_max;
    match timeout(max, saying).await {
        Ok(said) => Ok(said),
        Err(_) => {
            tracing::warn!(seconds = max.as_secs(), "a request was too much for a Subversion server; it is ended");
            server.stop().await;
            Err(io::Error::new(io::ErrorKind::TimedOut, "it was too much for one request: ask for less at a time"))
        }
    }
}

/// Takes an answer over. It is whole, or comes on as its reader takes it.
pub(super) async fn taken(
    answer: hyper::Response<Incoming>,
    server: Arc<SvnServer>,
    turn: SvnTurn,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<Response, io::Error> {
    let (head, body) = answer.into_parts();
    if body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BYTES_MAX) {
        let whole = watched(&server, true, body.collect()).await?.map_err(io::Error::other)?;
        return Ok(Response::from_parts(head, Body::from(whole.to_bytes())));
    }
    let (pieces, coming) = channel(PIECES_AHEAD);
    tokio::spawn(async move {
        tokio::select! { () = hand_on(body, &server, &pieces) => {}, () = stop => refuse(&pieces) }
        drop(turn);
    });
    Ok(Response::from_parts(head, Body::new(StreamBody::new(reader(coming)))))
}

/// Hands an answer on piece by piece; the last is an empty one, which says that it is whole.
async fn hand_on(mut body: Incoming, server: &SvnServer, pieces: &Sender<Piece>) {
    let limits = *server.limits();
    let until = Instant::now() + limits.answer_time_max;
    loop {
        let (piece, last) = match watched(server, true, body.frame()).await {
            Ok(Some(Ok(frame))) => (Ok(frame), false),
            Ok(Some(Err(error))) => (Err(io::Error::other(error)), true),
            Ok(None) => (Ok(Frame::data(Bytes::new())), true),
            Err(error) => (Err(error), true),
        };
        let by = until.min(Instant::now() + limits.reader_wait_max);
        // Its reader is gone, or too slow: what is not taken is given up.
        if !matches!(timeout_at(by, pieces.send(piece)).await, Ok(Ok(()))) || last {
            return;
        }
    }
}

/// What was read ahead is taken still, and then it breaks off.
fn refuse(pieces: &Sender<Piece>) {
    // With no room for the words it breaks off too, in others.
    let _ = pieces.try_send(Err(io::Error::new(io::ErrorKind::PermissionDenied, "it may not be read any more")));
}

fn reader(coming: Receiver<Piece>) -> impl futures_util::Stream<Item = Piece> + Send {
    let next = |coming: Option<Receiver<Piece>>| async move {
        let mut coming = coming?;
        match coming.recv().await {
            Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => None,
            Some(Ok(frame)) => Some((Ok(frame), Some(coming))),
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(io::Error::new(io::ErrorKind::TimedOut, "it was read too slowly")), None)),
        }
    };
    futures_util::stream::unfold(Some(coming), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn an_answer_that_stops_coming_is_not_taken_for_a_whole_one() {
        for whole in [true, false] {
            let (pieces, coming) = channel(4);
            pieces.send(Ok(Frame::data(Bytes::from_static(b"ab")))).await.unwrap();
            if whole {
                pieces.send(Ok(Frame::data(Bytes::new()))).await.unwrap();
            }
            drop(pieces);
            let read: Vec<_> = Box::pin(reader(coming)).collect().await;
            assert_eq!((read.len(), read.iter().all(Result::is_ok)), (if whole { 1 } else { 2 }, whole));
        }
    }
}
