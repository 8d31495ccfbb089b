//! Subversion: from FSFS's own commit into the journal, and back onto the disk.
//!
//! ```text
//! svn commit --> web --> httpd + mod_dav_svn: revision N+1 is written, not yet to be seen
//!                            | asks the gate, and waits
//!                            v
//!   file --seal--> spool --> entry SvnCommitted --held--> yes --> rename(db/current): it can be seen; the client is answered
//!                              |                 `--not in time: no; the projector's place is taken by [`catch_up`] later
//!                              `--refused: no; nothing is written
//! ```
//!
//! Invariants:
//! 1. Nothing can be seen in a repository that is not held, and the client is answered only after that.
//! 2. What is captured are the files that Subversion wrote: a repository is rebuilt by putting them back.
//! 3. A revision's author is the account that committed it, whatever the client says. Rights are asked for again when the entry is
//!    decided.
//! 4. On one repository one request over HTTP at a time may make something visible, and a session over SSH has a server of its own:
//!    so it is always known whose act it is.
//! 5. When a repository is opened, the journal is compared with the disk: what is held and missing is put there, what is there and in
//!    no entry is captured (revisions, their properties) or taken back (locks) before anybody is served.
//! 6. A dump is taken in by one command: all of its revisions and the repository, or nothing.
//! 7. Rules of paths are asked twice: of Subversion's own servers for whatever an answer would name, and here of every commit. Pages,
//!    feeds, mail and receipts, which show whole revisions, are for who may read everything.
//! 8. What the site commits itself, to take revisions back for an officer, goes through a session and the gate like anybody's.

mod command;
mod convert;
mod fill;
mod gate;
mod layout;
mod load;
mod mail;
mod paths;
mod query;
mod rules;
mod rules_command;
mod session;
mod store;
mod subversion;
mod undo;
mod view;

pub(crate) use command::SvnImport;
pub use gate::Finishing;
pub(crate) use layout::{LAYOUT_DEFAULT, SvnLayoutPut, layout_fetch};
pub(crate) use load::Remote;
pub use load::{LOAD_REVISIONS_MAX, LOAD_TIME_MAX, LoadProgress};
pub use mail::{COMMIT_MAIL_PATHS_MAX, COMMIT_MAIL_READERS_MAX};
pub(crate) use mail::{SvnMailPut, is_told, letter, mail_readers};
pub use paths::{PATH_RULES_MAX, PathRuleRow, PathRules, RULE_PATH_BYTES_MAX, RulePath, Whom};
pub(crate) use paths::{path_rules_fetch, reads_all};
pub use query::SvnLockInfo;
pub(crate) use query::{SvnBounds, bounds_fetch, entry_of, locks_fetch};
pub(crate) use rules::commit_rules_fetch;
pub use rules::{CommitRules, FORBIDDEN_NAMES_MAX, MESSAGE_CHARS_MIN_MAX, RULE_PATTERN_CHARS_MAX};
pub use rules_command::PathRuleSpec;
pub(crate) use rules_command::{SvnCommitRulesPut, SvnPathRulesPut};
pub(crate) use session::{SvnRights, SvnSession, tell};
pub(crate) use store::SvnStore;
pub(crate) use subversion::Keep;
pub use subversion::{FinishGuard, Subversion, SubversionParts};
pub use svn_git::{Authors, AuthorsError, Layout, Progress as ViewProgress};
pub(crate) use undo::{TakeBack, TakenBack};
pub(crate) use view::Views;
pub use view::{VIEW_RETRY_AFTER, VIEW_UNUSED_MAX, VIEW_WAIT, VIEWS_BROUGHT_UP_AT_ONCE, VIEWS_MADE_AT_ONCE};
