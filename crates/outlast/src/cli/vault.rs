//! `outlast vault`: one vault, and attacks on a store.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum VaultCommand {
    /// Serve one vault from a directory of this machine, or from a bucket with Object Lock.
    Serve(Box<VaultServe>),
    /// Attack a store before trusting it: try to delete, overwrite, shorten and weaken, and say what held.
    Probe(VaultProbe),
    /// On a vault's own machine: write down whom its owner takes orders from. Nobody else can.
    Officers(VaultOfficers),
    /// On a vault's own machine: hand it a signed order, or an officer's veto. An order waits for the delay, in the vault's running time.
    Order(VaultOrder),
    /// On a vault's own machine, with the vault stopped: carry out an erasure that officers ordered, and keep the signed record of what was
    /// erased. The only command that takes anything out of a vault.
    Erase(VaultErase),
}

#[derive(Args, Debug)]
pub(crate) struct VaultOfficers {
    /// The vault's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// How many of them must sign an order.
    #[arg(long, value_name = "M")]
    pub(crate) needed: usize,
    /// How long an order waits, in time that this vault runs: 72h, 3d.
    #[arg(long, default_value = "72h")]
    pub(crate) delay: String,
    /// Each officer's name and public key (`outlast officer key` prints it), as the officer told it to the owner.
    #[arg(required = true, value_name = "NAME=KEY")]
    pub(crate) officers: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct VaultOrder {
    /// What `outlast order show ID --signed FILE` wrote at the site, or the line that `outlast officer veto` printed.
    #[arg(value_name = "FILE|VETO")]
    pub(crate) order: String,
    /// For an erasure: the list of what goes, which `outlast order show ID --list FILE` wrote at the site.
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    /// The vault's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct VaultErase {
    /// The signed order that was handed over with `outlast vault order`, or its SHA-256.
    #[arg(value_name = "FILE|HASH")]
    pub(crate) order: String,
    /// The vault's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The bucket, for a vault that is served with --s3. What is locked there goes when its lock has run out: carry out the order again then.
    #[arg(long, value_name = "URL", env = "OUTLAST_S3")]
    pub(crate) s3: Option<String>,
    /// The bucket's credentials, as for `outlast vault serve`.
    #[arg(long, value_name = "FILE")]
    pub(crate) s3_credentials: Option<PathBuf>,
    /// Write the record here too: `outlast verify FILE` checks it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct VaultProbe {
    /// A bucket (https://HOST/BUCKET/PREFIX), a running vault (its site.url or recover.url), or a directory.
    #[arg(value_name = "URL|DIR")]
    pub(crate) target: String,
    /// The bucket's credentials: lines aws_access_key_id = ... and aws_secret_access_key = ... [default: the variables
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY].
    #[arg(long, value_name = "FILE")]
    pub(crate) s3_credentials: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct VaultServe {
    /// The vault's directory. On first start site.url and recover.url are written here.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Keep what sites give in a bucket with Object Lock, in the vault owner's account; keys stay in --dir:
    /// https://HOST/BUCKET/PREFIX?region=REGION&lock-days=400
    #[arg(long, value_name = "URL", env = "OUTLAST_S3")]
    pub(crate) s3: Option<String>,
    /// The bucket's credentials: lines aws_access_key_id = ... and aws_secret_access_key = ... [default: the variables
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY].
    #[arg(long, value_name = "FILE")]
    pub(crate) s3_credentials: Option<PathBuf>,
    /// Where to listen for TLS.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9443")]
    pub(crate) listen: String,
    /// The name sites know this vault by: letters, digits, dots and dashes.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Who could destroy this vault: vaults with the same trust domain count as one copy, when most of them
    /// have signed [default: the name].
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: Option<String>,
    /// The address that sites reach this vault by, when it differs from --listen (HOST:PORT).
    #[arg(long, value_name = "ADDR")]
    pub(crate) public_address: Option<String>,
    /// Who owns this vault. Said to sites, which look for vaults that only seem to be apart; kept for later starts.
    #[arg(long, value_name = "WORDS")]
    pub(crate) owner: Option<String>,
    /// The account its machine is paid from.
    #[arg(long, value_name = "WORDS")]
    pub(crate) account: Option<String>,
    /// Who may log in on its machine.
    #[arg(long, value_name = "WORDS")]
    pub(crate) administrator: Option<String>,
    /// How many bytes a site may bring in a day (of this vault's running) before it is slowed down; entries go first.
    #[arg(long, value_name = "BYTES", default_value_t = ::vault::Budget::default().bytes_day_max)]
    pub(crate) daily_bytes: u64,
    /// How many blobs a site may bring in a day before it is slowed down.
    #[arg(long, value_name = "COUNT", default_value_t = ::vault::Budget::default().objects_day_max)]
    pub(crate) daily_objects: u64,
    /// Raise an alarm when the site has been silent for so many minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub(crate) silent_minutes: u64,
    /// Raise an alarm when the site has shown no full drill, or has written nothing, for so many hours of this vault's running.
    #[arg(long, value_name = "HOURS", default_value_t = 26)]
    pub(crate) overdue_hours: u64,
    /// Another vault of the same site: the text of its public.url, or that file's path. What it signs is compared with what is
    /// here; a fork is an alarm, and its proof is served at /fork. Repeat for each.
    #[arg(long, value_name = "URL")]
    pub(crate) peer: Vec<String>,
    /// Where this vault's own alarms are posted as JSON: https://HOST/PATH
    #[arg(long, value_name = "URL", env = "OUTLAST_VAULT_WEBHOOK", hide_env_values = true)]
    pub(crate) webhook: Option<String>,
    /// Serve the status page here without TLS too, for a proxy in front or a local network.
    #[arg(long, value_name = "ADDR")]
    pub(crate) status_listen: Option<String>,
    /// Stop when standard input closes: a vault started by a site ends with it.
    #[arg(long, hide = true)]
    pub(crate) until_stdin_closes: bool,
}
