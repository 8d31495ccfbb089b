//! An S3 service with Object Lock in this process, that can be told to lie in one way at a time.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use vault::{S3Credentials, S3Url, StoreKind};

/// What it does not do as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    None,
    /// A locked version can be deleted.
    Deletes,
    /// With the header that lifts governance mode it can.
    DeletesWithBypass,
    /// A lock can be shortened.
    Shortens,
    /// Compliance can be turned into governance.
    Downgrades,
    /// Versioning can be suspended.
    Suspends,
    /// A put replaces what was there.
    NoVersions,
    /// What was asked to be locked is not.
    NoLock,
    /// It is locked in governance mode.
    Governance,
    /// It is locked for a minute, whatever was asked.
    ShortLock,
    /// What is read back has a flipped bit.
    Flips,
    /// The first put of a name is answered well and not kept.
    Forgets,
    /// `If-None-Match` is not looked at.
    NoCas,
    /// Checksums are not looked at.
    NoChecksums,
    /// The bucket's default lock can be removed.
    NoDefault,
    /// Objects are encrypted with a key of a key service.
    Kms,
    /// Objects are encrypted with a key that somebody sent along, and keeps.
    CustomerKey,
    /// The list of versions leaves out all but the newest.
    HidesVersions,
    /// A lock can't be extended.
    NoExtension,
    /// The list of versions breaks off and does not say where it goes on.
    CutsList,
}

/// All of them that must keep a vault from trusting the store.
pub const FATAL: [Lie; 15] = [
    Lie::Deletes,
    Lie::DeletesWithBypass,
    Lie::Shortens,
    Lie::Downgrades,
    Lie::Suspends,
    Lie::NoVersions,
    Lie::NoLock,
    Lie::Governance,
    Lie::ShortLock,
    Lie::Flips,
    Lie::Forgets,
    Lie::Kms,
    Lie::CustomerKey,
    Lie::HidesVersions,
    Lie::NoExtension,
];

#[derive(Debug, Clone)]
struct Version {
    id: String,
    bytes: Option<Bytes>,
    lock: Option<(String, Timestamp)>,
    modified: Timestamp,
}

#[derive(Debug)]
struct State {
    lie: Lie,
    versions: HashMap<String, Vec<Version>>,
    settings: HashMap<String, String>,
    counter: u64,
    /// So many requests to come fail; with `after`, they are done all the same.
    failing: u32,
    after: bool,
    requests: u64,
}

/// A running one.
#[derive(Clone)]
pub struct FakeS3 {
    pub address: String,
    state: Arc<Mutex<State>>,
}

impl FakeS3 {
    /// Starts it on a thread of its own, for as long as the process lives.
    pub fn start(lie: Lie) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let settings = HashMap::from([
            (
                "versioning".to_owned(),
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".to_owned(),
            ),
            ("object-lock".to_owned(), DEFAULT_LOCK.to_owned()),
        ]);
        let state =
            State { lie, versions: HashMap::new(), settings, counter: 0, failing: 0, after: false, requests: 0 };
        let fake = Self { address, state: Arc::new(Mutex::new(state)) };
        let serving = fake.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serving.serve(listener));
        });
        fake
    }

    async fn serve(self, listener: std::net::TcpListener) {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let fake = self.clone();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request| fake.answer(request));
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    }

    pub fn url(&self, prefix: &str) -> S3Url {
        format!("http://{}/worm/{prefix}", self.address).parse().unwrap()
    }

    pub fn kind(&self, prefix: &str) -> StoreKind {
        StoreKind::S3 { url: self.url(prefix), credentials: S3Credentials::new("AK", "SK") }
    }

    pub fn lie(&self, lie: Lie) {
        self.state.lock().unwrap().lie = lie;
    }

    /// The next requests fail: before they do anything, or after.
    pub fn fail(&self, count: u32, after: bool) {
        let mut state = self.state.lock().unwrap();
        (state.failing, state.after) = (count, after);
    }

    /// What somebody with the account's keys does: writes over every name, and covers it with a delete marker.
    pub fn vandalise(&self) {
        let mut state = self.state.lock().unwrap();
        state.counter += 1;
        let id = state.counter;
        for versions in state.versions.values_mut() {
            let junk = Version {
                id: format!("evil-{id}"),
                bytes: Some(Bytes::from_static(b"EVIL")),
                lock: None,
                modified: Timestamp::now(),
            };
            versions.push(junk.clone());
            versions.push(Version { id: format!("marker-{id}"), bytes: None, ..junk });
        }
    }

    /// Flips a bit of every version of the names that hold `part`.
    pub fn flip(&self, part: &str) {
        let mut state = self.state.lock().unwrap();
        for (_, versions) in state.versions.iter_mut().filter(|(key, _)| key.contains(part)) {
            for version in versions {
                version.bytes = version.bytes.as_ref().map(flipped);
            }
        }
    }

    /// Ages every lock, so that it ends in a day.
    pub fn age(&self) {
        let mut state = self.state.lock().unwrap();
        for version in state.versions.values_mut().flatten() {
            version.modified = "2020-01-01T00:00:00Z".parse().unwrap();
            if let Some((_, until)) = &mut version.lock {
                *until = Timestamp::now() + jiff::SignedDuration::from_hours(24);
            }
        }
    }

    /// Every lock has run out.
    pub fn expire(&self) {
        let mut state = self.state.lock().unwrap();
        for version in state.versions.values_mut().flatten() {
            if let Some((_, until)) = &mut version.lock {
                *until = Timestamp::now() - jiff::SignedDuration::from_secs(1);
            }
        }
    }

    /// Whether any version of any object has these bytes in it.
    pub fn holds(&self, needle: &[u8]) -> bool {
        let state = self.state.lock().unwrap();
        let mut bytes = state.versions.values().flatten().filter_map(|version| version.bytes.as_ref());
        bytes.any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }

    /// The least time that a version is still locked, over the names that hold `part`.
    pub fn locked_until(&self, part: &str) -> Option<Timestamp> {
        let state = self.state.lock().unwrap();
        let versions = state.versions.iter().filter(|(key, _)| key.contains(part)).flat_map(|(_, versions)| versions);
        versions.map(|version| version.lock.as_ref().map_or(Timestamp::MIN, |(_, until)| *until)).min()
    }

    pub fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let fails = state.failing > 0;
        state.failing = state.failing.saturating_sub(1);
        if fails && !state.after {
            return Ok(refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"));
        }
        let key = parts.uri.path().strip_prefix("/worm").unwrap_or("?").trim_start_matches('/').to_owned();
        let query: HashMap<String, String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.replace("%2F", "/").replace("%20", " ")))
            .collect();
        let signed =
            parts.headers.get("authorization").is_some_and(|value| value.to_str().unwrap().contains("Credential=AK/"));
        let answer = if !signed {
            refuse(StatusCode::FORBIDDEN, "AccessDenied")
        } else {
            state.act(&parts.method, &key, &query, &parts.headers, body)
        };
        Ok(if fails { refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalError") } else { answer })
    }
}

const DEFAULT_LOCK: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";

fn flipped(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}

fn refuse(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let text = format!("<Error><Code>{code}</Code><Message>said by the test</Message></Error>");
    Response::builder().status(status).body(Full::new(text.into())).unwrap()
}

fn ok(text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::new(Full::new(text.into()))
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

impl State {
    fn act(
        &mut self,
        method: &Method,
        key: &str,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let version = query.get("versionId").map(String::as_str);
        match (method, key) {
            (&Method::GET, "") if query.contains_key("versions") => self.list(&query["prefix"]),
            (method, "") => self.setting(method, query, &body),
            (&Method::PUT, _) if query.contains_key("retention") => self.retain(key, version, headers, &body),
            (&Method::PUT, _) => self.put(key, headers, body),
            (&Method::GET, _) => self.get(key, version, query.contains_key("retention"), headers),
            (&Method::DELETE, _) => self.delete(key, version, headers),
            _ => refuse(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        }
    }

    fn put(&mut self, key: &str, headers: &HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let there =
            self.versions.get(key).and_then(|versions| versions.last()).is_some_and(|newest| newest.bytes.is_some());
        if header("if-none-match").is_some() && there && self.lie != Lie::NoCas {
            return refuse(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let sums = [
            ("x-amz-checksum-sha256", base64_of(&Sha256::digest(&body))),
            ("content-md5", base64_of(&md5::Md5::digest(&body))),
        ];
        let wrong = |(name, sum): &(&str, String)| header(name).is_some_and(|given| given != *sum);
        if self.lie != Lie::NoChecksums && sums.iter().any(wrong) {
            return refuse(StatusCode::BAD_REQUEST, "BadDigest");
        }
        self.counter += 1;
        let id = format!("v{}", self.counter);
        let until = header("x-amz-object-lock-retain-until-date").map(|until| until.parse().unwrap());
        let lock = match (until, self.lie) {
            (_, Lie::NoLock) | (None, _) => None,
            (Some(until), Lie::Governance) => Some(("GOVERNANCE".to_owned(), until)),
            (Some(_), Lie::ShortLock) => {
                Some(("COMPLIANCE".to_owned(), Timestamp::now() + jiff::SignedDuration::from_secs(60)))
            }
            (Some(until), _) => Some((header("x-amz-object-lock-mode").unwrap(), until)),
        };
        let versions = self.versions.entry(key.to_owned()).or_default();
        if self.lie == Lie::NoVersions {
            versions.clear();
        }
        if self.lie != Lie::Forgets {
            versions.push(Version { id: id.clone(), bytes: Some(body), lock, modified: Timestamp::now() });
        }
        let mut response = ok("");
        if self.lie != Lie::NoVersions {
            response.headers_mut().insert("x-amz-version-id", id.parse().unwrap());
        }
        response
    }

    fn found(&mut self, key: &str, version: Option<&str>) -> Option<&mut Version> {
        let versions = self.versions.get_mut(key)?;
        match version {
            None => versions.last_mut(),
            Some(id) => versions.iter_mut().find(|version| version.id == id),
        }
    }

    fn get(&mut self, key: &str, version: Option<&str>, retention: bool, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let lie = self.lie;
        let Some(found) = self.found(key, version) else { return refuse(StatusCode::NOT_FOUND, "NoSuchKey") };
        let Some(bytes) = &found.bytes else { return refuse(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed") };
        if retention {
            return match &found.lock {
                None => refuse(StatusCode::NOT_FOUND, "NoSuchObjectLockConfiguration"),
                Some((mode, until)) => {
                    ok(format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"))
                }
            };
        }
        let mut bytes = if lie == Lie::Flips { flipped(bytes) } else { bytes.clone() };
        if let Some(range) = headers.get("range") {
            let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            bytes = bytes.slice(first.parse().unwrap()..last.parse::<usize>().unwrap() + 1);
        }
        let mut response = ok(bytes);
        if let Some((mode, until)) = &found.lock {
            response.headers_mut().insert("x-amz-object-lock-mode", mode.parse().unwrap());
            response.headers_mut().insert("x-amz-object-lock-retain-until-date", until.to_string().parse().unwrap());
        }
        if lie == Lie::Kms {
            response.headers_mut().insert("x-amz-server-side-encryption", "aws:kms".parse().unwrap());
        }
        if lie == Lie::CustomerKey {
            let name = "x-amz-server-side-encryption-customer-algorithm";
            response.headers_mut().insert(name, "AES256".parse().unwrap());
        }
        response
    }

    fn list(&self, prefix: &str) -> Response<Full<Bytes>> {
        let mut keys: Vec<_> = self.versions.keys().filter(|key| key.starts_with(prefix)).collect();
        keys.sort();
        let cut = self.lie == Lie::CutsList;
        let mut text = format!("<?xml version=\"1.0\"?><ListVersionsResult><IsTruncated>{cut}</IsTruncated>");
        for key in keys.into_iter().skip(usize::from(cut)) {
            for (at, version) in self.versions[key].iter().rev().enumerate() {
                if at > 0 && self.lie == Lie::HidesVersions {
                    break;
                }
                let element = if version.bytes.is_some() { "Version" } else { "DeleteMarker" };
                let Version { id, modified, .. } = version;
                write!(text, "<{element}><Key>{key}</Key><VersionId>{id}</VersionId><LastModified>{modified}</LastModified><ETag>&quot;x&quot;</ETag></{element}>").unwrap();
            }
        }
        ok(text + "</ListVersionsResult>")
    }

    fn retain(&mut self, key: &str, version: Option<&str>, headers: &HeaderMap, body: &Bytes) -> Response<Full<Bytes>> {
        let _ = headers;
        let (lie, text) = (self.lie, std::str::from_utf8(body).unwrap());
        let (mode, until) = (tag(text, "Mode").unwrap(), tag(text, "RetainUntilDate").unwrap().parse().unwrap());
        let Some(found) = self.found(key, version) else { return refuse(StatusCode::NOT_FOUND, "NoSuchKey") };
        if let Some((now, held)) = &found.lock {
            let shorter = until < *held && lie != Lie::Shortens;
            let weaker = mode != now && now == "COMPLIANCE" && lie != Lie::Downgrades;
            if shorter || weaker || (until > *held && lie == Lie::NoExtension) {
                return refuse(StatusCode::FORBIDDEN, "AccessDenied");
            }
        }
        found.lock = Some((mode.to_owned(), until));
        ok("")
    }

    fn delete(&mut self, key: &str, version: Option<&str>, headers: &HeaderMap) -> Response<Full<Bytes>> {
        self.counter += 1;
        let Some(id) = version else {
            let id = format!("v{}", self.counter);
            let marker = Version { id, bytes: None, lock: None, modified: Timestamp::now() };
            self.versions.entry(key.to_owned()).or_default().push(marker);
            return ok("");
        };
        let bypass = headers.contains_key("x-amz-bypass-governance-retention");
        let lies = self.lie == Lie::Deletes || (self.lie == Lie::DeletesWithBypass && bypass);
        let Some(found) = self.found(key, Some(id)) else { return ok("") };
        let lifted = |mode: &str| mode == "GOVERNANCE" && bypass;
        let held = found.lock.as_ref().is_some_and(|(mode, until)| *until > Timestamp::now() && !lifted(mode));
        if held && !lies {
            return refuse(StatusCode::FORBIDDEN, "AccessDenied");
        }
        self.versions.get_mut(key).unwrap().retain(|version| version.id != id);
        ok("")
    }

    fn setting(&mut self, method: &Method, query: &HashMap<String, String>, body: &Bytes) -> Response<Full<Bytes>> {
        let name = query.keys().next().unwrap().clone();
        if *method == Method::GET {
            return match self.settings.get(&name) {
                Some(text) => ok(text.clone()),
                None => refuse(StatusCode::NOT_FOUND, "NoSuchConfiguration"),
            };
        }
        let refused = match name.as_str() {
            "versioning" => self.lie != Lie::Suspends,
            "object-lock" => self.lie != Lie::NoDefault,
            _ => true,
        };
        if refused {
            return refuse(StatusCode::CONFLICT, "InvalidBucketState");
        }
        self.settings.insert(name, String::from_utf8(body.to_vec()).unwrap());
        ok("")
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
