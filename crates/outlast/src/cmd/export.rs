//! `outlast export`, `outlast import`

use crate::admin::call_json;
use crate::cli::{Export, Import};
use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

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

async fn import_url(options: &Import, url: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let credential = options.credential.as_deref().map(read).transpose()?;
    let body = json!({
        "url": url, "path": options.to, "credential": credential.map(|text| text.trim().to_owned()),
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

fn texts<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    answer.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
