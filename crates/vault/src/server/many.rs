//! Many small blobs in one answer: what has thousands of them comes back with a few requests.

use super::Shared;
use super::routes::{Answer, no, refuse, text};
use crate::store::StoreError;
use bytes::Bytes;
use hyper::StatusCode;
use journal::BlobName;
use journal::batch::INLINE_BLOB_BYTES_MAX;
use minicbor::Encoder;
use std::convert::Infallible;
use std::io::Read as _;

/// The most names in one request.
pub(crate) const MANY_NAMES_MAX: usize = 1024;
/// The most bytes of one request: each name is 64 digits and the end of its line.
pub(super) const MANY_REQUEST_BYTES_MAX: usize = MANY_NAMES_MAX * 65;
/// About how many bytes of blobs one answer holds.
pub(crate) const MANY_BYTES: usize = 4 << 20;

/// The first of the blobs that are named, as many as fit into an answer, at least one. What is not given this way, because it is larger than what comes in a
/// batch, is not here or was erased, stands there as null: asked for by itself, it is given, or said to be gone.
pub(super) fn answer(shared: &Shared, body: &Bytes) -> Answer {
    let names = names(body).ok_or_else(|| no(StatusCode::BAD_REQUEST, "names of blobs, a line each, at most 1,024"))?;
    let (mut blobs, mut bytes) = (Vec::new(), 0);
    for name in &names {
        if bytes >= MANY_BYTES {
            break;
        }
        let blob = one(shared, name).map_err(|error| refuse(shared, &error.into()))?;
        bytes += blob.as_ref().map_or(0, Vec::len);
        blobs.push(blob);
    }
    Ok(text(StatusCode::OK, encode(&blobs)))
}

fn names(body: &[u8]) -> Option<Vec<BlobName>> {
    let lines = std::str::from_utf8(body).ok()?.lines();
    let names = lines.map(|line| line.parse().ok()).collect::<Option<Vec<_>>>()?;
    (1..=MANY_NAMES_MAX).contains(&names.len()).then_some(names)
}

fn one(shared: &Shared, name: &BlobName) -> Result<Option<Vec<u8>>, StoreError> {
    {
        let vault = shared.vault();
        if vault.erased(name).is_some() {
            return Ok(None);
        }
        if let Some(bytes) = vault.inline_blob_opened(name)? {
            return Ok(Some(bytes));
        }
    }
    let Some((reader, len)) = shared.store.blob(name)? else { return Ok(None) };
    if len > INLINE_BLOB_BYTES_MAX as u64 {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
    reader.take(len).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn encode(blobs: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(blobs.iter().flatten().map(|bytes| bytes.len() + 8).sum()));
    let mut write = || {
        e.array(blobs.len() as u64)?;
        for blob in blobs {
            match blob {
                Some(bytes) => e.bytes(bytes)?,
                None => e.null()?,
            };
        }
        Ok::<(), minicbor::encode::Error<Infallible>>(())
    };
    match write() {
        Ok(()) => e.into_writer(),
        Err(error) => unreachable!("encoding into memory: {error}"),
    }
}
