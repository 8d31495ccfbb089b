//! Where something is changed, and by whom.

use super::CommitFields;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::repo::frame::{At, Frame, RepoPage, Rest, place};
use code::{CodePath, NameKind, RevisionId};
use forge::site::NewCommit;
use forge::{Error, Principal};
use git::edit::FileEdit;

/// Where something is changed, by somebody who may.
pub(super) struct Place {
    pub(super) who: Principal,
    pub(super) frame: Frame,
    /// The name in the address: a branch, or something that another branch is made from.
    pub(super) name: String,
    /// The newest commit there; None: nothing is in the repository yet.
    pub(super) head: Option<RevisionId>,
    pub(super) path: CodePath,
    /// It is a branch, and a commit can go to it.
    pub(super) is_branch: bool,
    /// A name for another branch that is not taken.
    spare: String,
}

impl Place {
    /// Refuses who may not push, as Git would be refused.
    pub(super) async fn of(page: &RepoPage, rest: Rest) -> Result<Self, PageError> {
        let frame = page.frame("code");
        let who = page.writer()?.clone();
        if frame.empty {
            return Self::of_nothing(who, frame, rest);
        }
        let At { name, revision, path } = page.at(rest).await?;
        let branches = page.read(|source| source.short_names(NameKind::Branch)).await?;
        let mut spares = (1..).map(|number| format!("{}-patch-{number}", who.name()));
        let spare = spares.find(|spare| !branches.contains(spare)).unwrap_or_default();
        let is_branch = branches.contains(&name);
        Ok(Self { who, frame, name, head: Some(revision.id), path, is_branch, spare })
    }

    /// The first commit of a repository goes to its default branch.
    fn of_nothing(who: Principal, frame: Frame, rest: Rest) -> Result<Self, PageError> {
        let text = String::from_utf8(rest.0).map_err(|_| PageError::not_found())?;
        let name = frame.branch.clone();
        let below = text.strip_prefix(&name).ok_or_else(PageError::not_found)?;
        let path = CodePath::parse(below.as_bytes()).map_err(|_| PageError::not_found())?;
        Ok(Self { who, frame, name, head: None, path, is_branch: true, spare: String::new() })
    }

    /// This place under a page's verb.
    pub(super) fn address(&self, verb: &str) -> String {
        format!("{}/{verb}/{}", self.frame.base(), place(&self.name, &self.path))
    }

    /// The fields of a form that is shown for the first time.
    pub(super) fn fields(&self) -> CommitFields {
        CommitFields { base: self.base(), branch: self.spare.clone(), ..CommitFields::default() }
    }

    /// The newest commit, as forms carry it.
    pub(super) fn base(&self) -> String {
        self.head.as_ref().map(|head| head.0.clone()).unwrap_or_default()
    }

    /// The commit that a form asks for, based on what the form was made from.
    pub(super) fn commit(
        &self,
        fields: &CommitFields,
        suggested: &str,
        edits: Vec<FileEdit>,
    ) -> Result<NewCommit, Error> {
        let new_branch = fields.to == "new" || !self.is_branch;
        let branch = if new_branch { fields.branch.trim().to_owned() } else { self.name.clone() };
        if branch.is_empty() {
            return Err(Error::invalid("give the new branch a name"));
        }
        let base = (!fields.base.is_empty()).then(|| RevisionId(fields.base.clone()));
        let subject = Some(fields.message.trim()).filter(|text| !text.is_empty()).unwrap_or(suggested);
        Ok(NewCommit { branch, new_branch, base, edits, message: format!("{subject}\n\n{}", fields.body) })
    }

    /// Makes the commit. Gives the address of its page.
    pub(super) async fn carry_out(&self, app: &App, page: &RepoPage, commit: NewCommit) -> Result<String, Error> {
        let held = app.site.commit(&self.who, &page.address, commit).await?;
        Ok(format!("{}/commit/{}?entry={}", self.frame.base(), held.id, held.entry))
    }
}

/// The lower part of every form: what is said of the commit, and where it goes.
pub(super) struct CommitBox {
    pub(super) fields: CommitFields,
    /// The message if none is given.
    pub(super) suggested: String,
    pub(super) name: String,
    pub(super) is_branch: bool,
    /// Who it names as its author.
    pub(super) author: String,
    pub(super) can_preview: bool,
    pub(super) cancel: String,
    /// What others changed since the form was made.
    pub(super) moved: Option<String>,
}

impl CommitBox {
    /// As of now: a form that was made from an older commit goes on from the newest.
    pub(super) async fn of(
        app: &App,
        place: &Place,
        mut fields: CommitFields,
        suggested: String,
        cancel: String,
    ) -> Result<Self, PageError> {
        let (name, email) = app.site.author(&place.who).await?;
        let base = place.base();
        let stale = fields.base != base && !fields.base.is_empty() && fields.to != "new" && place.is_branch;
        let moved = stale.then(|| {
            format!(
                "{}/compare/{}..{base}",
                place.frame.base(),
                super::super::frame::place(&fields.base, &CodePath::root())
            )
        });
        if fields.to != "new" {
            fields.base = base;
        }
        Ok(Self {
            fields,
            suggested,
            name: code::visible(place.name.as_bytes()),
            is_branch: place.is_branch,
            author: format!("{name} <{email}>"),
            can_preview: true,
            cancel,
            moved,
        })
    }
}
