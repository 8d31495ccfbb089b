//! `outlast mail`.

use super::account::{line_from_stdin, say};
use super::orders::text;
use crate::admin::call_json;
use crate::cli::MailCommand;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

const MAIL: &str = "/api/v1/admin/mail";

pub(crate) async fn run(command: MailCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        MailCommand::Set { host, port, security, login, password_stdin, from, data } => {
            let secret = if password_stdin { Some(line_from_stdin("the password")?) } else { None };
            let port = port.unwrap_or(match security.as_str() {
                "tls" => 465,
                "starttls" => 587,
                _ => 25,
            });
            let body = json!({
                "host": host, "port": port, "security": security, "login": login, "secret": secret, "from": from,
            });
            let answer = call_json(&data, Method::PUT, MAIL, Some(body)).await?;
            say(as_json, &answer, || format!("mail goes by {host}:{port} now; try it: outlast mail test --to ADDRESS"));
        }
        MailCommand::Off(data) => {
            let answer = call_json(&data, Method::DELETE, MAIL, None).await?;
            say(as_json, &answer, || "no mail is sent any more".to_owned());
        }
        MailCommand::Show(data) => {
            let answer = call_json(&data, Method::GET, MAIL, None).await?;
            say(as_json, &answer, || shown(&answer));
        }
        MailCommand::Test { to, data } => {
            let answer = call_json(&data, Method::POST, &format!("{MAIL}/test"), Some(json!({ "to": to }))).await?;
            say(as_json, &answer, || format!("{} took a message for {to}", text(&answer, "server")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(answer: &Value) -> String {
    let server = &answer["server"];
    let how = if server.is_null() {
        "no mail server is set".to_owned()
    } else {
        let login = server["login"].as_str().map(|login| format!(", signed in as {login}")).unwrap_or_default();
        let (host, security, from) = (text(server, "host"), text(server, "security"), text(server, "from"));
        format!("{host}:{} ({security}{login}), from {from}", server["port"])
    };
    let error = answer["last_error"].as_str().map(|error| format!("\nlast error: {error}")).unwrap_or_default();
    let (waiting, sent, given_up) = (&answer["waiting"], &answer["sent"], &answer["given_up"]);
    format!("{how}\n{waiting} waiting, {sent} sent and {given_up} given up since the start{error}")
}
