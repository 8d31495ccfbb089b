//! Vaults, a site and a door for git, all in this process; and the git program.

use forge::people::{Password, Proved, Scopes};
use forge::site::{Begun, NewToken, NewUser, SignInStep, SiteConfig};
use forge::{Error, RepoPath, Site};
use futures_util::TryStreamExt;
use git::cache::PackCache;
use git::smart_http::{Protocol, Service, advertise, decoded};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use vault::{VaultServeConfig, VaultUrl};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Flows,
    Hangs,
    Cut,
}

/// A vault that can be stopped and started again, behind a wire that can be held up.
pub(crate) struct VaultRig {
    pub(crate) dir: PathBuf,
    name: String,
    /// Where the wire ends: what the vault's URL says.
    front: String,
    /// Where the vault itself listens.
    back: Arc<Mutex<String>>,
    wire: watch::Sender<Wire>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl VaultRig {
    pub(crate) async fn new(dir: &Path, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (front, back) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(String::new())));
        let (wire, name, dir) = (watch::Sender::new(Wire::Flows), name.to_owned(), dir.join(format!("vault-{name}")));
        tokio::spawn(lead(listener, back.clone(), wire.subscribe()));
        let mut vault = Self { dir, name, front, back, wire, running: None };
        vault.start().await;
        vault
    }

    pub(crate) async fn start(&mut self) {
        let config = VaultServeConfig {
            public_address: Some(self.front.clone()),
            ..VaultServeConfig::new(&self.dir, "127.0.0.1:0", &self.name)
        };
        let running = vault::bind(config).await.unwrap();
        *self.back.lock().unwrap() = running.address().to_string();
        self.flow();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            running.run(async { drop(stopped.await) }).await.unwrap();
        });
        self.running = Some((stop, task));
    }

    /// The vault goes, and its connections break.
    pub(crate) async fn stop(&mut self) {
        self.back.lock().unwrap().clear();
        self.wire.send_replace(Wire::Cut);
        if let Some((stop, task)) = self.running.take() {
            drop(stop);
            task.await.unwrap();
        }
    }

    /// From now on nothing comes through, and nobody is told.
    pub(crate) fn hang(&self) {
        self.wire.send_replace(Wire::Hangs);
    }

    /// Everything flows again.
    pub(crate) fn flow(&self) {
        self.wire.send_replace(Wire::Flows);
    }

    pub(crate) fn site_url(&self) -> VaultUrl {
        VaultUrl::from_arg(self.dir.join("site.url").to_str().unwrap()).unwrap()
    }

    pub(crate) fn recover_url(&self) -> VaultUrl {
        VaultUrl::from_arg(self.dir.join("recover.url").to_str().unwrap()).unwrap()
    }
}

async fn lead(listener: TcpListener, back: Arc<Mutex<String>>, wire: watch::Receiver<Wire>) {
    while let Ok((near, _)) = listener.accept().await {
        let address = back.lock().unwrap().clone();
        let Ok(far) = TcpStream::connect(address).await else { continue };
        let (near, far) = (near.into_split(), far.into_split());
        let (up, down) = (pour(near.0, far.1, wire.clone()), pour(far.0, near.1, wire.clone()));
        let mut wire = wire.clone();
        tokio::spawn(async move {
            let cut = wire.wait_for(|wire| *wire == Wire::Cut);
            // When one side ends both do.
            tokio::select! { () = up => {}, () = down => {}, _ = cut => {} }
        });
    }
}

async fn pour(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n) = from.read(&mut buffer).await {
        if n == 0
            || wire.wait_for(|wire| *wire == Wire::Flows).await.is_err()
            || to.write_all(&buffer[..n]).await.is_err()
        {
            return;
        }
    }
}

/// Three vaults.
pub(crate) async fn vaults(dir: &Path) -> Vec<VaultRig> {
    let mut vaults = Vec::new();
    for name in ["eu", "us", "jp"] {
        vaults.push(VaultRig::new(dir, name).await);
    }
    vaults
}

/// A site that git can reach.
pub(crate) struct SiteRig {
    pub(crate) site: Arc<Site>,
    pub(crate) begun: Begun,
    pub(crate) url: String,
    door: JoinHandle<()>,
}

pub(crate) fn config(data: &Path, vaults: &[VaultRig]) -> SiteConfig {
    let mut config = SiteConfig::new(data);
    config.vaults = vaults.iter().map(VaultRig::site_url).collect();
    config
}

impl SiteRig {
    pub(crate) async fn open(config: SiteConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = config.data.clone();
        let (site, begun) = Site::open(SiteConfig { base_url: url.clone(), ..config }).await.unwrap();
        let cache = PackCache::open(&data.join("pack-cache"), 1 << 30).unwrap();
        let door = tokio::spawn(serve(listener, site.clone(), cache));
        Self { site, begun, url, door }
    }

    /// Everybody lets go of it at once, as when the process is killed.
    pub(crate) async fn kill(self) {
        self.door.abort();
        let _ = self.door.await;
        let lock = self.site.data().join("lock");
        drop(self.site);
        for _ in 0..6000 {
            if std::fs::File::open(&lock).unwrap().try_lock().is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the site is still in use");
    }

    pub(crate) async fn stop(self) {
        self.site.stop().await;
        self.kill().await;
    }

    /// An account with a token of these scopes.
    pub(crate) async fn user(&self, name: &str, scopes: &str) -> String {
        self.site.user_create(None, new_user(name)).await.unwrap();
        self.token(name, scopes).await
    }

    /// An account that has just signed in with the password that [`new_user`] gave it.
    pub(crate) async fn proved(&self, name: &str) -> Proved {
        let from = forge::site::Device::default();
        let step = self.site.sign_in(name, &format!("{name}'s password"), &from).await.unwrap();
        let SignInStep::Done(secret) = step else { panic!("{name} has a second factor") };
        let who = self.site.session(&secret.reveal()).await.unwrap();
        self.site.proved(&who).unwrap()
    }

    pub(crate) async fn token(&self, name: &str, scopes: &str) -> String {
        let new = NewToken {
            name: "test".parse().unwrap(),
            scopes: Scopes::parse([scopes]).unwrap(),
            age_us: None,
            repos: None,
        };
        let (token, _) = self.site.token_create(&name.parse().unwrap(), new).await.unwrap();
        token.reveal().to_owned()
    }

    /// Where a repository is, with a credential in the address.
    pub(crate) fn remote(&self, token: &str, path: &str) -> String {
        let credential = if token.is_empty() { String::new() } else { format!("x:{token}@") };
        format!("{}/{path}.git", self.url.replace("http://", &format!("http://{credential}")))
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Site) -> bool) {
        for _ in 0..6000 {
            if so(&self.site) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never came: {what}");
    }
}

pub(crate) fn new_user(name: &str) -> NewUser {
    let password: Password = format!("{name}'s password").parse().unwrap();
    NewUser { name: name.parse().unwrap(), email: None, password: Some(password), officer: false, operator: false }
}

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

async fn serve(listener: TcpListener, site: Arc<Site>, cache: Arc<PackCache>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (site, cache) = (site.clone(), cache.clone());
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let (site, cache) = (site.clone(), cache.clone());
                async move { Ok::<_, std::convert::Infallible>(handle(&site, &cache, request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

async fn handle(site: &Site, cache: &Arc<PackCache>, request: Request<Incoming>) -> Answer {
    match try_handle(site, cache, request).await {
        Ok(answer) => answer,
        Err(error) => refused(&error),
    }
}

fn refused(error: &Error) -> Answer {
    let status = match error {
        Error::NotFound(_) | Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut answer = Response::new(Full::from(error.to_string()).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert("www-authenticate", "Basic realm=\"outlast\"".parse().unwrap());
    answer
}

async fn try_handle(site: &Site, cache: &Arc<PackCache>, request: Request<Incoming>) -> Result<Answer, Error> {
    let who = match request.headers().get("authorization") {
        Some(value) => Some(site.authenticate(value.to_str().unwrap()).await?),
        None => None,
    };
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (protocol, encoding) = (Protocol::from_header(header("git-protocol").as_deref()), header("content-encoding"));
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().map(str::to_owned));
    let repo = |end: &str| path.strip_suffix(end)?.strip_prefix('/')?.strip_suffix(".git")?.parse::<RepoPath>().ok();
    let internal = |e: &dyn std::fmt::Display| Error::internal(e.to_string());
    if let (Some(path), Some(service)) = (repo("/info/refs"), Service::from_query(query.as_deref())) {
        let refs = match service {
            Service::UploadPack => site.open_for_read(who.as_ref(), &path).await?.refs().clone(),
            Service::ReceivePack => site.open_for_push(who.as_ref(), &path).await?.refs().clone(),
        };
        let body = Full::from(advertise(service, protocol, &refs)).map_err(|never| match never {}).boxed_unsync();
        return Ok(typed(body, service.advertisement_type()));
    }
    let frames = TryStreamExt::map_err(BodyStream::new(request.into_body()), io::Error::other);
    let bytes = frames.try_filter_map(|frame| async move { Ok(frame.into_data().ok()) });
    let body = tokio_util::io::StreamReader::new(Box::pin(bytes));
    let body = decoded(body, encoding.as_deref().map(str::as_bytes)).map_err(|e| internal(&e))?;
    let (stream, service) = if let Some(path) = repo("/git-upload-pack") {
        let repository = site.open_for_read(who.as_ref(), &path).await?;
        (repository.upload_pack(protocol, body, cache, None).await.map_err(|e| internal(&e))?, Service::UploadPack)
    } else if let Some(path) = repo("/git-receive-pack") {
        let repository = site.open_for_push(who.as_ref(), &path).await?;
        (repository.receive_pack(body).await.map_err(|e| internal(&e))?, Service::ReceivePack)
    } else {
        return Err(Error::not_found(path));
    };
    let stream = stream.inspect_err(|e| eprintln!("the answer broke off: {e}"));
    Ok(typed(StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync(), service.result_type()))
}

fn typed(body: UnsyncBoxBody<Bytes, io::Error>, content_type: &str) -> Answer {
    let mut answer = Response::new(body);
    answer.headers_mut().insert("content-type", content_type.parse().unwrap());
    answer.headers_mut().insert("cache-control", "no-cache".parse().unwrap());
    answer
}

/// Runs git in `dir`.
pub(crate) async fn git(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "T").env(format!("GIT_{who}_EMAIL"), "t@example.org");
    }
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Runs git, which must succeed; what it says on both outputs.
pub(crate) async fn git_ok(dir: &Path, args: &[&str]) -> String {
    let output = git(dir, args).await;
    let text = said(&output);
    assert!(output.status.success(), "git {args:?}: {text}");
    text
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A work tree with one commit on `main`.
pub(crate) async fn work_tree(dir: &Path) -> PathBuf {
    std::fs::create_dir_all(dir).unwrap();
    git_ok(dir, &["init", "-q", "-b", "main", "."]).await;
    commit(dir, "first").await;
    dir.to_owned()
}

pub(crate) async fn commit(dir: &Path, text: &str) {
    std::fs::write(dir.join("file.txt"), text).unwrap();
    git_ok(dir, &["add", "."]).await;
    git_ok(dir, &["commit", "-q", "-m", text]).await;
}

/// All refs of a repository with their ids.
pub(crate) async fn refs(dir: &Path) -> String {
    git_ok(dir, &["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"]).await
}
