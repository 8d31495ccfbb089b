//! Many small blobs with few requests.

use super::{BLOB_TIMEOUT, ClientError, VaultClient, refused};
use crate::server::{MANY_BYTES, MANY_NAMES_MAX};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use journal::BlobName;
use journal::batch::INLINE_BLOB_BYTES_MAX;
use minicbor::Decoder;
use minicbor::data::Type;

/// The most bytes of an answer: the last blob in it may be as large as one can be, and each has a head.
const ANSWER_BYTES_MAX: usize = MANY_BYTES + INLINE_BLOB_BYTES_MAX + (64 << 10);

impl VaultClient {
    /// Those of these blobs that the vault gives together with others, in their order, each checked against its name. `None`: it is
    /// to be asked for by itself ([`VaultClient::blob`]), which tells whether it is large, gone, or changed. A vault of an older
    /// release gives none.
    ///
    /// # Errors
    /// When the vault can't be asked, or its answer is not a vault's.
    pub async fn small_blobs(&self, names: &[BlobName]) -> Result<Vec<Option<Bytes>>, ClientError> {
        let mut blobs = Vec::with_capacity(names.len());
        while let Some(rest) = names.get(blobs.len()..).filter(|rest| !rest.is_empty()) {
            let asked = &rest[..rest.len().min(MANY_NAMES_MAX)];
            let body: String = asked.iter().map(|name| format!("{name}\n")).collect();
            let (status, bytes) = {
                let (method, path) = (Method::POST, "/v1/blobs");
                self.ask_for(method, path, body.into(), BLOB_TIMEOUT, ANSWER_BYTES_MAX).await?
            };
            if status == StatusCode::NOT_FOUND {
                blobs.resize(names.len(), None);
                break;
            }
            if !status.is_success() {
                return Err(refused(status, &bytes));
            }
            let given = decode(&bytes, asked.len()).map_err(|error| ClientError::Nonsense(error.to_string()))?;
            let is_it = |(name, bytes): (&BlobName, Option<Bytes>)| bytes.filter(|bytes| BlobName::of(bytes) == *name);
            blobs.extend(asked.iter().zip(given).map(is_it));
        }
        Ok(blobs)
    }
}

/// `asked`: for how many. Others than so many are not even looked at: a null takes a byte there, and 32 here.
fn decode(answer: &Bytes, asked: usize) -> Result<Vec<Option<Bytes>>, minicbor::decode::Error> {
    let mut d = Decoder::new(answer);
    let count = d.array()?.filter(|count| (1..=asked as u64).contains(count));
    let count = count.ok_or_else(|| minicbor::decode::Error::message("it gave another number of blobs"))?;
    let mut blob = || match d.datatype()? {
        Type::Null => d.null().map(|()| None),
        _ => d.bytes().map(|bytes| Some(answer.slice_ref(bytes))),
    };
    (0..count).map(|_| blob()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicbor::Encoder;

    #[test]
    fn as_many_as_were_asked_for_are_taken_and_no_more() {
        let answer = |count: u64, nulls: u64| {
            let mut e = Encoder::new(Vec::new());
            e.array(count).unwrap();
            for _ in 0..nulls {
                e.null().unwrap();
            }
            Bytes::from(e.into_writer())
        };
        assert_eq!(decode(&answer(2, 2), 3).unwrap(), [None, None]);
        assert_eq!(decode(&answer(3, 3), 3).unwrap().len(), 3);
        for (count, nulls) in [(0, 0), (4, 4), (u64::MAX, 3), (3, 2)] {
            assert!(decode(&answer(count, nulls), 3).is_err(), "{count}");
        }
    }
}
