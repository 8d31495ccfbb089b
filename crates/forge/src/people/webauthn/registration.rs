//! A registration: an authenticator made a key for this site.

use super::authenticator_data::AuthenticatorData;
use super::public_key::PublicKey;
use super::{CEREMONY_BYTES_MAX, Refused, RelyingParty, client_data, unbase64};
use minicbor::Decoder;
use serde::Deserialize;

/// What a browser gives after `navigator.credentials.create`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    attestation: Vec<u8>,
    client_data: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    attestation_object: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
}

/// A key that an authenticator made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The id it chose.
    pub credential: Vec<u8>,
    /// The public key, as COSE writes it.
    pub public_key: Vec<u8>,
    /// Its counter of signatures.
    pub sign_count: u32,
    /// The authenticator knew that it was its owner.
    pub user_verified: bool,
    /// The key is copied to other devices.
    pub backed_up: bool,
}

impl Registration {
    /// As the pages' script sends it: `{"attestationObject", "clientDataJSON"}`, each in base64url.
    pub fn from_json(text: &str) -> Result<Self, Refused> {
        if text.len() > CEREMONY_BYTES_MAX {
            return Err(Refused("it is too large"));
        }
        let json: Json = serde_json::from_str(text).map_err(|_| Refused("it can't be read"))?;
        Ok(Self { attestation: unbase64(&json.attestation_object)?, client_data: unbase64(&json.client_data)? })
    }

    /// The key, if it was made for this challenge on a page of this site. Who made the authenticator is not asked.
    pub fn verify(&self, rp: &RelyingParty, challenge: &[u8; 32]) -> Result<Registered, Refused> {
        client_data::check(&self.client_data, "webauthn.create", challenge, rp)?;
        let bytes = authenticator_data(&self.attestation).map_err(|_| Refused("the new key can't be read"))?;
        let data = AuthenticatorData::read(bytes, rp)?;
        let (credential, public_key) = data.attested.ok_or(Refused("there is no new key in it"))?;
        PublicKey::read(public_key)?;
        Ok(Registered {
            credential: credential.to_vec(),
            public_key: public_key.to_vec(),
            sign_count: data.sign_count,
            user_verified: data.user_verified(),
            backed_up: data.backed_up(),
        })
    }
}

/// `authData` of an attestation object; the rest of it is passed over.
fn authenticator_data(object: &[u8]) -> Result<&[u8], minicbor::decode::Error> {
    let wrong = minicbor::decode::Error::message;
    let mut decoder = Decoder::new(object);
    let mut found = None;
    for _ in 0..decoder.map()?.ok_or_else(|| wrong("a map of known length is wanted"))? {
        match decoder.str()? {
            "authData" if found.is_none() => found = Some(decoder.bytes()?),
            "authData" => return Err(wrong("it stands twice")),
            _ => decoder.skip()?,
        }
    }
    if decoder.position() != object.len() {
        return Err(wrong("bytes are left over"));
    }
    found.ok_or_else(|| wrong("there is none"))
}
