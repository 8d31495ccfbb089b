//! What a vault tells everybody: a page, the same as JSON, and metrics. No secrets, and alive when the site is not.

use super::alarms::Open;
use super::{AlarmKind, DrillSeen, Incident};
use crate::server::PeerSeen;
use askama::Template;
use base64::Engine as _;
use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::{family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;
use serde_json::json;
use sha2::Digest as _;

const STYLE: &str = include_str!("../../templates/status.css");

/// What is told, as it is now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) now_s: u64,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) store: &'static str,
    pub(crate) origin: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) size: u64,
    pub(crate) root: String,
    pub(crate) damaged: Option<String>,
    /// What officers had erased here: the order, when, and how many blobs still wait.
    pub(crate) erasures: Vec<(String, u64, usize)>,
    pub(crate) started_s: u64,
    pub(crate) uptime_s: u64,
    pub(crate) last_batch_s: Option<u64>,
    pub(crate) last_contact_s: Option<u64>,
    /// When the store was attacked last, how many attacks it withstood, and what fell.
    pub(crate) probe: Option<(u64, usize, Vec<String>)>,
    /// The last full drill that the site showed.
    pub(crate) drill: Option<DrillSeen>,
    /// What its operators tell.
    pub(crate) incidents: Vec<Incident>,
    /// Other vaults of the site, and what was seen of them.
    pub(crate) peers: Vec<(String, PeerSeen)>,
    pub(crate) alarms: Vec<(AlarmKind, Open)>,
    pub(crate) raised: Vec<(AlarmKind, u64)>,
    pub(crate) slowed: bool,
    pub(crate) bytes_today: u64,
    pub(crate) bytes_day_max: u64,
    pub(crate) objects_today: u64,
    pub(crate) objects_day_max: u64,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) strangers: u64,
}

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    style: &'a str,
    report: &'a Report,
}

impl Report {
    fn is_well(&self) -> bool {
        self.damaged.is_none() && self.alarms.is_empty()
    }

    /// In words.
    fn state(&self) -> &'static str {
        match (&self.damaged, self.alarms.is_empty(), &self.origin) {
            (Some(_), _, _) => "signs nothing",
            (None, false, _) => "holds, with an open alarm",
            (None, true, None) => "waits for its site",
            (None, true, Some(_)) => "holds",
        }
    }

    fn share(&self) -> u64 {
        self.bytes_today.saturating_mul(100) / self.bytes_day_max.max(1)
    }

    fn when(&self, at: &Option<u64>) -> String {
        let Some(at) = at else { return "not since this vault was started".to_owned() };
        format!("{} ago", span(self.now_s.saturating_sub(*at)))
    }

    fn time(&self, at: &u64) -> String {
        time(*at)
    }

    fn time_us(&self, at_us: &u64) -> String {
        time_us(*at_us)
    }

    fn running(&self) -> String {
        span(self.uptime_s)
    }

    fn drilled(&self, drill: &DrillSeen) -> String {
        let found = match drill.differences {
            0 => "everything came back".to_owned(),
            differences => format!("{differences} differences"),
        };
        format!(
            "{found}: {} entries and {} repositories; the recovered site answered after {} and was whole after {}",
            drill.through,
            drill.repositories,
            span_ms(drill.answers_ms),
            span_ms(drill.whole_ms)
        )
    }

    fn audited(&self, peer: &PeerSeen) -> String {
        match (&peer.audited, &peer.audit_error) {
            (_, Some(error)) => format!("; it proves nothing to this vault: {error}"),
            (None, None) => String::new(),
            (Some((at_s, found)), None) => {
                let erased =
                    if found.erased > 0 { format!(", {} erased there by order", found.erased) } else { String::new() };
                let has = found.asked - found.lacks.len() - found.erased - found.own_missing.len();
                format!("; {} it proved to have {has} of {} blobs{erased}", time(*at_s), found.asked)
            }
        }
    }

    fn free(&self) -> String {
        self.free_bytes.map_or("no bound".to_owned(), |bytes| format!("{} free", size(bytes)))
    }

    fn size(&self, bytes: &u64) -> String {
        size(*bytes)
    }
}

fn time(at: u64) -> String {
    let time = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
    time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
}

fn time_us(at_us: u64) -> String {
    time(at_us / 1_000_000)
}

fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn span_ms(ms: u64) -> String {
    if ms < 120_000 { format!("{}.{} s", ms / 1000, ms % 1000 / 100) } else { span(ms / 1000) }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// The page, and the policy that lets its style in and nothing else.
pub(crate) fn html(report: &Report) -> (String, String) {
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE.as_bytes()));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'");
    match (Page { style: STYLE, report }).render() {
        Ok(page) => (page, policy),
        Err(error) => {
            tracing::error!(%error, "cannot render the status page");
            ("<!doctype html><title>vault</title><p>See /status.json".to_owned(), policy)
        }
    }
}

/// The same for programs.
pub(crate) fn json(report: &Report) -> String {
    let Report { name, domain, store, origin, epoch, size, root, damaged, .. } = report;
    let alarm = |(kind, open): &(AlarmKind, Open)| json!({ "alarm": kind.as_str(), "since": time(open.since_s), "count": open.count, "detail": open.text });
    let drill = report.drill.as_ref().map(|drill| {
        json!({
            "started": time(drill.started_us / 1_000_000), "entries": drill.through, "answers_ms": drill.answers_ms,
            "whole_ms": drill.whole_ms, "data_age_ms": drill.data_age_ms, "repositories": drill.repositories,
            "differences": drill.differences,
        })
    });
    let audit = |peer: &PeerSeen| {
        peer.audited.as_ref().map(|(at_s, found)| {
            json!({ "at": time(*at_s), "asked": found.asked, "lacks": found.lacks.len(), "erased": found.erased, "problem": peer.audit_error })
        })
    };
    let peer = |(name, peer): &(String, PeerSeen)| json!({ "name": name, "entries": peer.size, "asked": (peer.asked_s > 0).then(|| time(peer.asked_s)), "problem": peer.error, "audit": audit(peer) });
    let erasure = |(order, at_s, waiting): &(String, u64, usize)| json!({ "order": order, "at": time(*at_s), "waiting": waiting });
    let probe = report.probe.as_ref().map(|(at, held, fell)| json!({ "at": time(*at), "held": held, "fell": fell }));
    let incident = |incident: &Incident| {
        let note = |note: &super::incidents::Note| json!({ "at": time_us(note.noted_us), "text": note.text });
        json!({
            "title": incident.title, "opened": time_us(incident.opened_us), "resolved": incident.resolved_us.map(time_us),
            "notes": incident.notes.iter().map(note).collect::<Vec<_>>(),
        })
    };
    json!({
        "name": name, "domain": domain, "store": store, "log": origin, "epoch": epoch, "entries": size, "root": root,
        "state": report.state(), "well": report.is_well(), "damaged": damaged, "now": time(report.now_s),
        "started": time(report.started_s), "last_batch": report.last_batch_s.map(time),
        "last_contact": report.last_contact_s.map(time), "probe": probe,
        "drill": drill, "incidents": report.incidents.iter().map(incident).collect::<Vec<_>>(), "peers": report.peers.iter().map(peer).collect::<Vec<_>>(),
        "alarms": report.alarms.iter().map(alarm).collect::<Vec<_>>(), "slowed_down": report.slowed,
        "bytes_today": report.bytes_today, "bytes_day_max": report.bytes_day_max,
        "objects_today": report.objects_today, "objects_day_max": report.objects_day_max,
        "erasures": report.erasures.iter().map(erasure).collect::<Vec<_>>(), "free_bytes": report.free_bytes,
    })
    .to_string()
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AlarmLabel {
    alarm: &'static str,
}

/// The same for monitoring, in the OpenMetrics text format.
pub(crate) fn metrics(report: &Report) -> String {
    let mut registry = Registry::with_prefix("outlast_vault");
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(number(value));
        registry.register(name, help, gauge);
    };
    gauge("entries", "Entries in the log", report.size);
    gauge("epoch", "The log's epoch", report.epoch);
    gauge("signs", "Whether it signs: 1 or 0", u64::from(report.damaged.is_none()));
    gauge("slowed_down", "Whether the site's budget for the day is spent", u64::from(report.slowed));
    gauge("day_bytes", "Bytes that the site brought in this day of uptime", report.bytes_today);
    gauge("day_objects", "Blobs that the site brought in this day of uptime", report.objects_today);
    gauge("uptime_seconds", "Seconds of running over all starts", report.uptime_s);
    gauge("refused_strangers", "Requests without a good credential since the start", report.strangers);
    gauge("last_batch_timestamp_seconds", "When a batch was last cosigned", report.last_batch_s.unwrap_or(0));
    gauge(
        "last_contact_timestamp_seconds",
        "When the site last asked for anything",
        report.last_contact_s.unwrap_or(0),
    );
    let drill = report.drill.as_ref();
    gauge(
        "drill_timestamp_seconds",
        "When the last drill that the site showed began",
        drill.map_or(0, |d| d.started_us / 1_000_000),
    );
    gauge("drill_answers_ms", "Until the recovered site of that drill answered", drill.map_or(0, |d| d.answers_ms));
    gauge("drill_differences", "What that drill found wrong", drill.map_or(0, |d| d.differences));
    let (at, held, fell) = report.probe.as_ref().map_or((0, 0, 0), |(at, held, fell)| (*at, *held, fell.len()));
    gauge("probe_timestamp_seconds", "When the store was last attacked", at);
    gauge("probe_held", "Attacks that the store withstood", held as u64);
    gauge("probe_fell", "Attacks that it needs to withstand and did not", fell as u64);
    let (open, raised) = (Family::<AlarmLabel, Gauge>::default(), Family::<AlarmLabel, Gauge>::default());
    for kind in AlarmKind::ALL {
        let label = AlarmLabel { alarm: kind.as_str() };
        let is_open = report.alarms.iter().any(|(open, _)| *open == kind);
        let times = report.raised.iter().find(|(raised, _)| *raised == kind).map_or(0, |(_, times)| *times);
        open.get_or_create(&label).set(i64::from(is_open));
        raised.get_or_create(&label).set(number(times));
    }
    registry.register("alarm_open", "Whether an alarm is open: 1 or 0", open);
    registry.register("alarm_raised", "How often an alarm was raised since the start", raised);
    let mut out = String::new();
    if let Err(error) = text::encode(&mut out, &registry) {
        tracing::error!(%error, "cannot encode metrics");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut alarms = super::super::Alarms::default();
        alarms.raise(AlarmKind::Fork, "<script>alert(1)</script>", 1_700_000_000);
        Report {
            now_s: 1_700_000_100,
            name: "eu".to_owned(),
            store: "bucket",
            origin: Some("outlast/x".to_owned()),
            size: 7,
            last_batch_s: Some(1_700_000_000),
            probe: Some((1_700_000_000, 20, vec![])),
            alarms: alarms.open.into_iter().collect(),
            raised: alarms.raised.into_iter().collect(),
            erasures: vec![("ab12".to_owned(), 1_700_000_000, 3)],
            incidents: vec![Incident {
                title: "Pushes are slow".to_owned(),
                opened_us: 1_700_000_000_000_000,
                resolved_us: None,
                notes: vec![super::super::incidents::Note {
                    noted_us: 1_700_000_000_000_000,
                    text: "We <look>".to_owned(),
                }],
            }],
            bytes_day_max: 1,
            ..Report::default()
        }
    }

    #[test]
    fn the_page_says_what_is_so_and_runs_nothing() {
        let (page, policy) = html(&report());
        for words in [
            "eu",
            "7 entries",
            "100 seconds ago",
            "fork-refused",
            "20 attacks",
            "ab12",
            "3 blobs wait",
            "Pushes are slow",
            "is open",
        ] {
            assert!(page.contains(words), "{words} in {page}");
        }
        assert!(!page.contains("<script>") && !page.contains("<look>"), "{page}");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    }

    #[test]
    fn programs_read_the_same() {
        let value: serde_json::Value = serde_json::from_str(&json(&report())).unwrap();
        assert_eq!((&value["entries"], &value["well"]), (&json!(7), &json!(false)));
        assert_eq!(value["alarms"][0]["alarm"], "fork-refused");
        assert_eq!((&value["erasures"][0]["order"], &value["erasures"][0]["waiting"]), (&json!("ab12"), &json!(3)));
        assert_eq!(value["incidents"][0]["notes"][0]["text"], "We <look>");
        let metrics = metrics(&report());
        assert!(metrics.contains("outlast_vault_alarm_open{alarm=\"fork-refused\"} 1"), "{metrics}");
        assert!(metrics.contains("outlast_vault_entries 7"), "{metrics}");
    }
}
