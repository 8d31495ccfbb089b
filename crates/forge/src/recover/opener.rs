//! What opens a log: the recovery key, or what a site has of its own.

use super::RecoverRequest;
use crate::error::Error;
use crate::keys::{Keys, RecoveryKey, past_keys};
use journal::Origin;
use journal::entry::DataKey;
use journal::epoch::{RecoveryPublic, recovery_signing_key};
use std::collections::BTreeMap;
use std::io::Read as _;
use vault::seal::{Identity, SealError, open_blob};

/// Opens what the vaults hold, and says who may have begun its epochs. It starts none.
#[derive(Clone)]
pub(crate) struct Opener {
    /// Those that may open a blob, the likeliest first.
    identities: Vec<Identity>,
    recovery: Recovery,
}

#[derive(Clone)]
enum Recovery {
    /// The log's name, and with it the key, comes from the vaults.
    Secret(Identity),
    /// A site knows its recovery keys' public halves alone.
    Public(Vec<RecoveryPublic>),
}

impl Opener {
    /// With the recovery key: everything there is.
    pub(crate) fn with_recovery_key(key: &RecoveryKey) -> Self {
        let identity = key.identity().clone();
        Self { identities: vec![identity.clone()], recovery: Recovery::Secret(identity) }
    }

    /// With a site's own keys: everything that it or its predecessors have sealed.
    pub(crate) fn with_site_keys(keys: &Keys) -> Result<Self, Error> {
        Ok(Self { identities: keys.identities()?, recovery: Recovery::Public(keys.recovery().to_vec()) })
    }

    /// As it is, and with these too.
    pub(super) fn with(mut self, identities: Vec<Identity>) -> Self {
        self.identities.extend(identities);
        self
    }

    /// The keys of its own that sign the epochs of this log.
    pub(super) fn recovery(&self, origin: &Origin) -> Vec<RecoveryPublic> {
        match &self.recovery {
            Recovery::Secret(identity) => {
                let verifier = recovery_signing_key(&identity.secret_bytes(), origin).verifier().clone();
                vec![RecoveryPublic { verifier, recipient: Some(identity.recipient()) }]
            }
            Recovery::Public(keys) => keys.clone(),
        }
    }

    /// The data keys in the blob that opens the past, when it is for one of these identities.
    pub(super) fn past(&self, blob: &[u8]) -> Result<Option<BTreeMap<u64, DataKey>>, Error> {
        past_keys(&self.identities, blob)
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

    /// What a recovery is asked to open with.
    pub(super) fn of(request: &RecoverRequest) -> Result<Self, Error> {
        match &request.site {
            Some(data) => Self::with_site_keys(&Keys::open(data)?),
            None => Ok(Self::with_recovery_key(&request.key)),
        }
    }
}
