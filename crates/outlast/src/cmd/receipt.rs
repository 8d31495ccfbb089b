//! `outlast receipt ENTRY`

use crate::{admin, cli};
use hyper::Method;
use std::io::Write as _;
use std::process::ExitCode;

pub(crate) async fn run(entry: u64, data: &cli::Data) -> anyhow::Result<ExitCode> {
    let bytes = admin::call(data, Method::GET, &format!("/api/v1/admin/receipts/{entry}"), None).await?;
    std::io::stdout().write_all(&bytes)?;
    Ok(ExitCode::SUCCESS)
}
