//! Logs: one line an event on stderr, text for people or JSON for machines.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// Starts logging; `OUTLAST_LOG` filters, in tracing's syntax (`info`, `forge=debug,info`, ...).
pub(crate) fn start(format: Format) {
    let filter = EnvFilter::try_from_env("OUTLAST_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (a command that runs a site in-process) keeps the first one's settings.
    let started = match format {
        Format::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        Format::Json => builder.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already set up");
    }
}
