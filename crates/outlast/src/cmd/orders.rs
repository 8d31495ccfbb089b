//! `outlast order`, `outlast trash`, and what is set about officers at the site's machine: each one request to the API.

use super::account::escape;
use crate::admin::{call, call_json};
use crate::cli::Data;
use crate::cli::guard::{Handed, OfficerActs, OrderCommand, TrashCommand};
use crate::cmd::signing;
use anyhow::{Context as _, bail};
use hyper::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

const ORDERS: &str = "/api/v1/outlast/orders";

pub(crate) async fn officer(command: OfficerActs, as_json: bool) -> anyhow::Result<ExitCode> {
    let (data, path, body) = match command {
        OfficerActs::Key { out, passphrase_stdin } => return signing::make_key(&out, passphrase_stdin),
        OfficerActs::Sign(signing) => return signing::sign(&signing, forge::orders::Verb::Approve),
        OfficerActs::Veto(signing) => return signing::sign(&signing, forge::orders::Verb::Veto),
        OfficerActs::List(data) => return officers(&data, as_json).await,
        OfficerActs::Appoint { name, data } => (data, format!("{}/roles", escape(&name)), json!({ "officer": true })),
        OfficerActs::Dismiss { name, data } => (data, format!("{}/roles", escape(&name)), json!({ "officer": false })),
        OfficerActs::Enrol { name, key, label, data } => {
            (data, format!("{}/keys", escape(&name)), json!({ "key": key, "name": label }))
        }
        OfficerActs::Rotate { public, data } => {
            let read = |path: &PathBuf| {
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
            };
            let keys = public.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
            let path = "/api/v1/outlast/recovery-keys";
            let answer = call_json(&data, Method::POST, path, Some(json!({ "keys": keys }))).await?;
            done_or_ordered(&answer, as_json);
            return Ok(ExitCode::SUCCESS);
        }
        OfficerActs::Found { needed, delay, officers, data } => {
            let officers = officers.iter().map(|text| founder(text)).collect::<anyhow::Result<Vec<_>>>()?;
            let body = json!({ "needed": needed, "delay_seconds": seconds(&delay)?, "officers": officers });
            let answer = call_json(&data, Method::POST, "/api/v1/admin/officers/found", Some(body)).await?;
            say(&answer, as_json, || {
                "done: the guard is in force. Officers do not read the log; name who does: outlast user grant NAME auditor"
                    .to_owned()
            });
            return Ok(ExitCode::SUCCESS);
        }
        OfficerActs::Rule { needed, delay, data } => {
            let body = json!({ "needed": needed, "delay_seconds": seconds(&delay)? });
            (data, "rule".to_owned(), body)
        }
    };
    let answer = call_json(&data, Method::POST, &format!("/api/v1/outlast/officers/{path}"), Some(body)).await?;
    done_or_ordered(&answer, as_json);
    Ok(ExitCode::SUCCESS)
}

/// `olga=outlast-officer-key:...`.
fn founder(text: &str) -> anyhow::Result<Value> {
    let (name, key) = text.split_once('=').with_context(|| format!("{text:?} is not NAME=KEY"))?;
    Ok(json!({ "name": name, "key": key }))
}

/// `90s`, `30m`, `72h`, `3d`.
pub(crate) fn seconds(text: &str) -> anyhow::Result<u64> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) => (&text[..at], unit),
        None => bail!("a time is given as 90s, 30m, 72h, 3d"),
    };
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => bail!("{text:?} is no time: 90s, 30m, 72h, 3d"),
    };
    let number: u64 = number.parse().with_context(|| format!("{text:?} is no time: 90s, 30m, 72h, 3d"))?;
    number.checked_mul(unit).with_context(|| format!("{text:?} is too long"))
}

fn say(answer: &Value, as_json: bool, text: impl FnOnce() -> String) {
    if as_json { say!("{answer}") } else { say!("{}", text()) }
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn done_or_ordered(answer: &Value, as_json: bool) {
    say(answer, as_json, || match answer.get("order").and_then(Value::as_u64) {
        Some(id) => format!(
            "order {id} is filed: it waits for officers to sign it (outlast order show {id}), and for its delay"
        ),
        None => "done".to_owned(),
    });
}

async fn officers(data: &Data, as_json: bool) -> anyhow::Result<ExitCode> {
    let answer = call_json(data, Method::GET, "/api/v1/outlast/officers", None).await?;
    say(&answer, as_json, || {
        let array = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut lines = vec![match answer.get("rule").filter(|rule| !rule.is_null()) {
            Some(rule) => format!("{} officers must sign; an order waits {} s", rule["needed"], rule["delay_seconds"]),
            None => "no officers' rule is in force yet: outlast officer rule --needed M".to_owned(),
        }];
        for officer in array(&answer, "officers") {
            lines.push(format!("{}: {} passkeys", text(&officer, "name"), officer["passkeys"]));
            let key = |key: &Value| format!("  key {} {} {}", key["id"], text(key, "name"), text(key, "key"));
            lines.extend(array(&officer, "keys").iter().map(key));
        }
        lines.join("\n")
    });
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn order(command: OrderCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        OrderCommand::List { all, data } => {
            let answer = call_json(&data, Method::GET, &format!("{ORDERS}?all={all}"), None).await?;
            let orders = answer.as_array().cloned().unwrap_or_default();
            say(&answer, as_json, || match orders.is_empty() {
                true => "no order waits".to_owned(),
                false => orders.iter().map(line).collect::<Vec<_>>().join("\n"),
            });
        }
        OrderCommand::Ask { act, subject, reference, to, data } => {
            let body = json!({ "act": act, "subject": subject, "ref": reference, "to": to });
            let answer = call_json(&data, Method::POST, ORDERS, Some(body)).await?;
            done_or_ordered(&answer, as_json);
            // What can't be erased is said where it is asked for.
            if let Some(id) = answer.get("order").and_then(Value::as_u64).filter(|_| act == "erase" && !as_json) {
                let order = call_json(&data, Method::GET, &format!("{ORDERS}/{id}"), None).await?;
                say!("{}", shown(&order));
            }
        }
        OrderCommand::Show { id, out, signed, list, data } => {
            let answer = call_json(&data, Method::GET, &format!("{ORDERS}/{id}"), None).await?;
            for (out, what) in [(out, "body"), (signed, "signed"), (list, "list")] {
                let Some(out) = out else { continue };
                let body = call(&data, Method::GET, &format!("{ORDERS}/{id}/{what}"), None).await?;
                std::fs::write(&out, &body).with_context(|| format!("cannot write {}", out.display()))?;
            }
            say(&answer, as_json, || shown(&answer));
        }
        OrderCommand::Sign(handed) => hand_over(handed, "approve", as_json).await?,
        OrderCommand::Veto(handed) => hand_over(handed, "veto", as_json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn hand_over(handed: Handed, verb: &str, as_json: bool) -> anyhow::Result<()> {
    let Handed { id, signature, reason, data } = handed;
    if !signature.starts_with(&format!("outlast-order-signature:{verb}:")) {
        bail!("this is no signature to {verb} an order: `outlast officer sign` and `outlast officer veto` print one");
    }
    let body = json!({ "signature": signature, "reason": reason });
    let answer = call_json(&data, Method::POST, &format!("{ORDERS}/{id}/signatures"), Some(body)).await?;
    say(&answer, as_json, || shown(&answer));
    Ok(())
}

fn line(order: &Value) -> String {
    let words = order["words"][0].as_str().unwrap_or_default();
    format!("{:>6}  {:<8}  {} of {}  {words}", order["id"], text(order, "state"), order["signed"], order["needed"])
}

fn shown(order: &Value) -> String {
    let mut lines = vec![format!("order {}, {}", order["id"], text(order, "state"))];
    let words = order["words"].as_array().cloned().unwrap_or_default();
    lines.extend(words.iter().filter_map(Value::as_str).map(|words| format!("  {words}")));
    let requester = order["requester"].as_str().unwrap_or("the operator at the site's machine");
    lines.push(format!("asked for by {requester} at {}", text(order, "created")));
    lines.push(format!("not before {}, expires {}", text(order, "not_before"), text(order, "expires")));
    lines.push(format!("signed by {} of {} officers", order["signed"], order["needed"]));
    let signatures = order["signatures"].as_array().cloned().unwrap_or_default();
    lines.extend(signatures.iter().map(|by| format!("  {} at {}", text(by, "officer"), text(by, "time"))));
    if let Some(by) = order["closed_by"].as_str() {
        lines.push(format!("stopped by {by}"));
    }
    lines.extend(
        order["reason"].as_str().filter(|reason| !reason.is_empty()).map(|reason| format!("because: {reason}")),
    );
    lines.push(format!("sha256 {}", text(order, "hash")));
    lines.join("\n")
}

pub(crate) async fn trash(command: TrashCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        TrashCommand::List(data) => {
            let answer = call_json(&data, Method::GET, "/api/v1/outlast/trash", None).await?;
            let repos = answer.as_array().cloned().unwrap_or_default();
            let line = |repo: &Value| {
                let [kind, name, at] = ["kind", "full_name", "deleted_at"].map(|key| text(repo, key));
                format!("{:>6}  {kind:<12}  {name}  deleted {at}", repo["id"])
            };
            say(&answer, as_json, || match repos.is_empty() {
                true => "the trash is empty".to_owned(),
                false => repos.iter().map(line).collect::<Vec<_>>().join("\n"),
            });
        }
        TrashCommand::Restore { id, name, data } => {
            let path = format!("/api/v1/outlast/trash/{id}/restore");
            let answer = call_json(&data, Method::POST, &path, Some(json!({ "name": name }))).await?;
            say(&answer, as_json, || format!("{} is back", text(&answer, "full_name")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn repo_delete(path: &str, data: &Data, as_json: bool) -> anyhow::Result<ExitCode> {
    let (owner, name) = path.rsplit_once('/').context("a repository is named OWNER/NAME")?;
    let address = format!("/api/v1/repos/{}/{}", escape(owner), escape(name));
    let answer = call_json(data, Method::DELETE, &address, None).await?;
    if answer.is_null() {
        say(&json!({ "done": true }), as_json, || format!("{path} is in the trash: outlast trash list"));
    } else {
        done_or_ordered(&answer, as_json);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_have_units() {
        assert_eq!((seconds("72h").unwrap(), seconds("3d").unwrap(), seconds("0s").unwrap()), (259_200, 259_200, 0));
        for bad in ["", "h", "72", "72 h", "-1h", "99999999999999999999d", "1é"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
