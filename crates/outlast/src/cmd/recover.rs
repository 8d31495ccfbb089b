//! `outlast recover`

use crate::cli::Recover;
use crate::config::Limits;
use crate::logging::{self, Format};
use crate::site;
use anyhow::Context as _;
use forge::keys::RecoveryKey;
use forge::recover::{At, ErasedLater, Progress, RecoverRequest, Report, VaultFound, View, Without, recover};
use forge::replay::BadEntry;
use jiff::Timestamp;
use journal::order::SignedOrder;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use vault::VaultUrl;

pub(crate) async fn run(options: Recover, as_json: bool) -> anyhow::Result<ExitCode> {
    logging::start(Format::Text);
    let vaults = options.vault.iter().map(|arg| VaultUrl::from_arg(arg)).collect::<Result<Vec<_>, _>>()?;
    let to = std::path::absolute(&options.to)?;
    let request = RecoverRequest {
        vaults,
        key: RecoveryKey::read_all(&options.key)?,
        order: options.order.as_deref().map(read_order).transpose()?,
        site: options.site,
        to: to.clone(),
        database: options.database,
        at: options.at.as_deref().map(parse_at).transpose()?,
        without: without(&options.without, options.since.as_deref())?,
        skip: options.skip,
        dry_run: options.dry_run,
        full: options.full,
        keep_credentials: options.keep_credentials,
        limits: site::limits(&Limits::default()),
    };
    let began = Instant::now();
    let mut last = None;
    let report = recover(request, &mut |progress| say(&progress, &mut last)).await?;
    if as_json {
        say!("{}", to_json(&report));
    } else {
        say!("{}", report.to_string().trim_end());
        let took = began.elapsed().as_secs_f64();
        if options.dry_run {
            say!("a dry run, {took:.1} s: nothing stays of it, and no vault heard of it");
        } else {
            say!("done in {took:.1} s; serve it with: outlast serve --data {}", to.display());
        }
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_order(path: &Path) -> anyhow::Result<SignedOrder> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| path.display().to_string())
}

/// An entry's number, or a time.
fn parse_at(text: &str) -> anyhow::Result<At> {
    if let Ok(entry) = text.parse() {
        return Ok(At::Entry(entry));
    }
    let time: Timestamp = text
        .parse()
        .with_context(|| format!("--at {text:?} is neither an entry's number nor a time like 2026-11-23T17:00:00Z"))?;
    Ok(At::Time(time.as_microsecond()))
}

/// What is left out, if anything.
fn without(whose: &[String], since: Option<&str>) -> anyhow::Result<Option<Without>> {
    if whose.is_empty() {
        return Ok(None);
    }
    let whose = whose.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let since: Option<Timestamp> =
        since.map(str::parse).transpose().context("--since is a time like 2026-11-23T17:00:00Z")?;
    Ok(Some(Without { whose, since_us: since.map_or(i64::MIN, Timestamp::as_microsecond) }))
}

/// Progress, on stderr, at most a line every half second for what moves quickly.
fn say(progress: &Progress, last: &mut Option<Instant>) {
    let moves = matches!(progress, Progress::Replay { .. } | Progress::Repository { .. });
    if moves && last.is_some_and(|last| last.elapsed().as_millis() < 500) {
        return;
    }
    *last = moves.then(Instant::now);
    match progress {
        Progress::Vault(found) => eprintln!("{found}"),
        Progress::Snapshot { through } => eprintln!("loading the database's snapshot of {through} entries"),
        Progress::Replay { entries, of } => eprintln!("replaying: {entries} of {of} entries"),
        Progress::Epoch { epoch } => eprintln!("starting epoch {epoch} at the vaults"),
        Progress::Repository { path, done, of } => {
            eprintln!("filled and checked: {done} of {of} repositories, {path} last")
        }
    }
}

fn to_json(report: &Report) -> serde_json::Value {
    let erased = |of: &ErasedLater| json!({ "repository": of.path, "order": of.order, "entry": of.entry });
    let view = |view: &View| {
        let erased: Vec<_> = view.erased.iter().map(erased).collect();
        json!({ "entries": view.entries, "last_time_us": view.last_time_us, "erased": erased })
    };
    let bad = |bad: &BadEntry| json!({ "entry": bad.seq, "time_us": bad.says.map(|says| says.0), "kind": bad.says.map(|says| says.1), "why": bad.why, "newer": bad.newer });
    let vault = |found: &VaultFound| json!({ "name": found.name, "domain": found.domain, "entries": found.entries, "problem": found.problem });
    json!({
        "log": report.origin, "entries": report.entries, "last_time_us": report.last_time_us, "epoch": report.epoch,
        "snapshot": report.snapshot, "repositories": report.repositories, "replaced": report.replaced, "credentials_revoked": report.credentials_revoked,
        "vaults": report.vaults.iter().map(vault).collect::<Vec<_>>(), "warnings": report.warnings,
        "full": report.full.as_ref().map(|full| json!({ "repositories": full.repositories, "erased": full.erased, "refs": full.refs, "problems": full.problems })),
        "view": report.view.as_ref().map(view),
        "undone": report.undone.as_ref().map(|undone| json!({ "done": undone.done, "kept": undone.kept, "by_hand": undone.by_hand })),
        "skipped": report.skipped.ranges(), "bad": report.bad.iter().map(bad).collect::<Vec<_>>(),
        "good": report.is_good(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_is_an_entry_or_a_time() {
        assert_eq!(parse_at("41").unwrap(), At::Entry(41));
        assert_eq!(parse_at("1970-01-01T00:00:01Z").unwrap(), At::Time(1_000_000));
        assert!(parse_at("yesterday").unwrap_err().to_string().contains("2026-11-23T17:00:00Z"));
    }
}
