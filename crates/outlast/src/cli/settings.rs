//! What operators set.

use super::Data;
use clap::{Args, Subcommand};

/// How much somebody or something may take. What is not given is the default.
#[derive(Args, Debug)]
pub(crate) struct Quota {
    /// OWNER, or OWNER/NAME for one repository; without it: every owner for which nothing else is set.
    pub(crate) subject: Option<String>,
    /// The subject is a repository: OWNER/NAME.
    #[arg(long)]
    pub(crate) repository: bool,
    /// Repositories of the owner.
    #[arg(long, value_name = "N")]
    pub(crate) repositories: Option<u64>,
    /// Bytes of all repositories of the owner together, or of the repository.
    #[arg(long, value_name = "N")]
    pub(crate) bytes: Option<u64>,
    /// Bytes of each repository of the owner.
    #[arg(long, value_name = "N")]
    pub(crate) repository_bytes: Option<u64>,
    #[command(flatten)]
    pub(crate) data: Data,
}

/// What is set for the whole site; in force at once.
#[derive(Subcommand, Debug)]
pub(crate) enum SettingsCommand {
    /// Every setting: its value, and a star where somebody has set it.
    List(Data),
    /// Print a setting's value, alone.
    Get {
        /// The setting, as site.name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Give a setting a value.
    Set {
        /// The setting, as site.name.
        name: String,
        /// The value: a size is written as 10 GiB.
        value: String,
        #[command(flatten)]
        data: Data,
    },
    /// Give a setting its default again.
    Reset {
        /// The setting, as site.name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}
