//! Whether a push's new tips may be tips: all that they lead to is there, and a branch is a commit.

use super::commands::RefUpdate;
use super::{Quarantine, Refused};
use crate::names::ObjectId;
use crate::repository::{Repository, RepositoryError, known_tips};
use crate::snapshot::RefSnapshot;
use std::collections::HashSet;

/// When the tips are not good all together, so many are looked at one by one to tell which.
const ONE_BY_ONE_MAX: usize = 32;

/// A verdict for each update. One child does for all of a push that is good.
pub(super) async fn verdicts(
    repository: &Repository,
    refs: &RefSnapshot,
    updates: &[RefUpdate],
    quarantine: Option<&Quarantine>,
) -> Vec<Result<(), Refused>> {
    let mut verdicts: Vec<_> = updates.iter().map(|update| not_a_tag(refs, update)).collect();
    let good: Vec<_> = verdicts.iter().zip(updates).filter(|(verdict, _)| verdict.is_ok()).map(|(_, it)| it).collect();
    let Err(error) = connected(repository, refs, &good, quarantine).await else { return verdicts };
    tracing::info!(%error, repository = %repository.path().display(), "a push is not connected");
    let alone = good.len() > 1 && good.len() <= ONE_BY_ONE_MAX;
    for (verdict, update) in verdicts.iter_mut().zip(updates).filter(|(verdict, _)| verdict.is_ok()) {
        if !alone || connected(repository, refs, &[update], quarantine).await.is_err() {
            *verdict = Err("missing necessary objects, or a branch that is no commit".to_owned());
        }
    }
    verdicts
}

fn not_a_tag(refs: &RefSnapshot, update: &RefUpdate) -> Result<(), Refused> {
    let is_tag = update.name.branch().is_some()
        && update.new.is_some_and(|new| refs.refs().iter().any(|r| r.id == new && r.peeled.is_some()));
    if is_tag { Err("a branch has to be a commit; this is a tag (push TAG^{commit})".to_owned()) } else { Ok(()) }
}

async fn connected(
    repository: &Repository,
    refs: &RefSnapshot,
    updates: &[&RefUpdate],
    quarantine: Option<&Quarantine>,
) -> Result<(), RepositoryError> {
    let mut new: HashSet<(ObjectId, bool)> =
        updates.iter().filter_map(|update| Some((update.new?, update.name.branch().is_some()))).collect();
    if new.is_empty() {
        return Ok(());
    }
    // What a branch is already may be another one too.
    for r in refs.refs().iter().filter(|r| r.name.branch().is_some()) {
        new.remove(&(r.id, true));
        new.remove(&(r.id, false));
    }
    let head = refs.get(refs.head()).map(|r| r.id);
    // What the client believes to be there need not be: only ids that are refs' own are known.
    let old = updates.iter().filter_map(|update| refs.get(&update.name)).map(|r| r.id);
    let known = known_tips(refs.refs(), head, old);
    let (branches, others): (Vec<_>, Vec<_>) = new.into_iter().partition(|(_, branch)| *branch);
    let ids = |tips: Vec<(ObjectId, bool)>| tips.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    repository.check_tips(quarantine, &ids(branches), &ids(others), &known).await
}
