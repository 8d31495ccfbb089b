//! `/admin/doctor`: everything that can be wrong with a site, looked at now.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use forge::doctor::{Colour, Finding};
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/admin/doctor", get(doctor))
}

async fn doctor(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let findings = app.site.doctor(app.practice).await?;
    let healthy = findings.iter().all(|finding| finding.colour != Colour::Red);
    let policy = app.site.policy().await?.to_string();
    Ok(Json(
        json!({ "healthy": healthy, "policy": policy, "findings": findings.iter().map(shape).collect::<Vec<_>>() }),
    ))
}

fn shape(finding: &Finding) -> Value {
    let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    json!({
        "id": finding.id, "check": finding.check, "colour": finding.colour.as_str(), "problem": some(&finding.problem),
        "why": some(finding.why), "remedy": some(&finding.remedy),
    })
}
