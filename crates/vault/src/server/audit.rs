//! Proving possession: a hash over bytes that the asker chooses.

use super::Shared;
use crate::compare::{AUDIT_BLOBS_MAX, audit_answer, audit_range};
use crate::store::StoreError;
use journal::{BlobName, Hash};
use serde::Deserialize;
use std::io::Read as _;

/// What is asked.
#[derive(Deserialize)]
struct Asked {
    nonce: String,
    blobs: Vec<String>,
}

/// The answers to a request's body: one for each blob, `None` for one that is not here. `Ok(None)` when it is no request.
pub(super) fn answer(shared: &Shared, body: &[u8]) -> Result<Option<Vec<Option<String>>>, StoreError> {
    let Ok(asked) = serde_json::from_slice::<Asked>(body) else { return Ok(None) };
    let names: Vec<BlobName> = asked.blobs.iter().filter_map(|name| name.parse().ok()).collect();
    let Ok(nonce) = asked.nonce.parse::<Hash>() else { return Ok(None) };
    if names.len() != asked.blobs.len() || names.len() > AUDIT_BLOBS_MAX {
        return Ok(None);
    }
    let answers = names.iter().map(|name| one(shared, &nonce, name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(answers.into_iter().map(|answer| answer.map(|hash| hash.to_string())).collect()))
}

pub(super) fn one(shared: &Shared, nonce: &Hash, name: &BlobName) -> Result<Option<Hash>, StoreError> {
    if shared.vault().erased(name).is_some() {
        return Ok(None);
    }
    let inline = shared.vault().inline_blob(name)?;
    let (mut reader, len) = match inline {
        Some(bytes) => {
            let len = bytes.len() as u64;
            (Box::new(std::io::Cursor::new(bytes)) as Box<dyn std::io::Read + Send>, len)
        }
        None => match shared.store.blob(name)? {
            Some(open) => open,
            None => return Ok(None),
        },
    };
    let (start, end) = audit_range(nonce, name, len);
    std::io::copy(&mut reader.by_ref().take(start), &mut std::io::sink())?;
    let mut range = Vec::new();
    reader.take(end - start).read_to_end(&mut range)?;
    Ok(Some(audit_answer(nonce, name, &range)))
}
