//! How the site sends mail.

use super::Data;
use clap::Subcommand;

/// Mail.
#[derive(Subcommand, Debug)]
pub(crate) enum MailCommand {
    /// Send mail by this server from now on.
    Set {
        /// The mail server: mail.example.org.
        #[arg(long)]
        host: String,
        /// Its port [default: 465 for tls, 587 for starttls, 25 for none].
        #[arg(long)]
        port: Option<u16>,
        /// How the connection is protected: tls, starttls, or none for a server on this very machine.
        #[arg(long, default_value = "starttls")]
        security: String,
        /// The name to sign in with there.
        #[arg(long, default_value = "")]
        login: String,
        /// Read the password from standard input; without it the one that is set stays.
        #[arg(long)]
        password_stdin: bool,
        /// The address that mail comes from.
        #[arg(long, value_name = "ADDRESS")]
        from: String,
        #[command(flatten)]
        data: Data,
    },
    /// Send no mail from now on.
    Off(Data),
    /// How mail is sent, and how that goes.
    Show(Data),
    /// Send a message, to see whether mail arrives.
    Test {
        /// To whom.
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        #[command(flatten)]
        data: Data,
    },
}
