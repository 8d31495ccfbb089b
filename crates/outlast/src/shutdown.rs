//! When to stop: SIGTERM or SIGINT once for a graceful stop.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT from now on: neither ends the process any more. A second signal, while the graceful stop
/// is under way, does.
pub(crate) fn requested() -> std::io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            tracing::warn!("second signal: stopping at once");
            std::process::exit(130);
        });
    })
}
