//! Where a bucket is, in one line of text without secrets.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// For how many days each object is locked when the URL does not say.
pub(crate) const LOCK_DAYS: u64 = 400;
/// The fewest days that make sense: a lock is renewed at half its time, and somebody must notice when it is not.
const LOCK_DAYS_MIN: u64 = 2;
/// The most days: whoever locks for longer by mistake pays for it for as long.
const LOCK_DAYS_MAX: u64 = 36_500;

/// `https://HOST[:PORT]/BUCKET[/PREFIX][?region=REGION&lock-days=N]`, addressed by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Url {
    /// Whether TLS is spoken; `http://` is for a service on the same machine, and for tests.
    pub tls: bool,
    /// The host's name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The bucket.
    pub bucket: String,
    /// What all names begin with: empty, or ending in a slash.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// For how long each object is locked; renewed when half of it is over.
    pub lock: Duration,
}

/// Not a bucket's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a bucket's URL ({0}); it looks like https://HOST/BUCKET/PREFIX?region=REGION&lock-days=400")]
pub struct S3UrlError(String);

impl S3Url {
    /// What stands in the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

fn plain(text: &str) -> bool {
    !text.is_empty()
        && text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte))
}

impl FromStr for S3Url {
    type Err = S3UrlError;

    fn from_str(text: &str) -> Result<Self, S3UrlError> {
        let bad = |what: &str| S3UrlError(what.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("it has no scheme"))?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(bad("its scheme is neither https nor http")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').ok_or_else(|| bad("it names no bucket"))?;
        if authority.contains('@') {
            return Err(bad("credentials do not belong in it: everybody on the machine sees a command line"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| bad("its port is not a number"))?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        let path = path.trim_end_matches('/');
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if host.is_empty() || !plain(bucket) || !(prefix.is_empty() || plain(prefix)) {
            return Err(bad("its host, bucket or prefix is not usable"));
        }
        let mut url = Self {
            tls,
            host: host.to_owned(),
            port,
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            region: "us-east-1".to_owned(),
            lock: days(LOCK_DAYS),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("region", region)) if plain(region) => url.region = region.to_owned(),
                Some(("lock-days", number)) => {
                    let number = number.parse().ok().filter(|days| (LOCK_DAYS_MIN..=LOCK_DAYS_MAX).contains(days));
                    url.lock = days(number.ok_or_else(|| bad("lock-days is a number from 2 to 36500"))?);
                }
                _ => return Err(bad(&format!("{pair:?} is not known; region and lock-days are"))),
            }
        }
        Ok(url)
    }
}

fn days(number: u64) -> Duration {
    Duration::from_secs(number * 86_400)
}

impl fmt::Display for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/{}/{}", self.authority(), self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_read() {
        let url: S3Url =
            "https://s3.eu-central-1.amazonaws.com/worm/eu/vault?region=eu-central-1&lock-days=30".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), ("s3.eu-central-1.amazonaws.com", 443, true));
        assert_eq!((url.bucket.as_str(), url.prefix.as_str()), ("worm", "eu/vault/"));
        assert_eq!((url.region.as_str(), url.lock), ("eu-central-1", days(30)));
        let url: S3Url = "http://127.0.0.1:7480/worm".parse().unwrap();
        assert_eq!((url.authority().as_str(), url.prefix.as_str()), ("127.0.0.1:7480", ""));
        assert_eq!(url.lock, days(400));
    }

    #[test]
    fn what_it_can_not_say_is_refused() {
        for bad in [
            "worm",
            "ftp://host/worm",
            "https://host",
            "https://host/",
            "https://host/../x",
            "https://host/b/a//b",
            "https://key:secret@host/b",
            "https://host/b?lock-days=1",
            "https://host/b?lock-days=x",
            "https://host/b?retain=3",
            "https://host:x/b",
        ] {
            assert!(bad.parse::<S3Url>().is_err(), "{bad}");
        }
    }
}
