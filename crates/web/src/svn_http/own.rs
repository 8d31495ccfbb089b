//! Files that our own reader answers: no repository's server is asked for what a checkout or an update consists of, thousands of small
//! files, or what makes them of those that the client has.
//!
//! A file of a revision never changes. What is answered here has the bytes and the headers that mod_dav_svn gives it (its
//! `deliver`, and HTTPv2's addresses, notes/http-and-webdav/http-protocol-v2.txt of Subversion's sources), and a delta makes the same
//! bytes; whatever is asked for in another way (ranges, conditions) is the server's to answer.

use super::pass::{BUSY, To, clean, told};
use crate::codings::accepted;
use crate::flood::Turn;
use crate::pages::percent_decoded;
use axum::body::{Body, Bytes};
use axum::response::Response;
use forge::site::{Packing, SvnSource, make_svndiff};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// The largest file, in bytes; a larger one is sent as it is read.
const OWN_FILE_BYTES_MAX: u64 = 1 << 20;
/// A revision's files, below a repository's address.
const REVISION_ROOT: &str = "/!svn/rvr/";
/// How long a client may keep what can't change, as mod_dav_svn says it.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=604800");
/// With one of these a request asks for something else than the whole file.
const IN_ANOTHER_WAY: [HeaderName; 6] = [
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];
/// The address of what the client has of the file: it takes a delta.
const BASE: HeaderName = HeaderName::from_static("x-svn-vr-base");
/// What else than its address an answer follows from: who keeps one gives it to nobody who asks in another way.
const VARIES_WITH: HeaderValue = HeaderValue::from_static("X-SVN-VR-Base, Accept-Encoding");
const DELTA: HeaderValue = HeaderValue::from_static("application/vnd.svn-svndiff");

/// The answer, if it is one that is made here. `below` is the address below the repository's, `source` all of it, unless there are
/// parts that who asks may not read; it is asked for only when it is needed. It takes a turn as what the server answers does.
pub async fn own(
    request: &Parts,
    to: &To<'_>,
    below: &str,
    source: impl Future<Output = Option<SvnSource>>,
) -> Option<Response> {
    if request.method != Method::GET || IN_ANOTHER_WAY.iter().any(|name| request.headers.contains_key(name)) {
        return None;
    }
    let (rev, path) = address(below)?;
    let base = match request.headers.get(&BASE) {
        Some(base) => Some((address(base.to_str().ok()?.strip_prefix(to.root)?)?, base.clone())),
        None => None,
    };
    // Whatever is wrong with it, the server says it better.
    let (source, wanted, packing) = (source.await?, path.clone(), packing(&request.headers));
    let Some(turn) = to.server.turn(to.account).await else {
        return Some(told(StatusCode::SERVICE_UNAVAILABLE, BUSY));
    };
    let reading = held_to_its_end((turn, Turn::of(request)), move || {
        let file = source.sent_file(rev, &wanted, OWN_FILE_BYTES_MAX).ok()??;
        let Some(((rev, path), named)) = base else { return Some((file, None)) };
        let had = source.sent_file(rev, &path, OWN_FILE_BYTES_MAX).ok()??;
        let delta = make_svndiff(&had.bytes, &file.bytes, packing);
        Some((file, Some((delta, named))))
    });
    let (file, delta) = reading.await??;
    let mime_type = file.mime_type.as_deref().unwrap_or(b"text/plain");
    let tag = [b"\"", file.changed.to_string().as_bytes(), b"//", &path, b"\""].concat();
    let mut response = match delta {
        None => {
            let mut response = Response::new(Body::from(Bytes::from_owner(Shared(file.bytes))));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_bytes(mime_type).ok()?);
            response
        }
        Some((delta, base)) => {
            let mut response = Response::new(Body::from(delta));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, DELTA);
            headers.insert(BASE, base);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_bytes(&tag).ok()?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, KEPT);
    headers.insert(header::VARY, VARIES_WITH);
    clean(headers);
    Some(response)
}

/// Runs what blocks, and gives back what is held for it when that has ended: who hangs up ends nothing, and has their next turn
/// after it.
async fn held_to_its_end<T: Send + 'static>(
    held: impl Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let working = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(held);
        done
    });
    working.await.ok()
}

/// The revision and the path that an address below a repository's names; None: it is another address, or one to be careful with.
fn address(below: &str) -> Option<(u64, Vec<u8>)> {
    let (rev, path) = below.strip_prefix(REVISION_ROOT)?.split_once('/')?;
    let path = percent_decoded(path)?;
    let odd = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'"' | b'&' | b'<' | b'>');
    let plain =
        !path.is_empty() && !path.iter().any(odd) && path.split(|byte| *byte == b'/').all(|name| !name.is_empty());
    (plain && rev.bytes().all(|byte| byte.is_ascii_digit())).then_some((rev.parse().ok()?, path))
}

/// The version of svndiff that a client likes best; version 0 is what all take.
fn packing(headers: &HeaderMap) -> Packing {
    let mut best = (0.0, Packing::Plain);
    for (name, weight) in accepted(headers) {
        let packing = match name {
            "svndiff2" => Packing::Lz4,
            "svndiff1" => Packing::Zlib,
            "svndiff" => Packing::Plain,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, packing);
        }
    }
    best.1
}

/// A content that the reader keeps too.
struct Shared(std::sync::Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tokio::sync::Semaphore;

    #[test]
    fn a_client_gets_the_version_that_it_likes_best() {
        let of = |text: &'static str| {
            packing(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert_eq!(of("gzip,svndiff2;q=0.9,svndiff1;q=0.8,svndiff;q=0.7"), Packing::Lz4);
        assert_eq!(of("gzip,svndiff1;q=0.9,svndiff2;q=0.8,svndiff;q=0.7"), Packing::Zlib);
        assert_eq!(of("svndiff1;q=0.9,svndiff;q=0.8"), Packing::Zlib);
        assert_eq!(
            (of("svndiff"), of("gzip"), of("svndiff2;q=0, svndiff1;q=x")),
            (Packing::Plain, Packing::Plain, Packing::Plain)
        );
        assert_eq!(packing(&HeaderMap::new()), Packing::Plain);
    }

    #[tokio::test]
    async fn who_hangs_up_has_no_other_turn_before_the_work_has_ended() {
        let turns = Arc::new(Semaphore::new(2));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let work = || {
            let (turn, wait) = (turns.clone().try_acquire_owned().unwrap(), wait.clone());
            held_to_its_end(turn, move || wait.lock().unwrap().recv())
        };
        for left in [1, 0] {
            assert!(tokio::time::timeout(Duration::ZERO, work()).await.is_err(), "who waited has left");
            assert_eq!(turns.available_permits(), left);
        }
        go.send(()).unwrap();
        let _turn = tokio::time::timeout(Duration::from_secs(5), turns.acquire()).await.unwrap().unwrap();
        assert_eq!(turns.available_permits(), 0);
        go.send(()).unwrap();
    }

    #[test]
    fn a_revisions_file_is_known_by_its_address() {
        let known = |below| address(below).map(|(rev, path)| (rev, String::from_utf8(path).unwrap()));
        assert_eq!(known("/!svn/rvr/12/trunk/a%20b/%C3%A9"), Some((12, "trunk/a b/é".to_owned())));
        for other in [
            "/!svn/rvr/12",
            "/!svn/rvr/12/",
            "/!svn/rvr/+12/a",
            "/!svn/rvr/12/a/",
            "/!svn/rvr/12//a",
            "/!svn/rvr/12/a%22b",
            "/!svn/rvr/12/a%0a",
            "/!svn/rvr/12/a%",
            "/!svn/ver/12/a",
            "/!svn/rvr/99999999999999999999/a",
            "/trunk/a",
        ] {
            assert_eq!(address(other), None, "{other}");
        }
    }
}
