//! `/admin/mail`: how the site sends mail, at the admin socket.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use forge::mail::MailServer;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/mail", get(show).put(set).delete(off)).route("/admin/mail/test", post(test))
}

async fn show(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let info = app.site.mail_info(None).await?;
    let status = app.site.mail_status();
    Ok(Json(json!({
        "server": info.map(|info| json!({
            "host": info.host, "port": info.port, "security": info.security.as_str(), "login": info.login,
            "from": info.sender, "entry": info.entry,
        })),
        "waiting": status.waiting, "sent": status.sent, "given_up": status.given_up, "last_error": status.last_error,
    })))
}

#[derive(Deserialize)]
struct Wanted {
    host: String,
    port: u16,
    security: String,
    #[serde(default)]
    login: String,
    secret: Option<String>,
    from: String,
}

async fn set(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<StatusCode, ApiError> {
    let Wanted { host, port, security, login, secret, from } = wanted;
    let server = MailServer::new(&host, port, &security, &login, &from)?;
    app.site.mail_set(None, Some(server), secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn off(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.site.mail_set(None, None, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct To {
    to: String,
}

async fn test(State(app): State<App>, Json(To { to }): Json<To>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "server": app.site.mail_test(None, &to.parse()?).await? })))
}
