//! The site's last full drill, as the site signed it: a vault can't practise a recovery itself, because it reads nothing, but it
//! notices when nobody does.

use journal::note::{SignedNote, VerifierKey};

/// The most bytes of a drill's report.
pub(crate) const DRILL_BYTES_MAX: usize = 64 << 10;
/// The first line of a report (docs/formats/drills.md).
const HEADER: &str = "outlast/drill/v1";

/// What a report says that a vault looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrillSeen {
    /// When it began: microseconds since 1970, by the site's clock.
    pub(crate) started_us: u64,
    /// Entries that came back.
    pub(crate) through: u64,
    /// Until a recovered site would have answered, milliseconds.
    pub(crate) answers_ms: u64,
    /// Until its end, milliseconds.
    pub(crate) whole_ms: u64,
    /// The age of what no quorum held when it began, milliseconds.
    pub(crate) data_age_ms: u64,
    pub(crate) repositories: u64,
    /// What was not as it should be.
    pub(crate) differences: u64,
}

impl DrillSeen {
    /// A full drill of this log that one of its keys signed; or why it is none.
    pub(crate) fn verify(text: &str, origin: &str, keys: &[VerifierKey]) -> Result<Self, String> {
        let note: SignedNote = text.parse().map_err(|error| format!("it is no signed report: {error}"))?;
        if !keys.iter().any(|key| note.verify(key).is_ok()) {
            return Err("no key of this log signed it".to_owned());
        }
        let mut lines = note.text().lines();
        if lines.next() != Some(HEADER) || lines.next() != Some(origin) {
            return Err("it is no drill of this log".to_owned());
        }
        let field = |name: &str| note.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        if field("kind") != Some("full") {
            return Err("it is no full drill".to_owned());
        }
        let number = |name: &str| field(name).and_then(|n| n.parse().ok()).ok_or(format!("it has no {name}"));
        Ok(Self {
            started_us: number("started-us")?,
            through: number("through")?,
            answers_ms: number("answers-ms")?,
            whole_ms: number("whole-ms")?,
            data_age_ms: number("data-age-ms")?,
            repositories: number("repositories")?,
            differences: number("differences")?,
        })
    }
}

/// What a vault keeps of it: the report, and when it came by this vault's own clock.
#[derive(Debug, Clone)]
pub(crate) struct DrillKept {
    pub(crate) seen: DrillSeen,
    /// The uptime, over all starts, at which it came; seconds.
    pub(crate) uptime_s: u64,
}

impl DrillKept {
    /// As it was saved: the uptime, and the numbers. What was saved was verified when it came.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        let uptime_s = next()?;
        let seen = DrillSeen {
            started_us: next()?,
            through: next()?,
            answers_ms: next()?,
            whole_ms: next()?,
            data_age_ms: next()?,
            repositories: next()?,
            differences: next()?,
        };
        Some(Self { seen, uptime_s })
    }

    pub(crate) fn save(&self) -> String {
        let DrillSeen { started_us, through, answers_ms, whole_ms, data_age_ms, repositories, differences } = self.seen;
        let uptime_s = self.uptime_s;
        format!(
            "{uptime_s} {started_us} {through} {answers_ms} {whole_ms} {data_age_ms} {repositories} {differences}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::note::{KeyKind, SigningKey};

    fn signed(text: &str) -> (String, VerifierKey) {
        let key = SigningKey::from_seed("outlast/x", KeyKind::Ed25519, &[3; 32]).unwrap();
        (key.sign(text).unwrap().to_string(), key.verifier().clone())
    }

    #[test]
    fn a_report_is_believed_when_the_log_signed_it() {
        let text = "outlast/drill/v1\noutlast/x\nkind full\nthrough 7\nstarted-us 9\nanswers-ms 10\nwhole-ms 20\n\
                    data-age-ms 0\nrepositories 2\ndifferences 0\n";
        let (note, key) = signed(text);
        let seen = DrillSeen::verify(&note, "outlast/x", std::slice::from_ref(&key)).unwrap();
        assert_eq!((seen.through, seen.answers_ms, seen.differences), (7, 10, 0));
        let kept = DrillKept { seen, uptime_s: 5 };
        assert_eq!(DrillKept::parse(&kept.save()).unwrap().seen, kept.seen);
        assert!(DrillSeen::verify(&note, "outlast/y", std::slice::from_ref(&key)).is_err());
        assert!(DrillSeen::verify(&note, "outlast/x", &[]).unwrap_err().contains("signed"));
        for (from, to) in [("full", "blind"), ("through 7", "through x"), ("drill/v1", "drill/v2")] {
            let (note, key) = signed(&text.replace(from, to));
            assert!(DrillSeen::verify(&note, "outlast/x", &[key]).is_err(), "{to}");
        }
    }
}
