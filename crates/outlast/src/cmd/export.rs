//! `outlast export`, `outlast import`

use crate::admin::call_json;
use crate::cli::{Data, Export, Import};
use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How often an import is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn export(options: &Export, as_json: bool) -> anyhow::Result<ExitCode> {
    let to = std::path::absolute(&options.to)?;
    let body = json!({ "subject": options.subject, "to": to });
    let answer = call_json(&options.data, Method::POST, "/api/v1/admin/export", Some(body)).await?;
    if as_json {
        say!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or(0);
    let (repositories, kept) = (number("repositories"), number("kept"));
    say!(
        "{repositories} repositories ({kept} were there already), {} accounts, {} files in {}",
        number("people"),
        number("files"),
        to.display()
    );
    texts(&answer, "left_out").for_each(|what| say!("LEFT OUT {what}"));
    say!("check it: cd {} && sha256sum -c --quiet SHA256SUMS; take it in elsewhere: outlast import", to.display());
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn import(options: &Import, as_json: bool) -> anyhow::Result<ExitCode> {
    if let Some(url) = &options.from {
        return import_url(options, url, as_json).await;
    }
    if let Some(owner) = &options.owner {
        return import_owner(options, owner, as_json).await;
    }
    if options.svn_dump.is_some() || options.svn_from.is_some() {
        return import_svn(options, as_json).await;
    }
    let from = std::path::absolute(options.exported.as_deref().unwrap_or(Path::new(".")))?;
    let answer = call_json(&options.data, Method::POST, "/api/v1/admin/import", Some(json!({ "from": from }))).await?;
    if as_json {
        say!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    say!("from {}, signed by {}", text(&answer, "origin"), text(&answer, "signed_by"));
    texts(&answer, "people")
        .for_each(|name| say!("account {name}: give it a token (outlast token create) or a password"));
    for repo in answer.get("repositories").and_then(Value::as_array).into_iter().flatten() {
        let was_there = repo.get("was_there").and_then(Value::as_bool) == Some(true);
        let refs = repo.get("refs").and_then(Value::as_u64).unwrap_or(0);
        say!("repository {}: {refs} refs{}", text(repo, "path"), if was_there { ", there already" } else { "" });
    }
    texts(&answer, "warnings").for_each(|warning| say!("warning: {warning}"));
    Ok(ExitCode::SUCCESS)
}

fn credential(options: &Import) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let text = options.credential.as_deref().map(read).transpose()?;
    Ok(text.map(|text| text.trim().to_owned()))
}

/// One after the other, each told of: what is here already stays as it is, so that the same command goes on where it was cut short.
async fn import_owner(options: &Import, owner: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let (credential, allow_private) = (credential(options)?, options.allow_private);
    let body = json!({ "url": owner, "api": options.api, "credential": credential, "allow_private": allow_private });
    let list = call_json(&options.data, Method::POST, "/api/v1/admin/import/list", Some(body)).await?;
    let repos = list.get("repositories").and_then(Value::as_array).cloned().unwrap_or_default();
    texts(&list, "warnings").for_each(|warning| eprintln!("outlast: {warning}"));
    let (mut taken, mut failed) = (0, 0);
    for (at, repo) in repos.iter().enumerate() {
        let field = |key: &str| repo.get(key).cloned().unwrap_or_default();
        let path =
            format!("{}/{}", options.to.as_deref().unwrap_or_default(), field("name").as_str().unwrap_or_default());
        let own = repo.get("takes_credential").and_then(Value::as_bool) == Some(true);
        let body = json!({
            "url": field("url"), "path": path, "credential": credential.as_ref().filter(|_| own), "visibility": field("visibility"),
            "description": field("description"), "website": field("website"), "allow_private": allow_private,
        });
        let said = match call_json(&options.data, Method::POST, "/api/v1/admin/import", Some(body)).await {
            Ok(answer) if as_json => answer.to_string(),
            Ok(answer) => {
                taken += 1;
                texts(&answer, "warnings").for_each(|warning| eprintln!("outlast: {path}: {warning}"));
                format!(
                    "[{}/{}] {path}: {} refs",
                    at + 1,
                    repos.len(),
                    answer.get("refs").and_then(Value::as_u64).unwrap_or(0)
                )
            }
            Err(error) if format!("{error:#}").contains("is here already") => {
                format!("[{}/{}] {path}: here already, left as it is", at + 1, repos.len())
            }
            Err(error) => {
                failed += 1;
                eprintln!("outlast: {path}: {error:#}");
                continue;
            }
        };
        say!("{said}");
    }
    if !as_json {
        say!(
            "{taken} of {} repositories taken in{}",
            repos.len(),
            if failed > 0 { format!(", {failed} failed") } else { String::new() }
        );
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn import_url(options: &Import, url: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let body = json!({
        "url": url, "path": options.to, "credential": credential(options)?,
        "visibility": options.visibility, "allow_private": options.allow_private,
    });
    let answer = call_json(&options.data, Method::POST, "/api/v1/admin/import", Some(body)).await?;
    if as_json {
        say!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or(0);
    let path = answer.get("path").and_then(Value::as_str).unwrap_or_default();
    say!("repository {path}: {} refs; {} of the other forge's own were left there", number("refs"), number("left_out"));
    texts(&answer, "warnings").for_each(|warning| say!("warning: {warning}"));
    Ok(ExitCode::SUCCESS)
}

async fn import_svn(options: &Import, as_json: bool) -> anyhow::Result<ExitCode> {
    let dump = options.svn_dump.as_deref().map(std::path::absolute).transpose()?;
    let body = json!({
        "dump": dump, "svn_url": options.svn_from, "path": options.to, "visibility": options.visibility,
        "credential": credential(options)?, "allow_private": options.allow_private,
    });
    let progress = |now: &Value| {
        format!(
            "{} bytes, {} revisions loaded, {} on their way to the vaults",
            now["bytes"], now["loaded"], now["sealed"]
        )
    };
    let done = |now: &Value| {
        format!("repository {}: held up to revision {}", now["path"].as_str().unwrap_or_default(), now["youngest"])
    };
    follow(&options.data, body, as_json, progress, done).await
}

/// Makes a repository of Git of one of Subversion.
pub(crate) async fn convert(
    path: &str,
    to: &str,
    authors: Option<&Path>,
    visibility: &str,
    data: &Data,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let authors = authors.map(read).transpose()?.unwrap_or_default();
    let body = json!({ "convert": path, "path": to, "authors": authors, "visibility": visibility });
    let progress = |now: &Value| format!("{} of {} revisions converted", now["converted"], now["of"]);
    let done = |now: &Value| {
        let path = now["path"].as_str().unwrap_or_default();
        format!("repository {path}: held, {} branches and tags of revision {}", now["refs"], now["youngest"])
    };
    follow(data, body, as_json, progress, done).await
}

/// Begins an import, and says how far it is until it is held.
async fn follow(
    data: &Data,
    body: Value,
    as_json: bool,
    progress: impl Fn(&Value) -> String,
    done: impl Fn(&Value) -> String,
) -> anyhow::Result<ExitCode> {
    let begun = call_json(data, Method::POST, "/api/v1/admin/import", Some(body)).await?;
    let id = begun.get("import").and_then(Value::as_u64).context("the server did not say which import this is")?;
    let address = format!("/api/v1/admin/import/{id}");
    let mut told = Value::Null;
    loop {
        let now = call_json(data, Method::GET, &address, None).await?;
        if let Some(error) = now.get("error").and_then(Value::as_str) {
            anyhow::bail!("{error}; nothing of it is left");
        }
        if now.get("done").and_then(Value::as_bool) == Some(true) {
            say!("{}", if as_json { now.to_string() } else { done(&now) });
            return Ok(ExitCode::SUCCESS);
        }
        if now != told && !as_json {
            eprintln!("{}", progress(&now));
            told = now;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn texts<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    answer.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
