//! `outlast serve` under test.

use super::process::cli_with;
use super::process::{OUTLAST, Process};
use super::{Answer, Said, cli, request};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running (or killed) site.
pub(crate) struct Site {
    pub(crate) data: PathBuf,
    process: Option<Process>,
    /// `HOST:PORT`, the same after each restart.
    pub(crate) address: String,
    /// The same for SSH.
    pub(crate) ssh: String,
    /// What is in its environment besides, from the next start on.
    pub(crate) env: Vec<(&'static str, PathBuf)>,
    /// And what else it is told on its command line.
    pub(crate) options: Vec<String>,
    /// A program of this machine that is not there for it.
    pub(crate) lacks: Option<&'static str>,
}

/// The binary under test with something else in the place of a program, for it and its children alone.
fn without(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-rm" });
    command.args(["sh", "-c", &format!("mount --bind /dev/null {program} && exec \"$0\" \"$@\""), OUTLAST]);
    command
}

impl Site {
    /// Starts a site in `data` and enrols the vaults whose connection texts are given.
    pub(crate) fn start(data: &Path, vaults: &[String]) -> Self {
        let mut site = Self::stopped(data);
        site.start_with(vaults);
        site
    }

    /// A site in `data` that does not run yet.
    pub(crate) fn stopped(data: &Path) -> Self {
        let any = || "127.0.0.1:0".to_owned();
        Self {
            data: data.to_path_buf(),
            process: None,
            address: any(),
            ssh: any(),
            env: Vec::new(),
            options: Vec::new(),
            lacks: None,
        }
    }

    /// Starts it again.
    pub(crate) fn resume(&mut self) {
        self.start_with(&[]);
    }

    /// Starts it again, with more vaults.
    pub(crate) fn start_with(&mut self, vaults: &[String]) {
        assert!(self.process.is_none(), "it runs already");
        let listening = self.data.join("listening.json");
        std::fs::remove_file(&listening).ok();
        let mut command = match self.lacks {
            None => Command::new(OUTLAST),
            Some(program) => without(program),
        };
        command.args(["serve", "--listen", &self.address, "--ssh-listen", &self.ssh, "--data"]).arg(&self.data);
        command.envs(self.env.iter().cloned()).args(&self.options);
        for vault in vaults {
            command.args(["--vault", vault]);
        }
        let mut process = Process::start(command, &self.log());
        (self.address, self.ssh) = process.await_ready(|| {
            let bytes = std::fs::read(&listening).ok()?;
            let value: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
            Some((value.get("http")?.as_str()?.to_owned(), value.get("ssh")?.as_str()?.to_owned()))
        });
        let address = self.address.clone();
        process.await_ready(|| request(&address, "GET", "/healthz", &[], b"").ok());
        self.process = Some(process);
    }

    pub(crate) fn log(&self) -> PathBuf {
        let mut log = self.data.clone().into_os_string();
        log.push(".log");
        log.into()
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// A graceful stop, which must end well.
    pub(crate) fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let status = process.stop();
        assert!(status.success(), "{status}\n{}", process.log_tail());
    }

    /// `outlast ARGUMENTS --data DIR`
    pub(crate) fn cli(&self, arguments: &[&str]) -> Said {
        cli(arguments.iter().copied().chain(["--data", self.data.to_str().unwrap()]))
    }

    /// As [`Site::cli`], with something on standard input.
    pub(crate) fn cli_with(&self, arguments: &[&str], input: &str) -> Said {
        cli_with(arguments.iter().copied().chain(["--data", self.data.to_str().unwrap()]), input)
    }

    /// What the doctor finds under this name.
    pub(crate) fn found(&self, id: &str) -> Vec<serde_json::Value> {
        let said = self.cli(&["doctor", "--json"]).stdout;
        let report: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let findings = report["findings"].as_array().unwrap().iter();
        findings.filter(|finding| finding["id"] == id).cloned().collect()
    }

    /// The events from this entry on that somebody brought about; alarms, drills, snapshots and packs the site writes when it likes.
    pub(crate) fn events(&self, from: u64) -> Vec<String> {
        const OWN: [&str; 4] = ["AlarmRaised", "DrillDone", "SnapshotTaken", "PackConsolidated"];
        let lines = self.cli(&["audit", "--json", "--from", &from.to_string()]).success();
        let event = |line: &str| -> String {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["event"].as_str().unwrap().to_owned()
        };
        lines.lines().map(event).filter(|event| !OWN.contains(&event.as_str())).collect()
    }

    /// How many entries the journal has.
    pub(crate) fn entries(&self) -> u64 {
        self.metric("outlast_journal_entries", "").unwrap().round() as u64
    }

    /// Whether somebody brought about an entry when there were already so many.
    pub(crate) fn grew(&self, before: u64) -> bool {
        self.entries() != before && !self.events(before).is_empty()
    }

    /// A metric's value, summed over its labels that hold `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> Option<f64> {
        let text = self.get("/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let values: Vec<f64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(&self.address, "GET", path, &[], b"").unwrap()
    }

    /// The address of a repository, with a user's name and token in it when given.
    pub(crate) fn url(&self, path: &str, login: Option<(&str, &str)>) -> String {
        let login = login.map(|(user, token)| format!("{user}:{token}@")).unwrap_or_default();
        format!("http://{login}{}/{path}.git", self.address)
    }

    /// The site's recovery key file.
    pub(crate) fn recovery_key(&self) -> PathBuf {
        self.data.join("recovery-key.txt")
    }

    /// The bare repositories on disk.
    pub(crate) fn repositories(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data.join("git")).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.join("HEAD").is_file()).collect();
        found.sort();
        found
    }
}
