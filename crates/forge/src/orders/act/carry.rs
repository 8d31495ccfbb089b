//! Whether an act could be carried out, what it would change, and what it does.

use super::Act;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::{FactorRemoved, FactorsRequired, OrgFactorsRequired};
use crate::event::guard::{OfficerKeyAdded, OfficerKeyRemoved, OfficerRuleSet, RepoTrashed, RolesSet};
use crate::event::lockdown::LockdownLifted;
use crate::event::proof::RecoveryKeysOrdered;
use crate::event::protect::ProtectionRemoved;
use crate::event::push::{Pushed, RefMove};
use crate::event::trash::{ExportAllowed, OrgTrashed, TrashEmptied, UserTrashed};
use crate::event::vault::VaultsOrdered;
use crate::lockdown::in_force;
use crate::orders::officer::{self, OfficerRule};
use crate::orders::order::Effect;
use crate::orders::{EXPORT_PERMIT_US, erase, gone, recovery, trash, vaults, weaken};
use journal::erasure::EraseList;

impl Act {
    /// Whether it could be carried out now, and what it would do. Invariants 4 and 6 of [orders](super).
    pub(in crate::orders) fn effects(&self, tx: &mut Tx) -> Result<Vec<Effect>, Error> {
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
            Self::RecoveryKeys { keys } => recovery::check(tx, keys),
            Self::UserDelete { account, .. } => gone::user_effects(tx, *account),
            Self::OrgDelete { org, .. } => gone::org_effects(tx, *org),
            Self::TrashEmpty { repo, .. } => trash::empty_effects(tx, *repo),
            Self::FactorsOptional {} => weaken::optional_effects(tx),
            Self::FactorRemove { factor, account, .. } => weaken::remove_effects(tx, *factor, *account),
            Self::Export { subject } => weaken::export_effects(tx, subject),
            Self::RefRewrite { repo, name, old, new, .. } => {
                weaken::rewrite_effects(tx, *repo, name, old, new.as_ref())
            }
            Self::Erase { repo, blobs, bytes, trashed_us, .. } => {
                erase::effects(tx, *repo, *trashed_us, (*blobs, *bytes))
            }
            Self::VaultEnrol { .. } | Self::VaultRetire { .. } | Self::VaultDomain { .. } => vaults::effects(tx, self),
            Self::OrgFactorsOptional { org, .. } => weaken::org_optional_effects(tx, *org),
            Self::ProtectionLoosen { repo, id, rule, rules, .. } => {
                weaken::loosen_effects(tx, *repo, *id, rule.as_deref(), rules.as_deref())
            }
        }
        .map(|counts| counts.into_iter().map(|(what, count)| Effect { what: what.to_owned(), count }).collect())
    }

    /// What it does, in the order in which it is written. `list`: for an erasure what it erases.
    pub(in crate::orders) fn events(
        &self,
        tx: &mut Tx,
        requester: Option<u64>,
        now_us: i64,
        list: Option<&EraseList>,
    ) -> Result<Vec<Event>, Error> {
        Ok(vec![match self.clone() {
            Self::UserDelete { account, .. } => {
                return gone::events(tx, account, UserTrashed { account, by: requester }.into(), requester);
            }
            Self::OrgDelete { org, .. } => {
                return gone::events(tx, org, OrgTrashed { org, by: requester }.into(), requester);
            }
            Self::Erase { repo, .. } => return erase::events(tx, repo, list),
            Self::RepoDelete { repo, .. } => RepoTrashed { repo, by: requester }.into(),
            Self::RolesSet { account, officer, operator, .. } => RolesSet { account, officer, operator }.into(),
            Self::KeyAdd { account, label, public_key, .. } => {
                OfficerKeyAdded { account, name: label, public_key }.into()
            }
            Self::KeyRemove { key, .. } => OfficerKeyRemoved { key }.into(),
            Self::LockdownLift { lockdown } => LockdownLifted { lockdown }.into(),
            Self::RuleSet { needed, delay_us } => OfficerRuleSet { needed, delay_us }.into(),
            Self::RecoveryKeys { keys } => RecoveryKeysOrdered { keys }.into(),
            Self::TrashEmpty { repo, .. } => TrashEmptied { repo }.into(),
            Self::FactorsOptional {} => FactorsRequired { required: false }.into(),
            Self::FactorRemove { factor, .. } => FactorRemoved { factor }.into(),
            Self::Export { subject } => {
                ExportAllowed { subject, until_us: now_us.saturating_add(EXPORT_PERMIT_US) }.into()
            }
            Self::RefRewrite { repo, name, old, new, .. } => {
                let updates = vec![RefMove { name, old: Some(old), new }];
                Pushed { repo, updates, pack: Vec::new(), options: Vec::new() }.into()
            }
            Self::VaultEnrol { .. } | Self::VaultRetire { .. } | Self::VaultDomain { .. } => {
                VaultsOrdered { vaults: vaults::after(tx, self)? }.into()
            }
            Self::OrgFactorsOptional { org, .. } => OrgFactorsRequired { org, required: false }.into(),
            Self::ProtectionLoosen { rule: Some(rule), .. } => (*rule).into(),
            Self::ProtectionLoosen { id, rule: None, .. } => {
                ProtectionRemoved { id: id.ok_or_else(|| Error::damaged("an order ends no rule"))? }.into()
            }
        }])
    }
}
