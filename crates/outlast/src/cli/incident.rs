//! What operators tell everybody on the status page.

use super::Data;
use clap::Subcommand;

/// Incidents: what operators tell everybody on the status page.
#[derive(Subcommand, Debug)]
pub(crate) enum IncidentCommand {
    /// Those that are not over, and the last that are.
    List(Data),
    /// Tell of an incident. Prints its number.
    Open {
        /// What it is, in a few words.
        title: String,
        /// What is known.
        text: String,
        #[command(flatten)]
        data: Data,
    },
    /// Tell more of it. One that was over is not any more.
    Note {
        /// Its number.
        id: u64,
        /// What is known now.
        text: String,
        #[command(flatten)]
        data: Data,
    },
    /// Tell that it is over.
    Close {
        /// Its number.
        id: u64,
        /// What it was.
        text: String,
        #[command(flatten)]
        data: Data,
    },
}
