//! What a site's operators tell of incidents, as the site signed it: it stands on each vault's page too, which is there when the site is not.

use journal::note::{SignedNote, VerifierKey};
use serde::Deserialize;

/// The most bytes of what a site tells: five incidents with three notes each.
pub(crate) const INCIDENTS_BYTES_MAX: usize = 384 << 10;
/// The first line (docs/formats/vault.md).
const HEADER: &str = "outlast/incidents/v1";

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Incident {
    pub(crate) title: String,
    /// Microseconds since 1970, by the site's clock.
    pub(crate) opened_us: u64,
    /// None: it is not over.
    pub(crate) resolved_us: Option<u64>,
    /// The newest first.
    pub(crate) notes: Vec<Note>,
}

/// What was told of it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Note {
    pub(crate) noted_us: u64,
    pub(crate) text: String,
}

/// All that a site tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IncidentsSeen {
    /// When the last note was written: of two that one key signed the later one is so.
    pub(crate) as_of_us: u64,
    pub(crate) incidents: Vec<Incident>,
    /// As the site signed it, and with which key.
    pub(crate) signed: String,
    pub(crate) key: VerifierKey,
}

impl IncidentsSeen {
    /// What the site tells that has the log now: the key is the newest epoch's, so that a site that was lost, or stolen, tells nothing any
    /// more. Or why it is none of that.
    pub(crate) fn verify(text: &str, origin: &str, keys: &[VerifierKey]) -> Result<Self, String> {
        let note: SignedNote = text.parse().map_err(|error| format!("it is no signed note: {error}"))?;
        let key = keys.last().filter(|key| note.verify(key).is_ok());
        let key = key.ok_or("the key that signs this log now did not sign it")?.clone();
        let mut lines = note.text().lines();
        if lines.next() != Some(HEADER) || lines.next() != Some(origin) {
            return Err("it tells nothing of this log's site".to_owned());
        }
        let as_of = lines.next().and_then(|line| line.strip_prefix("as-of-us ")?.parse().ok());
        let as_of_us = as_of.ok_or("it does not say when it was so")?;
        let incidents = lines.map(|line| serde_json::from_str(line).map_err(|error| error.to_string()));
        Ok(Self { as_of_us, incidents: incidents.collect::<Result<_, _>>()?, signed: text.to_owned(), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::note::{KeyKind, SigningKey};

    #[test]
    fn what_a_site_tells_is_believed_when_the_log_signed_it() {
        let key = |seed| SigningKey::from_seed("outlast/x", KeyKind::Ed25519, &[seed; 32]).unwrap();
        let text = "outlast/incidents/v1\noutlast/x\nas-of-us 7\n\
             {\"title\":\"Slow\",\"opened_us\":5,\"resolved_us\":null,\"notes\":[{\"noted_us\":7,\"text\":\"We\\nlook\"}]}\n";
        let signed = key(1).sign(text).unwrap().to_string();
        let keys = [key(1).verifier().clone()];
        let seen = IncidentsSeen::verify(&signed, "outlast/x", &keys).unwrap();
        assert_eq!((seen.as_of_us, seen.incidents[0].title.as_str()), (7, "Slow"));
        assert_eq!(seen.incidents[0].notes, [Note { noted_us: 7, text: "We\nlook".into() }]);
        let none = key(1).sign("outlast/incidents/v1\noutlast/x\nas-of-us 0\n").unwrap().to_string();
        assert_eq!(IncidentsSeen::verify(&none, "outlast/x", &keys).unwrap().incidents, []);
        for (from, to) in [("incidents/v1", "drill/v1"), ("as-of-us 7", "as-of-us x"), ("\"opened_us\":5,", "")] {
            let other = key(1).sign(&text.replace(from, to)).unwrap().to_string();
            assert!(IncidentsSeen::verify(&other, "outlast/x", &keys).is_err(), "{from}");
        }
        assert!(IncidentsSeen::verify(&signed, "outlast/y", &keys).is_err());
        let later = [key(1).verifier().clone(), key(2).verifier().clone()];
        assert!(IncidentsSeen::verify(&signed, "outlast/x", &later).is_err(), "the epoch is over");
    }
}
