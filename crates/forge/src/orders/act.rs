//! The acts that are guarded: a closed list.

use super::officer::{self, OfficerRule};
use super::order::Effect;
use super::{key::OfficerKey, trash};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{OfficerKeyAdded, OfficerKeyRemoved, RolesSet};
use crate::event::lockdown::LockdownLifted;
use crate::lockdown::in_force;
use minicbor::{Decode, Encode};

/// A guarded act. Numbers and fields are for ever, as an event's are; names are beside ids so that a person can read them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Act {
    /// A repository goes into the trash.
    #[n(1)]
    #[cbor(map)]
    RepoDelete {
        /// The repository.
        #[n(0)]
        repo: u64,
        /// Its path when the order was filed.
        #[n(1)]
        path: String,
    },
    /// An account becomes, or is no longer, an officer or operator.
    #[n(2)]
    #[cbor(map)]
    RolesSet {
        /// The account.
        #[n(0)]
        account: u64,
        /// Its name.
        #[n(1)]
        name: String,
        /// May sign orders.
        #[n(2)]
        officer: bool,
        /// May run the site.
        #[n(3)]
        operator: bool,
    },
    /// An officer gets a key.
    #[n(3)]
    #[cbor(map)]
    KeyAdd {
        /// The officer's account.
        #[n(0)]
        account: u64,
        /// Its name.
        #[n(1)]
        name: String,
        /// What the key is called.
        #[n(2)]
        label: String,
        /// The ed25519 public key.
        #[cbor(n(3), with = "minicbor::bytes")]
        public_key: [u8; 32],
    },
    /// An officer's key no longer counts.
    #[n(4)]
    #[cbor(map)]
    KeyRemove {
        /// The key.
        #[n(0)]
        key: u64,
        /// Whose it is: the account's name.
        #[n(1)]
        name: String,
    },
    /// How many must sign, and how long orders wait.
    #[n(5)]
    #[cbor(map)]
    RuleSet {
        /// Officers who must sign.
        #[n(0)]
        needed: u32,
        /// How long an order waits, microseconds.
        #[n(1)]
        delay_us: i64,
    },
    /// The lockdown in force is lifted.
    #[n(6)]
    #[cbor(map)]
    LockdownLift {
        /// Which.
        #[n(0)]
        lockdown: u64,
    },
}

/// A guarded act, as people read of it.
#[derive(Debug)]
pub struct Guarded {
    /// Its number in orders.
    pub number: u32,
    /// What it is called.
    pub name: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// Whether it waits for the rule's delay: what gives everybody their rights back does not.
    pub waits: bool,
}

/// Every guarded act there is. A test holds each to the invariants.
pub const GUARDED: &[Guarded] = &[
    Guarded { number: 1, name: "repository-delete", what: "a repository goes into the trash", waits: true },
    Guarded {
        number: 2,
        name: "roles-set",
        what: "somebody becomes, or is no longer, an officer or operator",
        waits: true,
    },
    Guarded { number: 3, name: "officer-key-add", what: "an officer gets a key to sign with", waits: true },
    Guarded { number: 4, name: "officer-key-remove", what: "an officer's key no longer counts", waits: true },
    Guarded { number: 5, name: "rule-set", what: "how many officers must sign, and how long orders wait", waits: true },
    Guarded { number: 6, name: "lockdown-lift", what: "the lockdown in force is lifted", waits: false },
];

impl Act {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u32 {
        match self {
            Self::RepoDelete { .. } => 1,
            Self::RolesSet { .. } => 2,
            Self::KeyAdd { .. } => 3,
            Self::KeyRemove { .. } => 4,
            Self::RuleSet { .. } => 5,
            Self::LockdownLift { .. } => 6,
        }
    }

    /// How long its order waits under a rule with this delay.
    #[must_use]
    pub fn delay_us(&self, rule_us: i64) -> i64 {
        let waits = GUARDED.iter().find(|guarded| guarded.number == self.number()).is_none_or(|guarded| guarded.waits);
        if waits { rule_us } else { 0 }
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::RepoDelete { repo, path } => {
                format!("Delete the repository {path} (id {repo}): it goes into the trash.")
            }
            Self::RolesSet { name, officer, operator, account } => {
                let is = |yes: &bool| if *yes { "is" } else { "is not" };
                format!(
                    "From then on {name} (id {account}) {} an officer and {} an operator.",
                    is(officer),
                    is(operator)
                )
            }
            Self::KeyAdd { name, label, public_key, .. } => {
                format!("The officer {name} gets the key {label:?}: {}.", OfficerKey(*public_key))
            }
            Self::KeyRemove { name, key } => format!("Key {key} of the officer {name} no longer counts."),
            Self::LockdownLift { lockdown } => {
                format!("Lift lockdown {lockdown}: everybody may write again. What it ended stays ended.")
            }
            Self::RuleSet { needed, delay_us } => {
                format!("From then on {needed} officers must sign an order, and it waits {} h.", hours(*delay_us))
            }
        }
    }

    /// Whether it could be carried out now, and what it would do. Invariants 4 and 6 of [orders](super).
    pub(super) fn effects(&self, tx: &mut Tx) -> Result<Vec<Effect>, Error> {
        match self {
            Self::RepoDelete { repo, .. } => trash::effects(tx, *repo),
            Self::RolesSet { account, officer, operator, .. } => {
                officer::check_roles(tx, *account, *officer, *operator)
            }
            Self::KeyAdd { account, public_key, .. } => officer::check_key_add(tx, *account, public_key),
            Self::KeyRemove { key, .. } => officer::check_key_remove(tx, *key),
            Self::LockdownLift { lockdown } => match in_force(tx)? {
                Some(now) if now.id == *lockdown => Ok(Vec::new()),
                _ => Err(Error::conflict(format!("lockdown {lockdown} is not in force"))),
            },
            Self::RuleSet { needed, delay_us } => {
                officer::check_rule(tx, &OfficerRule { needed: *needed, delay_us: *delay_us })
            }
        }
        .map(|counts| counts.into_iter().map(|(what, count)| Effect { what: what.to_owned(), count }).collect())
    }

    /// What it does.
    pub(super) fn events(&self, requester: Option<u64>) -> Vec<Event> {
        use crate::event::guard::{OfficerRuleSet, RepoTrashed};
        vec![match self.clone() {
            Self::RepoDelete { repo, .. } => RepoTrashed { repo, by: requester }.into(),
            Self::RolesSet { account, officer, operator, .. } => RolesSet { account, officer, operator }.into(),
            Self::KeyAdd { account, label, public_key, .. } => {
                OfficerKeyAdded { account, name: label, public_key }.into()
            }
            Self::KeyRemove { key, .. } => OfficerKeyRemoved { key }.into(),
            Self::LockdownLift { lockdown } => LockdownLifted { lockdown }.into(),
            Self::RuleSet { needed, delay_us } => OfficerRuleSet { needed, delay_us }.into(),
        }]
    }
}

/// Hours, with a tenth where it is not a whole number.
fn hours(us: i64) -> String {
    let tenths = us / 360_000_000;
    if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}
