//! `outlast vault serve`, `outlast vault probe`

use crate::cli::{VaultCommand, VaultProbe, VaultServe};
use crate::logging::{self, Format};
use crate::shutdown;
use anyhow::Context as _;
use serde_json::json;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use vault::{
    Budget, PeerUrl, Probe, S3Credentials, S3Url, StoreKind, VaultClient, VaultServeConfig, VaultUrl, WatchConfig,
};

pub(crate) async fn run(command: VaultCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        VaultCommand::Serve(options) => {
            logging::start(Format::Text);
            let stop = stop_signal(options.until_stdin_closes)?;
            serve(*options, stop).await?;
            Ok(ExitCode::SUCCESS)
        }
        VaultCommand::Probe(options) => probe(options, as_json).await,
        VaultCommand::Officers(options) => super::vault_orders::officers(&options),
        VaultCommand::Order(options) => super::vault_orders::order(&options),
        VaultCommand::Erase(options) => {
            tokio::task::spawn_blocking(move || super::vault_orders::erase(&options, as_json)).await?
        }
    }
}

async fn serve(options: VaultServe, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let dir = std::path::absolute(&options.dir)?;
    let about = vault::About {
        owner: options.owner,
        account: options.account,
        administrator: options.administrator,
        machine: None,
    };
    about.keep(&dir).with_context(|| format!("cannot write {}", dir.display()))?;
    let store = store(options.s3.as_deref(), options.s3_credentials.as_deref())?;
    let mut config = VaultServeConfig::new(&dir, options.listen, options.name);
    if let Some(domain) = options.domain {
        config.domain = domain;
    }
    config.public_address = options.public_address;
    config.store = store;
    config.watch = WatchConfig {
        budget: Budget { bytes_day_max: options.daily_bytes, objects_day_max: options.daily_objects },
        silent_after: Duration::from_secs(options.silent_minutes * 60),
        overdue_after: Duration::from_secs(options.overdue_hours * 3600),
        peers: options.peer.iter().map(|peer| PeerUrl::from_arg(peer)).collect::<Result<_, _>>()?,
        webhook: options.webhook.as_deref().map(str::parse).transpose()?,
        status_listen: options.status_listen,
        ..WatchConfig::default()
    };
    let running = vault::bind(config).await.with_context(|| format!("cannot serve the vault in {}", dir.display()))?;
    say!("ready https://{}", running.address());
    if let Some(address) = running.status_address() {
        say!("status http://{address}");
    }
    running.run(stop).await?;
    Ok(())
}

/// Where a vault keeps what it holds.
pub(crate) fn store(s3: Option<&str>, file: Option<&Path>) -> anyhow::Result<StoreKind> {
    Ok(match s3 {
        None => StoreKind::Dir,
        Some(url) => StoreKind::S3 { url: url.parse()?, credentials: credentials(file)? },
    })
}

fn credentials(file: Option<&Path>) -> anyhow::Result<S3Credentials> {
    match file {
        Some(file) => S3Credentials::from_file(file).with_context(|| format!("cannot use {}", file.display())),
        None => S3Credentials::from_env().context(
            "no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file with --s3-credentials",
        ),
    }
}

async fn probe(options: VaultProbe, as_json: bool) -> anyhow::Result<ExitCode> {
    let target = options.target.clone();
    let path = Path::new(&target);
    let probe = if target.starts_with("https://") || target.starts_with("http://") {
        let (url, credentials): (S3Url, _) = (target.parse()?, credentials(options.s3_credentials.as_deref())?);
        tokio::task::spawn_blocking(move || vault::probe_bucket(url, credentials)).await??
    } else if path.is_dir() && !path.join("site.url").exists() {
        vault::probe_directory(path, &vault::disk::RealDisk)
    } else {
        let url = VaultUrl::from_arg(&target)?;
        let name = url.name.clone();
        vault::probe_vault(&VaultClient::new(url)?).await.with_context(|| format!("cannot attack the vault {name}"))?
    };
    if as_json {
        say!("{}", probe_json(&probe))
    } else {
        say!("{probe}")
    }
    Ok(if probe.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn probe_json(probe: &Probe) -> serde_json::Value {
    let attempt = |attempt: &vault::Attempt| {
        json!({
            "attack": attempt.attack, "outcome": attempt.outcome.as_str(), "needed": attempt.needed, "seen": attempt.seen,
        })
    };
    json!({
        "target": probe.target, "passed": probe.passed(), "failures": probe.failures(),
        "attempts": probe.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

/// A signal; for a vault that a site started, also the end of that site, seen as the end of standard input.
fn stop_signal(until_stdin_closes: bool) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let requested = shutdown::requested()?;
    let stdin_closed = async move {
        if !until_stdin_closes {
            return std::future::pending().await;
        }
        let (sender, closed) = tokio::sync::oneshot::channel();
        // A thread of its own, which nobody waits for: a read from a terminal can't be cut short.
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(n) if n > 0) {}
            sender.send(()).ok();
        });
        closed.await.ok();
    };
    Ok(async move {
        tokio::select! { () = requested => {}, () = stdin_closed => {} }
    })
}
