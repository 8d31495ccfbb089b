//! `outlast credentials`: what opens anything on a site, and what made it.

use super::account::escape;
use crate::admin::call_json;
use crate::cli::Credentials;
use hyper::Method;
use serde_json::Value;
use std::process::ExitCode;

pub(crate) async fn run(options: Credentials, as_json: bool) -> anyhow::Result<ExitCode> {
    let Credentials { since, user, data } = options;
    let pairs = [("since", since), ("user", user)];
    let given = pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", escape(value.as_deref()?))));
    let query = given.collect::<Vec<_>>().join("&");
    let answer = call_json(&data, Method::GET, &format!("/api/v1/admin/credentials?{query}"), None).await?;
    if as_json {
        say!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    for row in answer.as_array().into_iter().flatten() {
        say!("{}", line(row));
    }
    Ok(ExitCode::SUCCESS)
}

/// `41  token  alice  laptop (repo:read)  made 2026-11-25T18:00:00Z with 40 from 192.0.2.7, last used ..., good`
fn line(row: &Value) -> String {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| row.get(name).and_then(Value::as_u64).map(|n| n.to_string());
    let made_by = match (number("made_by"), number("made_by_account")) {
        (Some(credential), _) => format!("with {credential}"),
        (None, Some(_)) => "by signing in".to_owned(),
        (None, None) => "at the machine".to_owned(),
    };
    let from = Some(text("made_from")).filter(|from| !from.is_empty()).map(|from| format!(" from {from}"));
    let used = Some(text("last_used_at")).filter(|used| !used.is_empty());
    let used = used.map_or("not seen".to_owned(), |used| format!("last used {used} from {}", text("last_used_from")));
    let state = if row.get("good").and_then(Value::as_bool) == Some(true) { "good" } else { "not good" };
    format!(
        "{}  {}  {}  {}  made {} {made_by}{}, {used}, {state}",
        number("id").unwrap_or_default(),
        text("kind"),
        text("owner"),
        text("name"),
        text("made_at"),
        from.unwrap_or_default(),
    )
}
