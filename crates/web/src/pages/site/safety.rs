//! `/-/safety`: how what is here is kept.

use super::chart::{Chart, lag_chart};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/safety", get(safety))
}

/// A vault, as anybody may see it.
pub(crate) struct VaultRow {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) connected: bool,
    pub(crate) size: u64,
    pub(crate) lag: u64,
    pub(crate) state: String,
}

pub(crate) fn vault_rows(app: &App) -> Vec<VaultRow> {
    let row = |vault: forge::VaultStatus| VaultRow {
        state: match (vault.connected, vault.lag) {
            (false, _) => format!("away for {} s", vault.since_s),
            (true, 0) => "in step".to_owned(),
            (true, lag) => format!("{} behind", show::counted(lag, "entry", "entries")),
        },
        name: vault.name,
        domain: vault.domain,
        connected: vault.connected,
        size: vault.size,
        lag: vault.lag,
    };
    app.site.vaults().into_iter().map(row).collect()
}

#[derive(Template)]
#[template(path = "site/safety.html")]
struct SafetyPage {
    shell: Shell,
    size: String,
    held: String,
    all_held: bool,
    vaults: Vec<VaultRow>,
    policy: String,
    checkpoint: String,
    /// The last full drill, and whether all is well.
    drilled: String,
    drill_alarm: bool,
    chart: Option<Chart>,
    /// Who looks reads the log.
    audits: bool,
    /// Who looks sees the alarms.
    alarmed: bool,
}

async fn safety(State(app): State<App>, visitor: Visitor) -> Result<Html<String>, PageError> {
    let (size, held) = (app.site.size(), app.site.held());
    let drills = app.site.drill_state().await?;
    let last = drills.last_of(forge::event::proof::DrillKind::Full);
    let (audits, alarmed) = match visitor.who.as_ref() {
        None => (false, false),
        who => (app.site.may_audit(who).await?, app.site.may_see_alarms(who).await?),
    };
    let page = SafetyPage {
        audits,
        alarmed,
        shell: visitor.shell,
        size: show::number(size),
        held: show::number(held),
        all_held: held >= size,
        vaults: vault_rows(&app),
        policy: app.site.policy().await?.to_string(),
        drilled: last.map(|drill| show::time_us(drill.started_us)).unwrap_or_default(),
        drill_alarm: drills.alarm().is_some(),
        checkpoint: app.site.cosigned_checkpoint().await?.unwrap_or_default(),
        chart: lag_chart(&app),
    };
    Ok(Html(page.render()?))
}
