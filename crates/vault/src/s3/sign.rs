//! AWS Signature Version 4, as every S3-compatible service reads it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use journal::Hash;
use sha2::Sha256;
use std::fmt;
use std::path::Path;

/// A key pair of the vault owner's account.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Credentials({}, ..)", self.access_key)
    }
}

impl S3Credentials {
    /// A key pair.
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), session_token: None }
    }

    /// From the variables that every S3 tool reads: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and
    /// `AWS_SESSION_TOKEN` when there is one. `None` when they are not set.
    pub fn from_env() -> Option<Self> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// From a file as `aws configure` writes it: lines `aws_access_key_id = ...`, `aws_secret_access_key = ...`.
    ///
    /// # Errors
    /// When it can't be read or has no key pair.
    pub fn from_file(path: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        Self::from_lookup(value).ok_or_else(|| {
            std::io::Error::other(format!(
                "{} has no lines aws_access_key_id = ... and aws_secret_access_key = ...",
                path.display()
            ))
        })
    }

    fn from_lookup(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            access_key: value("AWS_ACCESS_KEY_ID")?,
            secret_key: value("AWS_SECRET_ACCESS_KEY")?,
            session_token: value("AWS_SESSION_TOKEN"),
        })
    }
}

/// What is signed of a request.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// The path, in which nothing needs to be escaped.
    pub(crate) path: &'a str,
    /// The query in canonical form: sorted and escaped.
    pub(crate) query: &'a str,
    pub(crate) region: &'a str,
    pub(crate) payload: Hash,
    pub(crate) now: Timestamp,
}

/// Adds what authenticates the request to its headers, whose names are in lower case.
pub(crate) fn sign(credentials: &S3Credentials, request: &Signed<'_>, headers: &mut Vec<(String, String)>) {
    let stamp = request.now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let (date, _) = stamp.split_at(8);
    headers.push(("x-amz-date".to_owned(), stamp.clone()));
    headers.push(("x-amz-content-sha256".to_owned(), request.payload.to_string()));
    if let Some(token) = &credentials.session_token {
        headers.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    headers.sort();
    let canonical = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect::<String>();
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let Signed { method, path, query, region, payload, .. } = request;
    let canonical = format!("{method}\n{path}\n{query}\n{canonical}\n{names}\n{payload}");
    let scope = format!("{date}/{region}/s3/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", Hash::of(canonical.as_bytes()));
    let secret = format!("AWS4{}", credentials.secret_key);
    let key =
        [date, region, "s3", "aws4_request"].iter().fold(secret.into_bytes(), |key, part| hmac(&key, part).to_vec());
    let signature = Hash(hmac(&key, &to_sign));
    let access = &credentials.access_key;
    let value = format!("AWS4-HMAC-SHA256 Credential={access}/{scope},SignedHeaders={names},Signature={signature}");
    headers.push(("authorization".to_owned(), value));
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().into()
        }
        Err(error) => unreachable!("HMAC takes keys of every length: {error}"),
    }
}

/// A query value as signatures want it: all but unreserved characters escaped.
pub(crate) fn escape(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "GET Object" of the Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
    #[test]
    fn the_published_example_has_the_published_signature() {
        let credentials = S3Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let mut headers = vec![
            ("host".to_owned(), "examplebucket.s3.amazonaws.com".to_owned()),
            ("range".to_owned(), "bytes=0-9".to_owned()),
        ];
        let request = Signed {
            method: "GET",
            path: "/test.txt",
            query: "",
            region: "us-east-1",
            payload: Hash::of(b""),
            now: "2013-05-24T00:00:00Z".parse().unwrap(),
        };
        sign(&credentials, &request, &mut headers);
        let (_, value) = headers.iter().find(|(name, _)| name == "authorization").unwrap();
        assert!(
            value.ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{value}"
        );
    }

    #[test]
    fn a_file_of_the_usual_form_is_read_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        std::fs::write(&path, "[default]\naws_access_key_id = AK\naws_secret_access_key = S=K\n").unwrap();
        let read = S3Credentials::from_file(&path).unwrap();
        assert_eq!(read, S3Credentials::new("AK", "S=K"));
        assert!(!format!("{read:?}").contains("S=K"));
        std::fs::write(&path, "nothing").unwrap();
        assert!(S3Credentials::from_file(&path).is_err());
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escape("a/b c+d~"), "a%2Fb%20c%2Bd~");
    }
}
