//! `outlast doctor`

use crate::{admin, cli};
use hyper::Method;
use serde_json::Value;
use std::process::ExitCode;

/// Green is 0, red is 1, so that a script can ask.
pub(crate) async fn run(data: &cli::Data, as_json: bool) -> anyhow::Result<ExitCode> {
    let report = admin::call_json(data, Method::GET, "/api/v1/admin/doctor", None).await?;
    if as_json {
        say!("{report}");
    } else {
        print(&report);
    }
    let healthy = report.get("healthy").and_then(Value::as_bool) == Some(true);
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Value) {
    let policy = report.get("policy").and_then(Value::as_str).unwrap_or_default();
    if !policy.is_empty() {
        say!("what counts as held (tlog-policy):");
        policy.lines().for_each(|line| say!("  {line}"));
    }
    for finding in report.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default();
        say!("{:<7} {}", text("colour").to_uppercase(), text("check"));
        for (label, key) in [("", "problem"), ("why: ", "why"), ("do:  ", "remedy")] {
            if !text(key).is_empty() {
                say!("        {label}{}", text(key));
            }
        }
    }
}
