//! An assertion: an authenticator signed a challenge.

use super::authenticator_data::AuthenticatorData;
use super::public_key::PublicKey;
use super::{CEREMONY_BYTES_MAX, CREDENTIAL_ID_BYTES_MAX, Refused, RelyingParty, client_data, unbase64};
use minicbor::{Decode, Encode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What a browser gives after `navigator.credentials.get`. It can be kept in an event: it stays checkable for ever.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Assertion {
    /// The id of the credential that signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub credential: Vec<u8>,
    /// What the authenticator says.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub authenticator_data: Vec<u8>,
    /// What the browser says.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub client_data: Vec<u8>,
    /// Over both.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub signature: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    id: String,
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    signature: String,
}

impl Assertion {
    /// As the pages' script sends it: `{"id", "authenticatorData", "clientDataJSON", "signature"}`, each in base64url.
    pub fn from_json(text: &str) -> Result<Self, Refused> {
        if text.len() > CEREMONY_BYTES_MAX {
            return Err(Refused("it is too large"));
        }
        let json: Json = serde_json::from_str(text).map_err(|_| Refused("it can't be read"))?;
        let credential = unbase64(&json.id)?;
        if credential.is_empty() || credential.len() > CREDENTIAL_ID_BYTES_MAX {
            return Err(Refused("its id has no length that an id may have"));
        }
        Ok(Self {
            credential,
            authenticator_data: unbase64(&json.authenticator_data)?,
            client_data: unbase64(&json.client_data)?,
            signature: unbase64(&json.signature)?,
        })
    }
}

/// What a verified assertion shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The authenticator knew that it was its owner, by a PIN or a fingerprint, and not only that somebody touched it.
    pub user_verified: bool,
    /// Its counter of signatures.
    pub sign_count: u32,
}

/// Whether the authenticator with this public key (COSE) signed exactly this challenge, on a page of this site.
///
/// The same bytes give the same answer for ever: who keeps challenge, key and assertion can ask again. Whether the key is somebody's,
/// and still good, is not asked here.
pub fn verify(
    rp: &RelyingParty,
    challenge: &[u8; 32],
    public_key: &[u8],
    assertion: &Assertion,
) -> Result<Seen, Refused> {
    client_data::check(&assertion.client_data, "webauthn.get", challenge, rp)?;
    let data = AuthenticatorData::read(&assertion.authenticator_data, rp)?;
    let mut signed = assertion.authenticator_data.clone();
    signed.extend_from_slice(&Sha256::digest(&assertion.client_data));
    PublicKey::read(public_key)?.verify(&signed, &assertion.signature)?;
    Ok(Seen { user_verified: data.user_verified(), sign_count: data.sign_count })
}
