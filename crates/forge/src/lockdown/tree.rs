//! Who made what: the tree of credentials, from the journal.

use crate::db::{DbError, Tx};
use crate::mutant::{Mutant, without};
use crate::people::inventory::{Credential, CredentialKind, acted_since, inventory_whole};
use crate::people::query::user_by_id;
use std::collections::{BTreeMap, BTreeSet};

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeKind {
    /// An account.
    Account,
    /// Something that opens one.
    Credential(CredentialKind),
}

impl MadeKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Credential(kind) => kind.as_str(),
        }
    }

    /// Whether using it, or having been made by something tainted, taints it. What somebody signs in with is theirs, although they used
    /// it: it is tainted only if it was made meanwhile, or its account was.
    fn spreads(self) -> bool {
        match self {
            Self::Account => true,
            Self::Credential(kind) => !kind.is_factor(),
        }
    }
}

/// Why something is taken for the intruder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was made since then.
    Made,
    /// It was used since then.
    Used,
    /// Something that is tainted made it.
    MadeBy(u64),
    /// It is a tainted account's.
    OwnedBy(u64),
}

/// An account or a credential, and why it is tainted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The entry that made it.
    pub id: u64,
    /// What it is.
    pub kind: MadeKind,
    /// Whose; an account's own.
    pub account: u64,
    /// Their name.
    pub owner: String,
    /// With what it was made; None: at the machine, or by signing in.
    pub made_by: Option<u64>,
    /// When, microseconds since 1970.
    pub made_us: i64,
    /// Why it is here.
    pub why: Why,
}

struct Known {
    kind: MadeKind,
    account: u64,
    made_by: Option<u64>,
    made_us: i64,
}

/// Everything that could be a way in, as the inventory has it, with what made it. Left out are officers' accounts and what they sign in
/// and sign orders with: locking down takes nothing from an officer that only the officers can give back.
fn all(tx: &mut Tx) -> Result<BTreeMap<u64, Known>, DbError> {
    let mut known = BTreeMap::new();
    let mut officers = BTreeSet::new();
    let sql = "SELECT a.id, a.officer, j.credential, a.created_us FROM account a LEFT JOIN journal j ON j.seq = a.id";
    for row in tx.query(sql, &[])? {
        let (id, made_by, made_us) = (row.get(0)?, row.get(2)?, row.get(3)?);
        if row.get(1)? {
            officers.insert(id);
        } else {
            known.insert(id, Known { kind: MadeKind::Account, account: id, made_by, made_us });
        }
    }
    for Credential { kind, id, account, made_by, made_us, .. } in inventory_whole(tx)? {
        let officers_own = kind.is_factor() && officers.contains(&account);
        let never = matches!(kind, CredentialKind::OfficerKey | CredentialKind::RecoveryShare);
        // The password that an account was made with has the account's id, and is frozen with it.
        if !officers_own && !never && id != account {
            known.insert(id, Known { kind: MadeKind::Credential(kind), account, made_by, made_us });
        }
    }
    Ok(known)
}

/// What is taken for an intruder's who came at `since_us`: what was made or used since then, and all that it made, transitively. `used`
/// are credentials whose use is not in the journal: fetches, looks at pages.
pub fn tainted(tx: &mut Tx, since_us: i64, used: &[u64]) -> Result<Vec<Made>, DbError> {
    let known = all(tx)?;
    let mut used: BTreeSet<u64> = used.iter().copied().collect();
    used.extend(acted_since(tx, since_us)?);
    let mut found: BTreeMap<u64, Why> = BTreeMap::new();
    for (id, made) in &known {
        if made.made_us >= since_us {
            found.insert(*id, Why::Made);
        } else if used.contains(id) && made.kind.spreads() {
            found.insert(*id, Why::Used);
        }
    }
    // Until nothing more comes of it: each round goes one step further down the tree.
    while !without(Mutant::Closure) {
        let before = found.len();
        for (id, made) in &known {
            let why = || {
                let maker = made.made_by.filter(|by| made.kind.spreads() && found.contains_key(by)).map(Why::MadeBy);
                let owner =
                    || (made.kind != MadeKind::Account && found.contains_key(&made.account)).then_some(made.account);
                maker.or_else(|| owner().map(Why::OwnedBy))
            };
            if !found.contains_key(id)
                && let Some(why) = why()
            {
                found.insert(*id, why);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let mut list = Vec::new();
    for (id, why) in found {
        let Some(Known { kind, account, made_by, made_us }) = known.get(&id) else { continue };
        let owner = user_by_id(tx, *account)?.map(|user| user.name).unwrap_or_default();
        let (kind, account, made_by, made_us) = (*kind, *account, *made_by, *made_us);
        list.push(Made { id, kind, account, owner, made_by, made_us, why });
    }
    Ok(list)
}
