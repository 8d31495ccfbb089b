//! A pack on its way into the spool while it comes in.
//!
//! Small packs are kept in memory and sealed at the end, as one blob that travels inside the batch. Larger ones are sealed as they
//! come by a thread of their own, and each part that is complete is on its way to the vaults before the next is.

use crate::error::Error;
use crate::spool::{LeasedPart, PartWriter, Spool};
use bytes::Bytes;
use journal::BlobName;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Packs up to this size wait in memory.
pub(super) const SMALL_PACK_BYTES_MAX: usize = 200 * 1024;
/// Pieces of a pack that may wait for the thread that seals.
const PIECES_AHEAD: usize = 16;
/// Bytes of a pack without objects: header and SHA-1 or SHA-256 checksum.
const EMPTY_PACK_BYTES: [usize; 2] = [12 + 20, 12 + 32];

/// Called with each part that is sealed and durable while more come.
pub(super) type Uploading = Arc<dyn Fn(BlobName) + Send + Sync>;

/// The pack of one push.
pub(super) struct IncomingPack {
    spool: Arc<Spool>,
    upload: Uploading,
    state: State,
}

enum State {
    Small(Vec<u8>),
    Large { pieces: mpsc::Sender<Bytes>, sealing: JoinHandle<Result<Vec<LeasedPart>, Error>> },
    Failed(Error),
}

impl IncomingPack {
    pub(super) fn new(spool: Arc<Spool>, upload: Uploading) -> Self {
        Self { spool, upload, state: State::Small(Vec::new()) }
    }

    /// Takes the next piece.
    pub(super) async fn write(&mut self, piece: &Bytes) -> Result<(), Error> {
        match &mut self.state {
            State::Small(buffer) if buffer.len() + piece.len() <= SMALL_PACK_BYTES_MAX => {
                buffer.extend_from_slice(piece);
                Ok(())
            }
            State::Small(buffer) => {
                let begun = Bytes::from(std::mem::take(buffer));
                self.grow();
                self.send(begun).await?;
                self.send(piece.clone()).await
            }
            State::Large { .. } => self.send(piece.clone()).await,
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// From now on a thread seals what comes.
    fn grow(&mut self) {
        let (pieces, mut incoming) = mpsc::channel::<Bytes>(PIECES_AHEAD);
        let (spool, upload) = (self.spool.clone(), self.upload.clone());
        let sealing = tokio::task::spawn_blocking(move || {
            let (mut writer, mut parts) = (PartWriter::new(spool), Vec::new());
            while let Some(piece) = incoming.blocking_recv() {
                let full = writer.write(&piece)?;
                full.iter().for_each(|(lease, _)| upload(lease.name()));
                parts.extend(full);
            }
            parts.extend(writer.finish()?);
            Ok(parts)
        });
        self.state = State::Large { pieces, sealing };
    }

    async fn send(&mut self, piece: Bytes) -> Result<(), Error> {
        let State::Large { pieces, sealing } = &mut self.state else { return Ok(()) };
        if pieces.send(piece).await.is_ok() {
            return Ok(());
        }
        let why = match sealing.await {
            Ok(Err(error)) => error,
            _ => Error::internal("the pack could not be sealed"),
        };
        self.state = State::Failed(why.clone());
        Err(why)
    }

    /// All parts, durable in the spool. None for a pack without objects.
    pub(super) async fn finish(self) -> Result<Vec<LeasedPart>, Error> {
        let ended = |e: tokio::task::JoinError| Error::internal(format!("the pack could not be sealed: {e}"));
        match self.state {
            State::Small(pack) if pack.is_empty() || EMPTY_PACK_BYTES.contains(&pack.len()) => Ok(Vec::new()),
            State::Small(pack) => {
                let spool = self.spool;
                let sealing = tokio::task::spawn_blocking(move || {
                    let (lease, bytes) = (spool.seal(&pack)?, pack.len() as u64);
                    Ok(vec![(lease, bytes)])
                });
                sealing.await.map_err(ended)?
            }
            State::Large { pieces, sealing } => {
                drop(pieces);
                let parts = sealing.await.map_err(ended)??;
                if let Some((last, _)) = parts.last() {
                    (self.upload)(last.name());
                }
                Ok(parts)
            }
            State::Failed(error) => Err(error),
        }
    }
}
