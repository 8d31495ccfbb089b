//! Coming in.

use super::bundle;
use super::files::{self, MANIFEST, SUMS, failed};
use super::manifest::Manifest;
use super::repository::format;
use super::shape::{PEOPLE_FORMAT, PeopleFile, REPOSITORY_FORMAT, RepositoryFile, SvnFile};
use crate::access::{Read, Write};
use crate::error::Error;
use crate::event::repo::{Access, Format, RepoKind, Visibility};
use crate::names::{RepoPath, UserName};
use crate::people::Principal;
use crate::site::{NewRepo, NewUser, RepoChange, Site, SvnImportTo};
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The site it came from.
    pub origin: String,
    /// Whose key signed it.
    pub signed_by: String,
    /// Accounts that were made; they have no password yet.
    pub people: Vec<String>,
    /// The repositories.
    pub repositories: Vec<ImportedRepository>,
    /// What could not be taken over, each a sentence.
    pub warnings: Vec<String>,
}

/// A repository of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRepository {
    /// `OWNER/NAME`
    pub path: String,
    /// Refs it has now, each where the export says.
    pub refs: u64,
    /// It was there already, the same.
    pub was_there: bool,
}

impl Site {
    /// Takes in an export, for the site's operator. Run again after it was cut short, it finishes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when anything in the directory is not what was signed: then nothing was taken in.
    /// [`Error::Conflict`] for a repository that is here already and differs.
    pub async fn import(&self, from: &Path) -> Result<ImportReport, Error> {
        let dir = from.to_owned();
        let checking = tokio::task::spawn_blocking(move || check(&dir)).await;
        let checked = checking.map_err(|e| Error::internal(e.to_string()))??;
        let Manifest { origin, log_key, left_out, .. } = checked.manifest;
        let mut report = ImportReport {
            origin,
            signed_by: log_key.to_string(),
            people: Vec::new(),
            repositories: Vec::new(),
            warnings: left_out.into_iter().map(|what| format!("not in the export: {what}")).collect(),
        };
        for person in checked.people.people {
            let name: UserName = person.name.parse().map_err(|e| Error::invalid(format!("{}: {e}", person.name)))?;
            if self.user_fetch(&name).await.is_ok() {
                continue;
            }
            let email =
                person.email.as_deref().map(str::parse).transpose().map_err(|e| Error::invalid(format!("{e}")))?;
            let new = NewUser { name, email, password: None, officer: false, operator: false };
            report.people.push(self.user_create(None, new).await?.name);
        }
        for (dir, repo) in checked.repositories {
            let dir = from.join(dir);
            let imported = match &repo.svn {
                Some(svn) => self.import_svn(&dir, &repo, svn, &mut report.warnings).await?,
                None => self.import_repository(&dir, &repo, &mut report.warnings).await?,
            };
            report.repositories.push(imported);
        }
        Ok(report)
    }

    async fn import_repository(
        &self,
        dir: &Path,
        file: &RepositoryFile,
        warnings: &mut Vec<String>,
    ) -> Result<ImportedRepository, Error> {
        let invalid = |e: &dyn std::fmt::Display| Error::invalid(format!("{}: {e}", file.path));
        let (path, visibility) = place(file)?;
        let branch = file.head.strip_prefix("refs/heads/").ok_or_else(|| invalid(&"its HEAD is no branch"))?.to_owned();
        let object_format = format(&file.object_format)?;
        let new = NewRepo {
            path: path.clone(),
            format: object_format,
            visibility: Some(visibility),
            branch: Some(branch),
            kind: RepoKind::Git,
        };
        let made = match self.repo_create(None, new).await {
            Ok(_) => true,
            Err(Error::Conflict(_)) => false,
            Err(error) => return Err(error),
        };
        let there = self.import_refs(&path).await?;
        let was_there = !made && there == file.refs;
        if !there.is_empty() && !was_there {
            return Err(is_another(&path));
        }
        if there != file.refs {
            self.import_objects(&path, dir, file).await?;
            if self.import_refs(&path).await? != file.refs {
                return Err(Error::internal(format!("{path}: not all refs could be made; the site's log says why")));
            }
        }
        if made {
            self.import_settings(&path, file, warnings).await?;
        }
        Ok(ImportedRepository { path: file.path.clone(), refs: file.refs.len() as u64, was_there })
    }

    /// One of Subversion: its dump becomes a repository, whole.
    async fn import_svn(
        &self,
        dir: &Path,
        file: &RepositoryFile,
        svn: &SvnFile,
        warnings: &mut Vec<String>,
    ) -> Result<ImportedRepository, Error> {
        let (path, visibility) = place(file)?;
        let was_there = match self.allow::<Read>(None, &path).await {
            Ok(there) if there.repo().is_svn() => {
                let (source, _) = self.svn_source(there.repo().id).await?;
                if (source.uuid(), source.newest()) != (svn.uuid.as_str(), svn.youngest) {
                    return Err(is_another(&path));
                }
                true
            }
            Ok(_) => return Err(is_another(&path)),
            Err(Error::NotFound(_)) => false,
            Err(error) => return Err(error),
        };
        if !was_there {
            let name = dir.join("repository.dump");
            let dump = tokio::fs::File::open(&name).await.map_err(failed(&name))?;
            let to = SvnImportTo { path: path.clone(), visibility: Some(visibility), progress: Arc::default() };
            self.svn_import(None, to, dump).await?;
            self.import_settings(&path, file, warnings).await?;
        }
        Ok(ImportedRepository { path: file.path.clone(), refs: 0, was_there })
    }

    /// What there is to say of a new repository besides its content.
    async fn import_settings(
        &self,
        path: &RepoPath,
        file: &RepositoryFile,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let (description, website) = (file.description.clone(), file.website.clone());
        if description.is_some() || website.is_some() {
            let change = RepoChange { description, website, ..RepoChange::default() };
            self.repo_change(None, path, change).await?;
        }
        for (name, access) in &file.collaborators {
            let put = match (name.parse::<UserName>(), Access::parse(access)) {
                (Ok(user), Some(access)) => self.collaborator_put(None, path, user, access).await,
                _ => Err(Error::invalid("no name or access of ours")),
            };
            warnings.extend(put.err().map(|error| format!("{path}: {name} has no access here: {error}")));
        }
        Ok(())
    }

    async fn import_refs(&self, path: &RepoPath) -> Result<BTreeMap<String, String>, Error> {
        let proof = self.allow::<Write>(None, path).await?;
        let opened = self.repositories().open(&proof).await?;
        Ok(opened.refs.refs().iter().map(|r| (r.name.as_str().to_owned(), r.id.to_string())).collect())
    }

    /// A push of everything, through the door that all pushes take.
    async fn import_objects(&self, path: &RepoPath, dir: &Path, file: &RepositoryFile) -> Result<(), Error> {
        let format = format(&file.object_format)?;
        let pack = bundle::pack(&dir.join("repository.bundle"), format).await?;
        self.push_everything(None, path, format, &file.refs, pack).await
    }

    /// Pushes these refs into an empty repository, all or none, with the pack of their objects.
    pub(crate) async fn push_everything(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        format: Format,
        refs: &BTreeMap<String, String>,
        pack: impl AsyncRead + Unpin + Send + 'static,
    ) -> Result<(), Error> {
        let opened = self.open_allowed(self.allow::<Write>(by, path).await?).await?;
        let zero = "0".repeat(if format.as_str() == "sha1" { 40 } else { 64 });
        let mut commands = Vec::new();
        for (i, (name, id)) in refs.iter().enumerate() {
            let capabilities = format!("\0report-status atomic object-format={format}");
            let capabilities = if i == 0 { capabilities.as_str() } else { "" };
            git::pkt::write(&mut commands, format!("{zero} {id} {name}{capabilities}").as_bytes());
        }
        git::pkt::write_flush(&mut commands);
        let body = std::io::Cursor::new(commands).chain(pack);
        let failed = |e: &dyn std::fmt::Display| Error::internal(format!("{path}: {e}"));
        let mut answer = opened.receive_pack(body).await.map_err(|e| failed(&e))?;
        let mut said = Vec::new();
        while let Some(bytes) = answer.next().await {
            said.extend_from_slice(&bytes.map_err(|e| failed(&e))?);
        }
        let said = String::from_utf8_lossy(&said);
        if said.contains("unpack ok") && !said.contains("ng refs/") {
            return Ok(());
        }
        Err(failed(&said.replace(|c: char| c.is_control(), " ")))
    }
}

fn place(file: &RepositoryFile) -> Result<(RepoPath, Visibility), Error> {
    let invalid = |e: &dyn std::fmt::Display| Error::invalid(format!("{}: {e}", file.path));
    let visibility =
        Visibility::parse(&file.visibility).ok_or_else(|| invalid(&"its visibility is no word of ours"))?;
    Ok((file.path.parse().map_err(|e| invalid(&e))?, visibility))
}

fn is_another(path: &RepoPath) -> Error {
    Error::conflict(format!("{path} is here already and is another, or was written to: rename it, and import again"))
}

struct Checked {
    manifest: Manifest,
    people: PeopleFile,
    /// Each with its directory.
    repositories: Vec<(String, RepositoryFile)>,
}

/// Whether everything is as it was signed. Blocks.
fn check(dir: &Path) -> Result<Checked, Error> {
    let read = |name: &str| fs::read_to_string(dir.join(name)).map_err(failed(&dir.join(name)));
    let manifest = Manifest::read(&read(MANIFEST)?)
        .map_err(|e| Error::invalid(format!("{e}; an export that was cut short has no manifest: run it again")))?;
    let text = read(SUMS)?;
    if journal::Hash::of(text.as_bytes()) != manifest.sums {
        return Err(Error::invalid("SHA256SUMS is not the list that was signed"));
    }
    let found = files::sums(dir)?;
    if files::sums_text(&found) != text {
        let listed: BTreeMap<&str, &str> =
            text.lines().filter_map(|line| line.split_once("  ")).map(|(hash, name)| (name, hash)).collect();
        let mut names = listed.keys().copied().chain(found.keys().map(String::as_str));
        let wrong = |name: &str| found.get(name).map(ToString::to_string).as_deref() != listed.get(name).copied();
        let first = names.find(|name| wrong(name)).unwrap_or("a file");
        return Err(Error::invalid(format!("{first} is not what was exported: it was changed, added or lost")));
    }
    let people: PeopleFile = json(dir, "people.json")?;
    if people.format != PEOPLE_FORMAT {
        return Err(Error::invalid("people.json is of a form that this version does not know"));
    }
    let mut repositories = Vec::new();
    for name in found.keys().filter(|name| name.starts_with("repositories/")) {
        // A branch may have that name too.
        let Some(parent) = name.strip_suffix("/repository.json").filter(|parent| !parent.contains("/repository.git/"))
        else {
            continue;
        };
        let file: RepositoryFile = json(dir, name)?;
        if file.format != REPOSITORY_FORMAT {
            return Err(Error::invalid(format!("{name} is of a form that this version does not know")));
        }
        repositories.push((parent.to_owned(), file));
    }
    Ok(Checked { manifest, people, repositories })
}

fn json<T: serde::de::DeserializeOwned>(dir: &Path, name: &str) -> Result<T, Error> {
    let bytes = fs::read(dir.join(name)).map_err(failed(&dir.join(name)))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::invalid(format!("{name}: {e}")))
}
