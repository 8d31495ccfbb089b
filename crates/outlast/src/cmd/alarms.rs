//! `outlast alarms`, `outlast canary`.

use super::account::say;
use super::orders::text;
use crate::admin::call_json;
use crate::cli::{AlarmsCommand, CanaryCommand};
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

const HOOKS: &str = "/api/v1/admin/alarm-webhooks";
const CANARIES: &str = "/api/v1/admin/canaries";

pub(crate) async fn alarms(command: AlarmsCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        AlarmsCommand::List { all, data } => {
            let answer = call_json(&data, Method::GET, &format!("/api/v1/outlast/alarms?all={all}"), None).await?;
            lines(&answer, as_json, |alarm| {
                let seen = alarm["acknowledged"].as_str().map(|_| " (seen)").unwrap_or_default();
                format!(
                    "{} {} {}: {}{seen}",
                    alarm["id"],
                    text(alarm, "time"),
                    text(alarm, "alarm"),
                    text(alarm, "about")
                )
            });
        }
        AlarmsCommand::Seen { id, data } => {
            let answer =
                call_json(&data, Method::POST, &format!("/api/v1/outlast/alarms/{id}/acknowledge"), None).await?;
            say(as_json, &answer, || format!("alarm {id} was seen"));
        }
        AlarmsCommand::Webhooks(data) => {
            let answer = call_json(&data, Method::GET, HOOKS, None).await?;
            lines(&answer, as_json, |hook| {
                format!("{} {} since {}", hook["id"], text(hook, "host"), text(hook, "added"))
            });
        }
        AlarmsCommand::WebhookAdd { url, data } => {
            let answer = call_json(&data, Method::POST, HOOKS, Some(json!({ "url": url }))).await?;
            say(as_json, &answer, || text(&answer, "secret").to_owned());
        }
        AlarmsCommand::WebhookRemove { id, data } => {
            let answer = call_json(&data, Method::DELETE, &format!("{HOOKS}/{id}"), None).await?;
            say(as_json, &answer, || format!("webhook {id} is told of this, and of nothing after it"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn canary(command: CanaryCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        CanaryCommand::Make { kind, note, data } => {
            let body = json!({ "kind": kind, "note": note });
            let answer = call_json(&data, Method::POST, CANARIES, Some(body)).await?;
            say(as_json, &answer, || text(&answer, "canary").trim_end().to_owned());
        }
        CanaryCommand::List(data) => {
            let answer = call_json(&data, Method::GET, CANARIES, None).await?;
            lines(&answer, as_json, |canary| {
                format!(
                    "{} {} since {}: {}",
                    canary["id"],
                    text(canary, "kind"),
                    text(canary, "made"),
                    text(canary, "note")
                )
            });
        }
        CanaryCommand::Remove { id, data } => {
            let answer = call_json(&data, Method::DELETE, &format!("{CANARIES}/{id}"), None).await?;
            say(as_json, &answer, || format!("canary {id} is none any more"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn lines(answer: &Value, as_json: bool, line: impl Fn(&Value) -> String) {
    if as_json {
        return say!("{answer}");
    }
    answer.as_array().into_iter().flatten().for_each(|row| say!("{}", line(row)));
}
