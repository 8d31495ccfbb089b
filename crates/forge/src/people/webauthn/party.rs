//! Who asks for a proof: the site, by its address.

use std::net::IpAddr;

/// The site as authenticators know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host of the site's address: keys are bound to it.
    pub id: String,
    /// Scheme, host and port: where the page with the ceremony must come from.
    pub origin: String,
}

impl RelyingParty {
    /// That of a site at this address; None where browsers offer no WebAuthn: at an IP address, or without https.
    ///
    /// This machine's own address counts as `localhost`, where browsers do offer it: the trial site's passkeys work at
    /// `http://localhost:PORT`.
    #[must_use]
    pub fn of(base_url: &str) -> Option<Self> {
        let (scheme, rest) = base_url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (host, Some(port)),
            _ => (authority.as_str(), None),
        };
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let host = match address {
            Some(address) if address.is_loopback() => "localhost",
            Some(_) => return None,
            None => host,
        };
        let local = host == "localhost" || host.ends_with(".localhost");
        if host.is_empty() || !(scheme == "https" || scheme == "http" && local) {
            return None;
        }
        let default = if scheme == "https" { "443" } else { "80" };
        let port = port.filter(|port| *port != default).map(|port| format!(":{port}")).unwrap_or_default();
        Some(Self { id: host.to_owned(), origin: format!("{scheme}://{host}{port}") })
    }
}
