//! Commits made on pages: built here, and pushed as any other.

use super::{CodeReader, Site};
use crate::access::Write;
use crate::clock::now_us;
use crate::error::Error;
use crate::event::Event;
use crate::event::push::RefMove;
use crate::log;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::command::head_name;
use code::{DiffOptions, FileDiff, Person, RevisionId, Time};
use git::edit::{Edit, EditError, FileEdit};
use git::{ObjectId, RefName, RefUpdate};

/// A commit that somebody makes on a page.
#[derive(Clone, Debug)]
pub struct NewCommit {
    /// The branch that it comes to, without `refs/heads/`.
    pub branch: String,
    /// The branch is made by it.
    pub new_branch: bool,
    /// The commit that it was written from, and that the branch must be at still; None: the first of an empty repository.
    pub base: Option<RevisionId>,
    /// What changes.
    pub edits: Vec<FileEdit>,
    /// What is said of it.
    pub message: String,
}

/// A commit that was made on a page, and is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitHeld {
    /// The commit.
    pub id: RevisionId,
    /// The entry of its push, which has a receipt.
    pub entry: u64,
}

impl From<EditError> for Error {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Read(error) => error.into(),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl Site {
    /// Makes a commit and pushes it, by the way of every push. Returns when it is held and can be fetched.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the branch is not at `base` any more: somebody else was faster, and nothing was written.
    /// [`Error::Invalid`] when the edits do not fit what is there.
    pub async fn commit(&self, who: &Principal, path: &RepoPath, new: NewCommit) -> Result<CommitHeld, Error> {
        self.writability()?;
        let proof = self.authorize::<Write>(Some(who), path).await?;
        let repository = self.opened(proof, Some(self.push.clone())).await?;
        let name: RefName = head_name(&new.branch)?.parse().map_err(|error| Error::invalid(format!("{error}")))?;
        let base = new.base.as_ref().map(object_id).transpose()?;
        let now = repository.refs().get(&name).map(|found| found.id);
        let old = if new.new_branch { None } else { base };
        match (new.new_branch, now) {
            (true, Some(_)) => {
                return Err(Error::invalid(format!("there is a branch {} already: choose another name", new.branch)));
            }
            (false, now) if now != base => {
                return Err(Error::conflict(format!("somebody else was faster: {} has moved on", new.branch)));
            }
            _ => {}
        }
        let reader = self.code(Some(who), path).await?;
        let edit = self.edit(who, base, new).await?;
        let (id, pack) = reader.in_turn(move |source| git::edit::build(source, &edit)).await??;
        let entry = repository.take_in(RefUpdate { name, old, new: Some(id) }, pack).await?;
        Ok(CommitHeld { id: RevisionId(id.to_string()), entry })
    }

    /// What a commit would change; nothing is written.
    ///
    /// # Errors
    /// Those of [`Site::commit`], but for those of its branch.
    pub async fn commit_preview(
        &self,
        who: &Principal,
        reader: &CodeReader,
        new: NewCommit,
    ) -> Result<Vec<FileDiff>, Error> {
        let base = new.base.as_ref().map(object_id).transpose()?;
        let edit = self.edit(who, base, new).await?;
        Ok(reader.in_turn(move |source| git::edit::preview(source, &edit, DiffOptions::default())).await??)
    }

    /// Whom a commit made on a page names as its author: name and address.
    pub async fn author(&self, who: &Principal) -> Result<(String, String), Error> {
        let user = self.user_self(who).await?;
        let host = self.base_url().split("://").last().unwrap_or_default();
        let email = user.email.unwrap_or_else(|| format!("{}@{}", user.name, host.split(':').next().unwrap_or(host)));
        Ok((user.full_name.unwrap_or(user.name), email))
    }

    async fn edit(&self, who: &Principal, base: Option<ObjectId>, new: NewCommit) -> Result<Edit, Error> {
        let (name, email) = self.author(who).await?;
        let time = Time { seconds: now_us().div_euclid(1_000_000), offset: 0 };
        let author = Person { name, email, time };
        Ok(Edit { base, edits: new.edits, message: new.message, committer: author.clone(), author })
    }

    /// Whether an entry is the push that brought a commit to a repository; what the entry moved.
    pub async fn push_at(&self, reader: &CodeReader, entry: u64) -> Result<Option<Vec<RefMove>>, Error> {
        let repo = reader.repo().id;
        let read = move |tx: &mut crate::db::Tx| match log::entry_fetch(tx, entry)? {
            Some(row) => match log::read_row(&row)?.1 {
                Event::Pushed(pushed) if pushed.repo == repo => Ok::<_, Error>(Some(pushed.updates)),
                _ => Ok(None),
            },
            None => Ok(None),
        };
        self.db().read_async(read).await
    }
}

pub(super) fn object_id(id: &RevisionId) -> Result<ObjectId, Error> {
    id.0.parse().map_err(|error| Error::invalid(format!("{error}")))
}
