//! What a site brings: entries and blobs. Both are judged first; what is kept counts for the day, and what is not counts for itself, so
//! that junk takes neither the room of entries nor that of blobs.

use super::body::reader;
use super::routes::{Answer, No, blocking, collect, no, refuse, text};
use super::ward::now_s;
use super::{Shared, erasure};
use crate::core::Vault;
use crate::store::{Put, StoreError};
use crate::ward::{Brought, What};
use hyper::StatusCode;
use hyper::body::Incoming;
use journal::{BlobName, Hash};
use minicbor::Decoder;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most bytes of one append request.
pub(crate) const APPEND_BYTES_MAX: usize = 32 << 20;
/// The most bytes of one blob.
pub(crate) const BLOB_BYTES_MAX: u64 = 80 << 20;
/// How long a blob may take to arrive, with its waits: then its site has given it up.
const BLOB_TIME_MAX: Duration = Duration::from_secs(600);

pub(super) async fn append(shared: Arc<Shared>, proof: Vec<Hash>, body: Incoming) -> Answer {
    let bytes = collect(body, APPEND_BYTES_MAX).await?;
    // One at a time, as they are stored: the next waits for what this one brings.
    let turn = shared.appending.clone().lock_owned().await;
    tokio::time::sleep(shared.watch.entries_wait()).await;
    let (answer, wait) = blocking(move || {
        let _turn = turn;
        let appended = append_all(&shared, &bytes, &proof);
        let stored = matches!(appended, Ok((_, true)));
        let what = if stored { What::Entries } else { What::Refused };
        let wait = shared.watch.bring(&mut Brought::default(), what, bytes.len() as u64, 0);
        let answer = appended.map(|(lines, _)| text(StatusCode::OK, lines));
        Ok((answer, if stored { Duration::ZERO } else { wait }))
    })
    .await?;
    tokio::time::sleep(wait).await;
    answer
}

/// The lines that cosign the batches, and whether any of them was new.
fn append_all(shared: &Shared, bytes: &[u8], proof: &[Hash]) -> Result<(String, bool), No> {
    let batches =
        decode_batches(bytes).map_err(|_| no(StatusCode::BAD_REQUEST, "the body is a CBOR array of batches"))?;
    let mut vault = shared.vault();
    let before = vault.size();
    let lines = vault.append_proven(&batches, proof, now_s()).map_err(|refusal| refuse(shared, &refusal))?;
    let grew = vault.size() > before;
    drop(vault);
    shared.watch.cosigned();
    Ok((lines.iter().map(|line| format!("{line}\n")).collect(), grew))
}

fn decode_batches(bytes: &[u8]) -> Result<Vec<Vec<u8>>, minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    let count = d.array()?.ok_or_else(|| minicbor::decode::Error::message("an array without a length"))?;
    (0..count).map(|_| Ok(d.bytes()?.to_vec())).collect()
}

pub(super) async fn put_blob(shared: Arc<Shared>, name: BlobName, body: Incoming) -> Answer {
    // Slowed down, they come one after the other: at once, none would be whole before its site gives it up.
    let turn = if shared.watch.is_slowed() { Some(shared.slowed.clone().lock_owned().await) } else { None };
    let reader = reader(body, BLOB_BYTES_MAX);
    let (answer, wait) = blocking(move || {
        let _turn = turn;
        let (brought, until) = (Brought::default(), Instant::now() + BLOB_TIME_MAX);
        let mut metered = Metered { reader, shared: &shared, brought, until };
        let put = put(&shared, &name, &mut metered);
        let brought = metered.brought;
        let wait = if matches!(put, Ok(Put::Stored)) { Duration::ZERO } else { shared.watch.give_back(brought) };
        let status = |put| if put == Put::Stored { StatusCode::CREATED } else { StatusCode::OK };
        Ok((put.map(|put| text(status(put), "")), wait))
    })
    .await?;
    tokio::time::sleep(wait).await;
    answer
}

fn put<R: Read>(shared: &Shared, name: &BlobName, metered: &mut Metered<'_, R>) -> Result<Put, No> {
    let failed = |error: StoreError| refuse(shared, &error.into());
    if let Err(erased) = erasure::not_erased(shared, name) {
        // Who is in the middle of sending hears no answer.
        io::copy(&mut metered.reader, &mut io::sink()).map_err(|error| failed(error.into()))?;
        return Err(erased);
    }
    let put = if shared.store.has_blob(name).map_err(failed)? {
        Vault::put_blob(&*shared.store, name, &mut metered.reader)
    } else {
        metered.bring(0, 1).map_err(|error| failed(error.into()))?;
        Vault::put_blob(&*shared.store, name, metered)
    };
    put.map_err(|refusal| refuse(shared, &refusal))
}

/// Counts the bytes that come, and makes them wait when the site brought too many.
struct Metered<'a, R> {
    reader: R,
    shared: &'a Shared,
    brought: Brought,
    until: Instant,
}

impl<R> Metered<'_, R> {
    fn bring(&mut self, bytes: u64, objects: u64) -> io::Result<()> {
        let wait = self.shared.watch.bring(&mut self.brought, What::Blob, bytes, objects);
        if Instant::now() + wait > self.until {
            return Err(io::Error::other("the site brought too much today, and this is not its turn yet"));
        }
        std::thread::sleep(wait);
        Ok(())
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buf)?;
        self.bring(count as u64, 0)?;
        Ok(count)
    }
}
