//! Guarded acts: officers, orders, the trash.

use super::Data;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What an officer does on a machine of their own, and what is set about officers at the site's.
#[derive(Subcommand, Debug)]
pub(crate) enum OfficerActs {
    /// On the officer's machine: make a key to sign orders with. Prints its public half, to be enrolled.
    Key {
        /// Where the secret half goes: a new file, readable by its owner alone.
        #[arg(long, value_name = "FILE", default_value = "officer-key.txt")]
        out: PathBuf,
        /// Encrypt the file with a passphrase, read from standard input (the age format).
        #[arg(long)]
        passphrase_stdin: bool,
    },
    /// On the officer's machine: read an order, say what it does, ask, and sign it.
    Sign(Signing),
    /// On the officer's machine: the same, to stop the order.
    Veto(Signing),
    /// At the site's machine: make an account an officer. An order, once the officers' rule is in force.
    Appoint {
        /// The account.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Let an account be an officer no longer. An order, once the officers' rule is in force.
    Dismiss {
        /// The account.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Enrol an officer's public key. An order, once the officers' rule is in force.
    Enrol {
        /// The officer's account.
        name: String,
        /// The public key that `outlast officer key` printed.
        key: String,
        /// What the key is called.
        #[arg(long, default_value = "key")]
        label: String,
        #[command(flatten)]
        data: Data,
    },
    /// At the site's machine, once: make these accounts the officers, each with a key, and put their rule in force, for ever.
    Found {
        /// Officers who must sign; there must be one more than that.
        #[arg(long, value_name = "M")]
        needed: u32,
        /// How long an order waits, from its filing on: 72h, 3d.
        #[arg(long, default_value = "72h")]
        delay: String,
        /// An account, and the public key that `outlast officer key` printed for it.
        #[arg(required = true, value_name = "NAME=KEY")]
        officers: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Set how many officers must sign an order and how long it waits. The first time, this puts the guard in force, for ever.
    Rule {
        /// Officers who must sign; there must be one more than that with a key.
        #[arg(long, value_name = "M")]
        needed: u32,
        /// How long an order waits, from its filing on: 72h, 3d.
        #[arg(long, default_value = "72h")]
        delay: String,
        #[command(flatten)]
        data: Data,
    },
    /// Ask for other recovery keys: an order, which the officers sign with keys of their own and which is carried to each vault's owner.
    Rotate {
        /// recovery-public.txt of each recovery key that there is to be.
        #[arg(required = true, value_name = "FILE")]
        public: Vec<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// The officers, their keys and their rule.
    List(Data),
}

/// What is signed, and with what.
#[derive(Args, Debug)]
pub(crate) struct Signing {
    /// The order: the file that the order's page or `outlast order show ID --out FILE` gives.
    pub(crate) order: PathBuf,
    /// The secret key that `outlast officer key` made.
    #[arg(long, value_name = "FILE", default_value = "officer-key.txt")]
    pub(crate) key: PathBuf,
    /// The key is encrypted: its passphrase is the first line of standard input.
    #[arg(long)]
    pub(crate) passphrase_stdin: bool,
    /// Sign without asking: for scripts that have shown the order themselves.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Orders: guarded acts that wait for officers.
#[derive(Subcommand, Debug)]
pub(crate) enum OrderCommand {
    /// Orders that wait.
    List {
        /// Also those that are closed.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Ask for an act that is only ever done by an order: user-delete NAME, organisation-delete PATH, trash-empty NUMBER,
    /// factors-optional, factor-remove NUMBER, organisation-factors-optional PATH, export SUBJECT, ref-rewrite OWNER/NAME --ref REF
    /// [--to ID], vault-enrol NAME, vault-retire NAME, vault-domain NAME --to DOMAIN, erase NUMBER|OWNER/NAME.
    Ask {
        /// What is to be done.
        act: String,
        /// To what.
        #[arg(default_value = "")]
        subject: String,
        /// For ref-rewrite: the branch or tag, by its full name.
        #[arg(long = "ref", value_name = "REF", default_value = "")]
        reference: String,
        /// For ref-rewrite: the commit it shall be at, where another ref is. Without it the ref is deleted. For vault-domain: the trust
        /// domain.
        #[arg(long, value_name = "ID", default_value = "")]
        to: String,
        #[command(flatten)]
        data: Data,
    },
    /// One order, in words.
    Show {
        /// Its number.
        id: u64,
        /// Write the order itself there, for `outlast officer sign`.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Once it was carried out, write it there with its signatures: for the vaults' owners and `outlast recover --order`.
        #[arg(long, value_name = "FILE")]
        signed: Option<PathBuf>,
        /// Of an order to erase: write the list of what is erased there, for officers to read and for the vaults' owners.
        #[arg(long, value_name = "FILE")]
        list: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// Hand over an officer's signature.
    Sign(Handed),
    /// Hand over an officer's veto.
    Veto(Handed),
}

/// A signature that an officer made elsewhere.
#[derive(Args, Debug)]
pub(crate) struct Handed {
    /// The order's number.
    pub(crate) id: u64,
    /// The line that `outlast officer sign` or `outlast officer veto` printed.
    pub(crate) signature: String,
    /// For a veto: why.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: Data,
}

/// What was deleted, whole.
#[derive(Subcommand, Debug)]
pub(crate) enum TrashCommand {
    /// What is in it.
    List(Data),
    /// Bring something back, with all that went with it.
    Restore {
        /// Its number in the list.
        id: u64,
        /// Another name for a repository, when its own is taken by now.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        data: Data,
    },
}

/// Shutting an intruder out.
#[derive(Args, Debug)]
pub(crate) struct Lockdown {
    /// When the intruder came, at the latest: 2026-11-25T08:00:00Z. Without it only sessions end.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Show what would be ended, and end nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Lift the lockdown: an order, once the officers' rule is in force; it does not wait.
    #[arg(long, conflicts_with_all = ["since", "dry_run"])]
    pub(crate) lift: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

/// Which entries.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    /// Only what this account did.
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Only events of this kind: Pushed, TokenCreated (docs/formats/events.md).
    #[arg(long, value_name = "EVENT")]
    pub(crate) kind: Option<String>,
    /// Only entries since then.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only entries before then.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only entries from this number on.
    #[arg(long, value_name = "ENTRY", default_value_t = 0)]
    pub(crate) from: u64,
    /// Go on with what comes.
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

/// Whose acts are put back.
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// The account.
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: String,
    /// Since when: 2026-11-25T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: String,
    /// Show what would be put back, and put nothing back.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}
