//! Git's smart HTTP protocol: `/OWNER/NAME.git/info/refs`, `/git-upload-pack`, `/git-receive-pack`.
//!
//! Owners can nest, so that these addresses can't be a pattern of the router: they are its fallback, parsed here once.

use crate::app::App;
use crate::errors::ApiError;
use crate::{flood, identity, receipts};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use forge::RepoPath;
use futures_util::TryStreamExt as _;
use git::receive::ReceiveError;
use git::smart_http::{Protocol, Service};
use http::request::Parts;
use http::{Method, Request, StatusCode, header};
use std::io;
use std::time::Instant;

/// What an address under a repository asks for.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    InfoRefs(RepoPath),
    Rpc(RepoPath, Service),
    Receipt(RepoPath, u64),
}

impl Target {
    /// `None` for an address that is nothing of ours.
    fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if let Some((repo, entry)) = path.split_once("/-/receipts/") {
            return Some(Self::Receipt(repo.parse().ok()?, entry.parse().ok()?));
        }
        // The suffix is what `git` appends to the remote's address; with or without `.git`, as users write it.
        let repo = |path: &str| path.strip_suffix(".git").unwrap_or(path).parse().ok();
        if let Some(path) = path.strip_suffix("/info/refs") {
            return Some(Self::InfoRefs(repo(path)?));
        }
        let (path, service) = path.rsplit_once('/')?;
        Some(Self::Rpc(repo(path)?, Service::parse(service)?))
    }
}

/// Whether an address is one of those here; everything else may be a page's.
pub(crate) fn is_git(path: &str) -> bool {
    Target::parse(path).is_some()
}

/// Everything that no route of the router matched.
pub(crate) async fn handle(State(app): State<App>, request: Request<Body>) -> Response {
    let target = match Target::parse(request.uri().path()) {
        Some(target) => target,
        None => return ApiError::not_found().into_response(),
    };
    let (parts, body) = request.into_parts();
    let answer = match (target, &parts.method) {
        (Target::InfoRefs(path), &Method::GET) => info_refs(&app, &path, &parts).await,
        (Target::Rpc(path, Service::UploadPack), &Method::POST) => upload_pack(&app, &path, &parts, body).await,
        (Target::Rpc(path, Service::ReceivePack), &Method::POST) => receive_pack(&app, &path, &parts, body).await,
        (Target::Receipt(path, entry), &Method::GET) => {
            receipts::of_repository(&app, &path, entry, &parts.headers).await
        }
        _ => Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn info_refs(app: &App, path: &RepoPath, request: &Parts) -> Result<Response, ApiError> {
    let service = Service::from_query(request.uri.query()).ok_or_else(|| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "only Git's smart HTTP protocol is spoken here; use a git client of this century",
        )
    })?;
    let who = identity::of(app, &request.headers).await?;
    let refs = match service {
        Service::UploadPack => app.site.open_for_fetch(who.as_ref(), path).await.map(|opened| opened.refs().clone()),
        Service::ReceivePack if who.is_none() => return Err(identity::challenge()),
        Service::ReceivePack => app.site.open_for_push(who.as_ref(), path).await.map(|opened| opened.refs().clone()),
    };
    let refs = match refs {
        Ok(refs) => refs,
        Err(error) => return told(service, who.is_some(), error),
    };
    let body = git::smart_http::advertise(service, protocol(request), &refs);
    Ok(answer(service.advertisement_type(), Body::from(body)))
}

/// What a client shows as the remote's words: an HTTP status it would only number.
fn told(service: Service, known: bool, error: forge::Error) -> Result<Response, ApiError> {
    use forge::Error as E;
    match error {
        // Somebody who says who they are may see more.
        E::Forbidden(_) if !known => Err(identity::challenge()),
        E::ReadOnlyView(_) | E::Filling(_) | E::Erased(_) | E::Invalid(_) => {
            Ok(answer(service.advertisement_type(), Body::from(forge::site::error_line(&error.to_string()))))
        }
        error => Err(identity::challenge_or(known, error)),
    }
}

async fn upload_pack(app: &App, path: &RepoPath, request: &Parts, body: Body) -> Result<Response, ApiError> {
    let who = identity::of(app, &request.headers).await?;
    let repository = app.site.open_for_fetch(who.as_ref(), path).await;
    let repository = repository.map_err(|error| identity::challenge_or(who.is_some(), error))?;
    let protocol = protocol(request);
    let body = expanded(request, body, Service::UploadPack)?;
    let turn = flood::Turn::of(request);
    match repository.upload_pack(protocol, body, &app.pack_cache, turn).await {
        Ok(stream) => {
            app.metrics.count("fetch", "ok");
            Ok(answer(Service::UploadPack.result_type(), Body::from_stream(stream)))
        }
        Err(error) => {
            app.metrics.count("fetch", "refused");
            tracing::info!(%error, repository = %path, "a fetch was refused");
            // Clients show this as the remote's words; an HTTP status they would only number.
            Ok(answer(Service::UploadPack.result_type(), Body::from_stream(git::upload::error_answer(&error))))
        }
    }
}

async fn receive_pack(app: &App, path: &RepoPath, request: &Parts, body: Body) -> Result<Response, ApiError> {
    let who = identity::of(app, &request.headers).await?;
    if who.is_none() {
        return Err(identity::challenge());
    }
    let repository = app.site.open_for_push(who.as_ref(), path).await;
    let repository = repository.map_err(|error| identity::challenge_or(who.is_some(), error))?;
    let body = expanded(request, body, Service::ReceivePack)?;
    let began = Instant::now();
    match repository.receive_pack(body).await {
        Ok(stream) => {
            let metrics = app.metrics.clone();
            metrics.count("push", "ok");
            let ended = OnDrop(move || metrics.push_seconds.observe(began.elapsed().as_secs_f64()));
            let stream = stream.inspect_ok(move |_| {
                let _until_the_end = &ended;
            });
            Ok(answer(Service::ReceivePack.result_type(), Body::from_stream(stream)))
        }
        Err(error) => {
            app.metrics.count("push", "refused");
            tracing::info!(%error, repository = %path, "a push was refused");
            Err(push_error(&error))
        }
    }
}

/// Runs when it is dropped: at the end of a stream, however it ends.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn push_error(error: &ReceiveError) -> ApiError {
    match error {
        ReceiveError::Protocol(error) => ApiError::bad_request(error.to_string()),
        ReceiveError::Io(error) => ApiError::bad_request(format!("the push broke off: {error}")),
        other => {
            tracing::error!(error = %other, "a push failed");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; its log says how")
        }
    }
}

fn protocol(request: &Parts) -> Protocol {
    Protocol::from_header(request.headers.get("git-protocol").and_then(|value| value.to_str().ok()))
}

/// The request's body, gunzipped when the client compressed it, with a limit on what it may expand to.
fn expanded(
    request: &Parts,
    body: Body,
    service: Service,
) -> Result<impl tokio::io::AsyncRead + Send + Unpin + 'static, ApiError> {
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type != Some(service.request_type()) {
        // A form on another site can't send this type: no page can make a browser push.
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("send this as {}", service.request_type()),
        ));
    }
    let encoding = request.headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_vec());
    let bytes = body.into_data_stream().map_err(io::Error::other);
    let reader = tokio_util::io::StreamReader::new(bytes);
    git::smart_http::decoded(reader, encoding.as_deref())
        .map_err(|error| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string()))
}

fn answer(content_type: &'static str, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache, max-age=0, must-revalidate"),
        (header::EXPIRES, "Fri, 01 Jan 1980 00:00:00 GMT"),
        (header::PRAGMA, "no-cache"),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_whole_or_not_at_all() {
        let path = |text: &str| text.parse::<RepoPath>().unwrap();
        assert_eq!(Target::parse("/a/b.git/info/refs"), Some(Target::InfoRefs(path("a/b"))));
        assert_eq!(Target::parse("/a/b/info/refs"), Some(Target::InfoRefs(path("a/b"))));
        assert_eq!(
            Target::parse("/g/sub/b.git/git-upload-pack"),
            Some(Target::Rpc(path("g/sub/b"), Service::UploadPack))
        );
        assert_eq!(Target::parse("/a/b/-/receipts/41"), Some(Target::Receipt(path("a/b"), 41)));
        for nothing in
            ["/", "/a", "/a/b", "/a/b.git", "/a/b.git/objects/info/packs", "/a/../b.git/info/refs", "/a/b/-/receipts/x"]
        {
            assert_eq!(Target::parse(nothing), None, "{nothing}");
        }
    }
}
