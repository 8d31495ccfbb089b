//! What opens a log: the recovery key, or what a site has of its own.

use super::RecoverRequest;
use crate::error::Error;
use crate::keys::{Keys, RecoveryKey, ViewKeys};
use journal::Origin;
use journal::epoch::recovery_signing_key;
use journal::note::VerifierKey;
use std::io::Read as _;
use vault::seal::{Identity, SealError, open_blob};

/// Opens what the vaults hold, and says who may have begun its epochs. It starts none.
#[derive(Clone)]
pub(crate) struct Opener {
    /// Those that may open a blob, the likeliest first.
    identities: Vec<Identity>,
    recipient: String,
    recovery: Recovery,
}

#[derive(Clone)]
enum Recovery {
    /// The log's name, and with it the key, comes from the vaults.
    Secret(Identity),
    /// A site knows its recovery key's public half alone.
    Public(VerifierKey),
}

impl Opener {
    /// With the recovery key: everything there is.
    pub(crate) fn with_recovery_key(key: &RecoveryKey) -> Self {
        let identity = key.identity().clone();
        Self { identities: vec![identity.clone()], recipient: key.recipient(), recovery: Recovery::Secret(identity) }
    }

    /// With a site's own keys: everything that it or its predecessors have sealed.
    pub(crate) fn with_site_keys(keys: &Keys) -> Result<Self, Error> {
        Ok(Self {
            identities: keys.identities()?,
            recipient: keys.recovery_recipient().to_owned(),
            recovery: Recovery::Public(keys.recovery_key().clone()),
        })
    }

    /// The key that signs the epochs of this log.
    pub(super) fn recovery_key(&self, origin: &Origin) -> VerifierKey {
        match &self.recovery {
            Recovery::Secret(identity) => recovery_signing_key(&identity.secret_bytes(), origin).verifier().clone(),
            Recovery::Public(key) => key.clone(),
        }
    }

    /// The plaintext of a sealed blob.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let mut why = None;
        for identity in &self.identities {
            match open_blob(identity, sealed) {
                Ok(mut reader) => {
                    let mut plain = Vec::new();
                    reader.read_to_end(&mut plain).map_err(|e| Error::damaged(e.to_string()))?;
                    return Ok(plain);
                }
                Err(error) => why = Some(error),
            }
        }
        Err(Error::damaged(
            why.map_or_else(|| "there is no key to open it with".to_owned(), |e: SealError| e.to_string()),
        ))
    }

    /// Keys that read all these epochs and start none.
    pub(super) fn view(&self, of: ViewKeys) -> Result<Keys, Error> {
        let verifier = self.recovery_key(&of.origin);
        Keys::view(self.recipient.clone(), verifier, of)
    }
}

impl From<&RecoverRequest> for Opener {
    fn from(request: &RecoverRequest) -> Self {
        Self::with_recovery_key(&request.key)
    }
}
