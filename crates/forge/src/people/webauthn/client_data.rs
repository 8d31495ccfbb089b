//! `clientDataJSON`: what the browser says of the ceremony.

use super::{Refused, RelyingParty, unbase64};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// Refuses unless it is of this kind (`webauthn.get`, `webauthn.create`), challenge and origin, and from no frame of another
/// site's.
pub(super) fn check(json: &[u8], kind: &str, challenge: &[u8; 32], rp: &RelyingParty) -> Result<(), Refused> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Refused("the browser's part can't be read"))?;
    if data.r#type != kind {
        return Err(Refused("it is of another kind of ceremony"));
    }
    if unbase64(&data.challenge)? != challenge {
        return Err(Refused("it answers another challenge"));
    }
    if data.origin != rp.origin || data.cross_origin {
        return Err(Refused("it comes from another site's page"));
    }
    Ok(())
}
