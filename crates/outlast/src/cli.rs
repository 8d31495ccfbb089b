//! The command line: a contract that scripts, tests and operators rely on.

mod alarm;
mod authority;
pub(crate) mod guard;
mod incident;
mod mail;
mod officer;
mod oidc;
mod people;
mod settings;
mod vault;

pub(crate) use alarm::{AlarmsCommand, CanaryCommand};
pub(crate) use authority::AuthorityCommand;
pub(crate) use incident::IncidentCommand;
pub(crate) use mail::MailCommand;
pub(crate) use officer::{
    OfficerCommand, OfficerInit, OfficerRenew, OfficerSplit, ShareCommand, ShareCount, SharePublish, ShareVerify,
};
pub(crate) use oidc::OidcCommand;
pub(crate) use people::{Credentials, KeyCommand, OrgCommand, TokenCommand, UserCommand};
pub(crate) use settings::{Quota, SettingsCommand};
pub(crate) use vault::{VaultCommand, VaultErase, VaultOfficers, VaultOrder, VaultProbe, VaultServe};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Git hosting that cannot be put out of business by whoever holds the keys of its main site.
#[derive(Parser, Debug)]
#[command(name = "outlast", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Answer in JSON where a script would want it.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a site. With no options: ./outlast-data, SQLite, three practice vaults, http://127.0.0.1:8080.
    Serve(Serve),
    /// Run a vault: an append-only server that keeps what a site must not be able to lose.
    Vault {
        #[command(subcommand)]
        command: VaultCommand,
    },
    /// Rebuild a site from its vaults in an empty directory.
    Recover(Recover),
    /// Look for everything that can be wrong with a site, and say what to do about it.
    Doctor(Data),
    /// Practise a recovery: rebuild the site from its vaults in a throw-away place, compare everything, keep the signed result.
    Drill(Drill),
    /// Print the receipt of a journal entry: the proof that it is in the log and that vaults hold it.
    Receipt {
        /// The entry's number.
        entry: u64,
        #[command(flatten)]
        data: Data,
    },
    /// Check a receipt (a file) offline, or everything that a vault holds.
    Verify(Verify),
    /// For officers: the recovery key in shares, keys to sign orders with, and their rule.
    Officer {
        #[command(subcommand)]
        command: OfficerCommand,
    },
    /// Write an owner, one repository or everything into a directory that git, sha256sum and readers of JSON understand.
    Export(Export),
    /// Take in what `outlast export` wrote on another site, or a repository of another forge by its Git URL.
    Import(Import),
    /// Accounts.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Repositories.
    Repo {
        #[command(subcommand)]
        command: RepoCommand,
    },
    /// Every credential there is: passwords, sessions, tokens, keys, apps, recovery codes, officers' keys; what made it, from where, last use.
    Credentials(Credentials),
    /// SSH keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Set how much an owner, a repository, or every owner may take.
    Quota(Quota),
    /// What is set for the whole site: who makes what, defaults, limits.
    Settings {
        #[command(subcommand)]
        command: SettingsCommand,
    },
    /// Organisations.
    Org {
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// Access tokens.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Orders: guarded acts that wait for officers.
    Order {
        #[command(subcommand)]
        command: guard::OrderCommand,
    },
    /// Shut an intruder out of every door: end all that was made or used since a time, and all that it made; write nothing more.
    Lockdown(guard::Lockdown),
    /// Let a frozen account go on: at the machine only while there is no officers' rule.
    Unfreeze {
        /// The account.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Put back every ref and setting that one account changed since a time, as new entries.
    Restore(guard::Restore),
    /// The journal in words: who did what, when, with what credential, from where. With --json as JSON lines.
    Audit(guard::Audit),
    /// Alarms: what officers must hear of, and where it is posted.
    Alarms {
        #[command(subcommand)]
        command: AlarmsCommand,
    },
    /// Canaries: credentials that nobody has a reason to use.
    Canary {
        #[command(subcommand)]
        command: CanaryCommand,
    },
    /// Authorities whose SSH certificates open the door.
    Authority {
        #[command(subcommand)]
        command: AuthorityCommand,
    },
    /// Providers of OpenID Connect that people may sign in with.
    Oidc {
        #[command(subcommand)]
        command: OidcCommand,
    },
    /// Incidents: what operators tell everybody on the status page.
    Incident {
        #[command(subcommand)]
        command: IncidentCommand,
    },
    /// How the site sends mail.
    Mail {
        #[command(subcommand)]
        command: MailCommand,
    },
    /// Deleted repositories, whole.
    Trash {
        #[command(subcommand)]
        command: guard::TrashCommand,
    },
}

/// The site that a command acts on: it asks the running server, or does the work itself when none runs.
#[derive(Args, Debug, Clone)]
pub(crate) struct Data {
    /// The site's data directory.
    #[arg(long = "data", value_name = "DIR", env = "OUTLAST_DATA", default_value = "./outlast-data")]
    pub(crate) dir: PathBuf,
}

#[derive(Args, Debug, Default)]
pub(crate) struct Serve {
    /// The data directory [default: ./outlast-data, or what the configuration says].
    #[arg(long, value_name = "DIR", env = "OUTLAST_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// A configuration file (TOML); options on the command line win over it.
    #[arg(long, value_name = "FILE", env = "OUTLAST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen for HTTP [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Where to listen for SSH, or `off` [default: 127.0.0.1:2222].
    #[arg(long, value_name = "ADDR")]
    pub(crate) ssh_listen: Option<String>,
    /// The address that people see, used in receipts' links [default: http:// and the listening address].
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// The database: a postgres:// URL [default: SQLite in the data directory].
    #[arg(long, value_name = "URL", env = "OUTLAST_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
    /// A vault to enrol: the text of its site.url, or that file's path. Repeat for each vault.
    #[arg(long, value_name = "URL")]
    pub(crate) vault: Vec<String>,
    /// A vault that the daily drill may read: the text of its recover.url, or that file's path. Repeat for each vault.
    #[arg(long, value_name = "URL")]
    pub(crate) drill_vault: Vec<String>,
    /// An address that webhooks may go to though it is not outside: 127.0.0.1, 10.0.0.7. Repeat for each.
    #[arg(long, value_name = "ADDR")]
    pub(crate) egress_allow: Vec<std::net::IpAddr>,
    /// On first start: what `outlast officer init` made for this site, so that its recovery key is never here.
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_recipient: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Recover {
    /// A vault to recover from: the text of its recover.url, or that file's path. Repeat for each vault.
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) vault: Vec<String>,
    /// The recovery key (recovery-key.txt of the lost site), or a share of it: repeat for each share. `-` asks for a share's words.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// Replace the recovery keys: the signed order (`outlast order show ID --signed FILE`), which each vault's owner was handed too.
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    pub(crate) order: Option<PathBuf>,
    /// With --order and a new key, when no old one is left: the data directory of the site, stopped, whose own keys open its vaults.
    #[arg(long, value_name = "DIR", requires = "order")]
    pub(crate) site: Option<PathBuf>,
    /// An empty or absent directory for the new site.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Stop at a time (RFC 3339) or after an entry number: a read-only view of the past.
    #[arg(long, value_name = "TIME|ENTRY")]
    pub(crate) at: Option<String>,
    /// As if these acts had not been: user=NAME, credential=ENTRY or entries=FIRST..LAST. Repeat for more. Refs and settings are
    /// put back by new entries before anything is served; what others built on them is listed and left.
    #[arg(long, value_name = "ACTS", conflicts_with = "at")]
    pub(crate) without: Vec<String>,
    /// With --without: only acts since this time (RFC 3339).
    #[arg(long, value_name = "TIME", requires = "without")]
    pub(crate) since: Option<String>,
    /// Only say which entries do not replay, and with --without what would be put back; nothing stays in the directory and no vault
    /// hears of it.
    #[arg(long, conflicts_with = "at")]
    pub(crate) dry_run: bool,
    /// Apply nothing of this entry, or of these (FIRST..LAST), and recover everything else: for what was put into the log to keep the
    /// site from coming back. It stays in the log, and the recovered site says for ever that it was skipped. At most 1000 times.
    #[arg(long, value_name = "ENTRY", value_parser = parse_entries, conflicts_with = "at")]
    pub(crate) skip: Vec<(u64, u64)>,
    /// Replay the whole journal instead of loading the lost site's newest snapshot; fill every repository and check every object and ref.
    #[arg(long)]
    pub(crate) full: bool,
    /// Keep sessions and tokens valid. By default all are revoked, because whoever took the old site has them.
    #[arg(long)]
    pub(crate) keep_credentials: bool,
    /// The database of the new site: a postgres:// URL [default: SQLite in the data directory].
    #[arg(long, value_name = "URL", env = "OUTLAST_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
}

/// An entry's number, or the first and the last.
fn parse_entries(text: &str) -> Result<(u64, u64), String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        _ => Err("it is an entry's number, or FIRST..LAST".to_owned()),
    }
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// OWNER, OWNER/NAME, or `everything`.
    pub(crate) subject: String,
    /// The directory; the server writes it. One that an earlier run left is finished.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The directory of an export; the server reads it.
    #[arg(value_name = "DIR", required_unless_present_any = ["from", "owner", "svn_dump", "svn_from"])]
    pub(crate) exported: Option<PathBuf>,
    /// Instead: a repository of another forge, by its Git URL (https://HOST/OWNER/NAME.git).
    #[arg(long, value_name = "URL", conflicts_with = "exported", requires = "to")]
    pub(crate) from: Option<String>,
    /// Or all repositories of an owner there (https://HOST/OWNER), with descriptions and who may see them. Run again it finishes.
    #[arg(long, value_name = "URL", conflicts_with_all = ["exported", "from"], requires = "to")]
    pub(crate) owner: Option<String>,
    /// With --owner: whose API it speaks: gitea, forgejo or github [default: github for github.com, else gitea].
    #[arg(long, value_name = "WORD", requires = "owner")]
    pub(crate) api: Option<String>,
    /// Instead: a repository of Subversion, from what `svnadmin dump` or `svnrdump dump` wrote; the server reads the file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["exported", "from", "owner"], requires = "to")]
    pub(crate) svn_dump: Option<PathBuf>,
    /// Instead: a repository of Subversion, by the URL of its root (https://HOST/PATH).
    #[arg(long, value_name = "URL", conflicts_with_all = ["exported", "from", "owner", "svn_dump"], requires = "to")]
    pub(crate) svn_from: Option<String>,
    /// What it is called here: OWNER/NAME, or with --owner OWNER.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) to: Option<String>,
    /// With --from, --svn-from or --svn-dump: public, internal or private.
    #[arg(long, value_name = "WORD", default_value = "private")]
    pub(crate) visibility: String,
    /// A file with the token, or USER:PASSWORD, that may read it there.
    #[arg(long, value_name = "FILE", conflicts_with = "exported")]
    pub(crate) credential: Option<PathBuf>,
    /// Also from this machine and private networks.
    #[arg(long, conflicts_with = "exported")]
    pub(crate) allow_private: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args, Debug)]
pub(crate) struct Drill {
    /// A vault to drill with: the text of its recover.url, or that file's path. Repeat for each vault [default: those the site may
    /// read].
    #[arg(long, value_name = "URL")]
    pub(crate) vault: Vec<String>,
    /// Without keys: only whether a vault has everything, whole. With --vault from any machine.
    #[arg(long, conflicts_with = "officer")]
    pub(crate) blind: bool,
    /// For a blind drill from any machine: whose orders erase lawfully, as for `outlast verify`.
    #[arg(long, value_name = "FILE", requires = "blind")]
    pub(crate) officers: Option<PathBuf>,
    /// With the recovery key, on a clean machine, without the site.
    #[arg(long, requires = "key")]
    pub(crate) officer: bool,
    /// For an officer drill: the recovery key, or a share of it; repeat for each share.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// Where an officer drill's signed report goes.
    #[arg(long, value_name = "FILE", requires = "officer")]
    pub(crate) out: Option<PathBuf>,
    /// Take the signed report of an officer drill into the site's journal.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["blind", "officer", "vault"])]
    pub(crate) record: Option<PathBuf>,
    /// Show the signed report of an earlier drill, by its entry.
    #[arg(long, value_name = "ENTRY", conflicts_with_all = ["blind", "officer", "vault", "record"])]
    pub(crate) show: Option<u64>,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["file", "vault"])))]
pub(crate) struct Verify {
    /// A receipt, the proof of a fork, or a vault's record of an erasure.
    pub(crate) file: Option<PathBuf>,
    /// A vault to read and check wholly: the text of its recover.url, or that file's path.
    #[arg(long, value_name = "URL")]
    pub(crate) vault: Vec<String>,
    /// The log's and vaults' keys that you trust (a tlog-policy file); without it the receipt's own are shown and used.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// With --vault: the recovery key, to open each entry and blob too.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Whose orders erase lawfully: what `outlast vault officers` wrote, DIR/private/officers of a vault. Without it a blob that was erased
    /// by order counts as missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) officers: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum RepoCommand {
    /// Create a repository.
    Create {
        /// OWNER/NAME
        path: String,
        /// A Git repository (the default).
        #[arg(long, conflicts_with = "svn")]
        git: bool,
        /// A Subversion repository.
        #[arg(long)]
        svn: bool,
        /// Anyone may read it.
        #[arg(long, conflicts_with = "private")]
        public: bool,
        /// Only its owner and collaborators may see it (the default, unless the site's settings say otherwise).
        #[arg(long)]
        private: bool,
        /// Git's object format: sha1 or sha256.
        #[arg(long, default_value = "sha1")]
        object_format: String,
        #[command(flatten)]
        data: Data,
    },
    /// Make a Git repository of a Subversion one, which stays as it is.
    Convert {
        /// OWNER/NAME of the Subversion repository.
        path: String,
        /// OWNER/NAME of the Git repository to be made.
        #[arg(long, value_name = "OWNER/NAME")]
        to: String,
        /// Who the authors are, one a line: name = Full Name <address>. All of them, or no file.
        #[arg(long, value_name = "FILE")]
        authors: Option<PathBuf>,
        /// public, internal or private.
        #[arg(long, default_value = "private")]
        visibility: String,
        #[command(flatten)]
        data: Data,
    },
    /// Delete a repository: into the trash, by an order once the officers' rule is in force.
    Delete {
        /// OWNER/NAME
        path: String,
        #[command(flatten)]
        data: Data,
    },
}
