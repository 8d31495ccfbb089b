//! Vaults: append-only servers at other sites, with other owners, that keep what a site must not be able to lose.
//!
//! Both sides are here: the store and its contract ([`Store`]), the server that decides what it keeps and cosigns
//! ([`Vault`], [`bind`]), and the site's side: client, sealing, and the shippers that bring every batch to every vault
//! ([`Replicator`]).
//!
//! # Invariants
//! 1. There is no verb that removes, shortens, renames or overwrites anything that was stored; not in the protocol, not
//!    in the store's code. What officers order to be erased the vault's owner removes, with the server stopped ([`erase()`]).
//! 2. A vault cosigns a checkpoint only when it has read back, from its store and after the fsync, bytes that lead to the
//!    checkpoint's root, and holds every blob that they need.
//! 3. A vault never cosigns a smaller size than before, nor another root for a size.
//! 4. After any storage error the vault's state comes from the store again before anything is signed.
//! 5. Only a recovery key of the epoch before can start an epoch; batches of a superseded epoch are refused. Other recovery
//!    keys come by an order of officers whom the vault's owner wrote down ([`Orders`]).

mod about;
mod certificate;
mod client;
mod compare;
mod core;
mod credential;
mod dir;
pub mod disk;
mod erase;
mod fork;
mod mutant;
mod orders;
mod probe;
mod quorum;
mod read_log;
mod refusal;
mod replicate;
mod s3;
pub mod seal;
mod segment;
mod server;
mod shipper;
mod source;
mod store;
mod tls;
mod url;
mod ward;

pub use about::{ABOUT_BYTES_MAX, About, machine};
pub use certificate::{CertificateLife, certificate_life};
pub use client::{ClientError, VaultClient, VaultState};
pub use compare::{AUDIT_BLOBS_MAX, Fork, audit, first_fork, fork_proof};
pub use core::{Allows, ENTRY_RESERVE_BYTES, Vault};
pub use credential::{Credential, Role};
pub use dir::DirStore;
pub use erase::{DirectoryHand, EraseError, Eraser, Hand, erase, erase_with};
pub use fork::{FORK_HEADER, ForkError, ForkProof, Forked};
pub use mutant::GUARD;
pub use orders::{Erasure, OFFICERS_MAX, ORDER_DELAY_S, Officers, Orders, OrdersError, Taken};
pub use probe::{Attempt, Outcome, Probe, probe_bucket, probe_directory, probe_vault};
pub use quorum::{Quorum, held};
pub use read_log::{
    ErasureSeen, Excuse, LogReader, ReadError, VaultReport, VerifiedBatch, verify_vault, verify_vault_but,
};
pub use refusal::Refusal;
pub use replicate::{EpochRecord, Replicator, ReplicatorConfig, Trouble, VaultStatus};
pub use s3::{S3Credentials, S3Store, S3Url, S3UrlError};
pub use server::{Running, ServeError, StoreKind, VaultServeConfig, bind};
pub use source::{BlobReader, EncodedBatch, JournalSource, SourceError};
pub use store::{Judge, OpenBlob, Place, Put, Store, StoreError, Sweep};
pub use tls::public_client;
pub use tls::public_tls;
pub use url::{PeerUrl, VaultUrl, VaultUrlError};
pub use ward::{AlarmKind, Budget, WatchConfig, Webhook, WebhookError};
