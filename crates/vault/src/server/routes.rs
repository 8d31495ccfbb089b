//! One function for each request.

use super::body::{Body, from_reader, full};
use super::bring::{append, put_blob};
use super::room::Seat;
use super::ward::{Watch, now_s, now_us};
use super::{Shared, audit, erasure, many, possession, public};
use crate::credential::{Credential, Role};
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::ward::{AlarmKind, DRILL_BYTES_MAX, DrillSeen, INCIDENTS_BYTES_MAX, IncidentsSeen};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use journal::epoch::RecoveryPublic;
use journal::note::VerifierKey;
use journal::{BlobName, Hash};
use minicbor::Encoder;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of a request to prove possession.
const AUDIT_REQUEST_BYTES_MAX: usize = 32 << 10;
/// The most bytes of an alarm of the site's.
const NOTICE_BYTES_MAX: usize = 2 << 10;
/// The most bytes of an epoch statement.
const STATEMENT_BYTES_MAX: usize = 16 << 10;
/// How long a small body may be on its way.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// About how many bytes of batches one answer holds.
const BATCHES_BYTES: usize = 8 << 20;

pub(super) type Answer = Result<Response<Body>, No>;

/// A request that is not done: the status, and why.
#[derive(Debug)]
pub(super) struct No(StatusCode, String);

pub(super) fn no(status: StatusCode, words: impl Into<String>) -> No {
    No(status, words.into())
}

pub(super) async fn handle(
    shared: Arc<Shared>,
    seat: Arc<Seat>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if public::is_public(request.method(), request.uri().path()) {
        return Ok(public::answer(shared, request.uri().path().to_owned()).await);
    }
    if *request.method() == Method::POST && request.uri().path() == possession::PATH {
        return Ok(by_peer(shared, &seat, request.into_body()).await);
    }
    let Some(role) = role(&shared, &request) else {
        shared.watch.stranger();
        return Ok(text(StatusCode::UNAUTHORIZED, "this vault does not know that credential"));
    };
    seat.showed_credential();
    shared.watch.contact();
    let what = format!("{} {}", request.method(), request.uri().path());
    let of = shared.clone();
    let answer = route(shared, role, request).await;
    if let Err(No(StatusCode::METHOD_NOT_ALLOWED | StatusCode::FORBIDDEN, _)) = &answer {
        let text = format!("somebody with the {} credential tried: {what}", role.as_str());
        of.watch.raise(AlarmKind::ForbiddenVerb, text);
    }
    Ok(answer.unwrap_or_else(|No(status, words)| text(status, words)))
}

/// Without TLS: the public pages and nothing else.
pub(super) async fn handle_public(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if public::is_public(request.method(), request.uri().path()) {
        return Ok(public::answer(shared, request.uri().path().to_owned()).await);
    }
    Ok(text(StatusCode::NOT_FOUND, "a vault tells nothing else here"))
}

fn role(shared: &Shared, request: &Request<Incoming>) -> Option<Role> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let credential = Credential::parse(value.strip_prefix("Bearer ")?)?;
    if credential.matches(&shared.recover) {
        Some(Role::Recover)
    } else if credential.matches(&shared.append) {
        Some(Role::Append)
    } else {
        None
    }
}

async fn route(shared: Arc<Shared>, role: Role, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let may_read = || {
        if role == Role::Recover {
            Ok(())
        } else {
            Err(no(StatusCode::FORBIDDEN, "reading needs the recovery credential"))
        }
    };
    if let Some(name) = path.strip_prefix("/v1/blob/") {
        let name = name.parse().map_err(|_| no(StatusCode::NOT_FOUND, "a blob is named by 64 hexadecimal digits"))?;
        return match *request.method() {
            Method::HEAD => has_blob(shared, name).await,
            Method::PUT => put_blob(shared, name, request.into_body()).await,
            Method::GET => {
                may_read()?;
                get_blob(shared, name).await
            }
            _ => Err(not_allowed()),
        };
    }
    match (path.as_str(), request.method()) {
        ("/v1/state", &Method::GET) => blocking(move || state(&shared)).await,
        ("/v1/enrol", &Method::POST) => statement(shared, request.into_body(), true).await,
        ("/v1/epoch", &Method::POST) => statement(shared, request.into_body(), false).await,
        ("/v1/append", &Method::POST) => {
            let proof = proof(request.uri().query())?;
            append(shared, proof, request.into_body()).await
        }
        ("/v1/batches", &Method::GET) => {
            may_read()?;
            let from =
                request.uri().query().and_then(|query| query.strip_prefix("from=")).and_then(|from| from.parse().ok());
            let from = from.ok_or_else(|| no(StatusCode::BAD_REQUEST, "say from where: ?from=NUMBER"))?;
            blocking(move || batches(&shared, from)).await
        }
        ("/v1/blobs", &Method::POST) => {
            may_read()?;
            let names = collect(request.into_body(), many::MANY_REQUEST_BYTES_MAX).await?;
            blocking(move || many::answer(&shared, &names)).await
        }
        ("/v1/epochs", &Method::GET) => {
            blocking(move || Ok(json_answer(&json!(shared.vault().epochs().collect::<Vec<_>>())))).await
        }
        ("/v1/erasures", &Method::GET) => blocking(move || Ok(erasure::list(&shared))).await,
        (path, &Method::GET) if path.starts_with("/v1/erasure/") => {
            let order = path["/v1/erasure/".len()..].parse().ok();
            blocking(move || erasure::record(&shared, order)).await
        }
        ("/v1/drill", &Method::POST) => drill(shared, request.into_body()).await,
        ("/v1/incidents", &Method::POST) => incidents(shared, request.into_body()).await,
        ("/v1/notice", &Method::POST) => notice(shared, request.into_body()).await,
        ("/v1/audit", &Method::POST) => audited(shared, request.into_body()).await,
        (
            "/v1/notice" | "/v1/drill" | "/v1/incidents" | "/v1/audit" | "/v1/state" | "/v1/enrol" | "/v1/epoch"
            | "/v1/append" | "/v1/batches" | "/v1/blobs" | "/v1/epochs" | "/v1/erasures",
            _,
        ) => Err(not_allowed()),
        _ => Err(no(StatusCode::NOT_FOUND, "a vault has no such address")),
    }
}

fn not_allowed() -> No {
    no(StatusCode::METHOD_NOT_ALLOWED, "a vault does not do that; it only adds")
}

pub(super) fn text(status: StatusCode, words: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(words));
    *response.status_mut() = status;
    response
}

pub(super) fn json_answer(value: &serde_json::Value) -> Response<Body> {
    let mut response = text(StatusCode::OK, value.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Disk work, away from the threads that serve connections.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, No> + Send + 'static,
) -> Result<T, No> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a request's work panicked");
            Err(no(StatusCode::INTERNAL_SERVER_ERROR, "the vault failed; its log says how"))
        }
    }
}

fn state(shared: &Shared) -> Answer {
    let vault = shared.vault();
    let (origin, epoch) = vault.epoch().map_or((None, 0), |(origin, epoch)| (Some(origin.to_string()), epoch));
    Ok(json_answer(&json!({
        "name": shared.name, "domain": shared.domain, "vkey": vault.key().verifier().to_string(),
        "origin": origin, "epoch": epoch, "size": vault.size(),
        "checkpoint": vault.checkpoint(now_s()).map(|note| note.to_string()),
        "damaged": vault.damaged(), "free_bytes": shared.store.free_bytes().unwrap_or(0),
        "about": shared.about,
        "slowed_down": shared.watch.is_slowed(),
        "drill_started_us": shared.watch.drill_started_us(),
        "incidents_as_of_us": shared.watch.incidents_as_of_us(vault.log_keys().last()),
    })))
}

/// A whole body that must be small.
pub(super) async fn collect(body: Incoming, bytes_max: usize) -> Result<Bytes, No> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Err(_) => Err(no(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
        Ok(Err(_)) => Err(no(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body did not arrive whole, or is over {bytes_max} bytes"),
        )),
    }
}

async fn statement(shared: Arc<Shared>, body: Incoming, first: bool) -> Answer {
    let bytes = collect(body, STATEMENT_BYTES_MAX).await?;
    let statement =
        String::from_utf8(bytes.to_vec()).map_err(|_| no(StatusCode::BAD_REQUEST, "a statement is text"))?;
    blocking(move || {
        let mut vault = shared.vault();
        let site = vault.epoch().map(|(origin, _)| origin.to_string()).unwrap_or_default();
        let allows = |order: &Hash, keys: &[RecoveryPublic]| {
            let now = (shared.watch.uptime_s(), now_us());
            shared.orders.allows(&site, order, keys, now).map_err(|error| error.to_string())
        };
        let done = if first { vault.enrol(&statement) } else { vault.start_epoch_by(&statement, &allows) };
        done.map(|()| text(StatusCode::OK, "")).map_err(|refusal| refuse(&shared, &refusal))
    })
    .await
}

/// An alarm of the site's. What the site says is shown as it is, in one line.
async fn notice(shared: Arc<Shared>, body: Incoming) -> Answer {
    let bytes = collect(body, NOTICE_BYTES_MAX).await?;
    let words = String::from_utf8_lossy(&bytes);
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shared.watch.notice(words) {
        Ok(text(StatusCode::OK, ""))
    } else {
        Err(no(StatusCode::TOO_MANY_REQUESTS, "this vault was told of enough alarms for an hour"))
    }
}

/// `proof=HEX,HEX`: that the batches lead to where the newest epoch begins.
fn proof(query: Option<&str>) -> Result<Vec<Hash>, No> {
    let Some(query) = query else { return Ok(Vec::new()) };
    let hashes = query.strip_prefix("proof=").map(|list| list.split(',').map(str::parse).collect::<Result<_, _>>());
    let bad = || no(StatusCode::BAD_REQUEST, "a proof is a list of hashes: ?proof=HEX,HEX");
    hashes.and_then(Result::ok).ok_or_else(bad)
}

async fn drill(shared: Arc<Shared>, body: Incoming) -> Answer {
    let report = collect(body, DRILL_BYTES_MAX).await?;
    signed_by_site(shared, report, |watch, report, origin, keys| {
        watch.drilled(DrillSeen::verify(report, origin, keys)?);
        Ok(())
    })
    .await
}

async fn incidents(shared: Arc<Shared>, body: Incoming) -> Answer {
    let note = collect(body, INCIDENTS_BYTES_MAX).await?;
    signed_by_site(shared, note, |watch, note, origin, keys| {
        watch.told_of_incidents(IncidentsSeen::verify(note, origin, keys)?);
        Ok(())
    })
    .await
}

/// Takes what the site signed besides its log, given its origin and its keys.
async fn signed_by_site(
    shared: Arc<Shared>,
    bytes: Bytes,
    take: impl FnOnce(&Watch, &str, &str, &[VerifierKey]) -> Result<(), String> + Send + 'static,
) -> Answer {
    blocking(move || {
        let note = std::str::from_utf8(&bytes).map_err(|_| no(StatusCode::BAD_REQUEST, "what is signed is text"))?;
        let (origin, keys) = {
            let vault = shared.vault();
            let origin = vault.epoch().map(|(origin, _)| origin.to_string());
            (origin.ok_or_else(|| refuse(&shared, &Refusal::NotEnrolled))?, vault.log_keys())
        };
        take(&shared.watch, note, &origin, &keys).map_err(|what| no(StatusCode::UNPROCESSABLE_ENTITY, what))?;
        Ok(text(StatusCode::OK, ""))
    })
    .await
}

async fn audited(shared: Arc<Shared>, body: Incoming) -> Answer {
    let bytes = collect(body, AUDIT_REQUEST_BYTES_MAX).await?;
    blocking(move || match audit::answer(&shared, &bytes) {
        Ok(Some(answers)) => Ok(json_answer(&json!(answers))),
        Ok(None) => Err(no(StatusCode::BAD_REQUEST, "the body is JSON: a nonce, and at most 300 names of blobs")),
        Err(error) => Err(refuse(&shared, &error.into())),
    })
    .await
}

/// A vault that this one's owner named asks for proof of what is here.
async fn by_peer(shared: Arc<Shared>, seat: &Seat, body: Incoming) -> Response<Body> {
    let answer = async {
        let bytes = collect(body, AUDIT_REQUEST_BYTES_MAX).await?;
        let asked = possession::asked_by_peer(&shared, &bytes)?;
        // Its signature is its credential.
        seat.showed_credential();
        blocking(move || possession::answer(&shared, &asked)).await
    };
    answer.await.unwrap_or_else(|No(status, words)| text(status, words))
}

/// Batches as one body.
pub(crate) fn encode_batches<'a>(batches: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    let write = || {
        e.array(batches.len() as u64)?;
        for batch in batches {
            e.bytes(batch)?;
        }
        Ok::<(), minicbor::encode::Error<Infallible>>(())
    };
    match write() {
        Ok(()) => e.into_writer(),
        Err(error) => unreachable!("encoding into memory: {error}"),
    }
}

fn batches(shared: &Shared, from: u64) -> Answer {
    let batches = shared.vault().batches(from, BATCHES_BYTES).map_err(|error| refuse(shared, &error.into()))?;
    Ok(text(StatusCode::OK, encode_batches(batches.iter().map(Vec::as_slice))))
}

async fn has_blob(shared: Arc<Shared>, name: BlobName) -> Answer {
    blocking(move || {
        erasure::not_erased(&shared, &name)?;
        let found = shared.vault().has_blob(&name).map_err(|error| refuse(&shared, &error.into()))?;
        Ok(text(if found { StatusCode::OK } else { StatusCode::NOT_FOUND }, ""))
    })
    .await
}

async fn get_blob(shared: Arc<Shared>, name: BlobName) -> Answer {
    blocking(move || {
        erasure::not_erased(&shared, &name)?;
        if let Some(bytes) = shared.vault().inline_blob_opened(&name).map_err(|error| refuse(&shared, &error.into()))? {
            return Ok(text(StatusCode::OK, bytes));
        }
        match shared.store.blob(&name).map_err(|error| refuse(&shared, &error.into()))? {
            None => Err(no(StatusCode::NOT_FOUND, "this vault has no such blob")),
            Some((reader, len)) => {
                let mut response = Response::new(from_reader(reader));
                response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
                Ok(response)
            }
        }
    })
    .await
}

/// A refusal as an answer: the status says which, for programs; the text says what to do, for people.
pub(super) fn refuse(shared: &Shared, refusal: &Refusal) -> No {
    shared.watch.refused(refusal);
    let status = match refusal {
        Refusal::Size { .. } | Refusal::Fork(_) | Refusal::HoldsMore { .. } | Refusal::OtherLog(_) => {
            StatusCode::CONFLICT
        }
        Refusal::OldEpoch { .. } | Refusal::Unproven { .. } => StatusCode::GONE,
        Refusal::NoOrder(_) => StatusCode::FORBIDDEN,
        Refusal::NotEnrolled => StatusCode::PRECONDITION_REQUIRED,
        Refusal::MissingBlobs(_) => StatusCode::FAILED_DEPENDENCY,
        Refusal::Invalid(_) | Refusal::Store(StoreError::WrongBytes(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Damaged(_) | Refusal::Unfit(_) | Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    tracing::warn!(%status, %refusal, "refused");
    let body = match refusal {
        Refusal::MissingBlobs(names) => names.iter().map(|name| format!("{name}\n")).collect(),
        other => other.to_string(),
    };
    no(status, body)
}
