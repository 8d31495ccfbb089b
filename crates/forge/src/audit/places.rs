//! Words for what happens to organisations, teams, protections, repositories of Subversion, quotas and vaults.

use super::{account, repository};
use crate::db::{DbError, Tx};
use crate::event::Event;
use crate::event::protect::Allowed;
use crate::org::query::{org_by_id, team_by_id};

/// What an event is about. Of those that nobody has named, nothing is shown.
pub(super) fn about(tx: &mut Tx, seq: u64, event: &Event) -> Result<String, DbError> {
    Ok(match event {
        Event::OrgCreated(e) => {
            format!("{}, {}, of {}", organisation(tx, seq)?, e.visibility, account(tx, e.owner)?)
        }
        Event::OrgSet(e) => {
            let base = e.base.map_or("nothing".to_owned(), |base| base.to_string());
            format!("{} is {}; members may {base} everywhere", organisation(tx, e.org)?, e.visibility)
        }
        Event::OrgRenamed(e) => format!("organisation {} is {} now", e.org, e.name),
        Event::OrgMemberSet(e) => {
            format!("{} is {} of {}", account(tx, e.account)?, e.role, organisation(tx, e.org)?)
        }
        Event::OrgMemberRemoved(e) => format!("{} in {}", account(tx, e.account)?, organisation(tx, e.org)?),
        Event::OrgMemberShown(e) => {
            let shown = if e.shown { "shown" } else { "hidden" };
            format!("{} in {}: {shown}", account(tx, e.account)?, organisation(tx, e.org)?)
        }
        Event::OrgFactorsRequired(e) => {
            let required = if e.required { "required" } else { "not required" };
            format!("a second factor is {required} in {}", organisation(tx, e.org)?)
        }
        Event::TeamCreated(e) => {
            format!("team {seq} {:?} of {} may {}", e.name, organisation(tx, e.org)?, e.access)
        }
        Event::TeamSet(e) => format!("{} may {}", team(tx, e.team)?, e.access),
        Event::TeamRemoved(e) => format!("team {}", e.team),
        Event::TeamMemberAdded(e) => format!("{} to {}", account(tx, e.account)?, team(tx, e.team)?),
        Event::TeamMemberRemoved(e) => format!("{} from {}", account(tx, e.account)?, team(tx, e.team)?),
        Event::TeamRepoAdded(e) => format!("{} to {}", repository(tx, e.repo)?, team(tx, e.team)?),
        Event::TeamRepoRemoved(e) => format!("{} from {}", repository(tx, e.repo)?, team(tx, e.team)?),
        Event::ProtectionSet(e) => {
            let rights = [("push", &e.push), ("force", &e.force), ("delete", &e.delete)];
            let rights = rights.map(|(act, allowed)| format!("{act}: {}", who(allowed))).join(", ");
            format!("protection {} of {} in {}: {rights}", e.id.unwrap_or(seq), e.pattern, repository(tx, e.repo)?)
        }
        Event::ProtectionRemoved(e) => format!("protection {}", e.id),
        Event::QuotaSet(e) => {
            let subject =
                if e.subject == 0 { "everybody".to_owned() } else { format!("owner or repository {}", e.subject) };
            let of = |limit: Option<u64>| limit.map_or("by default".to_owned(), |limit| limit.to_string());
            let (repos, bytes, each) = (of(e.repos), of(e.bytes), of(e.repo_bytes));
            format!("{subject}: repositories {repos}, bytes {bytes}, bytes of each {each}")
        }
        Event::SvnBegun(e) => repository(tx, e.repo)?,
        Event::SvnCommitted(e) => format!("{}: r{}", repository(tx, e.repo)?, e.rev),
        Event::SvnRevpropsSet(e) => format!("{}: properties of r{}", repository(tx, e.repo)?, e.rev),
        Event::SvnLocked(e) => repository(tx, e.repo)?,
        Event::SvnUnlocked(e) => repository(tx, e.repo)?,
        Event::PackConsolidated(e) => repository(tx, e.repo)?,
        Event::VaultEnrolled(e) => format!("vault {} of {}", e.name, e.domain),
        Event::VaultsOrdered(e) => {
            let vaults: Vec<_> = e.vaults.iter().map(|one| format!("{} of {}", one.name, one.domain)).collect();
            format!("from entry {seq} on these too: {}", vaults.join(", "))
        }
        Event::VaultsConfirmed(e) => format!("those of entry {}: both quorums hold it", e.ordered),
        Event::VaultsChanged(e) => format!("from entry {seq} on those of entry {} alone", e.ordered),
        Event::VaultsKept(e) => {
            format!("from entry {seq} on those before entry {} alone: order {}", e.ordered, e.order)
        }
        Event::RecoverySharesPublished(e) => format!("recovery key {}", e.recipient),
        Event::RecoveryKeysOrdered(e) => {
            let recipients: Vec<_> = e.keys.iter().map(|key| key.recipient.as_str()).collect();
            format!("recovery keys from the next epoch on: {}", recipients.join(", "))
        }
        Event::IncidentOpened(e) => format!("incident {seq}: {}", e.title),
        Event::IncidentNoted(e) => format!("incident {}{}", e.incident, if e.resolved { ", over" } else { "" }),
        _ => String::new(),
    })
}

fn organisation(tx: &mut Tx, id: u64) -> Result<String, DbError> {
    Ok(org_by_id(tx, id)?.map_or_else(|| format!("organisation {id}"), |org| org.path))
}

fn team(tx: &mut Tx, id: u64) -> Result<String, DbError> {
    let Some(team) = team_by_id(tx, id)? else { return Ok(format!("team {id}")) };
    Ok(format!("team {:?} of {}", team.name, organisation(tx, team.org)?))
}

/// `write, and 2 more` of those who may.
fn who(allowed: &Allowed) -> String {
    let named = allowed.people.len() + allowed.teams.len();
    match (&allowed.role, named) {
        (None, 0) => "nobody".to_owned(),
        (None, named) => format!("{named} named"),
        (Some(role), 0) => role.to_string(),
        (Some(role), named) => format!("{role}, and {named} named"),
    }
}
