//! `outlast key`: each one request to the admin API.

use super::account::{escape, say};
use crate::admin::call_json;
use crate::cli::KeyCommand;
use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

/// More than this is no public key.
const KEY_BYTES_MAX: u64 = 64 * 1024;

pub(crate) async fn run(command: KeyCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        KeyCommand::Add { user, file, name, expires, data } => {
            let body = json!({ "title": name, "key": read(&file)?, "expires_in": expires });
            let path = format!("/api/v1/admin/users/{}/keys", escape(&user));
            let answer = call_json(&data, Method::POST, &path, Some(body)).await?;
            say(as_json, &answer, || line(&answer));
        }
        KeyCommand::List { user, data } => {
            let path = format!("/api/v1/admin/users/{}/keys", escape(&user));
            let answer = call_json(&data, Method::GET, &path, None).await?;
            let keys = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            say(as_json, &answer, || keys.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
        KeyCommand::Remove { key, data } => {
            let answer = call_json(&data, Method::DELETE, &format!("/api/v1/admin/keys/{key}"), None).await?;
            say(as_json, &answer, || format!("key {key} removed"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(key: &Value) -> String {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = key.get("id").and_then(Value::as_u64).unwrap_or_default();
    format!("{id} {} {}, until {}", text("fingerprint"), text("title"), text("expires_at"))
}

pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(KEY_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(KEY_BYTES_MAX).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the key from {}", file.display()))?;
    Ok(text)
}
