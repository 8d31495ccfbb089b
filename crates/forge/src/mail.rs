//! Mail: how it is sent, and what the journal has to tell by it.
//!
//! The transport is a setting in the journal; its password is sealed to the recovery key and the site. What is told by mail follows
//! from entries ([`letters`]); that each is told is the [outbox](crate::outbox)'s promise.

mod channel;
mod command;
mod letters;
mod query;
mod send;

pub(crate) use channel::{MailChannel, SECRET_BYTES_MAX};
pub use command::{MailPut, MailServer};
pub(crate) use letters::host_of;
pub(crate) use query::{Transport, transport_fetch};
pub(crate) use send::{Letter, send};
