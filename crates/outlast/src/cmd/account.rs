//! `outlast user`, `outlast repo`, `outlast org`, `outlast token`: each one request to the admin API.

use crate::admin::call_json;
use crate::cli::{OrgCommand, Quota, RepoCommand, TokenCommand, UserCommand};
use anyhow::{Context as _, bail};
use hyper::Method;
use serde_json::{Value, json};
use std::io::Read as _;
use std::process::ExitCode;

/// More than this on standard input is not a password.
const PASSWORD_BYTES_MAX: u64 = 4096;

pub(crate) async fn user(command: UserCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    if let UserCommand::RequireFactor { data } = command {
        let answer = call_json(&data, Method::POST, "/api/v1/admin/factors/require", None).await?;
        say(as_json, &answer, || "a second factor is required of everybody".to_owned());
        return Ok(ExitCode::SUCCESS);
    }
    if let UserCommand::ResetPassword { name, data } = command {
        let address = format!("/api/v1/admin/users/{}/reset", escape(&name));
        let answer = call_json(&data, Method::POST, &address, None).await?;
        let link = answer.get("url").and_then(Value::as_str).context("the server's answer holds no link")?;
        say(as_json, &answer, || link.to_owned());
        return Ok(ExitCode::SUCCESS);
    }
    let UserCommand::Create { name, email, password_stdin, officer, operator, data } = command else {
        return role(command, as_json).await;
    };
    let password = if password_stdin { Some(line_from_stdin("the password")?) } else { None };
    let body =
        json!({ "username": name, "email": email, "password": password, "officer": officer, "operator": operator });
    let answer = call_json(&data, Method::POST, "/api/v1/admin/users", Some(body)).await?;
    say(as_json, &answer, || match answer.get("order").and_then(Value::as_u64) {
        Some(order) => {
            format!("user {name} created; what it may do to the site is for officers to sign: order {order}")
        }
        None => format!("user {name} created"),
    });
    Ok(ExitCode::SUCCESS)
}

async fn role(command: UserCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    let (method, name, role, data) = match command {
        UserCommand::Grant { name, role, data } => (Method::PUT, name, role, data),
        UserCommand::Revoke { name, role, data } => (Method::DELETE, name, role, data),
        UserCommand::Create { .. } | UserCommand::RequireFactor { .. } | UserCommand::ResetPassword { .. } => {
            bail!("that is no change of a role")
        }
    };
    let is = if method == Method::PUT { "is" } else { "is no longer" };
    let address = format!("/api/v1/admin/users/{}/roles/{}", escape(&name), escape(&role));
    let answer = call_json(&data, method, &address, None).await?;
    say(as_json, &answer, || format!("{name} {is} {role}"));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn quota(quota: Quota, as_json: bool) -> anyhow::Result<ExitCode> {
    let Quota { subject, repository, repositories, bytes, repository_bytes, data } = quota;
    let (owner, repo) = if repository { (None, subject.clone()) } else { (subject.clone(), None) };
    if repository && repo.is_none() {
        bail!("which repository? OWNER/NAME");
    }
    let body = json!({
        "owner": owner, "repository": repo, "repositories": repositories, "bytes": bytes,
        "repository_bytes": repository_bytes,
    });
    let answer = call_json(&data, Method::PUT, "/api/v1/admin/quotas", Some(body)).await?;
    say(as_json, &answer, || format!("quota of {} set", subject.as_deref().unwrap_or("every owner")));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn repo(command: RepoCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    let (path, svn, private, object_format, data) = match command {
        RepoCommand::Create { path, git: _, svn, public, private, object_format, data } => {
            (path, svn, (public || private).then_some(private), object_format, data)
        }
        RepoCommand::Convert { path, to, authors, visibility, data } => {
            return super::export::convert(&path, &to, authors.as_deref(), &visibility, &data, as_json).await;
        }
        RepoCommand::Delete { path, data } => return super::orders::repo_delete(&path, &data, as_json).await,
    };
    let (owner, name) = path.rsplit_once('/').context("a repository is named OWNER/NAME")?;
    let body = json!({ "name": name, "private": private, "object_format_name": object_format,
        "kind": if svn { "svn" } else { "git" } });
    let answer =
        call_json(&data, Method::POST, &format!("/api/v1/admin/users/{}/repos", escape(owner)), Some(body)).await?;
    say(as_json, &answer, || {
        let address = answer.get("clone_url").and_then(Value::as_str).unwrap_or(&path);
        let next = if svn { format!("svn checkout {address}") } else { format!("git push {address} HEAD") };
        format!("repository {path} created\n{}: {next}", if svn { "work in it" } else { "push to it" })
    });
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn org(command: OrgCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        OrgCommand::Create { path, owner, public, private: _, data } => {
            let visibility = if public { "public" } else { "private" };
            let body = json!({ "name": path, "owner": owner, "visibility": visibility });
            let answer = call_json(&data, Method::POST, "/api/v1/admin/orgs", Some(body)).await?;
            say(as_json, &answer, || format!("organisation {path} created"));
        }
        OrgCommand::Add { path, user, owner, data } => {
            let body = json!({ "role": if owner { "owner" } else { "member" } });
            let address = format!("/api/v1/admin/orgs/{}/members/{}", escape(&path), escape(&user));
            let answer = call_json(&data, Method::PUT, &address, Some(body)).await?;
            say(as_json, &answer, || format!("{user} belongs to {path}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn token(command: TokenCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Create { user, scope, expires, repo, name, data } => {
            let repos = Some(repo).filter(|repos| !repos.is_empty());
            let body = json!({ "name": name, "scopes": scope, "expires_in": expires, "repositories": repos });
            let path = format!("/api/v1/admin/users/{}/tokens", escape(&user));
            let answer = call_json(&data, Method::POST, &path, Some(body)).await?;
            let token = answer.get("sha1").and_then(Value::as_str).context("the server's answer holds no token")?;
            say(as_json, &answer, || token.to_owned());
        }
        TokenCommand::Revoke { token, data } => {
            let body = match token.as_str() {
                "-" => json!({ "token": line_from_stdin("the token")? }),
                number => {
                    json!({ "id": number.parse::<u64>().context("a token is revoked by its number, or by itself on standard input with `-`")? })
                }
            };
            let answer = call_json(&data, Method::POST, "/api/v1/admin/tokens/revoke", Some(body)).await?;
            say(as_json, &answer, || "token revoked".to_owned());
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn say(as_json: bool, answer: &Value, text: impl FnOnce() -> String) {
    if as_json {
        say!("{answer}");
    } else {
        say!("{}", text());
    }
}

pub(super) fn line_from_stdin(what: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(PASSWORD_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {what}"))?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.contains('\n') {
        bail!("{what} is expected on standard input, on one line");
    }
    Ok(line.to_owned())
}

/// A path segment of a request: what isn't a plain name is percent-encoded.
pub(crate) fn escape(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    segment.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_can_not_change_the_path() {
        assert_eq!(super::escape("group/sub"), "group%2Fsub");
        assert_eq!(super::escape("a?b#c d"), "a%3Fb%23c%20d");
        assert_eq!(super::escape("plain-1.x"), "plain-1.x");
    }
}
