//! What may be connected to on somebody's word: the internet, and nothing of ours.

use crate::egress::is_global;
use crate::error::Error;
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
        let may: Vec<_> = found.iter().filter(|at| self == Self::Any || is_global(at.ip())).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

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
