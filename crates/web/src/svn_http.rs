//! Subversion over HTTP: `/OWNER/NAME.svn/...`, handed to the repository's own server on this machine.
//!
//! What this door sees to:
//! 1. Each request is authenticated and authorized here; the server behind hears who it is, and nothing of the credential.
//! 2. A request reaches the repository that was authorized and no other: addresses with steps upwards are refused, before the
//!    server could resolve them; so is the address in `Destination`.
//! 3. One connection behind for each connection in front: Subversion's server keeps state by connection.
//! 4. Of requests that may make something visible, one at a time goes to a repository; its body is read before its turn comes.
//! 5. One repository's server works on so many requests at a time, and on so many of one account; it is watched (`answer`).
//! 6. Who loses the right to read is cut off, also in the middle of a large answer.
//! 7. Files are strangers' bytes: whatever a browser makes of an answer, it is in a box of its own.
//! 8. Files of a revision that whoever asks may read all of are answered without that server (`own`).

mod answer;
mod own;
mod pass;
mod to_its_end;

pub use own::own;
pub(crate) use pass::Behind;
pub use pass::{To, act, pass, whole};

use crate::app::App;
use crate::errors::ApiError;
use crate::identity;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use forge::RepoPath;
use forge::site::{SvnAct, SvnServer};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use pass::{goes_elsewhere, told};
use std::sync::Arc;
use std::time::Duration;

/// How often it is asked whether who takes a large answer still may.
const RECHECK_EVERY: Duration = Duration::from_secs(2);

/// Whether an address is one of those here.
pub(crate) fn is_svn(path: &str) -> bool {
    RepoPath::split_svn(path).is_some()
}

/// Everything below `/OWNER/NAME.svn`.
pub(crate) async fn handle(State(app): State<App>, request: Request<Body>) -> Response {
    answer(&app, request).await.unwrap_or_else(|error| match error.status() {
        // Of these a client shows the words, in the form that it knows.
        status if status.is_server_error() => told(status, error.message()),
        _ => error.into_response(),
    })
}

async fn answer(app: &App, request: Request<Body>) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let address = parts.uri.path().to_owned();
    let (path, end) = RepoPath::split_svn(&address).ok_or_else(ApiError::not_found)?;
    if goes_elsewhere(&address) {
        return Err(ApiError::bad_request("an address here has no steps upwards"));
    }
    let act = act(&parts.method)
        .ok_or_else(|| ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method"))?;
    let who = identity::of(app, &parts.headers).await?;
    if who.is_none() && act != SvnAct::Read {
        return Err(identity::challenge());
    }
    // Read before the turn is taken: a slow sender keeps nobody waiting but itself.
    let body = match act {
        SvnAct::Finish => whole(body).await?,
        _ => body,
    };
    let door = app.site.svn(who.as_ref(), &path, act).await;
    let door = door.map_err(|error| identity::challenge_or(who.is_some(), error))?;
    let root = format!("/{}.svn", door.repo().path);
    if address[..end] != root {
        // In other letters than its owner writes it; Subversion's clients follow.
        return Ok(Redirect::permanent(&format!("{}{root}{}", app.site.base_url(), &address[end..])).into_response());
    }
    if parts.method == Method::GET && address[end..].trim_matches('/').is_empty() && wants_a_page(&parts.headers) {
        return Ok(Redirect::to(&format!("/{}", door.repo().path)).into_response());
    }
    let to = To { server: door.server(), root: &root, user: door.user(), account: door.account() };
    let source = async { app.site.svn_whole(&door).await.ok().flatten() };
    if let Some(answer) = own(&parts, &to, &address[end..], source).await {
        app.metrics.count("svn", "own");
        return Ok(answer);
    }
    let stop = until_other_rights(app.clone(), parts.headers.get(header::AUTHORIZATION).cloned(), path, to.server);
    let answered = pass(&to, act, Request::from_parts(parts, body), stop).await;
    if let Some(why) = door.refusal() {
        return Ok(told(StatusCode::INTERNAL_SERVER_ERROR, &why));
    }
    app.metrics.count("svn", if answered.is_ok() { "ok" } else { "failed" });
    let mut response = answered?;
    if app.is_https() {
        leads_to_https(response.headers_mut());
    }
    Ok(response)
}

/// Resolves when who sent this credential may not read the repository any more, or not the same paths of it.
fn until_other_rights(
    app: App,
    credential: Option<HeaderValue>,
    path: RepoPath,
    server: &Arc<SvnServer>,
) -> impl Future<Output = ()> + Send + 'static {
    let (server, generation) = (Arc::clone(server), server.generation());
    let headers: HeaderMap = credential.map(|value| (header::AUTHORIZATION, value)).into_iter().collect();
    async move {
        loop {
            tokio::time::sleep(RECHECK_EVERY).await;
            let asking = async {
                let who = identity::of(&app, &headers).await?;
                let door = app.site.svn(who.as_ref(), &path, SvnAct::Read).await?;
                Ok::<_, ApiError>(Arc::ptr_eq(door.server(), &server) && server.generation() == generation)
            };
            match asking.await {
                Ok(true) => {}
                // Not to know is no reason to break off.
                Err(error) if error.status().is_server_error() => {}
                _ => return,
            }
        }
    }
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// The server behind knows only its own door.
fn leads_to_https(headers: &mut HeaderMap) {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()?.strip_prefix("http://"));
    let https = location.and_then(|rest| HeaderValue::try_from(format!("https://{rest}")).ok());
    if let Some(https) = https {
        headers.insert(header::LOCATION, https);
    }
}
