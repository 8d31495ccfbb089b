//! Load classes at the door: each request is counted as something before its body is read, and waits or is turned away when
//! there is too much of that. Who asks is found out by the same authenticator that everything else asks, so that no credential
//! of a member's is ever taken for a stranger's. A small body is read before its sender's turn comes: who sends slowly keeps
//! nobody waiting.

mod apart;
mod early;

pub use self::apart::Apart;
use self::early::{EARLY_FETCH_BYTES_MAX, EARLY_FORM_BYTES_MAX};
use crate::app::App;
use crate::pages::{PageError, cookies};
use crate::response_cache::Lookup;
use crate::{git_http, identity, proxies};
use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use forge::Principal;
use forge::load::{Class, Permit, Shed};
use git::upload::WhileComputing;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::json;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When who was turned away should come again.
const RETRY_AFTER_S: &str = "5";
/// How long an answer that is still being made counts as work, however slowly it is read.
const STREAM_COUNTS_MAX: Duration = Duration::from_secs(30);

/// Pages of a repository that cost much: who wrote each line, histories, differences, archives, searches.
const WORK: [&str; 8] = ["blame/", "log/", "commit/", "compare/", "archive/", "search", "graph", "paths"];

/// Lets a request in when it is its turn.
pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Asker { class, account, who } = asker(&app, &parts).await;
    let lookup = if is_read(class) { Lookup::of(&app, &parts, who.as_ref()) } else { None };
    if let Some(response) = lookup.as_ref().and_then(|lookup| lookup.kept(&app)) {
        // It costs less than a turn.
        return response;
    }
    let (body, _early) = match early_bytes(class, &parts) {
        None => (body, None),
        Some(bytes_max) => match early::read(body, bytes_max).await {
            Ok((bytes, counted)) => (Body::from(bytes), Some(counted)),
            Err(refused) => return refused.into_response(),
        },
    };
    let mut request = Request::from_parts(parts, body);
    let permit = app.site.load().enter(class, account).await.map(Arc::new);
    if let Ok(permit) = permit.as_ref()
        && class == Class::StrangerFetch
    {
        request.extensions_mut().insert(Turn(permit.clone()));
    }
    match permit {
        Ok(permit) if stands_back(class) && !is_svn(request.uri().path()) => {
            // (Not Subversion's: what a connection opened for a stranger goes on for the member whom it turns out to be.)
            let answering = proxies::on_behalf_of(proxies::client(), next.run(request));
            match app.apart.run(answering).await {
                Some(response) => counted(kept(&app, lookup, response).await, class, permit),
                None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        Ok(permit) => counted(kept(&app, lookup, next.run(request).await).await, class, permit),
        Err(shed) if is_page(request.uri().path()) => {
            // Shown in the page's own frame.
            request.extensions_mut().insert(shed);
            again_later(next.run(request).await)
        }
        Err(shed) if git_http::is_git(request.uri().path()) => {
            // What a Git client shows as the remote's words.
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            again_later((StatusCode::SERVICE_UNAVAILABLE, kind, format!("outlast: {shed}\n")).into_response())
        }
        Err(shed) => {
            let body = Json(json!({ "message": shed.to_string() }));
            again_later((StatusCode::SERVICE_UNAVAILABLE, body).into_response())
        }
    }
}

async fn kept(app: &App, lookup: Option<Lookup>, response: Response) -> Response {
    match lookup {
        Some(lookup) => lookup.keep(app, response).await,
        None => response,
    }
}

/// The turn of a stranger who fetches: it ends with the first byte, unless Git works on the answer for longer.
#[derive(Clone)]
pub(crate) struct Turn(Arc<Permit>);

impl Turn {
    /// What is to be held while an answer to this request is computed.
    pub(crate) fn of(request: &Parts) -> WhileComputing {
        request.extensions.get::<Self>().map(|turn| -> Arc<dyn Any + Send + Sync> { turn.0.clone() })
    }
}

/// Whether what is asked for gives way to what members ask.
fn stands_back(class: Class) -> bool {
    match class {
        Class::Control | Class::MemberWrite | Class::MemberRead | Class::SignInKnown => false,
        Class::Stranger | Class::StrangerFetch | Class::StrangerWork | Class::SignIn => true,
    }
}

/// How much of a body is read before its turn comes. None: nothing; it is a member's who may send much, or is refused unread.
fn early_bytes(class: Class, request: &Parts) -> Option<usize> {
    if matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    let path = request.uri.path();
    match class {
        Class::StrangerFetch => Some(EARLY_FETCH_BYTES_MAX),
        _ if git_http::is_git(path) || is_svn(path) => None,
        Class::Control | Class::MemberRead | Class::MemberWrite | Class::SignInKnown => {
            let length = request.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<usize>().ok()?;
            (length <= EARLY_FORM_BYTES_MAX).then_some(EARLY_FORM_BYTES_MAX)
        }
        Class::Stranger | Class::StrangerWork | Class::SignIn => Some(EARLY_FORM_BYTES_MAX),
    }
}

/// For pages: says that there is no room, where [`admit`] found none.
pub(crate) async fn turned_away(request: Request, next: Next) -> Response {
    let Some(shed) = request.extensions().get::<Shed>() else { return next.run(request).await };
    let words = match shed.class {
        Class::SignIn | Class::SignInKnown => "Many are trying to sign in just now. Wait a few seconds, and try again.",
        Class::MemberRead | Class::MemberWrite => "The site is busy. Wait a few seconds, and try again.",
        _ => "Many visitors are reading here just now. Wait a few seconds, or sign in: members have room of their own.",
    };
    PageError::new(StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

fn again_later(mut response: Response) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    response
}

/// Who sends a request, and what it counts as.
struct Asker {
    class: Class,
    /// Whose turn it takes.
    account: Option<u64>,
    /// Who has proved that it is them.
    who: Option<Principal>,
}

impl Asker {
    fn nobody(class: Class) -> Self {
        Self { class, account: None, who: None }
    }
}

/// Whether pages are asked for by somebody who is known, or by nobody in particular.
fn is_read(class: Class) -> bool {
    matches!(class, Class::MemberRead | Class::Stranger | Class::StrangerWork)
}

/// What a request counts as, and whose it is.
async fn asker(app: &App, request: &Parts) -> Asker {
    let (path, headers) = (request.uri.path(), &request.headers);
    if matches!(path, "/healthz" | "/metrics") {
        return Asker::nobody(Class::Control);
    }
    let changes = !matches!(request.method, Method::GET | Method::HEAD);
    if changes && path.starts_with("/-/sign-in") {
        return match cookies::known_device(headers, app.is_https()).and_then(|mark| app.site.known_device(mark)) {
            Some(known) => Asker { class: Class::SignInKnown, account: Some(known.account()), who: None },
            None => Asker::nobody(Class::SignIn),
        };
    }
    let who = match cookies::session(headers, app.is_https()) {
        Some(cookie) => app.site.session(cookie).await.ok(),
        None => match identity::of(app, headers).await {
            Ok(who) => who,
            Err(_) => return Asker::nobody(Class::SignIn),
        },
    };
    let class = match &who {
        // What ends a flood of members' requests does not wait behind it.
        Some(_) if path.starts_with("/api/v1/outlast/lockdown") => Class::Control,
        Some(_) if changes && !path.ends_with("/git-upload-pack") => Class::MemberWrite,
        Some(_) => Class::MemberRead,
        None if git_http::is_git(path) => {
            // Git says who it is only when it is asked to: asking costs nothing, and must reach every member.
            let pushes = request.uri.query() == Some("service=git-receive-pack") || path.ends_with("/git-receive-pack");
            if pushes { Class::Control } else { Class::StrangerFetch }
        }
        None if is_svn(path) => Class::StrangerFetch,
        None if is_work(path) || is_late(path, request.uri.query()) => Class::StrangerWork,
        None => Class::Stranger,
    };
    Asker { class, account: who.as_ref().map(Principal::user), who }
}

fn is_work(path: &str) -> bool {
    path.split_once("/-/")
        .is_some_and(|(front, below)| !front.is_empty() && WORK.iter().any(|word| below.starts_with(word)))
}

/// A page of a repository is asked for what it had no time for.
fn is_late(path: &str, query: Option<&str>) -> bool {
    path.contains("/-/") && query.unwrap_or_default().split('&').any(|pair| pair.split('=').next() == Some("late"))
}

/// Subversion's clients, too, say who they are only when they are asked.
fn is_svn(path: &str) -> bool {
    path.split('/').any(|part| part.ends_with(".svn"))
}

fn is_page(path: &str) -> bool {
    !is_svn(path) && !path.starts_with("/api/") && !path.starts_with("/log/") && !git_http::is_git(path)
}

/// Keeps a stranger's turn until what was worked on is out, but not for as long as they care to read.
fn counted(response: Response, class: Class, permit: Arc<Permit>) -> Response {
    if class != Class::StrangerWork || response.body().size_hint().exact().is_some() {
        return response;
    }
    let kept = Arc::new(Mutex::new(Some(permit)));
    let let_go = kept.clone();
    tokio::spawn(async move {
        tokio::time::sleep(STREAM_COUNTS_MAX).await;
        drop(let_go.lock().unwrap_or_else(PoisonError::into_inner).take());
    });
    let kept = Released(kept);
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _until_the_end = &kept;
            frame
        }))
    })
}

/// A turn that ends when the answer does.
struct Released(Arc<Mutex<Option<Arc<Permit>>>>);

impl Drop for Released {
    fn drop(&mut self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_much_is_known_by_its_address() {
        for path in ["/a/b/-/blame/main/x", "/a/b/-/log/main/x", "/a/b/-/compare/x...y", "/a/b/-/archive/main.zip"] {
            assert!(is_work(path), "{path}");
        }
        for path in ["/a/b", "/-/search", "/a/b/-/file/main/blame/x", "/a/b/-/tree/main", "/a/b.git/info/refs"] {
            assert!(!is_work(path), "{path}");
        }
        assert!(is_late("/a/b/-/file/main/x", Some("source&late=1")) && !is_late("/a/b/-/file/main/x", Some("q=late")));
    }
}
