//! Accounts, what opens them, and organisations.

use super::Data;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum UserCommand {
    /// Create an account.
    Create {
        /// The name, as it will stand in addresses.
        name: String,
        /// Where mail for this account goes.
        #[arg(long)]
        email: String,
        /// Read the password from standard input; without it the account has none and uses tokens.
        #[arg(long)]
        password_stdin: bool,
        /// Make the account an officer.
        #[arg(long)]
        officer: bool,
        /// Make the account an operator.
        #[arg(long)]
        operator: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Make a link by which somebody who has forgotten their password sets another: good once, for a day, not for officers and
    /// operators. It is told to them by mail.
    ResetPassword {
        /// The account.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Require a second factor of everybody: who has none sees nothing private, by any door, until they have one.
    RequireFactor {
        #[command(flatten)]
        data: Data,
    },
    /// Make an account an auditor, who reads the log.
    Grant {
        /// The account.
        name: String,
        /// The role: auditor.
        role: String,
        #[command(flatten)]
        data: Data,
    },
    /// Take that role away. Works also when no vault can be reached.
    Revoke {
        /// The account.
        name: String,
        /// The role: auditor.
        role: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Credentials {
    /// Only those made since this time (RFC 3339) or this entry of the journal.
    #[arg(long, value_name = "TIME|ENTRY")]
    pub(crate) since: Option<String>,
    /// Only this account's.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Subcommand, Debug)]
pub(crate) enum KeyCommand {
    /// Add a public SSH key to an account.
    Add {
        /// Whose key.
        user: String,
        /// The file whose name ends in .pub, or `-` for standard input.
        file: PathBuf,
        /// What it is called [default: what stands behind the key].
        #[arg(long, default_value = "")]
        name: String,
        /// How long it lasts: 90d, 12h [default: 365d].
        #[arg(long)]
        expires: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    /// List an account's keys: number, fingerprint, name.
    List {
        /// Whose keys.
        user: String,
        #[command(flatten)]
        data: Data,
    },
    /// Remove a key, also a repository's. Works also when no vault can be reached.
    Remove {
        /// The key's number.
        key: u64,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum OrgCommand {
    /// Create an organisation: a namespace of many people.
    Create {
        /// The name, as it will stand in addresses; GROUP/NAME lies in another organisation.
        path: String,
        /// The account that is its first owner.
        #[arg(long)]
        owner: String,
        /// Anyone may see that it is there.
        #[arg(long, conflicts_with = "private")]
        public: bool,
        /// Only those who belong to it may see that it is there (the default).
        #[arg(long)]
        private: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Make an account a member of an organisation.
    Add {
        /// The organisation.
        path: String,
        /// The account.
        user: String,
        /// Make it an owner.
        #[arg(long)]
        owner: bool,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum TokenCommand {
    /// Make an access token; it is printed once, alone, on standard output.
    Create {
        /// Whose token.
        user: String,
        /// What it may do, separated by commas: repo:read, repo:write, repo:create, org:write, access, user:read, user:write, admin.
        #[arg(long, value_delimiter = ',', required = true)]
        scope: Vec<String>,
        /// How long it lasts: 30d, 12h [default: 366d, which is also the most].
        #[arg(long)]
        expires: Option<String>,
        /// A repository it is for, OWNER/NAME. Repeat for each [default: all that its owner may use].
        #[arg(long, value_name = "OWNER/NAME")]
        repo: Vec<String>,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Revoke a token. Works also when no vault can be reached.
    Revoke {
        /// The token's number, or the token itself on standard input when this is `-`.
        token: String,
        #[command(flatten)]
        data: Data,
    },
}
