//! `/-/admin/mail`: how the site sends mail.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::event::mail::MailSecurity;
use forge::mail::MailServer;
use forge::people::Proved;
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/mail", get(mail).post(set)).route("/-/admin/mail/test", post(test))
}

/// The form, as it is filled in.
#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    security: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    sender: String,
    /// `off`: no mail is sent any more.
    #[serde(default)]
    act: String,
}

impl Wanted {
    fn server(&self) -> Result<MailServer, forge::Error> {
        let port = self.port.trim().parse().map_err(|_| forge::Error::invalid("a port is a number up to 65535"))?;
        MailServer::new(self.host.trim(), port, &self.security, self.login.trim(), self.sender.trim())
    }
}

#[derive(Template)]
#[template(path = "site/admin_mail.html")]
struct MailPage {
    shell: Shell,
    wanted: Wanted,
    /// It is set up.
    on: bool,
    has_secret: bool,
    securities: [(&'static str, &'static str, bool); 3],
    facts: Vec<(&'static str, String)>,
    last_error: String,
    own: String,
    error: String,
    done: String,
}

async fn mail(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    visitor.operator()?;
    mail_page(&app, visitor, None, Ok(String::new())).await
}

/// The page, with what came of the last form: what was filled in, when that was refused.
async fn mail_page(
    app: &App,
    visitor: Visitor,
    wanted: Option<Wanted>,
    outcome: Result<String, forge::Error>,
) -> Result<Response, PageError> {
    let who = visitor.operator()?;
    let info = app.site.mail_info(Some(who)).await?;
    let own = app.site.user_self(who).await?.email.unwrap_or_default();
    let (done, error) = match outcome {
        Ok(done) => (done, String::new()),
        Err(error) if error.is_ours() => return Err(error.into()),
        Err(error) => (String::new(), error.to_string()),
    };
    let (on, has_secret) = (info.is_some(), info.as_ref().is_some_and(|info| info.login.is_some()));
    let known = || {
        info.map(|info| Wanted {
            host: info.host,
            port: info.port.to_string(),
            security: info.security.as_str().to_owned(),
            login: info.login.unwrap_or_default(),
            sender: info.sender,
            ..Wanted::default()
        })
    };
    let new = || Wanted { port: "587".to_owned(), security: "starttls".to_owned(), ..Wanted::default() };
    let wanted = wanted.map(|wanted| Wanted { secret: String::new(), ..wanted }).or_else(known).unwrap_or_else(new);
    let securities = [
        (MailSecurity::StartTls, "STARTTLS, usually port 587"),
        (MailSecurity::Tls, "TLS from the first byte, usually port 465"),
        (MailSecurity::Plain, "none: a server on this very machine"),
    ]
    .map(|(security, words)| (security.as_str(), words, wanted.security == security.as_str()));
    let status = app.site.mail_status();
    let facts = vec![
        ("Waiting", show::counted(status.waiting, "message", "messages")),
        ("Sent since the start", show::number(status.sent)),
        ("Given up since the start", show::number(status.given_up)),
    ];
    let code = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let last_error = status.last_error.unwrap_or_default();
    let page =
        MailPage { shell: visitor.shell, wanted, on, has_secret, securities, facts, last_error, own, error, done };
    Ok((code, Html(page.render()?)).into_response())
}

async fn set(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    match put(&app, &by, &wanted).await {
        Ok(done) => mail_page(&app, visitor, None, Ok(done.to_owned())).await,
        Err(error) => mail_page(&app, visitor, Some(wanted), Err(error)).await,
    }
}

async fn put(app: &App, by: &Proved, wanted: &Wanted) -> Result<&'static str, forge::Error> {
    if wanted.act == "off" {
        app.site.mail_set(Some(by), None, None).await?;
        return Ok("No mail is sent any more.");
    }
    let secret = Some(wanted.secret.clone()).filter(|secret| !secret.is_empty());
    app.site.mail_set(Some(by), Some(wanted.server()?), secret).await?;
    Ok("Mail goes by this server now. Send a message to try it.")
}

#[derive(Deserialize)]
struct To {
    #[serde(default)]
    to: String,
}

async fn test(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(To { to }): Form<To>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let sent = async {
        let server = app.site.mail_test(Some(&by), &to.trim().parse()?).await?;
        Ok(format!("{server} took a message for {}. Whether it arrives is to be seen there.", to.trim()))
    };
    let sent = sent.await;
    mail_page(&app, visitor, None, sent).await
}
