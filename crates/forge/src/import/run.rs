//! An import from its beginning to its end.

use super::address::GitUrl;
use super::egress::Egress;
use super::pack::{self, Remote};
use crate::error::Error;
use crate::event::repo::{Format, RepoKind, Visibility};
use crate::names::RepoPath;
use crate::people::Principal;
use crate::site::{NewRepo, Site};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What is taken in, and as what.
#[derive(Clone, Debug)]
pub struct ImportFrom {
    /// Where it is.
    pub url: GitUrl,
    /// What it is here.
    pub path: RepoPath,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who is connected to.
    pub egress: Egress,
    /// Counts the bytes of the pack while they come.
    pub bytes: Arc<AtomicU64>,
}

/// What was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The repository.
    pub path: String,
    /// Refs that it has now.
    pub refs: u64,
    /// Refs that are the other forge's own, and were left there.
    pub left_out: u64,
    /// What somebody should know, each a sentence.
    pub warnings: Vec<String>,
}

impl Site {
    /// Takes in a repository from its Git URL, as a push of everything by `by` (None: the operator at the machine). Returns when
    /// it is held. Run again after it was cut short, it finishes.
    ///
    /// # Errors
    /// [`Error::Invalid`] says what the other forge, or its address, is not. [`Error::Conflict`] for a repository that is here
    /// already and is not empty.
    pub async fn import_from(&self, by: Option<&Principal>, from: ImportFrom) -> Result<Imported, Error> {
        self.writability()?;
        let remote = pack::refs(from.egress, &from.url).await?;
        let format = Format::parse(&remote.format)
            .ok_or_else(|| Error::invalid(format!("{} has objects of a kind {}", from.url, remote.format)))?;
        let (refs, mut warnings) = taken(&remote);
        self.import_into(by, &from, &remote, format).await?;
        if refs.is_empty() {
            warnings.push("it has no refs: the repository is empty here too".to_owned());
        } else {
            let (pack, pouring) = remote.fetch(from.egress, from.bytes).await?;
            let pushed = self.push_everything(by, &from.path, format, &refs, pack).await;
            // What the other side said is the cause of a pack that was cut short.
            pouring.await.map_err(|e| Error::internal(e.to_string()))??;
            pushed?;
        }
        Ok(Imported { path: from.path.to_string(), refs: refs.len() as u64, left_out: remote.left_out, warnings })
    }

    /// A repository that is there and empty: made now, or left by an import that was cut short.
    async fn import_into(
        &self,
        by: Option<&Principal>,
        from: &ImportFrom,
        remote: &Remote,
        format: Format,
    ) -> Result<(), Error> {
        let branch = head_branch(remote).unwrap_or("main").to_owned();
        let new = NewRepo {
            path: from.path.clone(),
            format,
            visibility: Some(from.visibility),
            branch: Some(branch),
            kind: RepoKind::Git,
        };
        self.empty_repository(by, new).await
    }
}

/// The branch that is shown first: what the other forge says, if it has that one; else the usual ones, else any.
fn head_branch(remote: &Remote) -> Option<&str> {
    let branches = || remote.refs.keys().filter_map(|name| name.strip_prefix("refs/heads/"));
    let said = remote.head.as_deref().and_then(|head| head.strip_prefix("refs/heads/"));
    let wanted = said.into_iter().chain(["main", "master", "trunk"]);
    wanted.filter_map(|wanted| branches().find(|name| *name == wanted)).next().or_else(|| branches().next())
}

/// The refs that can be here, and a word for each that can't.
fn taken(remote: &Remote) -> (BTreeMap<String, String>, Vec<String>) {
    let (good, bad): (BTreeMap<_, _>, BTreeMap<_, _>) =
        remote.refs.clone().into_iter().partition(|(name, _)| name.parse::<git::RefName>().is_ok());
    let mut warnings: Vec<_> =
        bad.keys().map(|name| format!("the ref {name:?} has a name that is not taken here")).collect();
    if good.keys().any(|name| name.starts_with("refs/lfs/")) {
        warnings.push("it uses Git LFS: files that are kept there are not brought by this".to_owned());
    }
    (good, warnings)
}
