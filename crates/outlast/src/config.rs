//! The site's configuration: a TOML file, with the command line above it and defaults below.

use crate::cli;
use crate::logging::Format;
use anyhow::Context as _;
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use web::Network;

/// Where a new site keeps its data when nobody says.
const DATA_DEFAULT: &str = "./outlast-data";
/// Where a site listens when nobody says: this machine only.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// And for SSH.
pub(crate) const SSH_LISTEN_DEFAULT: &str = "127.0.0.1:2222";

/// The file, as written. An unknown key is an error, so that a misspelt limit doesn't silently do nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<String>,
    base_url: Option<String>,
    ssh_listen: Option<String>,
    ssh_address: Option<String>,
    database: Option<String>,
    #[serde(default)]
    vaults: Vec<String>,
    #[serde(default)]
    drill_vaults: Vec<String>,
    #[serde(default)]
    egress_allow: Vec<IpAddr>,
    #[serde(default)]
    witnesses: Vec<Witness>,
    trusted_proxies: Option<Vec<Network>>,
    metrics_allow: Option<Vec<Network>>,
    #[serde(default)]
    log: Format,
    #[serde(default)]
    limits: Limits,
}

/// One table of `[[witnesses]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Witness {
    pub(crate) url: String,
    pub(crate) key: String,
}

/// Limits that operators may change. Each has its unit in its name; `docs/limits.md` lists them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) connections_max: usize,
    pub(crate) header_read_timeout_s: u64,
    pub(crate) held_timeout_s: u64,
    pub(crate) graceful_stop_s: u64,
    pub(crate) pack_bytes_max: u64,
    pub(crate) push_commands_max: usize,
    pub(crate) pack_cache_bytes_max: u64,
    pub(crate) spool_bytes_max: u64,
    pub(crate) member_write_max: usize,
    pub(crate) member_read_max: usize,
    pub(crate) stranger_max: usize,
    pub(crate) stranger_fetch_max: usize,
    pub(crate) stranger_work_max: usize,
    pub(crate) sign_in_max: usize,
    pub(crate) sign_in_known_max: usize,
    pub(crate) drill_every_s: u64,
    pub(crate) drill_first_s: u64,
    pub(crate) witness_every_s: u64,
    pub(crate) svn_silence_s: u64,
    pub(crate) svn_reader_wait_s: u64,
    pub(crate) svn_answer_time_s: u64,
    pub(crate) svn_view_bytes_max: u64,
    pub(crate) svn_view_wait_s: u64,
    pub(crate) svn_view_unused_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            header_read_timeout_s: 5,
            held_timeout_s: 10,
            graceful_stop_s: 30,
            pack_bytes_max: 16 << 30,
            push_commands_max: 50_000,
            pack_cache_bytes_max: 4 << 30,
            spool_bytes_max: 64 << 30,
            member_write_max: 256,
            member_read_max: 64,
            stranger_max: 16,
            stranger_fetch_max: 16,
            stranger_work_max: 2,
            sign_in_max: 2,
            sign_in_known_max: 4,
            drill_every_s: 24 * 60 * 60,
            drill_first_s: 10 * 60,
            witness_every_s: 60,
            svn_silence_s: 300,
            svn_reader_wait_s: 60,
            svn_answer_time_s: 4 * 60 * 60,
            svn_view_bytes_max: 64 << 30,
            svn_view_wait_s: 20,
            svn_view_unused_s: 30 * 24 * 60 * 60,
        }
    }
}

/// What `outlast serve` runs with.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) listen: String,
    pub(crate) base_url: Option<String>,
    /// None: nobody says, and it is the default's if that is free.
    pub(crate) ssh_listen: Option<String>,
    /// `ssh://HOST:PORT`, as people see it; None: it follows from the two addresses.
    pub(crate) ssh_address: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) vaults: Vec<String>,
    pub(crate) drill_vaults: Vec<String>,
    /// Addresses that webhooks may go to though they are not outside.
    pub(crate) egress_allow: Vec<IpAddr>,
    /// Outsiders who are shown the log (c2sp.org/tlog-witness).
    pub(crate) witnesses: Vec<Witness>,
    /// Proxies that are believed when they say who asks; this machine, when nobody says.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Who may read `/metrics`; this machine, when nobody says.
    pub(crate) metrics_allow: Vec<Network>,
    pub(crate) log: Format,
    pub(crate) limits: Limits,
}

impl Config {
    /// Reads the configuration that `options` name, and lays them over it.
    ///
    /// # Errors
    /// When the file can't be read or isn't what it should be; the text names the file, the line and the key.
    pub(crate) fn load(options: &cli::Serve) -> anyhow::Result<Self> {
        let file = match &options.config {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let data = options.data.clone().or(file.data).unwrap_or_else(|| DATA_DEFAULT.into());
        Ok(Self {
            data: std::path::absolute(&data).with_context(|| format!("{}: not a usable path", data.display()))?,
            listen: options.listen.clone().or(file.listen).unwrap_or_else(|| LISTEN_DEFAULT.to_owned()),
            base_url: options.base_url.clone().or(file.base_url).map(|url| url.trim_end_matches('/').to_owned()),
            ssh_listen: options.ssh_listen.clone().or(file.ssh_listen),
            ssh_address: file.ssh_address.map(|address| address.trim_end_matches('/').to_owned()),
            database: options.database.clone().or(file.database),
            vaults: if options.vault.is_empty() { file.vaults } else { options.vault.clone() },
            egress_allow: if options.egress_allow.is_empty() {
                file.egress_allow
            } else {
                options.egress_allow.clone()
            },
            drill_vaults: if options.drill_vault.is_empty() { file.drill_vaults } else { options.drill_vault.clone() },
            witnesses: file.witnesses,
            trusted_proxies: file.trusted_proxies.unwrap_or_else(Network::this_machine),
            metrics_allow: file.metrics_allow.unwrap_or_else(Network::this_machine),
            log: file.log,
            limits: file.limits,
        })
    }

    /// What a command that acts on the site in `data` runs with when no server does.
    pub(crate) fn for_command(data: &Path, database: Option<String>) -> anyhow::Result<Self> {
        let data = Some(data.to_path_buf());
        let options = cli::Serve { data, database, ..cli::Serve::default() };
        Self::load(&options)
    }
}

impl Limits {
    pub(crate) fn held_timeout(&self) -> Duration {
        Duration::from_secs(self.held_timeout_s)
    }

    pub(crate) fn graceful_stop(&self) -> Duration {
        Duration::from_secs(self.graceful_stop_s)
    }
}

fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(config: Option<&Path>) -> cli::Serve {
        let config = config.map(Path::to_path_buf);
        cli::Serve { config, ..cli::Serve::default() }
    }

    #[test]
    fn without_anything_it_is_the_trial() {
        let config = Config::load(&options(None)).unwrap();
        assert!(config.data.ends_with("outlast-data") && config.data.is_absolute());
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert_eq!(config.limits.held_timeout(), Duration::from_secs(10));
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("outlast.toml");
        std::fs::write(&path, "listen = '0.0.0.0:80'\ndata = '/srv/o'\n[limits]\nconnections_max = 7\n").unwrap();
        let mut options = options(Some(&path));
        options.listen = Some("127.0.0.1:1".to_owned());
        let config = Config::load(&options).unwrap();
        assert_eq!((config.listen.as_str(), config.limits.connections_max), ("127.0.0.1:1", 7));
        assert_eq!(config.data, Path::new("/srv/o"));
    }

    #[test]
    fn the_page_about_it_names_every_key() {
        let page = include_str!("../../../docs/configuration.md");
        let known = toml::from_str::<File>("misspelt = 1").unwrap_err().to_string();
        let keys = known.split_once("expected one of").unwrap().1.split('`').skip(1).step_by(2);
        let missing = keys.filter(|key| !page.contains(&format!("`{key}`"))).collect::<Vec<_>>();
        assert!(missing.is_empty(), "docs/configuration.md says nothing about {missing:?}");
    }

    #[test]
    fn proxies_are_networks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("outlast.toml");
        std::fs::write(&path, "trusted_proxies = ['10.0.0.0/8', '192.0.2.7']\nmetrics_allow = []\n").unwrap();
        let config = Config::load(&options(Some(&path))).unwrap();
        assert_eq!((config.trusted_proxies.len(), config.metrics_allow.len()), (2, 0));
        std::fs::write(&path, "trusted_proxies = ['proxy.example.org']\n").unwrap();
        let error = format!("{:#}", Config::load(&options(Some(&path))).unwrap_err());
        assert!(error.contains("proxy.example.org") && error.contains("10.0.0.0/8"), "{error}");
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("outlast.toml");
        std::fs::write(&path, "[limits]\nconections_max = 7\n").unwrap();
        let error = format!("{:#}", Config::load(&options(Some(&path))).unwrap_err());
        assert!(error.contains("conections_max") && error.contains("outlast.toml"), "{error}");
    }
}
