//! Whose SSH certificates are trusted.

use super::Data;
use clap::Subcommand;
use std::path::PathBuf;

/// SSH certificate authorities.
#[derive(Subcommand, Debug)]
pub(crate) enum AuthorityCommand {
    /// Trust an authority: certificates that it signs let in whom they name. Prints its id.
    Add {
        /// The file with its public key; - is standard input.
        file: PathBuf,
        /// For this organisation alone; without it for the whole site, while there is no officers' rule.
        #[arg(long, value_name = "ORGANISATION")]
        org: Option<String>,
        /// What people call it [default: its fingerprint].
        #[arg(long, default_value = "")]
        name: String,
        /// How long a certificate may be good at most [default: 24h].
        #[arg(long, value_name = "DURATION")]
        age_max: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    /// List the authorities that are trusted.
    List(Data),
    /// Trust an authority no more. Works also when no vault can be reached.
    Remove {
        /// Its id.
        id: u64,
        #[command(flatten)]
        data: Data,
    },
    /// Revoke certificates of an authority's, by number or by name. Works also when no vault can be reached.
    Revoke {
        /// The authority's id.
        id: u64,
        /// The certificate's number (ssh-keygen -z).
        #[arg(long, required_unless_present = "key_id", conflicts_with = "key_id")]
        serial: Option<u64>,
        /// The certificate's name (ssh-keygen -I).
        #[arg(long)]
        key_id: Option<String>,
        #[command(flatten)]
        data: Data,
    },
}
