//! Practice vaults: three vault servers as child processes on this machine, so that a first `outlast serve` shows the
//! whole machinery without any set-up. They protect from nothing that takes the machine, and the site says so.
//!
//! They live beside the data directory, not in it, so that a practised burn (`rm -rf` of the data directory) leaves
//! something to recover from.

use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The names of the three practice vaults, which are their trust domains too.
pub(crate) const NAMES: [&str; 3] = ["north", "south", "west"];

const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// The running practice vaults. Each ends when this process does, however that comes about: they read standard input
/// until it closes.
pub(crate) struct Practice {
    vaults: Vec<(Child, PathBuf)>,
}

/// Where the practice vaults of the site in `data` are.
pub(crate) fn directory(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_os_string();
    name.push("-practice-vaults");
    data.with_file_name(name)
}

impl Practice {
    /// Starts the vaults and waits until each answers.
    ///
    /// # Errors
    /// When one can't be started, or says something else than that it is ready.
    pub(crate) async fn start(data: &Path) -> anyhow::Result<Self> {
        let parent = directory(data);
        let mut vaults = Vec::new();
        for name in NAMES {
            let dir = parent.join(name);
            let child =
                start_one(&dir, name).await.with_context(|| format!("cannot start the practice vault {name}"))?;
            vaults.push((child, dir));
        }
        Ok(Self { vaults })
    }

    /// The files that hold what the site needs to reach each vault.
    pub(crate) fn urls(&self) -> Vec<PathBuf> {
        self.vaults.iter().map(|(_, dir)| dir.join("site.url")).collect()
    }

    /// Asks each vault to stop and waits for it.
    pub(crate) async fn stop(self) {
        for (mut child, dir) in self.vaults {
            drop(child.stdin.take());
            match tokio::time::timeout(Duration::from_secs(5), child.wait()).await {
                Ok(Ok(_)) => {}
                _ => {
                    tracing::warn!(vault = %dir.display(), "practice vault does not stop; ending it");
                    if let Err(error) = child.kill().await {
                        tracing::warn!(vault = %dir.display(), %error, "cannot end the practice vault");
                    }
                }
            }
        }
    }
}

async fn start_one(dir: &Path, name: &str) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("cannot find this program's own path")?;
    let mut child = Command::new(program)
        .args(["vault", "serve", "--until-stdin-closes", "--name", name, "--listen", &address(dir), "--dir"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C at a terminal reaches the whole group; the vaults must outlive the site's last append.
        .process_group(0)
        .spawn()?;
    let stdout = child.stdout.take().context("the child has no standard output")?;
    let mut line = String::new();
    let mut lines = BufReader::new(stdout);
    match tokio::time::timeout(READY_TIMEOUT, lines.read_line(&mut line)).await {
        Ok(Ok(_)) if line.starts_with("ready ") => Ok(child),
        Ok(Ok(_)) => bail!("it stopped before it was ready; its own words are above"),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => bail!("it was not ready after {} s", READY_TIMEOUT.as_secs()),
    }
}

/// The address of last time, so that URLs handed out stay good; the first time, or when another program took the port,
/// any free one.
fn address(dir: &Path) -> String {
    let last = std::fs::read(dir.join("listening.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|value| value.get("https").and_then(|https| https.as_str()).map(str::to_owned));
    match last {
        Some(address) if std::net::TcpListener::bind(&address).is_ok() => address,
        _ => "127.0.0.1:0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn practice_vaults_are_beside_the_data_directory() {
        assert_eq!(directory(Path::new("/srv/outlast-data")), Path::new("/srv/outlast-data-practice-vaults"));
        assert_eq!(directory(Path::new("outlast-data")), Path::new("outlast-data-practice-vaults"));
    }

    #[test]
    fn a_port_is_kept_from_one_start_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(address(dir.path()), "127.0.0.1:0");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        std::fs::write(dir.path().join("listening.json"), format!("{{\"https\":\"{free}\"}}")).unwrap();
        assert_eq!(address(dir.path()), free);
        let taken = std::net::TcpListener::bind(&free).unwrap();
        assert_eq!(address(dir.path()), "127.0.0.1:0");
        drop(taken);
    }
}
