//! `outlast lockdown`, `outlast unfreeze`, `outlast audit`.

use super::account::escape;
use super::orders::{done_or_ordered, text};
use crate::admin::call_json;
use crate::cli::Data;
use crate::cli::guard::{Audit, Lockdown, Restore};
use hyper::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

const LOCKDOWN: &str = "/api/v1/outlast/lockdown";
/// How often a log that is followed is read.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn lockdown(options: Lockdown, as_json: bool) -> anyhow::Result<ExitCode> {
    let Lockdown { since, dry_run, lift, data } = options;
    if lift {
        let answer = call_json(&data, Method::POST, &format!("{LOCKDOWN}/lift"), None).await?;
        done_or_ordered(&answer, as_json);
        return Ok(ExitCode::SUCCESS);
    }
    let (answer, ended) = if dry_run {
        let query = since.map(|since| format!("?since={}", escape(&since))).unwrap_or_default();
        (call_json(&data, Method::GET, &format!("{LOCKDOWN}{query}"), None).await?, "would_end")
    } else {
        (call_json(&data, Method::POST, LOCKDOWN, Some(json!({ "since": since }))).await?, "ended")
    };
    if as_json {
        say!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let made = answer.get(ended).and_then(Value::as_array).cloned().unwrap_or_default();
    if dry_run {
        say!("a lockdown would end {}, and every session:", made.len());
    } else {
        say!(
            "LOCKED DOWN. Nothing is written any more; reading goes on. Every session is over; open connections are cut."
        );
        say!("{} were made or used since then, or made by what was:", made.len());
    }
    tree(&made).iter().for_each(|line| say!("{line}"));
    if !dry_run {
        say!(
            "Frozen accounts: outlast unfreeze NAME (an officer's page or token). To write again: outlast lockdown --lift"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Each under what made it.
fn tree(made: &[Value]) -> Vec<String> {
    let ids: BTreeSet<u64> = made.iter().filter_map(|made| made["id"].as_u64()).collect();
    let mut below: BTreeMap<Option<u64>, Vec<&Value>> = BTreeMap::new();
    for made in made {
        below.entry(made["made_by"].as_u64().filter(|by| ids.contains(by))).or_default().push(made);
    }
    let mut lines = Vec::new();
    branch(&below, None, 1, &mut lines);
    lines
}

fn branch(below: &BTreeMap<Option<u64>, Vec<&Value>>, of: Option<u64>, depth: usize, lines: &mut Vec<String>) {
    for made in below.get(&of).into_iter().flatten() {
        let (kind, id, account) = (text(made, "kind"), &made["id"], text(made, "account"));
        lines.push(format!(
            "{}{kind} {id} of {account}, made {}: {}",
            "  ".repeat(depth),
            text(made, "made"),
            text(made, "why")
        ));
        branch(below, made["id"].as_u64(), depth + 1, lines);
    }
}

pub(crate) async fn unfreeze(name: &str, data: &Data, as_json: bool) -> anyhow::Result<ExitCode> {
    let path = format!("/api/v1/outlast/frozen/{}/unfreeze", escape(name));
    let answer = call_json(data, Method::POST, &path, None).await?;
    done_or_ordered(&answer, as_json);
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn restore(options: Restore, as_json: bool) -> anyhow::Result<ExitCode> {
    let Restore { actor, since, dry_run, data } = options;
    let body = json!({ "actor": actor, "since": since, "look": dry_run });
    let answer = call_json(&data, Method::POST, "/api/v1/outlast/restore", Some(body)).await?;
    if as_json {
        say!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let lines = |key: &str| answer.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let done = lines("done");
    say!("{} {}:", done.len(), if dry_run { "would be put back" } else { "put back" });
    done.iter().filter_map(Value::as_str).for_each(|line| say!("  {line}"));
    for (key, what) in [("kept", "left as others made them"), ("by_hand", "not put back by this, to be looked at")] {
        let left = lines(key);
        if !left.is_empty() {
            say!("{} {what}:", left.len());
            left.iter().filter_map(Value::as_str).for_each(|line| say!("  {line}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn audit(options: Audit, as_json: bool) -> anyhow::Result<ExitCode> {
    let Audit { actor, kind, since, until, from, follow, data } = options;
    let mut filter = String::new();
    for (key, value) in [("actor", actor), ("kind", kind), ("since", since), ("until", until)] {
        filter.extend(value.map(|value| format!("&{key}={}", escape(&value))));
    }
    let mut from = from;
    loop {
        let path = format!("/api/v1/outlast/audit?limit=1000&from={from}{filter}");
        let answer = call_json(&data, Method::GET, &path, None).await?;
        let lines = answer.as_array().cloned().unwrap_or_default();
        lines.iter().for_each(|line| print(line, as_json));
        if let Some(last) = lines.last().and_then(|line| line["entry"].as_u64()) {
            from = last + 1;
        }
        match (lines.is_empty(), follow) {
            (true, false) => return Ok(ExitCode::SUCCESS),
            (true, true) => tokio::time::sleep(FOLLOW_EVERY).await,
            _ => {}
        }
    }
}

/// With `--json` a line is an object: JSON lines.
fn print(line: &Value, as_json: bool) {
    if as_json {
        return say!("{line}");
    }
    let actor = line["actor"].as_str().unwrap_or("-");
    let with = line["credential"].as_str().map(|with| format!(" with {with}")).unwrap_or_default();
    let from = line["address"].as_str().map(|from| format!(" from {from}")).unwrap_or_default();
    say!(
        "{} {} {actor}{with}{from}: {} {}",
        line["entry"],
        text(line, "time"),
        text(line, "event"),
        text(line, "about")
    );
}
