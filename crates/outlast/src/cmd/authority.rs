//! `outlast authority`: each one request to the admin API.

use super::account::say;
use super::key::read;
use super::orders::text;
use crate::admin::call_json;
use crate::cli::AuthorityCommand;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

const AUTHORITIES: &str = "/api/v1/admin/authorities";

pub(crate) async fn run(command: AuthorityCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        AuthorityCommand::Add { file, org, name, age_max, data } => {
            let body = json!({ "org": org, "name": name, "key": read(&file)?, "age_max": age_max });
            let answer = call_json(&data, Method::POST, AUTHORITIES, Some(body)).await?;
            say(as_json, &answer, || answer["id"].to_string());
        }
        AuthorityCommand::List(data) => {
            let answer = call_json(&data, Method::GET, AUTHORITIES, None).await?;
            let line = |row: &Value| {
                let place = if row["organisation"].is_null() { "the whole site" } else { "an organisation" };
                let hours = &row["hours_max"];
                format!(
                    "{} {} {}, for {place}, at most {hours} h",
                    row["id"],
                    text(row, "fingerprint"),
                    text(row, "name")
                )
            };
            say(as_json, &answer, || answer.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n"));
        }
        AuthorityCommand::Remove { id, data } => {
            let answer = call_json(&data, Method::DELETE, &format!("{AUTHORITIES}/{id}"), None).await?;
            say(as_json, &answer, || format!("authority {id} is trusted no more"));
        }
        AuthorityCommand::Revoke { id, serial, key_id, data } => {
            let body = json!({ "serial": serial, "key_id": key_id });
            let answer = call_json(&data, Method::POST, &format!("{AUTHORITIES}/{id}/revoke"), Some(body)).await?;
            say(as_json, &answer, || "revoked".to_owned());
        }
    }
    Ok(ExitCode::SUCCESS)
}
