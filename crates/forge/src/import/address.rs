//! Where a repository is taken in from.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Bytes of an address.
const URL_BYTES_MAX: usize = 2000;

/// `https://HOST[:PORT]/PATH`, or `http://`. A credential in it is taken out, to be sent as a header.
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// With the slash, without one at the end and without a query.
    pub(super) path: String,
    pub(super) credential: Option<String>,
}

impl GitUrl {
    /// The same with this credential: a token, or `USER:PASSWORD`.
    #[must_use]
    pub fn with_credential(mut self, credential: Option<String>) -> Self {
        let given = credential.filter(|text| !text.is_empty());
        // Forges take a token as the password of any user.
        let whole = given.map(|text| if text.contains(':') { text } else { format!("x:{text}") });
        self.credential = whole.or(self.credential);
        self
    }

    /// The last part of the path, without `.git`: what the repository is probably called.
    #[must_use]
    pub fn name(&self) -> &str {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        last.strip_suffix(".git").unwrap_or(last)
    }

    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    fn default_port(&self) -> u16 {
        if self.tls { 443 } else { 80 }
    }

    /// Whether a credential for this address may be sent to that one.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }
}

impl FromStr for GitUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |what: &str| {
            Error::invalid(format!("{what}: give a repository's address like https://host/owner/name.git"))
        };
        let text = text.trim();
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(bad("only https:// and http:// are read")),
        };
        if text.len() > URL_BYTES_MAX || rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
            return Err(bad("it is no address"));
        }
        let (authority, path) = rest.split_once('/').ok_or_else(|| bad("it has no path"))?;
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        if path.is_empty() || !path.is_ascii() {
            return Err(bad("it has no path"));
        }
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad("its port is none"))?),
            _ => (place, if tls { 443 } else { 80 }),
        };
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b)) {
            return Err(bad("its host is none"));
        }
        let url = Self { tls, host, port, path: format!("/{path}"), credential: None };
        Ok(url.with_credential(user.map(str::to_owned)))
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.path)
    }
}

impl fmt::Debug for GitUrl {
    /// Without the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_its_credential_are_told_apart() {
        let url: GitUrl = "https://ada:secret@Forge.example:8443/ada/tool.git/?x=1".parse().unwrap();
        assert_eq!(url.to_string(), "https://forge.example:8443/ada/tool.git");
        assert_eq!((url.name(), url.credential.as_deref()), ("tool", Some("ada:secret")));
        assert!(!format!("{url:?}").contains("secret"));
        let token = url.with_credential(Some("ghp_x".to_owned()));
        assert_eq!(token.credential.as_deref(), Some("x:ghp_x"));
        let six: GitUrl = "http://[2001:db8::1]/a/b".parse().unwrap();
        assert_eq!(
            (six.host.as_str(), six.port, six.to_string().as_str()),
            ("2001:db8::1", 80, "http://[2001:db8::1]/a/b")
        );
        for bad in [
            "ssh://h/x",
            "file:///etc",
            "https://",
            "https://h",
            "https://h/",
            "https://h/a b",
            "https://h:x/a",
            "https://h\u{e9}/a",
            "ext::sh",
        ] {
            assert!(bad.parse::<GitUrl>().is_err(), "{bad}");
        }
    }
}
