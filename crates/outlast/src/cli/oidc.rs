//! With whom people may sign in.

use super::Data;
use clap::Subcommand;

/// Providers of OpenID Connect.
#[derive(Subcommand, Debug)]
pub(crate) enum OidcCommand {
    /// Let people sign in with a provider, or set one anew. Prints the address it must send people back to.
    Add {
        /// Its name in addresses: lower-case letters, digits and hyphens.
        name: String,
        /// The issuer, as the provider writes it: <https://id.example.org>.
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// What this site is called there.
        #[arg(long)]
        client_id: String,
        /// Read the client's secret from standard input; without it the client has none.
        #[arg(long)]
        secret_stdin: bool,
        /// What people read on the button [default: the name].
        #[arg(long, default_value = "")]
        label: String,
        /// Let whom it knows, and nobody here, make an account.
        #[arg(long)]
        register: bool,
        /// A machine besides the issuer's that the site may ask. Repeat for each.
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
    /// List the providers.
    List(Data),
    /// Take a provider away. Works also when no vault can be reached.
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}
