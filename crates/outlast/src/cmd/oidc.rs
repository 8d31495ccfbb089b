//! `outlast oidc`.

use super::account::{escape, line_from_stdin, say};
use super::orders::text;
use crate::admin::call_json;
use crate::cli::OidcCommand;
use hyper::Method;
use serde_json::json;
use std::process::ExitCode;

const OIDC: &str = "/api/v1/admin/oidc";

pub(crate) async fn run(command: OidcCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        OidcCommand::Add { name, issuer, client_id, secret_stdin, label, register, host, data } => {
            let secret = if secret_stdin { Some(line_from_stdin("the client's secret")?) } else { None };
            let body = json!({
                "name": name, "label": label, "issuer": issuer, "client_id": client_id, "secret": secret,
                "registers": register, "hosts": host,
            });
            let answer = call_json(&data, Method::PUT, OIDC, Some(body)).await?;
            say(as_json, &answer, || {
                format!("people may sign in with {name}; it must send them back to {}", text(&answer, "callback"))
            });
        }
        OidcCommand::List(data) => {
            let answer = call_json(&data, Method::GET, OIDC, None).await?;
            let line = |row: &serde_json::Value| {
                let registers = if row["registers"] == true { "  strangers make accounts" } else { "" };
                format!("{}  {}  {}{registers}", text(row, "name"), text(row, "issuer"), text(row, "callback"))
            };
            say(as_json, &answer, || answer.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n"));
        }
        OidcCommand::Remove { name, data } => {
            let answer = call_json(&data, Method::DELETE, &format!("{OIDC}/{}", escape(&name)), None).await?;
            say(as_json, &answer, || format!("{name} signs nobody in any more"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
