//! Taking back, by a new revision, what revisions of Subversion did: the part of `restore` that has to commit.

use super::Site;
use crate::error::Error;
use crate::people::Principal;
use crate::repo::query::repo_by_id;
use crate::restore::{Restored, SvnRevisions};
use crate::svn::TakeBack;
use std::time::Duration;

/// The author of a revision that the operator at the machine had made. No account can have the name.
const OPERATOR: &str = "(operator)";
/// How long a restore waits for what it wrote of properties and locks to reach the disk.
const CATCH_UP_WAIT: Duration = Duration::from_secs(30);

impl Site {
    /// Takes revisions back; with `look` it only says what it would do. What it can't is named with what to do by hand.
    pub(super) async fn svn_take_back(&self, by: Option<&Principal>, whose: &str, look: bool, told: &mut Restored) {
        let through = self.ledger().log().size();
        for repo in std::mem::take(&mut told.touched) {
            let reached = tokio::time::timeout(CATCH_UP_WAIT, self.subversion.catch_up(repo, through)).await;
            if reached.is_err() {
                tracing::warn!(repository = repo, "what was put back is not on the disk yet: it is tried again");
            }
        }
        for revisions in std::mem::take(&mut told.revisions) {
            match self.svn_take_back_one(by, whose, look, &revisions, told).await {
                Ok(()) => {}
                Err(error) => told.by_hand.push(revisions.by_hand(&format!("because {error}"))),
            }
        }
    }

    async fn svn_take_back_one(
        &self,
        by: Option<&Principal>,
        whose: &str,
        look: bool,
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
        for (rev, place) in &undo.kept {
            told.kept.push(format!("{path} {place}: somebody else changed it after revision {rev}"));
        }
        let what = format!("{places} {}", if places == 1 { "path" } else { "paths" });
        if places == 0 {
            return Ok(());
        }
        if look {
            told.done.push(format!("{path}: {what} of {said}, by a new revision"));
            return Ok(());
        }
        let author = by.map_or(OPERATOR, Principal::name).to_owned();
        let message = format!("Takes back {said} of {whose}.");
        let take = TakeBack { repo: row, undo, author, message, officer: by.cloned() };
        let rev = self.subversion.take_back(take).await?;
        told.done.push(format!("{path}: {what} of {said}, by revision {rev}"));
        Ok(())
    }
}
