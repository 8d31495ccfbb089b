//! The usual scene: three vaults, a site that enrolled them, and Ann with her token.

use super::{Git, Output, Process, Site, Vault, cli, wait_until};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The names, and trust domains, of the three vaults.
const NAMES: [&str; 3] = ["eu", "us", "asia"];

/// One site, its vaults and a user.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) vaults: Vec<Vault>,
    pub(crate) token: String,
    pub(crate) dir: tempfile::TempDir,
}

/// What a push's answer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The journal's entry.
    pub(crate) entry: u64,
    /// The vaults that hold it.
    pub(crate) vaults: Vec<String>,
    /// The rest of the answer's lines, for what else they say.
    pub(crate) text: String,
}

/// Reads `outlast: held by eu, us (2 of 3), entry 41` from a push's sideband.
pub(crate) fn held(push: &str) -> Option<Held> {
    let line = push.lines().find_map(|line| line.split_once("outlast: held by "))?.1;
    let (vaults, rest) = line.split_once(" (")?;
    let (_, entry) = rest.split_once("entry ")?;
    let digits: String = entry.chars().take_while(char::is_ascii_digit).collect();
    Some(Held {
        entry: digits.parse().ok()?,
        vaults: vaults.split(", ").map(str::to_owned).collect(),
        text: push.to_owned(),
    })
}

impl World {
    /// Three vaults, a site, Ann.
    pub(crate) fn new() -> Self {
        Self::with_vault_urls(|vaults| vaults.iter().map(Vault::site_url).collect())
    }

    /// As [`World::new`], with what the site is told about the vaults.
    pub(crate) fn with_vault_urls(urls: impl FnOnce(&[Vault]) -> Vec<String>) -> Self {
        Self::build(Vault::start, urls)
    }

    /// As [`World::new`], with how each vault is started.
    pub(crate) fn with_vaults(start: impl Fn(&Path, &str) -> Vault) -> Self {
        Self::build(start, |vaults| vaults.iter().map(Vault::site_url).collect())
    }

    fn build(start: impl Fn(&Path, &str) -> Vault, urls: impl FnOnce(&[Vault]) -> Vec<String>) -> Self {
        let dir = tempfile::Builder::new().prefix("outlast-e2e-").tempdir().unwrap();
        let vaults: Vec<_> = NAMES.iter().map(|name| start(&dir.path().join(name), name)).collect();
        let site = Site::start(&dir.path().join("site"), &urls(&vaults));
        wait_until("a quorum answers", 20, || site.get("/healthz").status == 200);
        site.cli(&["user", "create", "ann", "--email", "ann@example.org"]).success();
        let scope = "repo:read,repo:write,repo:create,access,user:read,user:write";
        let token = site.cli(&["token", "create", "ann", "--scope", scope]).success().trim().to_owned();
        assert!(token.starts_with("olp_"), "{token}");
        Self { site, vaults, token, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The address of `path` with Ann's login in it.
    pub(crate) fn url(&self, path: &str) -> String {
        self.site.url(path, Some(("ann", &self.token)))
    }

    /// Creates `ann/NAME`, and a local repository with one commit and `origin` set.
    pub(crate) fn repository(&self, name: &str) -> Git {
        self.site.cli(&["repo", "create", &format!("ann/{name}")]).success();
        let git = Git::init(&self.path(&format!("work-{name}")), "sha1");
        git.run(["remote", "add", "origin", &self.url(&format!("ann/{name}"))]).success();
        git.commit("README", &format!("this is {name}\n"));
        git
    }

    /// Pushes and expects a held answer.
    pub(crate) fn push(&self, git: &Git, refspecs: &[&str]) -> Held {
        let output = push(git, refspecs);
        assert!(output.ok, "{}", output.stderr);
        held(&output.stderr).unwrap_or_else(|| panic!("no word of being held in:\n{}", output.stderr))
    }

    /// Waits until what a push left written and not held, if it did, is seen: the next one begins from it.
    pub(crate) fn await_seen(&self, git: &Git, refused: &Output) {
        if refused.stderr.contains("NOT YET HELD") {
            let tip = git.run(["rev-parse", "HEAD"]).success();
            wait_until("what was not held in time is seen", 30, || git.refs_of("origin").contains(tip.trim()));
        }
    }

    /// The file `name` with the receipt of an entry.
    pub(crate) fn receipt(&self, entry: u64, name: &str) -> PathBuf {
        let text = self.site.cli(&["receipt", &entry.to_string()]).success();
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Takes the recovery key away to where an officer keeps it.
    pub(crate) fn take_recovery_key(&self) -> PathBuf {
        let kept = self.path("officer-recovery-key.txt");
        std::fs::rename(self.site.recovery_key(), &kept).unwrap();
        kept
    }

    /// `outlast recover` from the vaults with these names into `to`.
    pub(crate) fn recover(&self, vaults: &[&str], key: &Path, to: &Path, more: &[&str]) -> super::Said {
        let mut arguments = vec!["recover".to_owned()];
        for vault in self.vaults.iter().filter(|vault| vaults.contains(&vault.name.as_str())) {
            arguments.extend(["--vault".to_owned(), vault.recover_url()]);
        }
        arguments.extend(["--key".to_owned(), key.to_str().unwrap().to_owned()]);
        arguments.extend(["--to".to_owned(), to.to_str().unwrap().to_owned()]);
        arguments.extend(more.iter().map(|&text| text.to_owned()));
        cli(arguments)
    }

    /// A metric's value, summed over its labels that hold `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> Option<f64> {
        self.site.metric(name, label)
    }

    /// Waits until the vault has cosigned everything that there is now; more may come meanwhile.
    pub(crate) fn await_caught_up(&self, vault: &str) {
        let entries = || self.metric("outlast_journal_entries", "").unwrap_or_default();
        let (now, label) = (entries(), format!("vault=\"{vault}\""));
        wait_until(&format!("{vault} catches up"), 30, || {
            // In this order: what is written between the two makes it look further behind than it is.
            let all = entries();
            let lag = self.metric("outlast_vault_lag_entries", &label);
            self.metric("outlast_vault_up", &label) == Some(1.0) && lag.is_some_and(|lag| all - lag >= now)
        });
    }

    pub(crate) fn vault(&mut self, name: &str) -> &mut Vault {
        self.vaults.iter_mut().find(|vault| vault.name == name).unwrap()
    }

    /// The site's process.
    pub(crate) fn process(&mut self) -> &mut Process {
        self.site.process()
    }
}

/// `git push origin REFSPECS`
pub(crate) fn push(git: &Git, refspecs: &[&str]) -> Output {
    git.run(["push", "origin"].iter().chain(refspecs))
}

/// How long a write may take to be refused when no quorum answers: 10 s, and something for a busy machine.
pub(crate) const REFUSAL_MAX: Duration = Duration::from_secs(25);
