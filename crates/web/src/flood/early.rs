//! Bodies that are read before their sender's turn, in bounded memory and time.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_body_util::BodyExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of a form that is read before its turn. A stranger's is no larger; members' larger ones are read in their turn.
pub(super) const EARLY_FORM_BYTES_MAX: usize = 64 << 10;
/// Bytes of a stranger's fetch or checkout: what they have already.
pub(super) const EARLY_FETCH_BYTES_MAX: usize = 4 << 20;
/// Bytes of all such bodies at one time.
const EARLY_BYTES_MAX: usize = 128 << 20;
/// How long such a body may take to come.
const EARLY_BODY_TIME: Duration = Duration::from_secs(10);

/// Bytes that have come. Only they count: what is announced takes no room.
static COME: AtomicUsize = AtomicUsize::new(0);

/// Bytes that count until this is dropped.
pub(super) struct Counted(usize);

impl Counted {
    fn add(&mut self, bytes: usize) -> Result<(), Refused> {
        self.0 += bytes;
        let before = COME.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > EARLY_BYTES_MAX { Err(Refused::Busy) } else { Ok(()) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COME.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Why a body is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    TooLarge,
    TooSlow,
    Broken,
    Busy,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "this is more than a stranger may send: sign in"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "this request did not come in time: send it again"),
            Self::Broken => (StatusCode::BAD_REQUEST, "this request broke off"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too many are sending: try again in a few seconds"),
        };
        (status, text).into_response()
    }
}

/// Reads a body of at most `bytes_max`.
pub(super) async fn read(body: Body, bytes_max: usize) -> Result<(Bytes, Counted), Refused> {
    read_within(EARLY_BODY_TIME, body, bytes_max).await
}

async fn read_within(time: Duration, body: Body, bytes_max: usize) -> Result<(Bytes, Counted), Refused> {
    tokio::time::timeout(time, gather(body, bytes_max)).await.unwrap_or(Err(Refused::TooSlow))
}

async fn gather(mut body: Body, bytes_max: usize) -> Result<(Bytes, Counted), Refused> {
    let (mut gathered, mut counted) = (Vec::new(), Counted(0));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Broken)?.into_data() else { continue };
        if gathered.len() + data.len() > bytes_max {
            return Err(Refused::TooLarge);
        }
        counted.add(data.len())?;
        gathered.extend_from_slice(&data);
    }
    Ok((gathered.into(), counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_has_a_size_and_a_time() {
        assert_eq!(read(Body::from("four"), 4).await.unwrap().0, "four");
        assert_eq!(read(Body::from("fives"), 4).await.err(), Some(Refused::TooLarge));
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(read_within(Duration::from_millis(1), never, 4).await.err(), Some(Refused::TooSlow));
    }
}
