//! A vault's URL: everything that is needed to reach it, in one line of text.

use crate::credential::{Credential, Role};
use journal::Hash;
use journal::note::{KeyKind, VerifierKey};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// `vault://ROLE:CREDENTIAL@HOST:PORT/NAME?domain=DOMAIN&pin=HEX&vkey=VKEY`
///
/// The pin is the SHA-256 of the vault's TLS public key, the vkey its cosigner key: address and port may change, these
/// are who it is.
#[derive(Clone, PartialEq, Eq)]
pub struct VaultUrl {
    /// What the credential allows.
    pub role: Role,
    /// The credential.
    pub credential: Credential,
    /// `HOST:PORT`
    pub address: String,
    /// The vault's name.
    pub name: String,
    /// Who could destroy it.
    pub domain: String,
    /// SHA-256 of the subject public key info of its certificate.
    pub pin: Hash,
    /// Its cosigner key.
    pub vkey: VerifierKey,
}

/// Not a vault's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a vault's URL ({0}); give the text of its site.url or recover.url, or that file's path")]
pub struct VaultUrlError(String);

impl VaultUrl {
    /// Whether a vault or a trust domain can have this name.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        name_is_valid(text)
    }

    /// From a command line: the text itself, or the path of a file that holds it.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_arg(arg: &str) -> Result<Self, VaultUrlError> {
        if arg.starts_with("vault://") {
            return arg.trim().parse();
        }
        let path = Path::new(arg);
        let path = if path.is_dir() { path.join("site.url") } else { path.to_owned() };
        let text =
            std::fs::read_to_string(&path).map_err(|error| VaultUrlError(format!("{}: {error}", path.display())))?;
        text.trim().parse()
    }

    /// The whole text with the credential, for a file that only its owner reads.
    pub fn expose(&self) -> String {
        let vkey = escape(&self.vkey.to_string());
        let Self { role, credential, address, name, domain, pin, .. } = self;
        let (role, credential) = (role.as_str(), credential.expose());
        format!("vault://{role}:{credential}@{address}/{name}?domain={domain}&pin={pin}&vkey={vkey}")
    }
}

/// Where another vault is and who it is, without a credential: what vaults need to watch each other.
/// `vault://HOST:PORT/NAME?domain=DOMAIN&pin=HEX&vkey=VKEY`, as a vault writes it to its `public.url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerUrl(VaultUrl);

impl PeerUrl {
    /// From a command line: the text itself, or the path of a file or a vault's directory that holds it. A credential in it is
    /// thrown away.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_arg(arg: &str) -> Result<Self, VaultUrlError> {
        if arg.starts_with("vault://") {
            return arg.trim().parse();
        }
        let path = Path::new(arg);
        let path = if path.is_dir() { path.join("public.url") } else { path.to_owned() };
        let text =
            std::fs::read_to_string(&path).map_err(|error| VaultUrlError(format!("{}: {error}", path.display())))?;
        text.trim().parse()
    }

    /// For a client that asks for what is public: its credential is nobody's.
    pub(crate) fn as_client_url(&self) -> &VaultUrl {
        &self.0
    }
}

impl From<&VaultUrl> for PeerUrl {
    fn from(url: &VaultUrl) -> Self {
        Self(VaultUrl { role: Role::Append, credential: Credential::nobodys(), ..url.clone() })
    }
}

impl FromStr for PeerUrl {
    type Err = VaultUrlError;

    fn from_str(text: &str) -> Result<Self, VaultUrlError> {
        let rest = text.strip_prefix("vault://").unwrap_or(text);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let whole: VaultUrl = format!("vault://append:{}@{rest}", Credential::nobodys().expose()).parse()?;
        Ok(Self(whole))
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VaultUrl { address, name, domain, pin, vkey, .. } = &self.0;
        write!(f, "vault://{address}/{name}?domain={domain}&pin={pin}&vkey={}", escape(&vkey.to_string()))
    }
}

/// Names of vaults and domains: what a URL, a key's name and a file's name can hold without quoting.
pub(crate) fn name_is_valid(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(['.', '-'])
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn unescape(text: &str) -> String {
    text.replace("%3D", "=").replace("%2F", "/").replace("%2B", "+").replace("%25", "%")
}

impl FromStr for VaultUrl {
    type Err = VaultUrlError;

    fn from_str(text: &str) -> Result<Self, VaultUrlError> {
        let bad = |what: &str| VaultUrlError(what.to_owned());
        let rest = text.strip_prefix("vault://").ok_or_else(|| bad("it does not begin with vault://"))?;
        let (user, rest) = rest.split_once('@').ok_or_else(|| bad("it has no credential"))?;
        let (role, credential) = user.split_once(':').ok_or_else(|| bad("it has no credential"))?;
        let role = match role {
            "append" => Role::Append,
            "recover" => Role::Recover,
            _ => return Err(bad("its role is neither append nor recover")),
        };
        let credential =
            Credential::parse(credential).ok_or_else(|| bad("its credential is not 64 hexadecimal digits"))?;
        let (address, rest) = rest.split_once('/').ok_or_else(|| bad("it has no name"))?;
        let (name, query) = rest.split_once('?').ok_or_else(|| bad("it has no pin"))?;
        let field = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let domain = field("domain").unwrap_or(name);
        let valid_address =
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !name_is_valid(name) || !name_is_valid(domain) || !valid_address {
            return Err(bad("its name, domain or address is not usable"));
        }
        let pin = field("pin").and_then(|pin| pin.parse().ok()).ok_or_else(|| bad("it has no pin"))?;
        let vkey: VerifierKey =
            field("vkey").and_then(|key| unescape(key).parse().ok()).ok_or_else(|| bad("it has no vkey"))?;
        if vkey.kind() != KeyKind::Cosignature {
            return Err(bad("its vkey is not a cosigner's"));
        }
        let (address, name, domain) = (address.to_owned(), name.to_owned(), domain.to_owned());
        Ok(Self { role, credential, address, name, domain, pin, vkey })
    }
}

impl fmt::Debug for VaultUrl {
    /// Without the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vault://{}@{}/{}", self.role.as_str(), self.address, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::note::SigningKey;

    fn url() -> VaultUrl {
        let key = SigningKey::from_seed("eu", KeyKind::Cosignature, &[7; 32]).unwrap();
        VaultUrl {
            role: Role::Append,
            credential: Credential::generate().unwrap(),
            address: "vault.example:9443".to_owned(),
            name: "eu".to_owned(),
            domain: "example".to_owned(),
            pin: Hash::of(b"pin"),
            vkey: key.verifier().clone(),
        }
    }

    #[test]
    fn the_text_round_trips_and_debug_hides_the_credential() {
        let url = url();
        assert_eq!(url.expose().parse::<VaultUrl>().unwrap(), url);
        assert!(!format!("{url:?}").contains(&url.credential.expose()));
    }

    #[test]
    fn a_peers_text_has_no_credential() {
        let (url, peer) = (url(), PeerUrl::from(&url()));
        assert!(!peer.to_string().contains('@'));
        assert_eq!(peer.to_string().parse::<PeerUrl>().unwrap(), peer);
        let thrown_away: PeerUrl = url.expose().parse().unwrap();
        assert_eq!(thrown_away.as_client_url().address, url.address);
        assert_ne!(thrown_away.as_client_url().credential, url.credential);
    }

    #[test]
    fn a_file_or_a_vaults_directory_will_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.url");
        std::fs::write(&path, format!("{}\n", url().expose())).unwrap();
        VaultUrl::from_arg(path.to_str().unwrap()).unwrap();
        VaultUrl::from_arg(dir.path().to_str().unwrap()).unwrap();
        let error = VaultUrl::from_arg("/nonexistent").unwrap_err().to_string();
        assert!(error.contains("site.url"), "{error}");
    }

    #[test]
    fn what_lacks_a_part_is_refused() {
        let good = url().expose();
        for (from, to) in [
            ("vault://", "https://"),
            ("append:", "root:"),
            ("@", "#"),
            ("pin=", "pin="),
            (":9443", ""),
            ("/eu?", "/-eu?"),
        ] {
            let bad = if from == to { good.replacen("pin=", "nip=", 1) } else { good.replacen(from, to, 1) };
            assert!(bad.parse::<VaultUrl>().is_err(), "{bad}");
        }
    }
}
