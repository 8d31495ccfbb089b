//! Which entries are alarms by themselves.

use crate::db::{DbError, Tx};
use crate::event::alarm::AlarmRule as Rule;
use crate::event::{ApplyError, Event, Stamp};
use crate::people::query::user_by_id;

/// Makes the row of an entry that is an alarm, when its event is applied.
pub(crate) fn record(tx: &mut Tx, event: &Event, at: &Stamp) -> Result<(), ApplyError> {
    let (rule, subject) = match event {
        Event::AlarmRaised(raised) => (Some(raised.rule), Some(raised.subject.as_str())),
        _ => (rule_of(tx, event)?, None),
    };
    let Some(rule) = rule else { return Ok(()) };
    let sql = "INSERT INTO alarm (id, rule, subject, raised_us, acknowledged_us, acknowledged_by)
               VALUES (?1, ?2, ?3, ?4, NULL, NULL)";
    tx.execute(sql, &[at.seq.into(), rule.as_str().into(), subject.into(), at.time_us.into()])?;
    Ok(())
}

fn rule_of(tx: &mut Tx, event: &Event) -> Result<Option<Rule>, DbError> {
    let of = match event {
        Event::UserPasswordSet(e) => e.account,
        Event::TokenCreated(e) => e.account,
        Event::AuthenticatorAdded(e) => e.account,
        Event::TotpAdded(e) => e.account,
        Event::RecoveryCodesMade(e) => e.account,
        Event::RecoveryCodeUsed(e) => e.account,
        Event::SshKeyAdded(e) => e.account,
        Event::SshCertificateSeen(e) => e.account,
        Event::IdentityLinked(e) => e.account,
        // Who has its private key can be anybody.
        Event::SshAuthorityAdded(e) if e.org.is_none() => return Ok(Some(Rule::PrivilegedCredential)),
        Event::FactorRemoved(e) => factor_owner(tx, e.factor)?.unwrap_or(0),
        Event::SessionStarted(e) if e.new_place == Some(true) => {
            return Ok(is_privileged(tx, e.account)?.then_some(Rule::NewPlace));
        }
        _ => return Ok(by_itself(event)),
    };
    Ok(is_privileged(tx, of)?.then_some(Rule::PrivilegedCredential))
}

fn is_privileged(tx: &mut Tx, account: u64) -> Result<bool, DbError> {
    Ok(user_by_id(tx, account)?.is_some_and(|user| user.officer || user.operator))
}

/// Whose factor it is, or was.
fn factor_owner(tx: &mut Tx, factor: u64) -> Result<Option<u64>, DbError> {
    let sql = "SELECT account FROM authenticator WHERE id = ?1 UNION ALL SELECT account FROM totp WHERE id = ?1";
    tx.query_opt(sql, &[factor.into()])?.map(|row| row.get(0)).transpose()
}

fn by_itself(event: &Event) -> Option<Rule> {
    Some(match event {
        Event::OrderFiled(_) => Rule::OrderFiled,
        Event::OrderSigned(_) => Rule::OrderSigned,
        Event::OrderVetoed(_) | Event::VaultsKept(_) => Rule::OrderVetoed,
        Event::OrderExecuted(_) => Rule::OrderExecuted,
        Event::OrderExpired(_) => Rule::OrderExpired,
        Event::UserCreated(e) if e.officer || e.operator => Rule::RoleChanged,
        Event::RolesSet(_) | Event::SiteRoleGranted(_) | Event::SiteRoleRevoked(_) => Rule::RoleChanged,
        Event::OfficerKeyAdded(_) | Event::OfficerKeyRemoved(_) => Rule::PrivilegedCredential,
        Event::LockdownStarted(_) | Event::LockdownLifted(_) => Rule::Lockdown,
        Event::AccountFrozen(_) | Event::AccountUnfrozen(_) => Rule::AccountFrozen,
        Event::OfficerRuleSet(_) | Event::FactorsRequired(_) | Event::MailSet(_) => Rule::GuardChanged,
        Event::AlarmHookAdded(_) | Event::AlarmHookRemoved(_) | Event::CanaryRemoved(_) => Rule::GuardChanged,
        // Whoever runs it can be everybody who is linked with it.
        Event::OidcProviderSet(_) => Rule::GuardChanged,
        Event::PasswordResetMade(_) => Rule::ResetLink,
        Event::EpochStarted(e) if e.epoch > 1 => Rule::Recovered,
        Event::DrillDone(e) if e.differences > 0 => Rule::DrillFailed,
        _ => return None,
    })
}
