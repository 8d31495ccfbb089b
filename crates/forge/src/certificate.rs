//! SSH certificates of users: keys that are good because an authority says so, for a while.
//!
//! Invariants:
//! 1. An authority is trusted at one place: by an organisation, for its repositories and those who belong to it; or by the site.
//! 2. A certificate gives what an SSH key of the account named in it gives, and within an organisation's namespace no more than there.
//! 3. It is good only while all of these hold: it is a user's, by a trusted authority, with a time that has begun, has not ended, and is no
//!    longer than the authority may give; it names the account; every critical option in it is known and kept; it is not revoked; and it
//!    began after the account's credentials were last revoked. Asked again while a connection lasts.
//! 4. A certificate that opens the door is an entry of the journal before it does: what lockdown, inventory and last use know of keys they
//!    know of certificates.

pub mod command;
mod judge;
pub mod query;
mod shown;

pub(crate) use judge::{certificate_good, judge};
pub use query::{SshAuthority, SshCertificate};
pub use shown::{CertificateShown, KEY_ID_BYTES_MAX, PRINCIPALS_MAX, digest};
