//! What may be connected to on somebody's word: the internet, and nothing of ours.

use crate::error::Error;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take to be made.
const CONNECT_WAIT: Duration = Duration::from_secs(15);

/// Who is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Addresses that everybody can reach.
    Public,
    /// Whatever there is: on the operator's own word.
    Any,
}

impl Egress {
    /// Connects to an address of this host that may be connected to. The addresses are asked for once, and it is these that are
    /// connected to: a name that means another address the next time gains nothing.
    pub(super) async fn connect(self, host: &str, port: u16) -> Result<TcpStream, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::invalid(format!("{host} can't be reached: {e}"));
        let found = tokio::time::timeout(CONNECT_WAIT, tokio::net::lookup_host((host, port))).await;
        let found: Vec<_> = found.map_err(|_| failed(&"no name server answers"))?.map_err(|e| failed(&e))?.collect();
        let may: Vec<_> = found.iter().filter(|at| self == Self::Any || is_public(at.ip())).collect();
        if may.is_empty() && !found.is_empty() {
            return Err(Error::invalid(format!(
                "{host} is on this machine or in a private network, from which nothing is imported; whoever runs the site can, with \
                 outlast import --allow-private"
            )));
        }
        let mut last = failed(&"it has no address");
        for at in may {
            match tokio::time::timeout(CONNECT_WAIT, TcpStream::connect(at)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = failed(&error),
                Err(_) => last = failed(&"no answer"),
            }
        }
        Err(last)
    }
}

/// Whether it is an address of the internet: not this machine's, not a private network's, no group, no document's example, no
/// passage into IPv4 that would be one of these.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(ip) => {
            let s = ip.segments();
            // Only 2000::/3 is given out, and in it these lead elsewhere: Teredo, ORCHID, documentation, 6to4.
            (0x2000..0x4000).contains(&s[0])
                && !(s[0] == 0x2001 && (s[1] < 0x200 || s[1] == 0xdb8))
                && s[0] != 0x2002
                && s[0] != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_public() {
        for public in ["1.1.1.1", "140.82.121.4", "2606:4700::1", "2a01:4f8::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for ours in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(ours.parse().unwrap()), "{ours}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for name in ["localhost", "127.0.0.1"] {
            let refused = Egress::Public.connect(name, port).await.unwrap_err().to_string();
            assert!(refused.contains("private network"), "{refused}");
        }
        Egress::Any.connect("127.0.0.1", port).await.unwrap();
    }
}
