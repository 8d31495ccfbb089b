//! `outlast vault serve`

use crate::cli::{VaultCommand, VaultServe};
use crate::logging::{self, Format};
use crate::shutdown;
use anyhow::Context as _;
use std::io::Read as _;
use std::process::ExitCode;

pub(crate) async fn run(command: VaultCommand) -> anyhow::Result<ExitCode> {
    let VaultCommand::Serve(options) = command;
    logging::start(Format::Text);
    let stop = stop_signal(options.until_stdin_closes);
    serve(options, stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(options: VaultServe, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let dir = std::path::absolute(&options.dir)?;
    let domain = options.domain.unwrap_or_else(|| options.name.clone());
    let about = vault::About {
        owner: options.owner,
        account: options.account,
        administrator: options.administrator,
        machine: None,
    };
    about.keep(&dir).with_context(|| format!("cannot write {}", dir.display()))?;
    let config = vault::VaultServeConfig {
        dir: dir.clone(),
        listen: options.listen,
        name: options.name,
        domain,
        public_address: options.public_address,
    };
    let running = vault::bind(config).await.with_context(|| format!("cannot serve the vault in {}", dir.display()))?;
    say!("ready https://{}", running.address());
    running.run(stop).await?;
    Ok(())
}

/// A signal; for a vault that a site started, also the end of that site, seen as the end of standard input.
async fn stop_signal(until_stdin_closes: bool) {
    let stdin_closed = async {
        if !until_stdin_closes {
            return std::future::pending().await;
        }
        let (sender, closed) = tokio::sync::oneshot::channel();
        // A thread of its own, which nobody waits for: a read from a terminal can't be cut short.
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(n) if n > 0) {}
            sender.send(()).ok();
        });
        closed.await.ok();
    };
    tokio::select! {
        signal = shutdown::requested() => if let Err(error) = signal {
            tracing::error!(%error, "cannot watch for signals");
        },
        () = stdin_closed => {},
    }
}
