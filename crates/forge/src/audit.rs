//! The journal for people who watch: who did what, when, with what credential, from where.
//!
//! The address is where a session came from when it began; of tokens and keys the site remembers the last use alone, and not in the
//! journal: an address in every entry could never be erased again.

mod places;

use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::push::RefMove;
use crate::event::{Event, KINDS, Stamp};
use crate::log::{entry_fetch, read_row};
use crate::names::is_harmless;
use crate::people::query::{token_by_id, user_by_id};
use crate::people::session::session_by_id;
use crate::ssh::query::ssh_key_by_id;

/// Lines of one page.
pub const AUDIT_LINES_MAX: u32 = 1000;

/// Which entries are shown.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only what this account did.
    pub actor: Option<u64>,
    /// Only entries of this kind.
    pub kind: Option<u32>,
    /// Only entries from this number on.
    pub from: u64,
    /// Only entries before this number.
    pub before: Option<u64>,
    /// Only entries since then, microseconds since 1970.
    pub since_us: Option<i64>,
    /// Only entries before then.
    pub until_us: Option<i64>,
    /// The newest ones, and not the oldest, where there are more than `limit`. In any case they come in the order of the journal.
    pub newest: bool,
    /// At most so many, and [`AUDIT_LINES_MAX`].
    pub limit: u32,
}

/// An entry, as somebody who watches reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// The entry.
    pub seq: u64,
    /// When, microseconds since 1970.
    pub time_us: i64,
    /// Who, by name; None: the site, or the operator at the machine.
    pub actor: Option<String>,
    /// With what: `session 7`, `token 8 "laptop"`.
    pub credential: Option<String>,
    /// From where, as far as it is known.
    pub address: Option<String>,
    /// The event's name.
    pub event: &'static str,
    /// What it is about, in words. No secret and no content is in it.
    pub about: String,
}

/// The number of a kind of event, by its name.
///
/// # Errors
/// There is none of that name.
pub fn kind(name: &str) -> Result<u32, Error> {
    let found = KINDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|(number, _)| *number).ok_or_else(|| Error::invalid(format!("there is no event {name}")))
}

/// The entries that fit, in the order of the journal.
pub fn audit_list(tx: &mut Tx, filter: &AuditFilter) -> Result<Vec<AuditLine>, Error> {
    let oldest = "SELECT seq FROM journal WHERE seq >= ?1 AND time_us >= ?2 AND time_us < ?3 AND (?4 = 0 OR actor = ?4)
                  AND (?5 = 0 OR kind = ?5) AND seq < ?6 ORDER BY seq LIMIT ?7";
    let newest = "SELECT seq FROM journal WHERE seq >= ?1 AND time_us >= ?2 AND time_us < ?3 AND (?4 = 0 OR actor = ?4)
                  AND (?5 = 0 OR kind = ?5) AND seq < ?6 ORDER BY seq DESC LIMIT ?7";
    let values = [
        filter.from.into(),
        filter.since_us.unwrap_or(i64::MIN).into(),
        filter.until_us.unwrap_or(i64::MAX).into(),
        filter.actor.unwrap_or(0).into(),
        filter.kind.unwrap_or(0).into(),
        filter.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX).into(),
        filter.limit.clamp(1, AUDIT_LINES_MAX).into(),
    ];
    let rows = tx.query(if filter.newest { newest } else { oldest }, &values)?;
    let mut seqs = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<u64>, DbError>>()?;
    seqs.sort_unstable();
    let mut lines = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let Some(row) = entry_fetch(tx, seq)? else { continue };
        lines.push(words(tx, &row.stamp, &read_row(&row)?.1)?);
    }
    Ok(lines)
}

/// One entry in words.
pub(crate) fn words(tx: &mut Tx, at: &Stamp, event: &Event) -> Result<AuditLine, DbError> {
    let actor = at.actor.map(|id| account(tx, id)).transpose()?;
    let (credential, address) = at.credential.map_or(Ok((None, None)), |id| credential(tx, id))?;
    let address = match event {
        Event::SessionStarted(started) => started.address.clone(),
        _ => address,
    };
    let about = plain(&about(tx, at.seq, event)?);
    Ok(AuditLine { seq: at.seq, time_us: at.time_us, actor, credential, address, event: event.name(), about })
}

/// What people chose is in it: it must not rule a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

fn account(tx: &mut Tx, id: u64) -> Result<String, DbError> {
    Ok(user_by_id(tx, id)?.map_or_else(|| format!("account {id}"), |user| user.name))
}

/// The path of a namespace, also of one in the trash.
fn name_of(tx: &mut Tx, id: u64) -> Result<String, DbError> {
    crate::repo::query::namespace_path(tx, id)
}

fn repository(tx: &mut Tx, id: u64) -> Result<String, DbError> {
    Ok(crate::repo::query::repo_by_id(tx, id)?.map_or_else(|| format!("repository {id}"), |repo| repo.path))
}

fn credential(tx: &mut Tx, id: u64) -> Result<(Option<String>, Option<String>), DbError> {
    if let Some(session) = session_by_id(tx, id)? {
        return Ok((Some(format!("session {id}")), session.address));
    }
    if let Some(token) = token_by_id(tx, id)? {
        return Ok((Some(format!("token {id} {:?}", token.name)), None));
    }
    let key = ssh_key_by_id(tx, id)?;
    Ok((Some(key.map_or_else(|| format!("credential {id}"), |key| format!("SSH key {id} {:?}", key.name))), None))
}

/// Of events that are not named here the name alone is shown: a new one shows nothing that nobody has thought about.
fn about(tx: &mut Tx, seq: u64, event: &Event) -> Result<String, DbError> {
    Ok(match event {
        Event::UserCreated(e) => {
            let roles = [(e.officer, " officer"), (e.operator, " operator")];
            format!("{}{}", e.name, roles.iter().filter(|(is, _)| *is).map(|(_, role)| *role).collect::<String>())
        }
        Event::UserPasswordSet(e) => account(tx, e.account)?,
        Event::UserProfileSet(e) => account(tx, e.account)?,
        Event::TokenCreated(e) => {
            format!("token {seq} {:?} of {} for {}", e.name, account(tx, e.account)?, e.scopes.join(", "))
        }
        Event::TokenRevoked(e) => format!("token {}", e.token),
        Event::CredentialsRevoked(e) => {
            let whose = e.account.map_or(Ok("everybody".to_owned()), |id| account(tx, id))?;
            format!("all of {whose}: {}", e.reason)
        }
        Event::SessionStarted(e) => format!("session {seq} of {}", account(tx, e.account)?),
        Event::SessionEnded(e) => format!("session {}", e.session),
        Event::SettingSet(e) => {
            format!(
                "{} {}",
                e.name,
                e.value.as_deref().map_or("as by default".to_owned(), |value| format!("{value:?}"))
            )
        }
        Event::PasswordResetMade(e) => format!("link {seq} for {}", account(tx, e.account)?),
        Event::PasswordResetEnded(e) => format!("link {}", e.reset),
        Event::OidcProviderSet(e) => format!("{}, which is {}", e.name, e.issuer),
        Event::OidcProviderRemoved(e) => e.name.clone(),
        Event::IdentityLinked(e) => format!("{:?} at {} is {}", e.label, e.issuer, account(tx, e.account)?),
        Event::IdentityUnlinked(e) => format!("identity {}", e.identity),
        Event::OpenPgpKeyAdded(e) => format!("key {seq} {:?} of {}", e.name, account(tx, e.account)?),
        Event::OpenPgpKeyRemoved(e) => format!("key {}", e.key),
        Event::RepoCreated(_) => repository(tx, seq)?,
        Event::RepoVisibilitySet(e) => format!("{} is {}", repository(tx, e.repo)?, e.visibility),
        Event::RepoRenamed(e) => format!("repository {} is {} now", e.repo, e.name),
        Event::HeadSet(e) => format!("{} to {}", repository(tx, e.repo)?, e.target),
        Event::RepoDescribed(e) => repository(tx, e.repo)?,
        Event::CollaboratorSet(e) => {
            format!("{} may {} {}", account(tx, e.account)?, e.access, repository(tx, e.repo)?)
        }
        Event::CollaboratorRemoved(e) => format!("{} in {}", account(tx, e.account)?, repository(tx, e.repo)?),
        Event::Pushed(e) => {
            let moves = e.updates.iter().take(20).map(moved).collect::<Vec<_>>().join(", ");
            let more = if e.updates.len() > 20 { format!(" and {} more", e.updates.len() - 20) } else { String::new() };
            format!("{}: {moves}{more}", repository(tx, e.repo)?)
        }
        Event::SvnLoaded(e) => format!("{}: revisions {} to {}", repository(tx, e.repo)?, e.first, e.last()),
        Event::SvnPathRulesSet(e) => format!("{}: {} rules of paths", repository(tx, e.repo)?, e.rules.len()),
        Event::SvnCommitRulesSet(e) => repository(tx, e.repo)?,
        Event::SvnLayoutSet(e) => {
            format!("{}: {}", repository(tx, e.repo)?, e.layout.replace('\t', ", "))
        }
        Event::SvnMailSet(e) => format!("{} in {}", account(tx, e.account)?, repository(tx, e.repo)?),
        Event::MailSet(e) => e.host.as_ref().map_or_else(
            || "no mail is sent".to_owned(),
            |host| format!("{host}:{} ({}), from {}", e.port, e.security, e.sender),
        ),
        Event::AlarmRaised(e) => format!("{}: {}", e.rule, e.about),
        Event::AlarmAcknowledged(e) => format!("alarm {}", e.alarm),
        Event::AlarmHookAdded(e) => format!("webhook {seq} to {}", e.host),
        Event::AlarmHookRemoved(e) => format!("webhook {}", e.hook),
        Event::CanaryMade(e) => format!("canary {seq}, looks like a {}", e.kind),
        Event::CanaryRemoved(e) => format!("canary {}", e.canary),
        Event::AuthenticatorAdded(e) => format!("key {seq} {:?} of {}", e.name, account(tx, e.account)?),
        Event::TotpAdded(e) => format!("app {seq} {:?} of {}", e.name, account(tx, e.account)?),
        Event::RecoveryCodesMade(e) => account(tx, e.account)?,
        Event::RecoveryCodeUsed(e) => account(tx, e.account)?,
        Event::EpochStarted(e) => format!("epoch {}", e.epoch),
        Event::EntriesSkipped(e) => {
            let skips = e.read().map_or_else(|| "?".to_owned(), |said| said.skips.to_string());
            format!("entries {skips}: in the log, and nothing of them is applied")
        }
        Event::DrillDone(e) => format!("a {} drill: {} differences", e.kind, e.differences),
        Event::SiteRoleGranted(e) => format!("{} is {}", account(tx, e.account)?, e.role),
        Event::SiteRoleRevoked(e) => format!("{} is no longer {}", account(tx, e.account)?, e.role),
        Event::SshKeyAdded(e) => format!("key {seq} {:?} of {}", e.name, account(tx, e.account)?),
        Event::SshKeyRemoved(e) => format!("key {}", e.key),
        Event::SshAuthorityAdded(e) => format!("authority {seq} {:?}", e.name),
        Event::SshAuthorityRemoved(e) => format!("authority {}", e.authority),
        Event::SshCertificateSeen(e) => {
            format!("certificate {seq} {:?} of {}", e.key_id, account(tx, e.account)?)
        }
        Event::SshCertificatesRevoked(e) => {
            let serial = e.serial.map(|serial| serial.to_string()).unwrap_or_default();
            format!("of authority {}: {serial}{}", e.authority, e.key_id.as_deref().unwrap_or_default())
        }
        Event::OfficerKeyAdded(e) => format!("key {seq} {:?} of {}", e.name, account(tx, e.account)?),
        Event::OfficerKeyRemoved(e) => format!("key {}", e.key),
        Event::OfficerRuleSet(e) => format!("{} officers, {} s", e.needed, e.delay_us / 1_000_000),
        Event::RolesSet(e) => format!("{}: officer {}, operator {}", account(tx, e.account)?, e.officer, e.operator),
        Event::OrderFiled(e) => {
            let order = crate::orders::Order::decode(&e.order);
            format!("order {seq}: {}", order.map(|order| order.act.words()).unwrap_or_default())
        }
        Event::OrderSigned(e) => format!("order {} by {}", e.order, account(tx, e.officer)?),
        Event::OrderVetoed(e) => format!("order {} by {}: {}", e.order, account(tx, e.officer)?, e.reason),
        Event::OrderExecuted(e) => format!("order {}", e.order),
        Event::OrderExpired(e) => format!("order {}: {}", e.order, e.reason),
        Event::RepoTrashed(e) => repository(tx, e.repo)?,
        Event::RepoRestored(e) => repository(tx, e.repo)?,
        Event::UserTrashed(e) => name_of(tx, e.account)?,
        Event::UserRestored(e) => name_of(tx, e.account)?,
        Event::OrgTrashed(e) => name_of(tx, e.org)?,
        Event::OrgRestored(e) => name_of(tx, e.org)?,
        Event::TrashEmptied(e) => format!("repository {}", e.repo),
        Event::RepoErased(e) => format!("repository {}: {} blobs", e.repo, e.blobs.len() / 32),
        Event::ExportAllowed(e) => e.subject.clone(),
        Event::LockdownStarted(e) => {
            format!("lockdown {seq}: {} credentials ended, {} accounts frozen", e.credentials.len(), e.accounts.len())
        }
        Event::LockdownLifted(e) => format!("lockdown {}", e.lockdown),
        Event::AccountFrozen(e) => format!("{}: {}", account(tx, e.account)?, e.reason),
        Event::AccountUnfrozen(e) => account(tx, e.account)?,
        _ => places::about(tx, seq, event)?,
    })
}

fn moved(update: &RefMove) -> String {
    let short = |oid: &crate::event::Oid| oid.to_string()[..12].to_owned();
    match (&update.old, &update.new) {
        (None, Some(new)) => format!("{} made at {}", update.name, short(new)),
        (Some(old), None) => format!("{} deleted at {}", update.name, short(old)),
        (old, new) => {
            let of = |oid: &Option<crate::event::Oid>| oid.as_ref().map(short).unwrap_or_default();
            format!("{} {}..{}", update.name, of(old), of(new))
        }
    }
}
