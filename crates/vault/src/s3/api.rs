//! The calls of S3 that a vault makes, and those that its probe attacks with.

use super::http::{Answer, Call, Client};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use journal::Hash;
use md5::Digest as _;
use serde::Deserialize;
use std::io;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum S3Error {
    /// The service can't be reached, or does not speak S3.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It refused.
    #[error("the bucket's service answered {status}{}: {text}", if .code.is_empty() { String::new() } else { format!(" ({})", .code) })]
    Refused { status: StatusCode, code: String, text: String },
}

impl S3Error {
    /// Whether the request was understood and is not allowed: what an attack should come to.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.is_client_error())
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Io(_) => None,
        }
    }
}

impl From<S3Error> for io::Error {
    fn from(error: S3Error) -> Self {
        match error {
            S3Error::Io(error) => error,
            refused => Self::other(refused.to_string()),
        }
    }
}

pub(crate) type Done<T> = Result<T, S3Error>;

/// How an object is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) mode: String,
    pub(crate) until: Timestamp,
}

/// An object as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) lock: Option<Lock>,
    /// What could make the bytes unreadable although nobody deletes them: a key that somebody else holds.
    pub(crate) foreign_key: Option<String>,
}

/// One version of one name.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Version {
    pub(crate) key: String,
    pub(crate) version_id: String,
    pub(crate) last_modified: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_version_id_marker: Option<String>,
    #[serde(default, rename = "Version")]
    versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Retention {
    mode: String,
    retain_until_date: String,
}

/// A bucket.
pub(crate) struct Bucket {
    client: Client,
}

impl Bucket {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Puts an object, locked in compliance mode until a time, and gives its version. With `unless_there` a service that
    /// knows `If-None-Match` refuses when the name is taken.
    pub(crate) fn put(&self, key: &str, bytes: Bytes, until: Timestamp, unless_there: bool) -> Done<Option<String>> {
        let mut headers = checksums(&bytes);
        headers.push(("x-amz-object-lock-mode", "COMPLIANCE".to_owned()));
        headers.push(("x-amz-object-lock-retain-until-date", time(until)));
        if unless_there {
            headers.push(("if-none-match", "*".to_owned()));
        }
        self.put_with(key, bytes, headers)
    }

    /// Puts an object with exactly these headers.
    pub(crate) fn put_with(
        &self,
        key: &str,
        body: Bytes,
        headers: Vec<(&'static str, String)>,
    ) -> Done<Option<String>> {
        let answer = self.good(&Call { method: Method::PUT, key: Some(key), headers, body, ..Call::default() })?;
        Ok(answer.header("x-amz-version-id").filter(|id| *id != "null").map(str::to_owned))
    }

    /// A version's bytes, or the current one's. `None` when there is none.
    pub(crate) fn get(&self, key: &str, version: Option<&str>, range: Option<(u64, u64)>) -> Done<Option<Object>> {
        let headers = range.map(|(first, last)| ("range", format!("bytes={first}-{last}"))).into_iter().collect();
        let query = version.map(|id| ("versionId", id.to_owned())).into_iter().collect();
        let call = Call { method: Method::GET, key: Some(key), query, headers, ..Call::default() };
        match self.good(&call) {
            Ok(answer) => {
                let (lock, foreign_key) = (lock_of(&answer), foreign_key(&answer));
                Ok(Some(Object { bytes: answer.body, lock, foreign_key }))
            }
            // A delete marker answers 405 when it is asked for by its version.
            Err(error) if matches!(error.status(), Some(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Every version of every name that begins so, but for delete markers; sorted by name.
    pub(crate) fn versions(&self, prefix: &str) -> Done<Vec<Version>> {
        let whole = format!("{}{prefix}", self.client.url().prefix);
        let (mut found, mut markers) = (Vec::new(), None::<(String, String)>);
        loop {
            let mut query = vec![("versions", String::new()), ("prefix", whole.clone())];
            if let Some((key, version)) = &markers {
                query.push(("key-marker", key.clone()));
                query.push(("version-id-marker", version.clone()));
            }
            let page: Versions = xml(&self.good(&Call { query, ..Call::default() })?)?;
            let own = self.client.url().prefix.len();
            found.extend(
                page.versions
                    .into_iter()
                    .filter(|version| version.key.starts_with(&whole))
                    .map(|version| Version { key: version.key[own..].to_owned(), ..version }),
            );
            let next = page.next_key_marker.map(|key| (key, page.next_version_id_marker.unwrap_or_default()));
            match (page.is_truncated, next) {
                (false, _) => return Ok(found),
                (true, Some(next)) if markers.as_ref() != Some(&next) => markers = Some(next),
                // A part that was taken for the whole would be a store that has lost something.
                (true, _) => return Err(io::Error::other("the bucket's list is cut, and does not go on").into()),
            }
        }
    }

    /// A version's lock.
    pub(crate) fn retention(&self, key: &str, version: &str) -> Done<Option<Lock>> {
        let query = vec![("retention", String::new()), ("versionId", version.to_owned())];
        match self.good(&Call { key: Some(key), query, ..Call::default() }) {
            Ok(answer) => {
                let retention: Retention = xml(&answer)?;
                let until = retention.retain_until_date.parse().map_err(io::Error::other)?;
                Ok(Some(Lock { mode: retention.mode, until }))
            }
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a version's lock: extends it; or, as an attack, shortens or weakens it.
    pub(crate) fn set_retention(&self, key: &str, version: &str, lock: &Lock, bypass: bool) -> Done<()> {
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>",
            lock.mode,
            time(lock.until)
        );
        let query = vec![("retention", String::new()), ("versionId", version.to_owned())];
        let body = Bytes::from(body);
        let mut headers = checksums(&body);
        headers.extend(bypass.then(bypass_header));
        self.good(&Call { method: Method::PUT, key: Some(key), query, headers, body }).map(|_| ())
    }

    /// Attack: deletes a version, or without one covers the name with a delete marker.
    pub(crate) fn delete(&self, key: &str, version: Option<&str>, bypass: bool) -> Done<()> {
        let query = version.map(|id| ("versionId", id.to_owned())).into_iter().collect();
        let headers = bypass.then(bypass_header).into_iter().collect();
        self.good(&Call { method: Method::DELETE, key: Some(key), query, headers, ..Call::default() }).map(|_| ())
    }

    /// A setting of the bucket, as its service writes it.
    pub(crate) fn setting(&self, name: &'static str) -> Done<String> {
        let answer = self.good(&Call { query: vec![(name, String::new())], ..Call::default() })?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Attack: changes a setting of the bucket.
    pub(crate) fn change_setting(&self, name: &'static str, document: &str) -> Done<()> {
        let body = Bytes::from(document.to_owned());
        let headers = checksums(&body);
        let query = vec![(name, String::new())];
        self.good(&Call { method: Method::PUT, key: None, query, headers, body }).map(|_| ())
    }

    fn good(&self, call: &Call<'_>) -> Done<Answer> {
        let answer = self.client.call(call)?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        #[derive(Default)]
        struct Failure {
            code: String,
            message: String,
        }
        let failure: Failure = xml(&answer).unwrap_or_default();
        let text = if failure.message.is_empty() { "no reason given".to_owned() } else { failure.message };
        Err(S3Error::Refused { status: answer.status, code: failure.code, text })
    }
}

/// Both kinds: services of different ages check one or the other.
pub(crate) fn checksums(body: &[u8]) -> Vec<(&'static str, String)> {
    vec![
        ("content-md5", STANDARD.encode(md5::Md5::digest(body))),
        ("x-amz-checksum-sha256", STANDARD.encode(Hash::of(body).0)),
    ]
}

fn bypass_header() -> (&'static str, String) {
    ("x-amz-bypass-governance-retention", "true".to_owned())
}

fn xml<'a, T: Deserialize<'a>>(answer: &'a Answer) -> io::Result<T> {
    let text = std::str::from_utf8(&answer.body).map_err(io::Error::other)?;
    quick_xml::de::from_str(text).map_err(|error| io::Error::other(format!("the answer is not S3's: {error}")))
}

/// A time as S3 writes it, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn lock_of(answer: &Answer) -> Option<Lock> {
    let until = answer.header("x-amz-object-lock-retain-until-date")?.parse().ok()?;
    Some(Lock { mode: answer.header("x-amz-object-lock-mode")?.to_owned(), until })
}

fn foreign_key(answer: &Answer) -> Option<String> {
    if answer.header("x-amz-server-side-encryption-customer-algorithm").is_some() {
        return Some("a customer's key (SSE-C)".to_owned());
    }
    let kind = answer.header("x-amz-server-side-encryption")?;
    kind.starts_with("aws:kms").then(|| format!("a key of a key service ({kind}), which can be destroyed"))
}
