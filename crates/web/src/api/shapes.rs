//! What resources look like in answers: the shapes of Gitea's API.

use forge::Site;
use forge::event::repo::{Access, Visibility};
use forge::people::last_use::LastUse;
use forge::people::query::{TokenInfo, User};
use forge::repo::Repo;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Microseconds since 1970 as RFC 3339.
pub(super) fn time(us: i64) -> String {
    Timestamp::from_microsecond(us).map(|time| time.to_string()).unwrap_or_default()
}

pub(super) fn user(user: &User) -> Value {
    json!({
        "id": user.id, "login": user.name, "username": user.name, "email": user.email,
        "is_admin": user.operator, "created": time(user.created_us),
    })
}

/// An account as others see it: without its address.
pub(super) fn stranger(of: &User) -> Value {
    let mut value = user(of);
    value["email"] = json!("");
    value["is_admin"] = json!(false);
    value
}

pub(super) fn token(info: &TokenInfo, secret: Option<&str>, used: Option<LastUse>) -> Value {
    let (used_at, used_from) = used.map_or((None, None), |used| (Some(time(used.time_us)), Some(used.address)));
    let scopes = info.scopes.to_string();
    json!({
        "id": info.id, "name": info.name, "sha1": secret.unwrap_or_default(),
        "scopes": scopes.split(',').map(str::trim).collect::<Vec<_>>(),
        "created_at": time(info.created_us), "expires_at": info.expires_us.map(time), "revoked_at": info.revoked_us.map(time),
        "repository_ids": info.repos, "last_used_at": used_at, "last_used_from": used_from,
    })
}

pub(super) fn repo(repo: &Repo, site: &Site) -> Value {
    let base_url = site.base_url();
    let owner = repo.path.rsplit_once('/').map_or("", |(owner, _)| owner);
    let html_url = format!("{base_url}/{}", repo.path);
    json!({
        "id": repo.id, "name": repo.name, "full_name": repo.path, "owner": { "id": repo.namespace, "login": owner, "username": owner },
        "private": repo.visibility != Visibility::Public, "internal": repo.visibility == Visibility::Internal,
        "visibility": repo.visibility.as_str(), "description": repo.description.clone().unwrap_or_default(),
        "website": repo.website.clone().unwrap_or_default(), "empty": repo.pushed_us.is_none(),
        "default_branch": repo.head.strip_prefix("refs/heads/").unwrap_or(&repo.head),
        "object_format_name": repo.format.as_str(),
        "clone_url": format!("{html_url}.{}", repo.kind),
        "ssh_url": site.ssh_address().map(|address| ssh_url(address, repo)).unwrap_or_default(),
        "html_url": html_url, "kind": repo.kind.as_str(),
        "created_at": time(repo.created_us), "updated_at": time(repo.pushed_us.unwrap_or(repo.created_us)),
    })
}

/// Where a repository is over SSH.
fn ssh_url(address: &str, repo: &Repo) -> String {
    let how = if repo.is_svn() { "svn+" } else { "" };
    format!("{how}{address}/{}.{}", repo.path, repo.kind)
}

/// What somebody may do, as Gitea's and GitHub's clients ask for it.
pub(super) fn permissions(role: Option<Access>) -> Value {
    let has = |needed| role >= Some(needed);
    json!({
        "admin": has(Access::Admin), "maintain": has(Access::Maintain), "push": has(Access::Write),
        "triage": has(Access::Triage), "pull": true,
    })
}

/// A role by its own word or GitHub's.
pub(super) fn role(word: &str) -> Option<Access> {
    match word {
        "pull" => Some(Access::Read),
        "push" => Some(Access::Write),
        word => Access::parse(word),
    }
}
