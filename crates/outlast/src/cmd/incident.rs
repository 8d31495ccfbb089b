//! `outlast incident`.

use super::account::{escape, say};
use super::alarms::lines;
use super::orders::text;
use crate::admin::{call, call_json};
use crate::cli::IncidentCommand;
use anyhow::Context as _;
use hyper::Method;
use serde_json::json;
use std::io::Write as _;
use std::process::ExitCode;

const INCIDENTS: &str = "/api/v1/admin/incidents";

pub(crate) async fn run(command: IncidentCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    let (id, words, resolved, data) = match command {
        IncidentCommand::List(data) => {
            let answer = call_json(&data, Method::GET, INCIDENTS, None).await?;
            lines(&answer, as_json, |incident| {
                let over = incident["resolved"].as_str().map(|at| format!(", over since {at}")).unwrap_or_default();
                format!("{} {}: {}{over}", incident["id"], text(incident, "opened"), text(incident, "title"))
            });
            return Ok(ExitCode::SUCCESS);
        }
        IncidentCommand::Open { title, text, data } => {
            let body = json!({ "title": title, "text": text });
            let answer = call_json(&data, Method::POST, INCIDENTS, Some(body)).await?;
            say(as_json, &answer, || answer["id"].to_string());
            return Ok(ExitCode::SUCCESS);
        }
        IncidentCommand::Report { since, out, data } => {
            let path = format!("/api/v1/admin/incident-report?since={}", escape(&since));
            let report = call(&data, Method::GET, &path, None).await?;
            match out {
                Some(out) => std::fs::write(&out, report).with_context(|| format!("cannot write {}", out.display()))?,
                None => std::io::stdout().write_all(&report)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        IncidentCommand::Note { id, text, data } => (id, text, false, data),
        IncidentCommand::Close { id, text, data } => (id, text, true, data),
    };
    let body = json!({ "text": words, "resolved": resolved });
    let answer = call_json(&data, Method::POST, &format!("{INCIDENTS}/{id}"), Some(body)).await?;
    say(as_json, &answer, || format!("the status page tells it{}", if resolved { ": it is over" } else { "" }));
    Ok(ExitCode::SUCCESS)
}
