//! `/-/admin/vaults`: each vault with what went wrong last, and how far it was behind.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::site::chart::{Chart, lag_chart};
use crate::pages::site::vault_rows;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/vaults", get(vaults))
}

struct Row {
    name: String,
    domain: String,
    connected: bool,
    state: String,
    error: String,
    lag: String,
    /// The last entry of the newest batch that it has cosigned, and when that was written; empty: there is none.
    batch: String,
    batch_time: String,
    free: String,
}

#[derive(Template)]
#[template(path = "site/admin_vaults.html")]
struct VaultsPage {
    shell: Shell,
    vaults: Vec<Row>,
    chart: Option<Chart>,
}

async fn vaults(State(app): State<App>, visitor: Visitor) -> Result<Html<String>, PageError> {
    visitor.operator()?;
    let batches = app.site.last_batches().await?;
    let states = vault_rows(&app);
    let row = |(vault, shown): (forge::VaultStatus, crate::pages::site::VaultRow)| {
        let last = batches.iter().find(|batch| batch.vault == vault.name && batch.size > 0);
        Row {
            domain: vault.domain,
            connected: vault.connected,
            state: shown.state,
            error: vault.last_error.unwrap_or_default(),
            lag: show::number(vault.lag),
            batch: last.map(|last| show::number(last.size - 1)).unwrap_or_default(),
            batch_time: last.and_then(|last| last.time_us).map(show::time_us).unwrap_or_default(),
            free: vault.free_bytes.map(show::bytes).unwrap_or_default(),
            name: vault.name,
        }
    };
    let vaults = app.site.vaults().into_iter().zip(states).map(row).collect();
    Ok(Html(VaultsPage { shell: visitor.shell, vaults, chart: lag_chart(&app) }.render()?))
}
