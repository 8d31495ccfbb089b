//! What a provider says of itself, and the two halves of the code flow: where the browser is sent, and what comes of the code it brings.

use super::Provider;
use super::http::{Address, Sent, ask, escape};
use super::id_token::{Expected, Subject, verify};
use crate::error::Error;
use crate::people::ticket::{constant_time_eq, random};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What a browser keeps, sealed, from when it was sent away until it is back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) provider: String,
    state: String,
    nonce: String,
    verifier: String,
    /// Where they wanted to go.
    pub(crate) next: String,
    /// The account that wants to be linked; None: they sign in.
    pub(crate) links: Option<u64>,
}

/// What the browser brings back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) code: String,
    pub(crate) state: String,
    pub(crate) iss: Option<String>,
}

fn chance() -> Result<String, Error> {
    let mut bytes = [0; 32];
    random(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn ok((status, body): (hyper::StatusCode, Bytes), what: &str) -> Result<Bytes, Error> {
    if status.is_success() {
        Ok(body)
    } else {
        Err(Error::conflict(format!("the provider answered {status} for {what}")))
    }
}

/// An address that the site itself asks: on the issuer's machine, or one that the operator named.
fn allowed(provider: &Provider, text: &str) -> Result<Address, Error> {
    let (address, issuer): (Address, Address) = (text.parse()?, provider.issuer.parse()?);
    if address.host == issuer.host || provider.hosts.contains(&address.host) {
        return Ok(address);
    }
    let host = address.host;
    Err(Error::conflict(format!(
        "the provider sends this site to {host}: whoever runs the site can allow it (--host {host})"
    )))
}

async fn discover(provider: &Provider) -> Result<Discovery, Error> {
    let address = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let body = ok(ask(&address.parse()?, None).await?, "its configuration")?;
    let found: Discovery =
        serde_json::from_slice(&body).map_err(|e| Error::conflict(format!("the provider's configuration: {e}")))?;
    if found.issuer != provider.issuer {
        return Err(Error::conflict(format!(
            "the provider calls itself {:?}, not {:?}",
            found.issuer, provider.issuer
        )));
    }
    Ok(found)
}

/// Where the browser goes, and what it keeps meanwhile.
pub(crate) async fn start(
    provider: &Provider,
    back: &str,
    next: &str,
    links: Option<u64>,
) -> Result<(String, Flow), Error> {
    let found = discover(provider).await?;
    found.authorization_endpoint.parse::<Address>()?;
    let (state, nonce, verifier) = (chance()?, chance()?, chance()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let pairs = [
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", back),
        ("scope", "openid profile email"),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let query = pairs.map(|(name, value)| format!("{name}={}", escape(value))).join("&");
    let joint = if found.authorization_endpoint.contains('?') { '&' } else { '?' };
    let to = format!("{}{joint}{query}", found.authorization_endpoint);
    let flow = Flow { provider: provider.name.clone(), state, nonce, verifier, next: next.to_owned(), links };
    Ok((to, flow))
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// Whom the code speaks of, which the browser of this flow brought back.
pub(crate) async fn exchange(
    provider: &Provider,
    secret: Option<&str>,
    back: &str,
    flow: &Flow,
    asked: &Asked,
    now_s: i64,
) -> Result<Subject, Error> {
    let foreign = || Error::invalid("this is no answer to what this browser asked: begin again");
    if !constant_time_eq(flow.state.as_bytes(), asked.state.as_bytes()) || flow.provider != provider.name {
        return Err(foreign());
    }
    let found = discover(provider).await?;
    // RFC 9207: one provider's answer is not taken for another's.
    let silent = asked.iss.is_none() && found.authorization_response_iss_parameter_supported;
    if silent || asked.iss.as_ref().is_some_and(|iss| *iss != provider.issuer) {
        return Err(foreign());
    }
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", &asked.code),
        ("redirect_uri", back),
        ("code_verifier", &flow.verifier),
    ];
    let basic = found.token_endpoint_auth_methods_supported.as_ref();
    let basic = basic.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
    let mut authorization = None;
    match secret {
        Some(secret) if basic => {
            let pair = format!("{}:{}", escape(&provider.client_id), escape(secret));
            authorization = Some(format!("Basic {}", STANDARD.encode(pair)));
        }
        Some(secret) => pairs.extend([("client_id", provider.client_id.as_str()), ("client_secret", secret)]),
        None => pairs.push(("client_id", &provider.client_id)),
    }
    let body = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&");
    let answer = ask(&allowed(provider, &found.token_endpoint)?, Some(Sent { body, authorization })).await?;
    let tokens: Tokens = serde_json::from_slice(&ok(answer, "the code")?)
        .map_err(|_| Error::conflict("the provider gave no ID token for the code"))?;
    let keys = ok(ask(&allowed(provider, &found.jwks_uri)?, None).await?, "its keys")?;
    let expected = Expected { issuer: &provider.issuer, client_id: &provider.client_id, nonce: &flow.nonce, now_s };
    verify(&tokens.id_token, &keys, &expected)
}
