//! Whose address a request has when it came through a proxy.
//!
//! A proxy says in `X-Forwarded-For` who asked it, and so can anybody else: the header is believed as far as addresses of the
//! operator's list wrote it, and no further. `Forwarded` (RFC 7239) is not read beside it: a proxy that writes one of the two
//! passes on what its client says in the other.

use crate::app::App;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Where the header's addresses stand.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Hops that are looked at; a longer chain is nobody's, and ends at the last that was.
const HOPS_MAX: usize = 16;

/// The address at the other end of a connection; it lies beside each request that came over it. None: a Unix socket's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

tokio::task_local! {
    static CLIENT: Option<IpAddr>;
}

/// Whose request this task answers, behind proxies too. None: the admin socket's, or no request.
#[must_use]
pub(crate) fn client() -> Option<IpAddr> {
    CLIENT.try_with(|client| *client).ok().flatten()
}

/// Finds out whose address a request has, for everything that is asked while it is answered.
pub(crate) async fn asked_by(State(app): State<App>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0);
    let client = peer.map(|peer| app.trusted_proxies.client(peer, request.headers()));
    on_behalf_of(client, next.run(request)).await
}

/// Does `work` for whoever comes from this address.
pub(crate) async fn on_behalf_of<T>(client: Option<IpAddr>, work: impl Future<Output = T>) -> T {
    forge::canary::coming_from(client, CLIENT.scope(client, work)).await
}

/// One address, or a network in CIDR notation (RFC 4632, RFC 4291): `192.0.2.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// This machine's own addresses.
    #[must_use]
    pub fn this_machine() -> Vec<Self> {
        let v4 = Self { address: Ipv4Addr::LOCALHOST.into(), prefix: 8 };
        vec![v4, Self { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 }]
    }

    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

/// Why a text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address and no network: write it like 192.0.2.7, 10.0.0.0/8 or fd00::/8")]
pub struct NotANetwork {
    text: String,
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork { text: text.to_owned() };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(wrong)?,
        };
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

/// The proxies whose word is taken.
#[derive(Debug, Clone)]
pub struct Proxies(Vec<Network>);

impl From<Vec<Network>> for Proxies {
    fn from(networks: Vec<Network>) -> Self {
        Self(networks)
    }
}

impl Proxies {
    /// Who asked: `peer`, or, where that is a proxy of the list, the last address of the header that is none.
    ///
    /// What can't be read ends the walk at the proxy that sent it: an address is never made up.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',')).map(hop);
        for hop in hops.take(HOPS_MAX) {
            let Some(hop) = hop.filter(|_| self.has(client)) else { break };
            client = hop;
        }
        client
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// One hop: an address, which some proxies write with its port.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse::<IpAddr>().or_else(|_| text.parse::<std::net::SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies::from(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_proxy_of_the_list_is_believed() {
        assert_eq!(client("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(client("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(client("fd00::1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn what_a_client_wrote_before_its_proxy_did_is_not_believed() {
        assert_eq!(client("10.1.2.3", &["203.0.113.9, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.1.2.3", &["203.0.113.9", "198.51.100.1, 10.9.9.9"]), "198.51.100.1");
        assert_eq!(client("10.1.2.3", &["10.0.0.5, 198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_ends_at_the_proxy_that_sent_it() {
        assert_eq!(client("10.1.2.3", &["198.51.100.1, unknown"]), "10.1.2.3");
        assert_eq!(client("10.1.2.3", &["198.51.100.1, _hidden, 10.9.9.9"]), "10.9.9.9");
        assert_eq!(client("10.1.2.3", &["198.51.100.1, é"]), "10.1.2.3");
        let chain = vec!["10.0.0.1"; 100].join(",");
        assert_eq!(client("10.1.2.3", &[&format!("198.51.100.1,{chain}")]), "10.0.0.1");
    }

    #[test]
    fn ports_and_mapped_addresses_are_the_same_address() {
        assert_eq!(client("10.1.2.3", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("10.1.2.3", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("10.1.2.3", &["::ffff:198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn networks_are_what_they_say() {
        let all = "0.0.0.0/0".parse::<Network>().unwrap();
        assert!(all.contains(Ipv4Addr::BROADCAST.into()) && !all.contains(Ipv6Addr::LOCALHOST.into()));
        let one = "192.0.2.7".parse::<Network>().unwrap();
        assert!(one.contains("192.0.2.7".parse().unwrap()) && !one.contains("192.0.2.6".parse().unwrap()));
        assert_eq!(one.to_string(), "192.0.2.7/32");
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fd00::/129", "10.0.0.0/-1", "proxy"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
