//! Branches and tags made and deleted on pages and in the API: pushes without a client, by the way of every push.

use super::edit::object_id;
use super::{CommitHeld, Site, SiteRepository};
use crate::access::Write;
use crate::clock::now_us;
use crate::error::Error;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::command::{head_name, tag_name};
use code::{NameKind, Person, RevisionId, Time};
use git::edit::NewTag;
use git::{Ref, RefName, RefUpdate};

/// A branch or tag to be made.
#[derive(Clone, Debug)]
pub struct NewName {
    /// Which of the two.
    pub kind: NameKind,
    /// Its short name.
    pub name: String,
    /// Where: a branch, a tag, an id.
    pub at: String,
    /// What is said of a tag; empty: it is a light one.
    pub message: String,
}

fn word(kind: NameKind) -> &'static str {
    if kind == NameKind::Tag { "tag" } else { "branch" }
}

impl Site {
    /// Makes a branch or a tag. Returns when it is held: what it is at (a tag with a message: the tag itself), and its entry.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is one of that name, [`Error::NotFound`] when there is nothing at that place, and those of
    /// every push.
    pub async fn name_make(&self, who: &Principal, path: &RepoPath, new: NewName) -> Result<CommitHeld, Error> {
        self.writability()?;
        let full = match new.kind {
            NameKind::Branch => head_name(&new.name)?,
            NameKind::Tag => tag_name(&new.name)?,
        };
        let name: RefName = full.parse().map_err(|error| Error::invalid(format!("{error}")))?;
        let repository = self.for_names(who, path).await?;
        if repository.refs().get(&name).is_some() {
            let text = format!("there is a {} {} already: choose another name", word(new.kind), new.name);
            return Err(Error::conflict(text));
        }
        let (reader, at, format) = (self.code(Some(who), path).await?, new.at, repository.refs().format());
        let revision = reader.read(move |source| source.resolve(&at)).await?;
        let commit = object_id(&revision.id)?;
        let (id, pack) = if new.kind == NameKind::Tag && !new.message.trim().is_empty() {
            let (full_name, email) = self.author(who).await?;
            let time = Time { seconds: now_us().div_euclid(1_000_000), offset: 0 };
            let tagger = Person { name: full_name, email, time };
            git::edit::tag(format, &NewTag { target: commit, name: new.name, message: new.message, tagger })?
        } else {
            (commit, git::edit::no_objects(format)?)
        };
        let entry = repository.take_in(RefUpdate { name, old: None, new: Some(id) }, pack).await?;
        Ok(CommitHeld { id: RevisionId(id.to_string()), entry })
    }

    /// Deletes a branch or a tag that is at `seen`, as whoever deletes it has seen it; None: wherever it is. Gives its entry, when it
    /// is held.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Conflict`] when it is somewhere else by now, [`Error::Invalid`] for the
    /// default branch, and those of every push.
    pub async fn name_remove(
        &self,
        who: &Principal,
        path: &RepoPath,
        kind: NameKind,
        name: &str,
        seen: Option<&RevisionId>,
    ) -> Result<u64, Error> {
        self.writability()?;
        let repository = self.for_names(who, path).await?;
        let found =
            repository.named(kind, name).ok_or_else(|| Error::not_found(format!("the {} {name}", word(kind))))?;
        if found.name.as_str() == repository.repo().head {
            return Err(Error::invalid(
                "that is the default branch: make another one the default first, in the settings",
            ));
        }
        if seen.is_some_and(|seen| *seen.0 != found.id.to_string()) {
            return Err(Error::conflict(format!("{name} has moved on: look at it again before you delete it")));
        }
        let update = RefUpdate { name: found.name.clone(), old: Some(found.id), new: None };
        repository.take_in(update, Vec::new()).await
    }

    async fn for_names(&self, who: &Principal, path: &RepoPath) -> Result<SiteRepository<Write>, Error> {
        let proof = self.authorize::<Write>(Some(who), path).await?;
        self.opened(proof, Some(self.push.clone())).await
    }
}

impl<A: crate::access::Act> SiteRepository<A> {
    /// The branch or tag of this short name.
    #[must_use]
    pub fn named(&self, kind: NameKind, name: &str) -> Option<Ref> {
        let prefix = if kind == NameKind::Tag { "refs/tags/" } else { "refs/heads/" };
        let full: RefName = format!("{prefix}{name}").parse().ok()?;
        self.refs().get(&full).cloned()
    }
}
