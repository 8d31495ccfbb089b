//! `outlast officer`: what officers do on machines of their own.

mod shares;

use crate::cli::{OfficerCommand, ShareCommand};
use std::process::ExitCode;

pub(crate) async fn run(command: OfficerCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        OfficerCommand::Init(options) => shares::init(&options),
        OfficerCommand::Renew(options) => shares::renew(&options),
        OfficerCommand::Split(options) => shares::split(&options),
        OfficerCommand::Share { command: ShareCommand::Verify(options) } => shares::verify(options, as_json).await,
        OfficerCommand::Share { command: ShareCommand::Publish(options) } => shares::publish(options).await,
        OfficerCommand::Acts(acts) => super::orders::officer(acts, as_json).await,
    }
}
