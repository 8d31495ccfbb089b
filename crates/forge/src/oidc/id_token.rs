//! ID tokens (OpenID Connect Core 1.0, 3.1.3.7): JSON Web Signatures of an issuer's keys. RS256, ES256 and EdDSA, and no other.

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// Seconds that a provider's clock may be before or after ours.
const CLOCK_SKEW_S: i64 = 60;
/// Bytes of what an issuer calls somebody.
const SUBJECT_BYTES_MAX: usize = 255;

/// Whom an ID token speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the issuer calls them, for ever.
    pub subject: String,
    /// Their address, if the issuer says that it is theirs.
    pub email: Option<String>,
    /// What they would like to be called.
    pub name: Option<String>,
}

/// What a token must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_s: i64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    preferred_username: Option<String>,
}

fn refused(why: &str) -> Error {
    Error::Unauthenticated(format!("the provider's answer is not believed: {why}"))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whom a token speaks of, if it is what it must be and a key of `jwks` signed it.
pub(super) fn verify(token: &str, jwks: &[u8], expected: &Expected<'_>) -> Result<Subject, Error> {
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused("it is no signed token"));
    };
    let json = |part: &str| bytes(part).ok_or_else(|| refused("it is no signed token"));
    let header: Header = serde_json::from_slice(&json(head)?).map_err(|_| refused("its head can't be read"))?;
    if header.crit.is_some() {
        return Err(refused("it asks for what this site does not know"));
    }
    let (signature, signed) = (json(signature)?, &token[..head.len() + 1 + body.len()]);
    let keys: Jwks = serde_json::from_slice(jwks).map_err(|_| refused("its keys can't be read"))?;
    let keys = keys.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let mut candidates = keys.filter(|key| fits(key, &header));
    if !candidates.any(|key| key_signed(&key, signed.as_bytes(), &signature).is_some()) {
        return Err(refused("no key of its issuer's signed it"));
    }
    let claims: Claims = serde_json::from_slice(&json(body)?).map_err(|_| refused("it does not say what it must"))?;
    check(claims, expected)
}

/// Whether a key is one for this head: its kind decides the algorithm, never the token alone.
fn fits(key: &Jwk, header: &Header) -> bool {
    let algorithm = match (key.kty.as_str(), key.crv.as_deref()) {
        ("RSA", _) => "RS256",
        ("EC", Some("P-256")) => "ES256",
        ("OKP", Some("Ed25519")) => "EdDSA",
        _ => return false,
    };
    algorithm == header.alg
        && key.alg.as_deref().is_none_or(|alg| alg == algorithm)
        && key.usage.as_deref().is_none_or(|usage| usage == "sig")
        && header.kid.as_ref().is_none_or(|kid| key.kid.as_ref() == Some(kid))
}

fn key_signed(key: &Jwk, signed: &[u8], signature: &[u8]) -> Option<()> {
    let part = |text: &Option<String>| bytes(text.as_deref()?);
    match key.kty.as_str() {
        "RSA" => {
            let key = RsaPublicKeyComponents { n: part(&key.n)?, e: part(&key.e)? };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).ok()
        }
        "EC" => {
            let point = [&[4][..], &part(&key.x)?, &part(&key.y)?].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).ok()
        }
        _ => UnparsedPublicKey::new(&ED25519, part(&key.x)?).verify(signed, signature).ok(),
    }
}

fn check(claims: Claims, expected: &Expected<'_>) -> Result<Subject, Error> {
    if claims.iss != expected.issuer {
        return Err(refused("it is another issuer's"));
    }
    let audience: Vec<&str> = match &claims.aud {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let to_another = claims.azp.as_ref().is_some_and(|azp| azp != expected.client_id);
    let unclear = audience.len() > 1 && claims.azp.is_none();
    if !audience.contains(&expected.client_id) || to_another || unclear {
        return Err(refused("it is for another site"));
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(refused("it is no answer to what was asked"));
    }
    let now = expected.now_s;
    let early = claims.iat.saturating_sub(CLOCK_SKEW_S) > now
        || claims.nbf.is_some_and(|since| since.saturating_sub(CLOCK_SKEW_S) > now);
    if claims.exp.saturating_add(CLOCK_SKEW_S) <= now || early {
        return Err(refused("it is not of now: is a clock wrong?"));
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
        return Err(refused("it does not say whom it is about"));
    }
    let verified = claims.email_verified == Value::Bool(true);
    Ok(Subject { subject: claims.sub, email: claims.email.filter(|_| verified), name: claims.preferred_username })
}

#[cfg(test)]
mod tests;
