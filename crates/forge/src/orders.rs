//! Guarded acts: what no single account may do. An act becomes an **order**, which M of N officers sign with keys of their own.
//!
//! ```text
//! act -> OrderFile -> pending --(M signatures and the delay)--> OrdersSettle: executed, and what it does
//!                        |------(an officer)---------------> OrderVeto: vetoed; a change of vaults until it is confirmed, too
//!                        `------(its time is over)---------> OrdersSettle: expired
//! ```
//!
//! Invariants:
//! 1. What is signed is the SHA-256 of the order's canonical bytes; signatures are in the journal, are checked when they come, and
//!    again by [`OrdersSettle`], against the keys as they are then.
//! 2. An order has no effect before M distinct officers have signed it and its delay, counted from its filing, has passed. Who asked for
//!    it does not count, and a person counts once with however many keys.
//! 3. Any officer stops a pending order. One writer decides both, so that a veto that is committed first wins.
//! 4. There are always more officers with keys than must sign: no order leads below M + 1.
//! 5. The guard is in force from the first [`OfficerRuleSet`](crate::event::guard::OfficerRuleSet) on, for ever. Before it, officers
//!    and their keys are made at the admin socket alone.
//! 6. The act of an order is checked when it is filed and when it is carried out: it may have become impossible.

mod act;
mod command;
mod erase;
mod gone;
mod key;
mod officer;
mod order;
mod query;
mod recovery;
mod settle;
mod trash;
mod vaults;
mod weaken;
mod wish;

pub use act::{Act, GUARDED, Guarded};
pub use command::{OrderFile, OrderSign, OrderVeto, Signing, VetoBy};
pub use erase::{CONTENT_KINDS, erase_list};
pub(crate) use erase::{erased_blobs, erasures_done};
pub(crate) use gone::in_trash;
pub use key::{OfficerKey, OfficerSecret, SignatureLine, Verb};
pub use officer::{OfficerKeyAdd, OfficerRule, OfficersFound, RolesChange, RuleSet};
pub(crate) use officer::{founding, signers_enough_without};
pub use order::{Effect, NotAnOrder, Order};
pub use query::{
    FiledOrder, Officer, OfficerKeyInfo, Rule, SignatureInfo, State, officers, order_fetch, order_list, rule_fetch,
};
pub(crate) use query::{acts_as_officer, is_officer};
pub(crate) use recovery::keys_wait;
pub use recovery::order_signed;
pub use settle::OrdersSettle;
pub use trash::{RepoDelete, TrashRestore, Trashed, TrashedKind, trash_list};
pub(crate) use vaults::changing;
pub use vaults::{VAULTS_MAX, VaultsChanging, VaultsSettle};
pub(crate) use weaken::export_allowed;
pub use wish::{Wish, act_of};

/// How long an order waits by default, microseconds.
pub const DELAY_DEFAULT_US: i64 = 72 * 60 * 60 * 1_000_000;
/// The longest that a rule may make orders wait, microseconds.
pub const DELAY_MAX_US: i64 = 7 * 24 * 60 * 60 * 1_000_000;
/// How long after its filing an order expires, microseconds.
pub const ORDER_AGE_MAX_US: i64 = 14 * 24 * 60 * 60 * 1_000_000;
/// How long an export may be made once its order was carried out, microseconds.
pub const EXPORT_PERMIT_US: i64 = 24 * 60 * 60 * 1_000_000;
/// Repositories of an account or organisation that is deleted; with more, they are deleted before it.
pub const DELETED_REPOS_MAX: usize = 100;
/// Orders of one requester that may wait at one time.
pub const ORDERS_PENDING_MAX: u64 = 50;
/// Officers who must sign, at most.
pub const NEEDED_MAX: u32 = 16;
/// Officers that the founding act names, at most.
pub const FOUNDERS_MAX: u64 = 50;
/// Keys of one officer.
pub const OFFICER_KEYS_MAX: u64 = 10;
pub use journal::order::ORDER_BYTES_MAX;

#[cfg(test)]
mod tests;
