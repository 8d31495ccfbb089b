//! Blobs, one with each request.

use super::{ANSWER_TIMEOUT, BLOB_TIMEOUT, Body, ClientError, VaultClient, WORDS_BYTES_MAX, limited, refused, whole};
use crate::server::BLOB_BYTES_MAX;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper::{Method, StatusCode};
use journal::{BlobName, Hash};
use std::io;
use std::sync::Arc;

const CHUNK_BYTES: usize = 256 << 10;

impl VaultClient {
    /// Whether the vault has a blob, or needs it no more: it was erased there by order.
    pub async fn has_blob(&self, name: &BlobName) -> Result<bool, ClientError> {
        match self.ask(Method::HEAD, &format!("/v1/blob/{name}"), Bytes::new(), ANSWER_TIMEOUT).await? {
            (StatusCode::OK | StatusCode::GONE, _) => Ok(true),
            (StatusCode::NOT_FOUND, _) => Ok(false),
            (status, bytes) => Err(refused(status, &bytes)),
        }
    }

    /// Puts a blob from memory.
    pub async fn put_blob_bytes(&self, name: &BlobName, bytes: Bytes) -> Result<(), ClientError> {
        let (status, answer) = self.ask(Method::PUT, &format!("/v1/blob/{name}"), bytes, BLOB_TIMEOUT).await?;
        if status.is_success() || status == StatusCode::GONE { Ok(()) } else { Err(refused(status, &answer)) }
    }

    /// Puts a blob from a file, from its start. One that was erased there by order is not taken, and need not be.
    pub async fn put_blob(&self, name: &BlobName, file: std::fs::File, len: u64) -> Result<(), ClientError> {
        let path = format!("/v1/blob/{name}");
        let file = Arc::new(file);
        let sending = async {
            let (response, sender) = self.send(Method::PUT, &path, || Some(file_body(file.clone()))).await?;
            let status = response.status();
            let bytes = limited(response.into_body(), WORDS_BYTES_MAX).await?;
            self.keep(sender);
            if status.is_success() || status == StatusCode::GONE { Ok(()) } else { Err(refused(status, &bytes)) }
        };
        tracing::debug!(blob = %name, bytes = len, vault = self.url.name, "putting a blob");
        tokio::time::timeout(BLOB_TIMEOUT, sending).await.map_err(|_| ClientError::TimedOut(BLOB_TIMEOUT))?
    }

    /// A blob, written to `into` and checked against its name; what is longer than a blob can be is not read on. `false` when the vault has it not, or it was erased there.
    pub async fn blob(&self, name: &BlobName, into: &mut (dyn io::Write + Send)) -> Result<bool, ClientError> {
        let reading = async {
            let (response, sender) =
                self.send(Method::GET, &format!("/v1/blob/{name}"), || Some(whole(Bytes::new()))).await?;
            let status = response.status();
            if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
                return Ok(false);
            }
            let mut body = response.into_body();
            if !status.is_success() {
                return Err(refused(status, &limited(body, WORDS_BYTES_MAX).await?));
            }
            let (mut hash, mut left) = (sha2::Sha256::default(), BLOB_BYTES_MAX);
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    let too_long = || ClientError::Nonsense(format!("blob {name} is longer than any blob"));
                    left = left.checked_sub(data.len() as u64).ok_or_else(too_long)?;
                    sha2::Digest::update(&mut hash, &data);
                    into.write_all(&data)?;
                }
            }
            self.keep(sender);
            let found = Hash(sha2::Digest::finalize(hash).into());
            if found == name.0 {
                Ok(true)
            } else {
                Err(ClientError::Nonsense(format!("the bytes of blob {name} were changed")))
            }
        };
        tokio::time::timeout(BLOB_TIMEOUT, reading).await.map_err(|_| ClientError::TimedOut(BLOB_TIMEOUT))?
    }
}

/// A file from its start, read at offsets, so that a second try begins there again.
fn file_body(file: Arc<std::fs::File>) -> Body {
    let stream = futures_util::stream::unfold(Some(0u64), move |offset| {
        let file = file.clone();
        async move {
            let offset = offset?;
            let read = tokio::task::spawn_blocking(move || {
                use std::os::unix::fs::FileExt as _;
                let mut chunk = vec![0; CHUNK_BYTES];
                let count = file.read_at(&mut chunk, offset)?;
                chunk.truncate(count);
                Ok::<_, io::Error>(Bytes::from(chunk))
            });
            match read.await.map_err(io::Error::other).and_then(|read| read) {
                Ok(chunk) if chunk.is_empty() => None,
                Ok(chunk) => {
                    let next = offset + chunk.len() as u64;
                    Some((Ok(chunk), Some(next)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    BoxBody::new(StreamBody::new(stream.map(|item| item.map(Frame::data))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{Credential, Role};
    use crate::tls;
    use crate::url::VaultUrl;
    use journal::note::{KeyKind, SigningKey};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Counts what is written.
    struct Counted(u64);

    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A vault that answers each request with this status and so many bytes, or as many as are taken.
    async fn lying(status: &'static str, bytes: u64) -> VaultClient {
        let dir = tempfile::tempdir().unwrap();
        let (config, pin) = tls::server(dir.path()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let acceptor = tokio_rustls::TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = acceptor.accept(stream).await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {bytes}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                let (chunk, mut left) = (vec![b'x'; 1 << 20], bytes);
                while left > 0 {
                    let count = left.min(1 << 20);
                    if stream.write_all(&chunk[..usize::try_from(count).unwrap()]).await.is_err() {
                        break;
                    }
                    left -= count;
                }
            }
        });
        let key = SigningKey::from_seed("a", KeyKind::Cosignature, &[3; 32]).unwrap();
        let url = VaultUrl {
            role: Role::Recover,
            credential: Credential::generate().unwrap(),
            address,
            name: "a".to_owned(),
            domain: "a".to_owned(),
            pin,
            vkey: key.verifier().clone(),
        };
        VaultClient::new(url).unwrap()
    }

    #[tokio::test]
    async fn more_than_a_blob_can_be_is_not_taken() {
        let (name, mut into) = (BlobName::of(b"x"), Counted(0));
        let longer = lying("200 OK", BLOB_BYTES_MAX + (16 << 20)).await;
        let error = longer.blob(&name, &mut into).await.unwrap_err().to_string();
        assert!(error.contains("longer than any blob") && into.0 <= BLOB_BYTES_MAX, "{error}: {}", into.0);
        let refusal = lying("500 No", BLOB_BYTES_MAX).await;
        assert!(matches!(refusal.blob(&name, &mut into).await.unwrap_err(), ClientError::Unreachable(_)));
        let refusal = lying("500 No", 10).await;
        assert!(matches!(refusal.blob(&name, &mut into).await.unwrap_err(), ClientError::Refused { .. }));
    }

    #[tokio::test]
    async fn an_answer_with_many_small_blobs_is_not_taken_beyond_what_one_holds() {
        let longer = lying("200 OK", 16 << 20).await;
        let error = longer.small_blobs(&[BlobName::of(b"x")]).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreachable(_)), "{error}");
    }
}
