//! Making a repository of Git of one of Subversion.

use super::{NewRepo, Site};
use crate::access::{Read, Write};
use crate::error::Error;
use crate::event::repo::{Format, RepoKind, Visibility};
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::command::RepoCreate;
use std::collections::BTreeMap;
use std::sync::Arc;
use svn_git::{Authors, Progress as ViewProgress};
use tokio::io::AsyncReadExt as _;

/// What a repository of Subversion becomes.
#[derive(Clone, Debug)]
pub struct ConvertTo {
    /// The repository of Git.
    pub path: RepoPath,
    /// Who may see it; None: as the site's settings have it.
    pub visibility: Option<Visibility>,
    /// Who the authors are; nobody in it: all are `NAME <NAME@UUID>`.
    pub authors: Authors,
    /// How far it is.
    pub progress: Arc<ViewProgress>,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnConverted {
    /// The repository.
    pub path: String,
    /// The revision that it was made of.
    pub youngest: u64,
    /// Branches and tags that it has.
    pub refs: u64,
}

impl Site {
    /// Makes a repository of Git of one of Subversion, and pushes everything into it as `by` (None: the operator at the machine).
    /// Returns when it is held. Run again after it was cut short, it finishes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one of Git, for a history that is too large, and for authors who are not in the list;
    /// [`Error::Forbidden`] for who may not read all of it; [`Error::Conflict`] when there is something by the new name.
    pub async fn svn_convert(
        &self,
        by: Option<&Principal>,
        from: &RepoPath,
        to: ConvertTo,
    ) -> Result<SvnConverted, Error> {
        self.writability()?;
        let proof = self.allow::<Read>(by, from).await?;
        if proof.repo().is_git() {
            return Err(Error::invalid(format!("{from} is a repository of Git already")));
        }
        if by.is_some() {
            self.must_read_all(by, &proof).await?;
        }
        // Who may not make it hears that before all of it is made.
        let ConvertTo { path, visibility, authors, progress } = to;
        let new = NewRepo {
            path: path.clone(),
            format: Format::Sha1,
            visibility,
            branch: Some("main".to_owned()),
            kind: RepoKind::Git,
        };
        self.could_be_filled(by, &path).await?;
        let made = self.views.convert(&self.subversion, proof.repo().id, authors, &progress).await?;
        self.empty_repository(by, new).await?;
        let refs: BTreeMap<String, String> =
            made.view.refs().into_iter().map(|r| (r.name.to_string(), r.id.to_string())).collect();
        if !refs.is_empty() {
            let failed = |e: &dyn std::fmt::Display| Error::internal(format!("{path}: {e}"));
            let mut child = made.view.repository().pack_reachable().await.map_err(|e| failed(&e))?;
            let pack = child.stdout.take().ok_or_else(|| failed(&"no pack"))?;
            self.push_everything(by, &path, Format::Sha1, &refs, pack.take(u64::MAX)).await?;
            child.wait().await.map_err(|e| failed(&e))?;
        }
        Ok(SvnConverted { path: path.to_string(), youngest: made.view.through(), refs: refs.len() as u64 })
    }

    /// Whether [`Site::empty_repository`] would give one.
    async fn could_be_filled(&self, by: Option<&Principal>, path: &RepoPath) -> Result<(), Error> {
        let create = RepoCreate::new(path.clone(), by.cloned());
        match self.db().read_async(move |tx| create.check(tx).map(drop)).await {
            Err(Error::Conflict(_)) => self.must_be_empty(by, path).await,
            other => other,
        }
    }

    /// A repository that is there and empty: made now, or left by what was cut short.
    pub(crate) async fn empty_repository(&self, by: Option<&Principal>, new: NewRepo) -> Result<(), Error> {
        let path = new.path.clone();
        match self.repo_create(by, new).await {
            Ok(_) => return Ok(()),
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        self.must_be_empty(by, &path).await
    }

    async fn must_be_empty(&self, by: Option<&Principal>, path: &RepoPath) -> Result<(), Error> {
        let opened = self.open_allowed(self.allow::<Write>(by, path).await?).await?;
        if opened.refs().refs().is_empty() {
            return Ok(());
        }
        Err(Error::conflict(format!("{path} is here already and is not empty: give it another name")))
    }
}
