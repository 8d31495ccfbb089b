//! What one officer alone does not put back, once there is an officers' rule.
//!
//! An honest account's acts can be put back as well as an intruder's. So that nobody passes an order by in this way, left out is what
//! loosens a protection or takes a second factor away, what moves or deletes a ref that is protected, and what lets somebody see or do
//! what they can't now. What was lost comes back: refs that are gone, what is in the trash, rights that somebody took for themselves.

use super::slot::Slot;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::org::{OrgRole, OrgSet, TeamSet};
use crate::event::push::RefMove;
use crate::protect::judge::concerns;
use crate::protect::loosen;
use crate::protect::query::protection_list;
use crate::repo::query::repo_by_id;

/// Why a ref stays where it is, and what moves it; None: it is put back. `place` is the repository's path.
pub(super) fn of_ref(tx: &mut Tx, repo: u64, place: &str, update: &RefMove) -> Result<Option<String>, Error> {
    if update.old.is_none() {
        return Ok(None);
    }
    let sql = "SELECT head FROM repository WHERE id = ?1 UNION ALL SELECT head FROM trashed_repository WHERE id = ?1";
    let head: Option<String> = tx.query_opt(sql, &[repo.into()])?.map(|row| row.get(0)).transpose()?;
    if update.new.is_none() && head.as_ref() == Some(&update.name) {
        return Ok(Some("it is the default branch: its administrator chooses another, and deletes it".to_owned()));
    }
    if concerns(tx, repo, std::slice::from_ref(update))?.iter().all(Option::is_none) {
        return Ok(None);
    }
    let ask = format!("it is protected: outlast order ask ref-rewrite {place} --ref {}", update.name);
    Ok(Some(match &update.new {
        Some(oid) => format!("{ask} --to {oid}, once another ref is there"),
        None => ask,
    }))
}

/// Why a row stays as it is, and who changes it; None: it is put back. `now` is the event that set it so, and `to` the one that would put
/// it back.
pub(super) fn of_row(tx: &mut Tx, slot: &Slot, now: Option<&Event>, to: &Event) -> Result<Option<String>, Error> {
    let loosens = match (to, now) {
        (Event::ProtectionRemoved(_), Some(Event::ProtectionSet(set))) => Some(set.repo),
        (Event::ProtectionSet(set), _) => {
            loosen::by_setting(&protection_list(tx, set.repo)?, set).is_some().then_some(set.repo)
        }
        _ => None,
    };
    Ok(if let Some(repo) = loosens {
        let path = repo_by_id(tx, repo)?.map_or_else(|| format!("repository {repo}"), |repo| repo.path);
        Some(format!(
            "it would loosen what protects {path}: its administrator asks for that in its settings, which is an order"
        ))
    } else if let (Slot::Factor(factor), Event::FactorRemoved(_)) = (slot, to) {
        Some(format!("outlast order ask factor-remove {factor}"))
    } else if gives(now, to) {
        Some("it would let somebody see or do what they can't now: whoever administers it does that".to_owned())
    } else {
        None
    })
}

/// Whether somebody may see or do more by this than they may now.
fn gives(now: Option<&Event>, to: &Event) -> bool {
    match (to, now) {
        (Event::RepoVisibilitySet(to), Some(Event::RepoVisibilitySet(now))) => to.visibility > now.visibility,
        (Event::RepoRenamed(to), Some(Event::RepoRenamed(now))) => to.namespace != now.namespace,
        (Event::CollaboratorSet(to), Some(Event::CollaboratorSet(now))) => to.access > now.access,
        (Event::OrgMemberSet(to), Some(Event::OrgMemberSet(now))) => to.role == OrgRole::Owner && now.role != to.role,
        (Event::OrgSet(to), Some(Event::OrgSet(now))) => org_gives(now, to),
        (Event::TeamSet(to), Some(Event::TeamSet(now))) => team_gives(now, to),
        (to, _) => matches!(
            to,
            Event::RepoVisibilitySet(_)
                | Event::RepoRenamed(_)
                | Event::CollaboratorSet(_)
                | Event::OrgMemberSet(_)
                | Event::OrgSet(_)
                | Event::TeamSet(_)
                | Event::TeamMemberAdded(_)
                | Event::TeamRepoAdded(_)
                | Event::OidcProviderSet(_)
                | Event::SvnPathRulesSet(_)
        ),
    }
}

fn org_gives(now: &OrgSet, to: &OrgSet) -> bool {
    to.visibility > now.visibility || to.base > now.base || to.members_create && !now.members_create
}

fn team_gives(now: &TeamSet, to: &TeamSet) -> bool {
    to.access > now.access || to.all_repos && !now.all_repos || to.create_repos && !now.create_repos
}
