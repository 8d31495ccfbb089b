//! The `s3` store: a bucket of any S3-compatible service with Object Lock, in the account of the vault's owner.
//!
//! ```text
//! PREFIX/FORMAT-<sha-256>                  how to read all this by hand
//! PREFIX/owner/<sha-256>                   the cosigner key of the one vault that writes here
//! PREFIX/blob/<aa>/<sha-256>               a blob
//! PREFIX/segment/<first entry:20>-<sha-256>  the batches of one append, as records (segment.rs has the byte table)
//! PREFIX/epoch/<number:8>-<sha-256>        the statement that starts an epoch
//! PREFIX/erasure/<order>-<sha-256>         the record of what was erased by an order, if anything was
//! PREFIX/probe/...                         what the daily probe tried to destroy
//! ```
//! Every name ends in the hash of the object's bytes. Who reads lists the versions of a name and takes the one whose
//! bytes have that hash, so that what was written over it, or a delete marker, deceives nobody.

pub(crate) mod api;
pub(crate) mod erased;
mod http;
mod sign;
pub(crate) mod store;
mod sweep;
mod url;

pub use sign::S3Credentials;
pub use store::S3Store;
pub use url::{S3Url, S3UrlError};
