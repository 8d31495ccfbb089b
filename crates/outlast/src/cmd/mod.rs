//! One file for each command.

mod account;
mod alarms;
mod authority;
mod credentials;
mod doctor;
mod drill;
mod erasure;
mod export;
mod incident;
mod key;
mod lockdown;
mod mail;
mod officer;
mod oidc;
mod orders;
mod receipt;
mod recover;
mod serve;
mod settings;
mod signing;
mod vault;
mod vault_orders;
mod verify;

use crate::cli::{Cli, Command};
use std::process::ExitCode;

/// Does what the command line asks.
///
/// # Errors
/// One line that says what happened and what to do next.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let json = cli.json;
    match cli.command {
        Command::Serve(options) => serve::run(&options).await,
        Command::Vault { command } => vault::run(command, json).await,
        Command::Recover(options) => recover::run(options, json).await,
        Command::Doctor(data) => doctor::run(&data, json).await,
        Command::Officer { command } => officer::run(command, json).await,
        Command::Export(options) => export::export(&options, json).await,
        Command::Import(options) => export::import(&options, json).await,
        Command::Drill(options) => drill::run(options, json).await,
        Command::Receipt { entry, data } => receipt::run(entry, &data).await,
        Command::Verify(options) => verify::run(options, json).await,
        Command::User { command } => account::user(command, json).await,
        Command::Repo { command } => account::repo(command, json).await,
        Command::Credentials(options) => credentials::run(options, json).await,
        Command::Key { command } => key::run(command, json).await,
        Command::Quota(quota) => account::quota(quota, json).await,
        Command::Settings { command } => settings::run(command, json).await,
        Command::Org { command } => account::org(command, json).await,
        Command::Token { command } => account::token(command, json).await,
        Command::Order { command } => orders::order(command, json).await,
        Command::Lockdown(options) => lockdown::lockdown(options, json).await,
        Command::Unfreeze { name, data } => lockdown::unfreeze(&name, &data, json).await,
        Command::Restore(options) => lockdown::restore(options, json).await,
        Command::Audit(options) => lockdown::audit(options, json).await,
        Command::Alarms { command } => alarms::alarms(command, json).await,
        Command::Canary { command } => alarms::canary(command, json).await,
        Command::Oidc { command } => oidc::run(command, json).await,
        Command::Incident { command } => incident::run(command, json).await,
        Command::Authority { command } => authority::run(command, json).await,
        Command::Mail { command } => mail::run(command, json).await,
        Command::Trash { command } => orders::trash(command, json).await,
    }
}
