//! `outlast settings`

use crate::admin::call_json;
use crate::cli::{Data, SettingsCommand};
use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

pub(crate) async fn run(command: SettingsCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        SettingsCommand::List(data) => list(&data, as_json).await,
        SettingsCommand::Get { name, data } => get(&name, &data, as_json).await,
        SettingsCommand::Set { name, value, data } => put(&name, Value::String(value), &data).await,
        SettingsCommand::Reset { name, data } => put(&name, Value::Null, &data).await,
    }
}

async fn fetch(data: &Data) -> anyhow::Result<Vec<Value>> {
    let answer = call_json(data, Method::GET, "/api/v1/outlast/settings", None).await?;
    Ok(answer.as_array().cloned().unwrap_or_default())
}

fn text<'a>(setting: &'a Value, key: &str) -> &'a str {
    setting.get(key).and_then(Value::as_str).unwrap_or_default()
}

async fn list(data: &Data, as_json: bool) -> anyhow::Result<ExitCode> {
    let settings = fetch(data).await?;
    if as_json {
        say!("{}", Value::Array(settings));
        return Ok(ExitCode::SUCCESS);
    }
    for setting in &settings {
        let star = if setting["is_set"] == true { "*" } else { " " };
        say!("{star} {:<26} {:<20} {}", text(setting, "name"), text(setting, "shown"), text(setting, "title"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn get(name: &str, data: &Data, as_json: bool) -> anyhow::Result<ExitCode> {
    let settings = fetch(data).await?;
    let setting = settings.iter().find(|setting| text(setting, "name") == name);
    let setting = setting.with_context(|| format!("there is no setting {name}: see outlast settings list"))?;
    if as_json {
        say!("{setting}");
    } else {
        say!("{}", text(setting, "shown"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn put(name: &str, value: Value, data: &Data) -> anyhow::Result<ExitCode> {
    call_json(data, Method::PATCH, "/api/v1/admin/settings", Some(json!({ name: value }))).await?;
    get(name, data, false).await
}
