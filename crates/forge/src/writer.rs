//! The one writer: everything that changes state goes through here, one batch after another.
//!
//! ```text
//! submit -> queue -> [ admit -> decide -> append -> apply ]* -> sign checkpoint -> commit -> wake shippers -> answer
//! ```
//!
//! Invariants:
//! 1. A batch is one database transaction: its entries, their effects on the tables and its checkpoint are all there or
//!    none is.
//! 2. A command that is refused writes nothing and refuses no other.
//! 3. An event that cannot be applied is a bug: the whole batch is rolled back and nobody in it is told that it happened.
//! 4. After any failure of the database the log's size and frontier are read anew from it before the next batch.
//! 5. A size is signed once: the checkpoint is in the batch's own transaction, and its note is never made again.
//! 6. Nothing random or from a clock is read while applying: the time is in the entry.

mod command;

pub use command::{Command, Committed, Decide, Submitter, Urgency};
