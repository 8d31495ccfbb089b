//! An address that something is posted to.

use crate::error::Error;
use hyper::Uri;
use std::fmt;
use std::str::FromStr;

/// Bytes of an address.
const URL_BYTES_MAX: usize = 2000;

/// An `http` or `https` address without a name and password in it. It does not show its path, which is often a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HookUrl {
    text: String,
    tls: bool,
    authority: String,
    host: String,
    port: u16,
    path: String,
}

impl HookUrl {
    /// All of it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The host, without the brackets of an address.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for HookUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::invalid("an address to post to looks like https://hooks.example.org/path");
        if text.len() > URL_BYTES_MAX {
            return Err(bad());
        }
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad()),
        };
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(bad());
        }
        let path = uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str).to_owned();
        Ok(Self { text: text.to_owned(), tls, authority: authority.to_string(), host, port, path })
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({})", self.authority)
    }
}
