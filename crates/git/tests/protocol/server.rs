//! A server for one repository. Its acceptor lets everything through that the repository itself can hold.

use futures_util::TryStreamExt as _;
use git::cache::PackCache;
use git::receive::{self, Accepted, Acceptor, Ends, ReceiveLimits, VerifiedPush};
use git::smart_http::{self, Protocol, Service};
use git::upload::{self, UploadLimits, WhileComputing};
use git::{ChildLimits, Git, ObjectFormat, RefName, RefSnapshot, RefUpdate, Repository};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How the server is to be.
pub(crate) struct Config {
    pub(crate) format: ObjectFormat,
    pub(crate) receive: ReceiveLimits,
    pub(crate) upload: UploadLimits,
    pub(crate) children: ChildLimits,
    /// How long a push takes to be accepted.
    pub(crate) accept_after: Duration,
    /// Refs under this are refused by the acceptor.
    pub(crate) forbidden: Option<&'static str>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: ObjectFormat::Sha1,
            receive: ReceiveLimits::default(),
            upload: UploadLimits::default(),
            children: ChildLimits::default(),
            accept_after: Duration::ZERO,
            forbidden: None,
        }
    }
}

pub(crate) struct State {
    pub(crate) repository: Repository,
    pub(crate) cache: Arc<PackCache>,
    config: Config,
    refs: Mutex<Arc<RefSnapshot>>,
    /// One push moves refs at a time.
    moving: tokio::sync::Mutex<()>,
    generation: AtomicU64,
    /// The pushes that came as far as being accepted.
    pub(crate) accepted: Mutex<Vec<Seen>>,
    /// The turn of the next fetch.
    pub(crate) turn: Mutex<WhileComputing>,
}

/// What an acceptor saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) updates: Vec<RefUpdate>,
    pub(crate) options: Vec<String>,
    pub(crate) atomic: bool,
    pub(crate) quarantine: bool,
    pub(crate) pack_bytes: usize,
    /// How many children there had been by then.
    pub(crate) children: u64,
}

impl State {
    pub(crate) fn refs(&self) -> Arc<RefSnapshot> {
        self.refs.lock().unwrap().clone()
    }

    /// Looks at the refs on disk.
    pub(crate) async fn reload(&self) {
        let (head, refs) = self.repository.refs().await.unwrap();
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        let snapshot = RefSnapshot::new(generation, self.repository.format(), head, refs);
        *self.refs.lock().unwrap() = Arc::new(snapshot);
    }
}

struct TestAcceptor {
    state: Arc<State>,
    pack_bytes: usize,
}

impl Acceptor for TestAcceptor {
    async fn authorize(&mut self, updates: &[RefUpdate]) -> Result<Vec<Result<(), String>>, String> {
        let forbidden =
            |update: &RefUpdate| self.state.config.forbidden.is_some_and(|it| update.name.as_str().starts_with(it));
        Ok(updates.iter().map(|update| if forbidden(update) { Err("not yours".to_owned()) } else { Ok(()) }).collect())
    }

    async fn pack_bytes(&mut self, bytes: &Bytes) -> io::Result<()> {
        self.pack_bytes += bytes.len();
        Ok(())
    }

    async fn accept(self, push: VerifiedPush) -> Accepted {
        tokio::time::sleep(self.state.config.accept_after).await;
        let seen = Seen {
            updates: push.updates.clone(),
            options: push.push_options,
            atomic: push.atomic,
            quarantine: push.quarantine.is_some(),
            pack_bytes: self.pack_bytes,
            children: self.state.repository.git().children_started(),
        };
        self.state.accepted.lock().unwrap().push(seen);
        let _moving = self.state.moving.lock().await;
        let refs = self.state.refs();
        let now = |update: &RefUpdate| refs.get(&update.name).map(|r| r.id);
        let stale: Vec<bool> = push.updates.iter().map(|update| now(update) != update.old).collect();
        if let Some(quarantine) = push.quarantine {
            quarantine.migrate().unwrap();
        }
        let mut results = Vec::new();
        for (update, stale) in push.updates.iter().zip(&stale) {
            let move_it = || self.state.repository.set_refs(&[(update.name.clone(), update.new)]);
            results.push(match *stale || (push.atomic && stale_any(&push.updates, &refs)) {
                true => Err("fetch first".to_owned()),
                false => move_it().map_err(|error| error.to_string()),
            });
        }
        self.state.reload().await;
        Accepted { results, messages: vec!["outlast: a word to the pusher".to_owned()] }
    }
}

fn stale_any(updates: &[RefUpdate], refs: &RefSnapshot) -> bool {
    updates.iter().any(|update| refs.get(&update.name).map(|r| r.id) != update.old)
}

/// A running server; it ends with this.
pub(crate) struct Server {
    pub(crate) state: Arc<State>,
    pub(crate) address: SocketAddr,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn sha256() -> Self {
        Self::with(Config { format: ObjectFormat::Sha256, ..Config::default() })
    }

    pub(crate) fn with(config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let git = Git::find(config.children).unwrap();
        let repository = Repository::create(&git, &dir.path().join("1.git"), config.format, &RefName::main()).unwrap();
        let state = Arc::new(State {
            refs: Mutex::new(Arc::new(RefSnapshot::new(0, config.format, RefName::main(), vec![]))),
            cache: PackCache::open(&dir.path().join("cache"), 1 << 30).unwrap(),
            moving: tokio::sync::Mutex::default(),
            generation: AtomicU64::new(1),
            accepted: Mutex::default(),
            turn: Mutex::default(),
            repository,
            config,
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, state.clone()));
        Self { state, address, dir, runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/r.git", self.address)
    }

    pub(crate) fn path(&self) -> &Path {
        self.state.repository.path()
    }

    pub(crate) fn reload(&self) {
        self.runtime.block_on(self.state.reload());
    }

    pub(crate) fn children(&self) -> u64 {
        self.state.repository.git().children_started()
    }

    pub(crate) fn accepted(&self) -> Vec<Seen> {
        self.state.accepted.lock().unwrap().clone()
    }

    /// Waits until something is so; fails when it does not become so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..3000 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("in vain: {what}");
    }

    /// What cut-off requests could have left: quarantines, half packs, locks.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let list = |dir: &str, all: bool| {
            let entries = std::fs::read_dir(self.path().join(dir)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| all || name.starts_with("tmp_") || name.ends_with(".lock")).collect::<Vec<_>>()
        };
        [list("quarantine", true), list("objects/pack", false), list("", false)].concat()
    }
}

async fn serve(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(state.clone(), request));
            let io = hyper_util::rt::TokioIo::new(stream);
            // A client that goes away is what some of these tests are about.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).body(body).unwrap()
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let protocol = Protocol::from_header(header("git-protocol").as_deref());
    let encoding = header("content-encoding");
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET && path == "/r.git/info/refs" {
        let Some(service) = Service::from_query(request.uri().query()) else {
            return Ok(text(StatusCode::FORBIDDEN, ""));
        };
        let body = smart_http::advertise(service, protocol, &state.refs());
        let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
        return Ok(Response::builder().header("content-type", service.advertisement_type()).body(body).unwrap());
    }
    let Some(service) = path.strip_prefix("/r.git/").and_then(Service::parse) else {
        return Ok(text(StatusCode::NOT_FOUND, ""));
    };
    let bytes = request.into_body().into_data_stream().map_err(io::Error::other);
    let reader = tokio_util::io::StreamReader::new(Box::pin(bytes));
    let body = smart_http::decoded(reader, encoding.as_deref().map(str::as_bytes)).unwrap();
    let refs = state.refs();
    let answer = match service {
        Service::UploadPack => {
            let (turn, limits) = (state.turn.lock().unwrap().take(), state.config.upload);
            let served = upload::serve(&state.repository, &refs, protocol, body, &state.cache, limits, turn).await;
            served.unwrap_or_else(|error| upload::error_answer(&error))
        }
        Service::ReceivePack => {
            let acceptor = TestAcceptor { state: state.clone(), pack_bytes: 0 };
            match receive::serve(state.repository.clone(), refs, body, Ends::Body, state.config.receive, acceptor).await
            {
                Ok(answer) => answer,
                Err(error) => return Ok(text(StatusCode::BAD_REQUEST, &error.to_string())),
            }
        }
    };
    let body = StreamBody::new(answer.map_ok(Frame::data)).boxed_unsync();
    Ok(Response::builder().header("content-type", service.result_type()).body(body).unwrap())
}
