//! What operators tell everybody on the status page.

use super::Data;
use clap::Subcommand;
use std::path::PathBuf;

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
    /// Write a signed report of what happened since then: each entry in words, with its proof, and each credential that was made or used.
    /// `outlast verify FILE` checks it, offline.
    Report {
        /// Since when, as 2026-11-25T08:00:00Z.
        #[arg(long)]
        since: String,
        /// Where to write it; without, to the standard output.
        #[arg(long)]
        out: Option<PathBuf>,
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
