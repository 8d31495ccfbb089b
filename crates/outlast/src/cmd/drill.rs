//! `outlast drill`: practising a recovery, in each of the three ways.

use crate::cli::Drill;
use crate::config::Limits;
use crate::{admin, site};
use anyhow::{Context as _, bail};
use forge::drill::{DrillReport, blind_drill, officer_drill};
use forge::event::proof::DrillKind;
use forge::keys::RecoveryKey;
use forge::recover::Progress;
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use vault::{Excuse, VaultUrl};

const DRILL: &str = "/api/v1/admin/drill";

pub(crate) async fn run(options: Drill, as_json: bool) -> anyhow::Result<ExitCode> {
    let vaults = options.vault.iter().map(|arg| VaultUrl::from_arg(arg)).collect::<Result<Vec<_>, _>>()?;
    if options.officer {
        return officer(&options, &vaults, as_json).await;
    }
    if options.blind && !vaults.is_empty() {
        return blind(&options, &vaults, as_json).await;
    }
    let (method, path, body) = if let Some(file) = &options.record {
        let report = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        (Method::POST, "/api/v1/admin/drills".to_owned(), Some(json!({ "report": report })))
    } else if let Some(entry) = options.show {
        (Method::GET, format!("/api/v1/admin/drills/{entry}"), None)
    } else {
        let vaults: Vec<_> = vaults.iter().map(VaultUrl::expose).collect();
        (Method::POST, DRILL.to_owned(), Some(json!({ "vaults": vaults, "blind": options.blind })))
    };
    let answer = admin::call_json(&options.data, method, &path, body).await?;
    let mut good = true;
    for drill in answer.get("drills").and_then(Value::as_array).into_iter().flatten() {
        let text = drill.get("report").and_then(Value::as_str).context("the server's answer holds no report")?;
        let report = DrillReport::read(text)?;
        good &= report.is_good();
        let entry = drill.get("entry").and_then(Value::as_u64);
        print(&report, entry, as_json);
        if options.show.is_some() && !as_json {
            say!("{text}");
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// From any machine, without keys. Nobody signs it: who runs it sees it.
async fn blind(options: &Drill, vaults: &[VaultUrl], as_json: bool) -> anyhow::Result<ExitCode> {
    let officers = super::erasure::officers(options.officers.as_deref())?;
    let excuse = officers.as_ref().map_or(Excuse::Nothing, Excuse::Officers);
    let mut good = true;
    for vault in vaults {
        let found = blind_drill(vault, excuse).await?;
        good &= found.report.is_good();
        print(&found.report, None, as_json);
        if found.erased > 0 && !as_json {
            say!("  {} blobs are lawfully missing: officers ordered them erased", found.erased);
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// On a clean machine of the officers': everything is recovered into a directory that is thrown away.
async fn officer(options: &Drill, vaults: &[VaultUrl], as_json: bool) -> anyhow::Result<ExitCode> {
    if vaults.is_empty() || options.key.is_empty() {
        bail!(
            "an officer drill needs --vault (a vault's recover.url, repeat it) and --key (the recovery key, or its shares)"
        );
    }
    let key = RecoveryKey::read_all(&options.key)?;
    let place = Place::new()?;
    let (limits, to) = (site::limits(&Limits::default()), place.0.join("site"));
    let (report, note) = officer_drill(vaults, &key, &to, &limits, &mut |progress| tell(&progress)).await?;
    print(&report, None, as_json);
    if let Some(out) = &options.out {
        std::fs::write(out, &note).with_context(|| format!("cannot write {}", out.display()))?;
        eprintln!("signed with the recovery key: {}; on the site: outlast drill --record FILE", out.display());
    } else if !as_json {
        say!("{note}");
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A directory of one's own that goes with the drill.
struct Place(std::path::PathBuf);

impl Place {
    fn new() -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let dir = std::env::temp_dir().join(format!("outlast-drill-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(dir: &Path) {
    if let Err(error) = std::fs::remove_dir_all(dir) {
        eprintln!("{} could not be removed ({error}): it holds the whole site, remove it yourself", dir.display());
    }
}

fn tell(progress: &Progress) {
    match progress {
        Progress::Vault(found) => eprintln!("{found}"),
        Progress::Snapshot { through } => eprintln!("loading the database's snapshot of {through} entries"),
        _ => {}
    }
}

fn print(report: &DrillReport, entry: Option<u64>, as_json: bool) {
    if as_json {
        say!("{}", to_json(report, entry));
        return;
    }
    let outcome = match report.differences_count {
        0 => "all there".to_owned(),
        n => format!("{n} DIFFERENCES"),
    };
    say!("{} drill of {}, {} entries: {outcome}", report.kind, report.origin, report.through);
    say!("  vaults       {}", report.vaults.join(", "));
    if report.kind == DrillKind::Blind {
        say!("  read         {} blobs, each hashed, in {}", report.blobs, seconds(report.whole_ms));
    } else {
        let how =
            report.snapshot.map_or("everything replayed".to_owned(), |n| format!("from the snapshot of {n} entries"));
        say!(
            "  answers      after {} ({how}); everything filled and checked after {}",
            seconds(report.answers_ms),
            seconds(report.whole_ms)
        );
        say!(
            "  checked      {} repositories (git fsck), {} refs, {} rows compared",
            report.repositories,
            report.refs,
            report.rows
        );
    }
    if report.kind != DrillKind::Officer && entry.is_some() {
        say!("  data age     {} would have been lost when it began", seconds(report.data_age_ms));
    }
    report.differences.iter().for_each(|text| say!("  DIFFERENCE   {text}"));
    if let Some(entry) = entry {
        say!("  written      as entry {entry}, signed");
    }
    say!("  {}", proves(report.kind));
}

fn proves(kind: DrillKind) -> &'static str {
    match kind {
        DrillKind::Full => {
            "It was opened with the site's own key: that the recovery key can be found, only an officer drill shows."
        }
        DrillKind::Blind => {
            "Without a key: the vault has every object that its checkpoint reaches. That they open, a full drill shows."
        }
        DrillKind::Officer => "With the recovery key alone, without the site and without telling any vault.",
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1e3)
}

fn to_json(report: &DrillReport, entry: Option<u64>) -> Value {
    json!({
        "entry": entry, "kind": report.kind.as_str(), "log": report.origin, "entries": report.through, "root": report.root.to_string(),
        "started_us": report.started_us, "answers_ms": report.answers_ms, "whole_ms": report.whole_ms,
        "data_age_ms": report.data_age_ms, "snapshot": report.snapshot, "rows": report.rows,
        "repositories": report.repositories, "refs": report.refs, "blobs": report.blobs, "vaults": report.vaults,
        "differences_count": report.differences_count, "differences": report.differences, "good": report.is_good(),
    })
}
