//! `/admin/doctor`: everything that can be wrong with a site, looked at now.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use forge::keys::RECOVERY_FILE;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A vault that is behind by more entries than this is worth a look.
const LAG_MANY: u64 = 1000;
/// Below so many free bytes a vault fills up soon.
const FREE_BYTES_FEW: u64 = 2 << 30;

pub(super) fn router() -> Router<App> {
    Router::new().route("/admin/doctor", get(doctor))
}

/// One thing that was looked at.
struct Finding {
    check: String,
    /// What is wrong and what to do; `None` when nothing is.
    problem: Option<String>,
    /// Whether it can wait: nothing is in danger now, and less would be with it mended.
    can_wait: bool,
}

impl Finding {
    fn new(check: impl Into<String>, problem: Option<String>) -> Self {
        Self { check: check.into(), problem, can_wait: false }
    }

    fn colour(&self) -> &'static str {
        match (&self.problem, self.can_wait) {
            (None, _) => "green",
            (Some(_), true) => "yellow",
            (Some(_), false) => "red",
        }
    }
}

async fn doctor(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let mut findings = vec![writes(&app), recovery_key(&app), trust_domains(&app), sandbox()];
    findings.extend(vaults(&app));
    findings.push(Finding::new(
        "a drill has shown within 26 hours that everything comes back",
        app.site.drill_state().await?.alarm(),
    ));
    findings.push(officers(&app).await?);
    findings.push(database(&app).await?);
    let red = findings.iter().filter(|finding| finding.colour() == "red").count();
    let shape =
        |finding: &Finding| json!({ "check": finding.check, "colour": finding.colour(), "problem": finding.problem });
    Ok(Json(json!({ "healthy": red == 0, "findings": findings.iter().map(shape).collect::<Vec<_>>() })))
}

fn writes(app: &App) -> Finding {
    Finding::new("writes are taken", app.site.writability().err().map(|error| error.to_string()))
}

fn recovery_key(app: &App) -> Finding {
    let path = app.site.data().join(RECOVERY_FILE);
    let there = path.exists().then(|| {
        format!("the recovery key is still at {}: move it to where nobody who breaks in here gets", path.display())
    });
    Finding::new("the recovery key is not on this machine", there)
}

fn trust_domains(app: &App) -> Finding {
    let mut domains: BTreeMap<String, Vec<String>> = BTreeMap::new();
    app.site.vaults().into_iter().for_each(|vault| domains.entry(vault.domain).or_default().push(vault.name));
    let problem = if app.practice {
        Some("the vaults run on this machine: this is practice, not protection. Start vaults at other places, with other owners, and name them with `outlast serve --vault`".to_owned())
    } else if domains.len() < 3 {
        let names = domains.keys().cloned().collect::<Vec<_>>().join(", ");
        Some(format!(
            "there are {} trust domains ({names}); with fewer than three, one that is away stops writes or holds nothing",
            domains.len()
        ))
    } else {
        None
    };
    Finding { can_wait: domains.len() == 2, ..Finding::new("three trust domains or more hold the journal", problem) }
}

fn sandbox() -> Finding {
    let problem = (!git::sandbox_available())
        .then(|| "this kernel has no Landlock: git's programs run without a sandbox; use Linux 5.13 or newer with Landlock enabled".to_owned());
    Finding::new("git's programs are sandboxed", problem)
}

fn vaults(app: &App) -> Vec<Finding> {
    let problem = |vault: &forge::VaultStatus| {
        if !vault.connected {
            let error = vault.last_error.as_deref().unwrap_or("it does not answer");
            return Some(format!("vault {} is away for {} s: {error}", vault.name, vault.since_s));
        }
        if vault.lag > LAG_MANY {
            return Some(format!("vault {} is {} entries behind", vault.name, vault.lag));
        }
        let free = vault.free_bytes.filter(|free| *free < FREE_BYTES_FEW)?;
        Some(format!("vault {} has only {} MiB free: its owner must make room", vault.name, free >> 20))
    };
    let all = app.site.vaults();
    let check = |vault: &forge::VaultStatus| format!("vault {} answers, is in step and has room", vault.name);
    all.iter().map(|vault| Finding::new(check(vault), problem(vault))).collect()
}

/// Shorter delays leave officers no time to see what is coming.
const DELAY_SHORT_US: i64 = 24 * 60 * 60 * 1_000_000;

async fn officers(app: &App) -> Result<Finding, ApiError> {
    let can_sign = app.site.officer_list(None).await?.iter().filter(|officer| officer.can_sign()).count();
    let problem = match app.site.officer_rule().await? {
        None => Some(
            "no officers' rule is in force: one operator can change roles alone (docs/guarded-acts.md says how to begin)"
                .to_owned(),
        ),
        Some(rule) if can_sign <= rule.needed as usize => Some(format!(
            "{} officers must sign, and {can_sign} have a key or passkey: one more than that is needed, or one who is away stops everything",
            rule.needed
        )),
        Some(rule) if rule.delay_us < DELAY_SHORT_US => {
            Some("orders wait less than a day: nobody can veto what they don't hear of in time".to_owned())
        }
        Some(_) => None,
    };
    Ok(Finding { can_wait: true, ..Finding::new("guarded acts need several officers, and wait", problem) })
}

/// Rebuilds every table from the journal and compares.
async fn database(app: &App) -> Result<Finding, ApiError> {
    let (db, keys) = (app.site.db().clone(), app.site.keys().log_keys()?);
    let scratch = app.site.data().join("scratch").join(std::process::id().to_string());
    let checking = tokio::task::spawn_blocking(move || {
        let failed = |error: std::io::Error| forge::Error::internal(format!("{}: {error}", scratch.display()));
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch).map_err(failed)?;
        }
        std::fs::create_dir_all(&scratch).map_err(failed)?;
        let found = forge::replay::check(&db, &keys, &scratch);
        std::fs::remove_dir_all(&scratch).map_err(failed)?;
        found
    });
    let found = checking.await.map_err(|error| ApiError::from(forge::Error::internal(error.to_string())))??;
    let words = found.journal.iter().cloned().chain(found.rows.iter().map(ToString::to_string)).collect::<Vec<_>>();
    let problem = (!found.is_clean()).then(|| {
        format!(
            "the database is not what the journal explains; somebody edited it, or it is damaged. Rebuild it with `outlast recover`: {}",
            words.join("; ")
        )
    });
    Ok(Finding::new("every row of the database is explained by the journal", problem))
}
