//! What an owner of another forge has, by that forge's API: GitHub's and Gitea's (and Forgejo's) lists of repositories. Each is then taken
//! in by its Git URL, as any other.

use super::address::GitUrl;
use super::egress::Egress;
use super::http::{Asked, ask};
use crate::error::Error;
use crate::event::repo::Visibility;
use crate::names::RepoName;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::Method;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Repositories that one owner is asked for.
pub const OWNER_REPOS_MAX: usize = 10_000;
/// Repositories of one answer, as far as the other forge lets us have so many.
const PAGE: usize = 100;
/// Bytes of one answer: a hundred repositories are below 1 MiB.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Whose shapes the other forge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeApi {
    /// Gitea, Forgejo, and sites like this one.
    Gitea,
    /// GitHub, also on a host of one's own.
    GitHub,
}

impl FromStr for ForgeApi {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "gitea" | "forgejo" => Ok(Self::Gitea),
            "github" => Ok(Self::GitHub),
            _ => Err(Error::invalid(format!("{text:?} is no API that is read: gitea, forgejo, github"))),
        }
    }
}

/// A repository of the other forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is called there, and can be here.
    pub name: RepoName,
    /// Where it is.
    pub url: GitUrl,
    /// Who may see it there.
    pub visibility: Visibility,
    /// What it is, in a few words.
    pub description: String,
    /// Where there is more of it.
    pub website: String,
}

/// What an owner has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerList {
    /// The repositories.
    pub repos: Vec<Listed>,
    /// Those that can't be taken in, each a sentence.
    pub warnings: Vec<String>,
}

/// As both forges say it; what they say besides has no home here.
#[derive(Deserialize)]
struct Shape {
    name: String,
    clone_url: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    internal: bool,
    visibility: Option<String>,
    description: Option<String>,
    /// Gitea's.
    website: Option<String>,
    /// GitHub's.
    homepage: Option<String>,
    #[serde(default)]
    has_issues: bool,
    #[serde(default)]
    open_issues_count: u64,
}

/// Asks for all repositories of an owner, whose address is `https://HOST/OWNER`. With a credential also those that it may read.
///
/// # Errors
/// [`Error::Invalid`] says what the other forge answers instead.
pub async fn list(egress: Egress, owner: &GitUrl, api: Option<ForgeApi>) -> Result<OwnerList, Error> {
    let name = owner.path.trim_matches('/');
    if name.is_empty() || name.contains('/') {
        return Err(Error::invalid(format!("{owner} is no owner's address like https://host/owner")));
    }
    let hub = owner.host == "github.com";
    let api = api.unwrap_or(if hub { ForgeApi::GitHub } else { ForgeApi::Gitea });
    let base = match api {
        ForgeApi::Gitea => GitUrl { path: "/api/v1".to_owned(), ..owner.clone() },
        ForgeApi::GitHub if hub => GitUrl { host: "api.github.com".to_owned(), path: String::new(), ..owner.clone() },
        ForgeApi::GitHub => GitUrl { path: "/api/v3".to_owned(), ..owner.clone() },
    };
    let (user, org) = (format!("/users/{name}/repos"), format!("/orgs/{name}/repos"));
    if api == ForgeApi::GitHub {
        // Of an organisation GitHub's list for users has only what is public.
        match pages(egress, owner, &base, &org).await {
            Err(Error::Invalid(_)) => {}
            listed => return listed,
        }
    }
    pages(egress, owner, &base, &user).await
}

async fn pages(egress: Egress, owner: &GitUrl, base: &GitUrl, path: &str) -> Result<OwnerList, Error> {
    let (mut all, mut seen) = (OwnerList::default(), BTreeSet::new());
    for page in 1.. {
        let below = format!("{path}?per_page={PAGE}&limit={PAGE}&page={page}");
        let asked = Asked { method: Method::GET, below, content_type: None, body: Bytes::new() };
        let (_, response) = ask(egress, base, &asked).await?;
        let bad =
            |e: &dyn std::fmt::Display| Error::invalid(format!("{}{path} is no list of repositories: {e}", base.host));
        let body = Limited::new(response.into_body(), PAGE_BYTES_MAX).collect().await.map_err(|e| bad(&e))?.to_bytes();
        let shapes: Vec<Shape> = serde_json::from_slice(&body).map_err(|e| bad(&e))?;
        // A forge that knows no pages gives the first again.
        let new: Vec<_> = shapes.into_iter().filter(|shape| seen.insert(shape.name.to_lowercase())).collect();
        if new.is_empty() {
            break;
        }
        for shape in new {
            let name = shape.name.clone();
            match listed(owner, shape, &mut all.warnings) {
                Ok(repo) => all.repos.push(repo),
                Err(error) => all.warnings.push(format!("{name:?} is not taken in: {error}")),
            }
        }
        if all.repos.len() >= OWNER_REPOS_MAX {
            all.warnings.push(format!("only the first {OWNER_REPOS_MAX} repositories are taken in"));
            break;
        }
    }
    Ok(all)
}

fn listed(owner: &GitUrl, shape: Shape, warnings: &mut Vec<String>) -> Result<Listed, Error> {
    let name: RepoName = shape.name.parse().map_err(|e| Error::invalid(format!("{e}")))?;
    let mut url: GitUrl = shape.clone_url.parse()?;
    // The credential was given for one place, and goes to no other that an answer names.
    url.credential = owner.credential.clone().filter(|_| url.same_place(owner));
    let said = shape.visibility.as_deref().and_then(Visibility::parse);
    let visibility = match (shape.private, shape.internal) {
        (_, true) => Visibility::Internal,
        (true, false) => said.filter(|said| *said == Visibility::Internal).unwrap_or(Visibility::Private),
        (false, false) => said.unwrap_or(Visibility::Public),
    };
    if shape.has_issues && shape.open_issues_count > 0 {
        warnings.push(format!("{name} has {} open issues there, which have no place here", shape.open_issues_count));
    }
    let description = shape.description.unwrap_or_default();
    let website = shape.website.or(shape.homepage).unwrap_or_default();
    Ok(Listed { name, url, visibility, description, website })
}

#[cfg(test)]
mod tests;
