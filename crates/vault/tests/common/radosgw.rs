//! A real S3 service with Object Lock: the bucket that scripts/with-radosgw.sh starts, and somebody in it who has its owner's keys.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use journal::Hash;
use sha2::Sha256;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use vault::{S3Credentials, S3Url};

/// A place in its bucket, once it is there; None: this run has none.
pub fn radosgw(prefix: &str) -> Option<(S3Url, S3Credentials)> {
    let Ok(ready) = std::env::var("OUTLAST_TEST_S3_READY") else {
        assert!(std::env::var_os("OUTLAST_TEST_ALL").is_none(), "run it under scripts/with-radosgw.sh");
        eprintln!("skipped: no radosgw; run it under scripts/with-radosgw.sh");
        return None;
    };
    for _ in 0..1800 {
        match std::fs::read_to_string(&ready) {
            Ok(text) => {
                assert_eq!(text.trim(), "ready", "{text}");
                let url = format!("{}/{prefix}", std::env::var("OUTLAST_TEST_S3").unwrap());
                return Some((url.parse().unwrap(), S3Credentials::from_env().unwrap()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    panic!("radosgw was not ready after three minutes");
}

/// Whoever has the bucket's keys, with S3's bare requests. They are signed here, because the vault's client has no public face.
pub struct Raw {
    address: String,
    bucket: String,
    prefix: String,
    key: String,
    secret: String,
}

/// A version of a name, as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub version: String,
}

impl Raw {
    pub fn new(url: &S3Url) -> Self {
        let variable = |name| std::env::var(name).unwrap();
        Self {
            address: format!("{}:{}", url.host, url.port),
            bucket: url.bucket.clone(),
            prefix: url.prefix.clone(),
            key: variable("AWS_ACCESS_KEY_ID"),
            secret: variable("AWS_SECRET_ACCESS_KEY"),
        }
    }

    /// The status and body of an answer. `query` is sorted, and nothing in it needs escaping but slashes.
    fn ask(&self, method: &str, key: &str, query: &str, more: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let (day, payload) = (&stamp[..8], Hash::of(body).to_string());
        let path = if key.is_empty() { format!("/{}", self.bucket) } else { format!("/{}/{key}", self.bucket) };
        let mut headers = vec![
            ("host", self.address.as_str()),
            ("x-amz-content-sha256", payload.as_str()),
            ("x-amz-date", stamp.as_str()),
        ];
        headers.extend(more);
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}");
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", Hash::of(canonical.as_bytes()));
        let signing = [day, "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| hmac(&key, part));
        let signature = hmac(&signing, &text).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = format!("{method} {path}{mark}{query} HTTP/1.1\r\nconnection: close\r\n");
        headers.iter().for_each(|(name, value)| write!(request, "{name}: {value}\r\n").unwrap());
        let credential = format!("{}/{scope}", self.key);
        let by = format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={signature}");
        write!(request, "authorization: {by}\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(&[request.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    /// Every version of every name below the prefix, but for delete markers.
    pub fn versions(&self) -> Vec<Listed> {
        let query = format!("max-keys=1000&prefix={}&versions=", self.prefix.replace('/', "%2F"));
        let (status, body) = self.ask("GET", "", &query, &[], b"");
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{text}");
        assert!(!text.contains("<IsTruncated>true"), "a test's bucket has few names");
        let tag = |part: &str, name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>"))?;
            Some(rest.split_once("</")?.0.to_owned())
        };
        let parts = text.split("<Version>").skip(1);
        parts.map(|part| Listed { key: tag(part, "Key").unwrap(), version: tag(part, "VersionId").unwrap() }).collect()
    }

    /// The bytes of a version.
    pub fn get(&self, of: &Listed) -> Option<Vec<u8>> {
        let (status, body) = self.ask("GET", &of.key, &format!("versionId={}", of.version), &[], b"");
        (status == 200).then_some(body)
    }

    /// Deletes a version, also lifting what governance mode there is. Gives the status.
    pub fn delete(&self, of: &Listed) -> u16 {
        let lift = ("x-amz-bypass-governance-retention", "true");
        self.ask("DELETE", &of.key, &format!("versionId={}", of.version), &[lift], b"").0
    }

    /// Covers a name with a delete marker.
    pub fn cover(&self, key: &str) -> u16 {
        self.ask("DELETE", key, "", &[], b"").0
    }

    /// Puts a further version of a name, without a lock.
    pub fn put(&self, key: &str, bytes: &[u8]) -> u16 {
        self.ask("PUT", key, "", &[], bytes).0
    }

    /// The versions that have these bytes in them.
    pub fn holding(&self, needle: &[u8]) -> Vec<Listed> {
        let mut versions = self.versions();
        versions.retain(|version| {
            self.get(version).is_some_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
        });
        versions
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
