//! Outlast: a self-hosted home for code that is still there the morning after.
//!
//! This crate is the one binary: command line, configuration, wiring. Everything that decides or stores lives in the
//! crates below it. Exit status 0 means that what was asked for was done; every error is one line on stderr that says
//! what to do next.

/// Prints a line on stdout. Whoever reads it may stop reading: `outlast verify FILE | head` is no failure.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod admin;
mod cli;
mod cmd;
mod config;
mod logging;
mod paper;
mod practice;
mod shutdown;
mod site;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(json, &anyhow::Error::new(error).context("cannot start the async runtime")),
    };
    let outcome = runtime.block_on(cmd::run(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(code) => code,
        Err(error) => fail(json, &error),
    }
}

/// Says what went wrong in one line on stderr; with `--json` as an object, for scripts.
fn fail(json: bool, error: &anyhow::Error) -> ExitCode {
    let text = format!("{error:#}");
    if json {
        eprintln!("{}", serde_json::json!({ "error": text }));
    } else {
        eprintln!("outlast: {text}");
    }
    ExitCode::FAILURE
}
