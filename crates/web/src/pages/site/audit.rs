//! `/-/audit`: the journal in words, for who reads the log. Others find nothing here.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use forge::UserName;
use forge::audit::{AuditFilter, AuditLine};
use forge::event::KINDS;
use http::header;
use jiff::Timestamp;
use serde::Deserialize;

/// Entries of one page.
const LINES: u32 = 100;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/audit", get(audit))
}

struct Row {
    entry: u64,
    time: String,
    /// By whom; empty: the site, or who runs its machine.
    actor: String,
    credential: String,
    address: String,
    event: &'static str,
    about: String,
}

impl From<AuditLine> for Row {
    fn from(line: AuditLine) -> Self {
        Self {
            entry: line.seq,
            time: show::time_us(line.time_us),
            actor: line.actor.unwrap_or_default(),
            credential: line.credential.unwrap_or_default(),
            address: line.address.unwrap_or_default(),
            event: line.event,
            about: line.about,
        }
    }
}

#[derive(Template)]
#[template(path = "site/audit.html")]
struct AuditPage {
    shell: Shell,
    wanted: Wanted,
    kinds: Vec<&'static str>,
    rows: Vec<Row>,
    /// Where the entries before these are.
    older: Option<String>,
    error: Option<String>,
}

/// What the form says; a field left empty asks for nothing.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
struct Wanted {
    actor: String,
    event: String,
    since: String,
    until: String,
    before: Option<u64>,
}

impl Wanted {
    /// The address of the entries before this one, asked for in the same way.
    fn before(&self, entry: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            [("actor", &self.actor), ("event", &self.event), ("since", &self.since), ("until", &self.until)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair("before", &entry.to_string());
        format!("/-/audit?{}", query.finish())
    }

    async fn filter(&self, app: &App) -> Result<AuditFilter, forge::Error> {
        let actor = match self.actor.trim() {
            "" => None,
            name => Some(app.site.user_fetch(&name.parse::<UserName>()?).await?.id),
        };
        let event = Some(self.event.as_str()).filter(|name| !name.is_empty());
        Ok(AuditFilter {
            actor,
            kind: event.map(forge::audit::kind).transpose()?,
            before: self.before,
            since_us: day(&self.since)?,
            // The day is shown whole.
            until_us: day(&self.until)?.map(|start| start + 24 * 60 * 60 * 1_000_000),
            newest: true,
            limit: LINES,
            ..AuditFilter::default()
        })
    }
}

/// When a day begins, by the clock of Greenwich, microseconds since 1970.
fn day(text: &str) -> Result<Option<i64>, forge::Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let start = format!("{text}T00:00:00Z").parse::<Timestamp>();
    let start = start.map_err(|_| forge::Error::invalid(format!("{text:?} is no day like 2026-11-25")))?;
    Ok(Some(start.as_microsecond()))
}

async fn audit(State(app): State<App>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    // Before the form is looked at: whoever may not read the log does not learn who has an account either.
    if !app.site.may_audit(Some(who)).await? {
        return Err(PageError::not_found());
    }
    let (filter, error) = match wanted.filter(&app).await {
        Ok(filter) => (filter, None),
        Err(error) => {
            let newest = AuditFilter { newest: true, limit: LINES, ..AuditFilter::default() };
            (newest, Some(error.to_string()))
        }
    };
    let lines = app.site.audit(Some(who), filter).await?;
    let full = lines.len() == LINES as usize;
    let older = lines.first().filter(|_| full).map(|line| wanted.before(line.seq));
    let mut kinds: Vec<_> = KINDS.iter().map(|(_, name)| *name).collect();
    kinds.sort_unstable();
    let status = if error.is_some() { http::StatusCode::UNPROCESSABLE_ENTITY } else { http::StatusCode::OK };
    let rows = lines.into_iter().rev().map(Row::from).collect();
    let page = AuditPage { shell: visitor.shell, wanted, kinds, rows, older, error };
    Ok((status, [(header::CACHE_CONTROL, "private, no-store")], Html(page.render()?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_wrong_ones_are_told() {
        assert_eq!(day("").unwrap(), None);
        assert_eq!(day("1970-01-02").unwrap(), Some(86_400_000_000));
        assert!(day("yesterday").unwrap_err().to_string().contains("2026-11-25"));
    }

    #[test]
    fn older_entries_are_asked_for_in_the_same_way() {
        let wanted = Wanted { actor: "ann".into(), event: "Pushed".into(), ..Wanted::default() };
        assert_eq!(wanted.before(7), "/-/audit?actor=ann&event=Pushed&before=7");
    }
}
