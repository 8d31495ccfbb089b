//! Going out.

use super::files::{self, MANIFEST, SUMS, failed};
use super::manifest::Manifest;
use super::shape::{PEOPLE_FORMAT, PeopleFile, PersonFile};
use super::{Subject, repository, subversion};
use crate::clock::now_us;
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::orders::export_allowed;
use crate::projector::all_repos;
use crate::repo::{Repo, query};
use crate::site::Site;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rows read at a time.
const PAGE: u32 = 50;
const SCHEMA: &str = include_str!("../../../../docs/formats/export.schema.json");

/// What went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// Repositories in it.
    pub repositories: u64,
    /// Of them, those that an earlier run had left there as they are.
    pub kept: u64,
    /// Accounts.
    pub people: u64,
    /// Files, all in `SHA256SUMS`.
    pub files: u64,
    /// Repositories that are not in it, with why.
    pub left_out: Vec<String>,
}

impl Site {
    /// Exports into a directory, for the site's operator. Run again after it was cut short, or later, it finishes what is there.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when private repositories are in it and officers have not let them go; [`Error::NotFound`] when there is no such subject; what keeps the directory from being written.
    pub async fn export(&self, subject: &Subject, to: &Path) -> Result<ExportReport, Error> {
        if !to.is_absolute() {
            return Err(Error::invalid("an export's directory is given by its whole path"));
        }
        let wanted = subject.clone();
        self.db().read_async(move |tx| export_allowed(tx, &wanted, now_us())).await?;
        fs::create_dir_all(to).map_err(failed(to))?;
        // Without a manifest it counts for nothing until it is whole.
        let (manifest, sums) = (to.join(MANIFEST), to.join(SUMS));
        for path in [&manifest, &sums].into_iter().filter(|path| path.exists()) {
            fs::remove_file(path).map_err(failed(path))?;
        }
        let people = self.export_people(subject).await?;
        let repos = self.export_repos(subject).await?;
        if people.is_empty() && repos.is_empty() && *subject != Subject::Everything {
            return Err(Error::not_found(subject));
        }
        let mut report =
            ExportReport { repositories: 0, kept: 0, people: people.len() as u64, files: 0, left_out: Vec::new() };
        for repo in repos {
            let dir = to.join("repositories").join(&repo.path);
            if let Some(parent) = dir.parent() {
                fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            let collaborators = self.export_collaborators(repo.id).await?;
            let was_there = match repo.kind {
                RepoKind::Git => repository::export(self.repositories(), &repo, collaborators, &dir).await?,
                RepoKind::Svn => self.export_svn(repo, collaborators, dir).await?,
            };
            report.kept += u64::from(was_there);
            report.repositories += 1;
        }
        let people = PeopleFile { format: PEOPLE_FORMAT.to_owned(), people };
        let json = serde_json::to_vec_pretty(&people).map_err(|e| Error::internal(e.to_string()))?;
        files::put(&to.join("people.json"), &json)?;
        files::put(&to.join("schema.json"), SCHEMA.as_bytes())?;
        report.files = self.export_sign(subject, to, &report.left_out).await?;
        Ok(report)
    }

    async fn export_svn(
        &self,
        repo: Repo,
        collaborators: BTreeMap<String, String>,
        dir: PathBuf,
    ) -> Result<bool, Error> {
        let (source, entry) = self.svn_source(repo.id).await?;
        let writing = move || subversion::export(&source, entry, &repo, collaborators, &dir);
        let written = tokio::task::spawn_blocking(writing).await;
        written.map_err(|e| Error::internal(format!("exporting broke off: {e}")))?
    }

    async fn export_sign(&self, subject: &Subject, to: &Path, left_out: &[String]) -> Result<u64, Error> {
        let dir = to.to_owned();
        let summing = tokio::task::spawn_blocking(move || files::sums(&dir)).await;
        let sums = summing.map_err(|e| Error::internal(e.to_string()))??;
        let text = files::sums_text(&sums);
        let key = self.keys().log_keys()?.log_key;
        let manifest = Manifest {
            origin: self.keys().origin().to_string(),
            log_key: key.verifier().clone(),
            subject: subject.to_string(),
            entries: self.size(),
            left_out: left_out.to_vec(),
            sums: journal::Hash::of(text.as_bytes()),
        };
        let note = key.sign(&manifest.to_string()).map_err(|e| Error::internal(e.to_string()))?;
        files::put(&to.join(SUMS), text.as_bytes())?;
        files::put(&to.join(MANIFEST), note.to_string().as_bytes())?;
        Ok(sums.len() as u64)
    }

    async fn export_people(&self, subject: &Subject) -> Result<Vec<PersonFile>, Error> {
        let (mut people, mut after) = (Vec::new(), 0);
        loop {
            let page = self.user_list(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(people) };
            after = last.id;
            people.extend(page.into_iter().filter(|user| subject.has_person(&user.name)).map(PersonFile::from));
        }
    }

    async fn export_repos(&self, subject: &Subject) -> Result<Vec<Repo>, Error> {
        let mut repos = Vec::new();
        for (id, _) in all_repos(self.db()).await? {
            let repo = self.db().read_async(move |tx| Ok::<_, Error>(query::repo_by_id(tx, id)?)).await?;
            repos.extend(repo.filter(|repo| subject.has(&repo.path)));
        }
        Ok(repos)
    }

    async fn export_collaborators(&self, repo: u64) -> Result<BTreeMap<String, String>, Error> {
        let (mut all, mut after) = (BTreeMap::new(), 0);
        loop {
            let list = move |tx: &mut crate::db::Tx| Ok::<_, Error>(query::collaborator_list(tx, repo, after, PAGE)?);
            let page = self.db().read_async(list).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.account;
            all.extend(page.into_iter().map(|one| (one.name, one.access.as_str().to_owned())));
        }
    }
}
