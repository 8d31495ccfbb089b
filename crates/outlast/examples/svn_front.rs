//! Outlast's door for Subversion in front of the repositories that Subversion's own tests make (tests/svn-conformance).
//!
//! Everything between client and repository is what a site has: the accept loop, the handing on, one `apache2` for each repository,
//! the commit gate loaded into it. What is not: the journal (the gate says yes to all), accounts (the tests' own), and the sandbox,
//! because the tests put hooks into their repositories, which a site never runs. It is built with the feature `svn-unconfined`.
//!
//!     svn_front ADDRESS WORK DATA      WORK: the tests' directory `svn-test-work`; DATA: where the servers lie

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use forge::site::SvnAct;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use svn::{CommitGate, Engine, EngineLimits, PathRules, Programs, Readers, Record, SvnSource};
use web::svn_http::{To, act, own, pass, whole};

const USERS: [(&str, &str); 5] = [
    ("jrandom", "rayjandom"),
    ("jconstant", "rayjandom"),
    ("__dumpster__", "__loadster__"),
    ("JRANDOM", "rayjandom"),
    ("JCONSTANT", "rayjandom"),
];
const REPOSITORIES: &str = "/svn-test-work/repositories/";

/// Says yes to everything.
struct Yes;

impl CommitGate for Yes {
    async fn capture(&self, _: u64, _: Option<u64>, _: Record) -> Result<(), String> {
        Ok(())
    }

    fn unsure(&self, _: u64) {}
}

/// A repository: its number, and the turn of what makes something visible.
type Known = (u64, Arc<tokio::sync::Mutex<()>>);

struct Front {
    engine: Engine,
    work: PathBuf,
    data: PathBuf,
    known: Mutex<HashMap<String, Known>>,
}

impl Front {
    /// The repository at an address, which need not be there yet.
    fn known(&self, root: &str) -> std::io::Result<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(root) {
            return Ok(found.clone());
        }
        let number = known.len() as u64 + 1;
        let dir = self.data.join(number.to_string());
        std::fs::create_dir_all(&dir)?;
        std::os::unix::fs::symlink(self.work.join(root.trim_start_matches("/svn-test-work/")), dir.join("repo"))?;
        let new = (number, Arc::default());
        known.insert(root.to_owned(), new.clone());
        Ok(new)
    }

    /// The tests' one file of rules, as far as it is about this repository.
    fn authz(&self, root: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.work.join("authz")).ok()?;
        let name = root.rsplit('/').next().unwrap_or_default();
        let (mut own, mut keep) = (String::new(), true);
        for line in text.lines() {
            let section = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
            let Some(section) = section else {
                if keep {
                    own.push_str(line);
                    own.push('\n');
                }
                continue;
            };
            let (glob, place) = section.strip_prefix(":glob:").map_or(("", section), |rest| (":glob:", rest));
            let place = match place.split_once(":/") {
                Some((of, path)) if of == name => Some(format!("/{path}")),
                Some(_) => None,
                None => Some(place.to_owned()),
            };
            keep = place.is_some();
            if let Some(place) = place {
                own.push_str(&format!("[{glob}{place}]\n"));
            }
        }
        Some(own)
    }
}

/// Who it is.
fn user(headers: &HeaderMap) -> Option<&'static str> {
    let said = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let said = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(said).ok()?).ok()?;
    let (name, password) = said.split_once(':')?;
    USERS.iter().find(|user| **user == (name, password)).map(|(name, _)| *name)
}

async fn handle(State(front): State<Arc<Front>>, request: Request) -> Response {
    answer(&front, request).await.unwrap_or_else(|error| {
        eprintln!("svn_front: {error}");
        (StatusCode::BAD_GATEWAY, error).into_response()
    })
}

async fn answer(front: &Front, request: Request) -> Result<Response, String> {
    let address = request.uri().path().to_owned();
    let Some(user) = user(request.headers()) else {
        let asked = [(header::WWW_AUTHENTICATE, "Basic realm=\"Subversion Repository\"")];
        return Ok((StatusCode::UNAUTHORIZED, asked).into_response());
    };
    // What is there is a web server and nothing more.
    if address == "/nodavroot" {
        return Ok(StatusCode::OK.into_response());
    }
    let Some(root) = root(&address) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    for (kind, permanent) in [("REDIRECT-PERM-", true), ("REDIRECT-TEMP-", false)] {
        if let Some(rest) = address.strip_prefix(REPOSITORIES).and_then(|rest| rest.strip_prefix(kind)) {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
            let to = format!("http://{host}{REPOSITORIES}{rest}");
            let found = [(header::LOCATION, to.clone())];
            return Ok(match permanent {
                true => (StatusCode::MOVED_PERMANENTLY, found).into_response(),
                false => (StatusCode::FOUND, found).into_response(),
            });
        }
    }
    let Some(act) = act(request.method()) else { return Ok(StatusCode::METHOD_NOT_ALLOWED.into_response()) };
    let (parts, body) = request.into_parts();
    let body = match act {
        SvnAct::Finish => whole(body).await.map_err(|_| "the body is too large")?,
        _ => body,
    };
    let named = decoded(root);
    let (number, finishing) = front.known(&named).map_err(|error| error.to_string())?;
    let authz = front.authz(&named);
    let rules = PathRules { text: authz.as_deref(), as_of: 0 };
    let server = front.engine.http(number, &named, rules).await.map_err(|e| e.to_string())?;
    let server = server.ok_or("too many servers run")?;
    let _turn = match act {
        SvnAct::Finish => Some(finishing.lock().await),
        _ => None,
    };
    let all = front.work.join(named.trim_start_matches("/svn-test-work/"));
    let open = front.authz(&named).is_none_or(|rules| reads_all(&rules));
    let source = async { if open { source(all).await } else { None } };
    let to = To { server: &server, root, user, account: 1 };
    if let Some(answer) = own(&parts, &to, address.strip_prefix(root).unwrap_or_default(), source).await {
        return Ok(answer);
    }
    let request: Request<Body> = Request::from_parts(parts, body);
    Ok(pass(&to, act, request, std::future::pending()).await.unwrap_or_else(IntoResponse::into_response))
}

/// Whether rules let everybody do everything, as those of most tests do.
fn reads_all(rules: &str) -> bool {
    rules.lines().all(|line| line.is_empty() || line.starts_with(['[', '#']) || line == "* = rw")
}

/// All of a repository as it is now. Nothing of it is kept: tests remove it and make another in its place.
async fn source(root: PathBuf) -> Option<SvnSource> {
    let opening = tokio::task::spawn_blocking(move || Readers::new(1 << 20).open(&root, u64::MAX, 0));
    opening.await.ok()?.ok()
}

/// A repository of the tests has a space in its name, which a site's never have.
fn decoded(root: &str) -> String {
    root.replace("%20", " ")
}

/// The repository's address in that of something in it.
fn root(address: &str) -> Option<&str> {
    ["/svn-test-work/local_tmp/", REPOSITORIES].into_iter().find_map(|above| {
        let rest = address.strip_prefix(above)?;
        let name = rest.split('/').next().filter(|name| !name.is_empty())?;
        address.get(..above.len() + name.len())
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: svn_front ADDRESS WORK DATA");
    let (address, work, data) = (next()?, PathBuf::from(next()?), PathBuf::from(next()?));
    let limits = EngineLimits { servers_max: 24, ..EngineLimits::default() };
    let engine = Engine::start(&data, Programs::find()?, limits, Arc::new(Yes)).await?;
    let front = Arc::new(Front { engine, work, data, known: Mutex::default() });
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let router = Router::new().fallback(handle).with_state(front);
    let stop = async {
        let mut ended = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        ended.recv().await;
        Ok::<(), std::io::Error>(())
    };
    web::listen::serve(listener, router, web::listen::Limits::default(), async { drop(stop.await) }).await;
    Ok(())
}
