//! Incidents, as operators tell them on the public status page.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::Tx;
use minicbor::{Decode, Encode};

/// An operator told of an incident. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IncidentOpened {
    /// In a few words.
    #[n(0)]
    pub title: String,
    /// What is known.
    #[n(1)]
    pub text: String,
}

impl Payload for IncidentOpened {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO incident (id, title, opened_us, resolved_us) VALUES (?1, ?2, ?3, NULL)";
        tx.execute(sql, &[at.seq.into(), (&self.title).into(), at.time_us.into()])?;
        note(tx, at.seq, &self.text, at)
    }
}

/// An operator told more, or that it is over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IncidentNoted {
    /// The incident.
    #[n(0)]
    pub incident: u64,
    /// What is known now.
    #[n(1)]
    pub text: String,
    /// Whether it is over.
    #[n(2)]
    pub resolved: bool,
}

impl Payload for IncidentNoted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE incident SET resolved_us = ?2 WHERE id = ?1";
        let resolved = self.resolved.then_some(at.time_us);
        must_change_one(tx.execute(sql, &[self.incident.into(), resolved.into()])?, "incident", at)?;
        note(tx, self.incident, &self.text, at)
    }
}

fn note(tx: &mut Tx, incident: u64, text: &str, at: &Stamp) -> Result<(), ApplyError> {
    let sql = "INSERT INTO incident_note (id, incident, text, noted_us) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(sql, &[at.seq.into(), incident.into(), text.into(), at.time_us.into()])?;
    Ok(())
}
