//! Alarms, where they are posted, and canaries.

use super::Data;
use clap::Subcommand;

/// What officers must hear of.
#[derive(Subcommand, Debug)]
pub(crate) enum AlarmsCommand {
    /// Alarms that nobody has seen.
    List {
        /// Also those that were seen.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Say that an alarm was seen.
    Seen {
        /// Its number.
        id: u64,
        #[command(flatten)]
        data: Data,
    },
    /// Where alarms are posted.
    Webhooks(Data),
    /// Post alarms to an address from now on. Prints the secret that deliveries are signed with, once.
    WebhookAdd {
        /// https://HOST/PATH; http and addresses that are not outside only as the configuration's egress_allow lists them.
        url: String,
        #[command(flatten)]
        data: Data,
    },
    /// Post alarms to an address no more.
    WebhookRemove {
        /// Its number.
        id: u64,
        #[command(flatten)]
        data: Data,
    },
}

/// Credentials that nobody has a reason to use: whoever tries one is refused as ever, and told of to the officers.
#[derive(Subcommand, Debug)]
pub(crate) enum CanaryCommand {
    /// Make one, and print it: put it where an intruder looks.
    Make {
        /// What it looks like: token or ssh-key.
        #[arg(long, default_value = "token")]
        kind: String,
        /// Where it is put, for whoever hears it.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        data: Data,
    },
    /// Those in use.
    List(Data),
    /// Take one in.
    Remove {
        /// Its number.
        id: u64,
        #[command(flatten)]
        data: Data,
    },
}
