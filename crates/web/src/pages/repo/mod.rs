//! Pages of a repository. What they show is neutral as to what keeps the code: everything comes through `code::Source`.

mod activity;
mod archive;
mod blame;
mod commit;
mod compare;
mod delete;
mod deploy_keys;
mod diff_part;
mod diff_view;
mod edit;
mod export;
mod file;
mod frame;
mod git_view;
mod history;
mod locks;
mod names;
mod parts;
mod properties;
mod protections;
mod raw;
mod readme;
mod references;
mod safety;
mod search;
mod settings;
mod svn_rules;
mod tree;

pub(crate) use frame::{RepoPage, percent_decoded};

use crate::app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

/// What is below `/OWNER/NAME/-`.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/", get(tree::home))
        .route("/tree/{*rest}", get(tree::tree))
        .route("/file/{*rest}", get(file::file))
        .route("/raw/{*rest}", get(raw::raw))
        .route("/blame/{*rest}", get(blame::blame))
        .route("/log/{*rest}", get(history::log))
        .route("/log", get(history::default))
        .route("/commit/{id}", get(commit::commit))
        .route("/compare", get(compare::choose))
        .route("/compare/{*rest}", get(compare::compare))
        .route("/branches", get(names::branches))
        .route("/branches/new", get(names::branch_new).post(names::branch_do))
        .route("/branches/delete/{*rest}", get(names::branch_remove).post(names::branch_gone))
        .route("/tags", get(names::tags))
        .route("/tags/new", get(names::tag_new).post(names::tag_do))
        .route("/tags/delete/{*rest}", get(names::tag_remove).post(names::tag_gone))
        .route("/graph", get(history::graph))
        .route("/search", get(search::search))
        .route("/paths", get(search::paths))
        .route("/archive/{*rest}", get(archive::archive))
        .route(
            "/edit/{*rest}",
            get(edit::edit).post(edit::edit_do).layer(DefaultBodyLimit::max(edit::EDIT_FORM_BYTES_MAX)),
        )
        .route(
            "/new/{*rest}",
            get(edit::new).post(edit::new_do).layer(DefaultBodyLimit::max(edit::EDIT_FORM_BYTES_MAX)),
        )
        .route("/delete/{*rest}", get(edit::remove).post(edit::remove_do))
        .route(
            "/upload/{*rest}",
            get(edit::upload).post(edit::upload_do).layer(DefaultBodyLimit::max(edit::UPLOAD_FORM_BYTES_MAX)),
        )
        .route("/locks", get(locks::locks))
        .route("/locks/break", axum::routing::post(locks::break_lock))
        .route("/activity", get(activity::activity))
        .route("/activity/mail", axum::routing::post(activity::mail_set))
        .route("/activity.atom", get(activity::feed))
        .route("/safety", get(safety::safety))
        .route("/settings", get(settings::general).post(settings::general_set))
        .route("/settings/protections", get(protections::protections).post(protections::make))
        .route("/settings/protections/{id}", get(protections::one).post(protections::change))
        .route("/settings/protections/{id}/remove", axum::routing::post(protections::remove))
        .route("/settings/subversion", get(svn_rules::rules))
        .route("/settings/subversion/paths", axum::routing::post(svn_rules::paths_set))
        .route("/settings/subversion/commits", axum::routing::post(svn_rules::commits_set))
        .route("/settings/git", get(git_view::view).post(git_view::convert))
        .route("/settings/git/layout", axum::routing::post(git_view::layout_set))
        .route("/settings/delete", axum::routing::post(delete::delete))
        .route("/settings/export", axum::routing::post(export::export))
        .route("/settings/people", get(settings::people).post(settings::person_put))
        .route("/settings/people/remove", axum::routing::post(settings::person_remove))
        .route("/settings/keys", get(deploy_keys::keys).post(deploy_keys::add))
        .route("/settings/keys/remove", axum::routing::post(deploy_keys::remove))
}
