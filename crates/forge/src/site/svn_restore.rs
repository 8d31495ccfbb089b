//! Taking back, by a new revision, what revisions of Subversion did: the part of `restore` that has to commit.

use super::Site;
use crate::error::Error;
use crate::people::Principal;
use crate::repo::query::repo_by_id;
use crate::restore::{self, Restored, Selection, SvnRevisions};
use crate::svn::{TakeBack, TakenBack};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The author of a revision that the operator at the machine had made. No account can have the name.
const OPERATOR: &str = "(operator)";
/// How long a restore waits for what it wrote of properties and locks to reach the disk.
const CATCH_UP_WAIT: Duration = Duration::from_secs(30);
/// Paths of one repository that are named because somebody else changed them since.
const KEPT_NAMED_MAX: usize = 1_000;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is only looked at. `names`: who looks may know which paths there are.
    Look {
        /// See above.
        names: bool,
    },
    /// It is done.
    Do,
}

impl Site {
    /// Has the disks of these repositories follow, once the entries below `through` are held.
    pub(super) fn svn_follow(&self, touched: &BTreeSet<u64>, through: u64) -> Vec<(u64, JoinHandle<()>)> {
        touched.iter().filter_map(|repo| Some((*repo, self.subversion.follow(*repo, through)?))).collect()
    }

    /// As [`Site::svn_follow`], for what was written of a selection and is not held yet.
    pub(super) async fn svn_follow_of(&self, selection: Selection, through: u64) -> Result<(), Error> {
        let planned = self.db().read_async(move |tx| restore::plan(tx, &selection, false)).await?;
        drop(self.svn_follow(&planned.report.touched, through));
        Ok(())
    }

    /// Takes revisions back, or says what it would do. What it can't is named with what to do by hand.
    pub(super) async fn svn_take_back(&self, by: Option<&Principal>, whose: &str, mode: Mode, told: &mut Restored) {
        let touched = std::mem::take(&mut told.touched);
        for (repo, following) in self.svn_follow(&touched, self.ledger().log().size()) {
            // It goes on when it is not waited for any more.
            if tokio::time::timeout(CATCH_UP_WAIT, following).await.is_err() {
                tracing::warn!(repository = repo, "what was put back is not on the disk yet: it comes when it is held");
            }
        }
        for revisions in std::mem::take(&mut told.revisions) {
            match self.svn_take_back_one(by, whose, mode, &revisions, told).await {
                Ok(()) => {}
                Err(error) => told.by_hand.push(revisions.by_hand(&format!("because {error}"))),
            }
        }
    }

    async fn svn_take_back_one(
        &self,
        by: Option<&Principal>,
        whose: &str,
        mode: Mode,
        revisions: &SvnRevisions,
        told: &mut Restored,
    ) -> Result<(), Error> {
        let SvnRevisions { repo, path, revisions: numbers } = revisions;
        let (repo, wanted) = (*repo, numbers.clone());
        let row = self.db().read_async(move |tx| Ok::<_, Error>(repo_by_id(tx, repo)?)).await?;
        let row = row.ok_or_else(|| Error::conflict("it is in the trash until then"))?;
        let (source, _) = self.svn_source(repo).await?;
        let looking = tokio::task::spawn_blocking(move || source.undo(&wanted));
        let undo = looking.await.map_err(|e| Error::internal(format!("comparing broke off: {e}")))??;
        let (places, said) = (undo.places(), revisions.numbers());
        told.kept.extend(kept_lines(path, &undo.kept, mode != Mode::Look { names: false }));
        let what = format!("{places} {}", if places == 1 { "path" } else { "paths" });
        if places == 0 {
            return Ok(());
        }
        if mode != Mode::Do {
            told.done.push(format!("{path}: {what} of {said}, by a new revision"));
            return Ok(());
        }
        let author = by.map_or(OPERATOR, Principal::name).to_owned();
        let message = format!("Takes back {said} of {whose}.");
        let take = TakeBack { repo: row, undo, author, message, officer: by.cloned() };
        match self.subversion.take_back(take).await? {
            TakenBack::Revision(rev) => told.done.push(format!("{path}: {what} of {said}, by revision {rev}")),
            TakenBack::Entry(seq) => told.by_hand.push(format!(
                "{path}: {what} of {said} are taken back by entry {seq}, which is NOT YET HELD by enough vaults: it becomes visible by \
                 itself, to be looked at then"
            )),
        }
        Ok(())
    }
}

/// What somebody else changed since, a line each up to a bound; how many it is, for who is not told which.
fn kept_lines(path: &str, kept: &[(u64, String)], names: bool) -> Vec<String> {
    let named = if names { kept.len().min(KEPT_NAMED_MAX) } else { 0 };
    let line = |(rev, place): &(u64, String)| format!("{path} {place}: somebody else changed it after revision {rev}");
    let rest = match kept.len() - named {
        0 => None,
        1 => Some(format!("{path}: 1 path that somebody else changed afterwards")),
        rest => Some(format!("{path}: {rest} paths that somebody else changed afterwards")),
    };
    kept[..named].iter().map(line).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_changed_is_named_up_to_a_bound_and_to_who_may_know_it() {
        let kept = |count: usize| (0..count).map(|n| (7, format!("trunk/{n}"))).collect::<Vec<_>>();
        assert!(kept_lines("ann/paper", &[], true).is_empty() && kept_lines("ann/paper", &[], false).is_empty());
        assert_eq!(
            kept_lines("ann/paper", &kept(1), true),
            ["ann/paper trunk/0: somebody else changed it after revision 7"]
        );
        assert_eq!(
            kept_lines("ann/paper", &kept(2), false),
            ["ann/paper: 2 paths that somebody else changed afterwards"]
        );
        let many = kept_lines("ann/paper", &kept(KEPT_NAMED_MAX + 1), true);
        assert_eq!(many.len(), KEPT_NAMED_MAX + 1);
        assert_eq!(many[KEPT_NAMED_MAX], "ann/paper: 1 path that somebody else changed afterwards");
    }
}
