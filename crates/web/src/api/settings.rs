//! `/outlast/settings`: what is set for the whole site. It is changed on a page, by who has proved that it is them, or at the machine.

use super::orders::Caller;
use super::shapes::time;
use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::{get, patch};
use axum::{Json, Router};
use forge::Error;
use forge::settings::{Kind, Name, SETTINGS, Setting, Settings};
use forge::site::SetBy;
use http::StatusCode;
use serde_json::{Map, Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/settings", get(list))
}

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/settings", patch(change))
}

fn shape(setting: &Setting, settings: &Settings, set_by: Option<&SetBy>) -> Value {
    let value = |text: &str| match setting.kind {
        Kind::Number { .. } | Kind::Bytes { .. } => text.parse::<u64>().map_or(Value::Null, Value::from),
        _ => text.into(),
    };
    let text = settings.text(setting.name);
    json!({
        "name": setting.word, "value": value(text), "default": value(setting.default), "shown": setting.kind.show(text),
        "is_set": settings.is_set(setting.name), "title": setting.title, "about": setting.hint, "takes": setting.kind.takes(),
        "set_by": set_by.and_then(|set| set.who.as_deref()), "set_at": set_by.and_then(|set| set.time_us).map(time),
    })
}

async fn list(State(app): State<App>, by: Caller) -> Result<Json<Value>, ApiError> {
    let set_by = app.site.settings_set_by(by.who()).await?;
    let settings = app.site.settings();
    let set_by = |name: Name| set_by.iter().find(|set| set.name == name);
    Ok(Json(SETTINGS.iter().map(|setting| shape(setting, &settings, set_by(setting.name))).collect()))
}

/// Names and values; null: the default again. All of them or none.
async fn change(State(app): State<App>, Json(wanted): Json<Map<String, Value>>) -> Result<StatusCode, ApiError> {
    let parsed = wanted.into_iter().map(|(word, value)| {
        let unknown = || Error::invalid(format!("there is no setting {word}: see outlast settings list"));
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        Ok((Name::from_word(&word).ok_or_else(unknown)?, value))
    });
    app.site.settings_put(None, parsed.collect::<Result<_, Error>>()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
