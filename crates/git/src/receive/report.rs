//! What a client is told: words while it waits, and what became of each ref at the end.

use super::commands::{Capabilities, PushRequest};
use crate::pkt::{self, Band};
use crate::upload::Answer;
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often a client that waits is told that somebody is still there. Git's own server does it as often.
pub(crate) const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Reporter {
    sender: mpsc::Sender<Bytes>,
    side_band: bool,
    report_status: bool,
}

impl Reporter {
    pub(crate) fn new(sender: mpsc::Sender<Bytes>, capabilities: &Capabilities) -> Self {
        Self { sender, side_band: capabilities.side_band, report_status: capabilities.report_status }
    }

    async fn send(&self, bytes: Vec<u8>) {
        // A client that has gone away hears nothing; the push goes on.
        let _ = self.sender.send(bytes.into()).await;
    }

    /// Waits for `work`, and tells the client now and then that it does.
    pub(crate) async fn keep_alive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(KEEP_ALIVE_EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) if self.side_band => {
                    let mut out = Vec::new();
                    pkt::write_band(&mut out, Band::Progress, b"");
                    self.send(out).await;
                }
                Err(_) => {}
            }
        }
    }

    /// Words for the person who pushes, when the client can show them. Control characters are taken out.
    pub(crate) async fn say(&self, band: Band, text: &str) {
        if self.side_band {
            let clean = text.replace(|c: char| c.is_control() && c != '\n', " ");
            let mut out = Vec::new();
            pkt::write_band(&mut out, band, clean.as_bytes());
            self.send(out).await;
        }
    }

    /// The end: whether the pack was good, and each ref.
    pub(crate) async fn report(
        &self,
        unpacked: Result<(), String>,
        request: &PushRequest,
        verdicts: &[Result<(), String>],
    ) {
        if let Err(words) = &unpacked {
            self.say(Band::Progress, &format!("outlast: {words}\n")).await;
        }
        let mut report = Vec::new();
        if self.report_status {
            report = render(&unpacked, request, verdicts);
        }
        let mut out = Vec::new();
        if self.side_band {
            if !report.is_empty() {
                pkt::write_band(&mut out, Band::Data, &report);
            }
            pkt::write_flush(&mut out);
        } else {
            out = report;
        }
        self.send(out).await;
    }
}

/// The whole answer to a request that is no push, or over a limit: what the client prints as the remote's.
pub(super) fn failure(capabilities: &Capabilities, words: &str) -> Answer {
    let mut out = Vec::new();
    if capabilities.side_band {
        pkt::write_band(&mut out, Band::Error, format!("outlast: {}\n", one_line(words)).as_bytes());
        pkt::write_flush(&mut out);
    } else {
        out = pkt::error_line(words);
    }
    Box::pin(futures_util::stream::iter([Ok(out.into())]))
}

fn one_line(words: &str) -> String {
    words.replace(char::is_control, " ")
}

fn render(unpacked: &Result<(), String>, request: &PushRequest, verdicts: &[Result<(), String>]) -> Vec<u8> {
    let mut out = Vec::new();
    match unpacked {
        Ok(()) => pkt::write_text(&mut out, "unpack ok"),
        Err(words) => pkt::write_text(&mut out, &format!("unpack {}", one_line(words))),
    }
    for (command, verdict) in request.commands.iter().zip(verdicts) {
        match verdict {
            Ok(()) => pkt::write_text(&mut out, &format!("ok {}", command.name)),
            Err(words) => pkt::write_text(&mut out, &format!("ng {} {}", one_line(&command.name), one_line(words))),
        }
    }
    pkt::write_flush(&mut out);
    out
}
