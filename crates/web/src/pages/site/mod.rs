//! Pages that are not a repository's.

mod activity;
mod admin;
mod alarms;
mod audit;
mod chart;
mod credentials;
mod drill_chart;
mod drills;
mod explore;
mod export;
mod front;
mod help;
mod import;
mod new;
mod new_org;
mod officers;
pub(crate) mod profile;
mod prove;
mod provider;
mod reset;
mod safety;
mod security;
mod settings;
mod sign_in;
mod signing_keys;
mod ssh_keys;
pub(crate) mod status;

pub(crate) use export::export_response;
pub(crate) use safety::{VaultRow, vault_rows};
pub(crate) use ssh_keys::{KeyRow, KeyWanted, Which as WhichKey};

use crate::app::App;
use axum::Router;

pub(super) fn router() -> Router<App> {
    Router::new()
        .merge(front::router())
        .merge(sign_in::router())
        .merge(provider::router())
        .merge(explore::router())
        .merge(new::router())
        .merge(import::router())
        .merge(export::router())
        .merge(new_org::router())
        .merge(officers::router())
        .merge(alarms::router())
        .merge(audit::router())
        .merge(settings::router())
        .merge(ssh_keys::router())
        .merge(signing_keys::router())
        .merge(security::router())
        .merge(credentials::router())
        .merge(prove::router())
        .merge(reset::router())
        .merge(admin::router())
        .merge(safety::router())
        .merge(drills::router())
        .merge(status::router())
        .merge(help::router())
        .merge(activity::router())
}

/// A repository in a list.
pub(crate) struct RepoRow {
    pub(crate) path: String,
    pub(crate) description: String,
    /// `public`, `internal` or `private`.
    pub(crate) visibility: &'static str,
    /// When it was pushed to, or made.
    pub(crate) changed: String,
    pub(crate) pushed: bool,
}

impl From<&forge::repo::Repo> for RepoRow {
    fn from(repo: &forge::repo::Repo) -> Self {
        Self {
            path: repo.path.clone(),
            description: repo.description.clone().unwrap_or_default(),
            visibility: repo.visibility.as_str(),
            changed: super::show::time_us(repo.pushed_us.unwrap_or(repo.created_us)),
            pushed: repo.pushed_us.is_some(),
        }
    }
}

/// An organisation in a list.
pub(crate) struct OrgRow {
    pub(crate) path: String,
    pub(crate) full_name: String,
    pub(crate) description: String,
    pub(crate) visibility: &'static str,
}

impl From<&forge::org::query::Org> for OrgRow {
    fn from(org: &forge::org::query::Org) -> Self {
        Self {
            path: org.path.clone(),
            full_name: org.full_name.clone().unwrap_or_else(|| org.path.clone()),
            description: org.description.clone().unwrap_or_default(),
            visibility: org.visibility.as_str(),
        }
    }
}
