//! Incidents: what operators tell everybody on the status page. They are entries, so a recovered site still tells them.

pub mod report;

use crate::clock::now_us;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::incident::{IncidentNoted, IncidentOpened};
use crate::names::plain_text;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::site::Site;
use crate::writer::{Command, Decide};
use report::{IncidentReport, ReportedCredential};

/// Characters of an incident's title.
pub const INCIDENT_TITLE_CHARS_MAX: usize = 120;
/// Characters of one note.
pub const INCIDENT_NOTE_CHARS_MAX: usize = 4000;

/// An incident with its notes, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its entry.
    pub id: u64,
    /// In a few words.
    pub title: String,
    /// Since when: microseconds since 1970.
    pub opened_us: i64,
    /// Until when; None: it is not over.
    pub resolved_us: Option<i64>,
    /// When each was written, and what it says.
    pub notes: Vec<(i64, String)>,
}

/// Incidents that are not over, and the last that are.
pub fn incident_list(tx: &mut Tx, limit: u32) -> Result<Vec<Incident>, Error> {
    let sql = "SELECT id, title, opened_us, resolved_us FROM incident
               ORDER BY CASE WHEN resolved_us IS NULL THEN 0 ELSE 1 END, id DESC LIMIT ?1";
    let mut incidents = Vec::new();
    for row in tx.query(sql, &[limit.into()])? {
        let id: u64 = row.get(0)?;
        let sql = "SELECT noted_us, text FROM incident_note WHERE incident = ?1 ORDER BY id DESC";
        let rows = tx.query(sql, &[id.into()])?;
        let notes = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, Error>>()?;
        let (title, opened_us, resolved_us) = (row.get(1)?, row.get(2)?, row.get(3)?);
        incidents.push(Incident { id, title, opened_us, resolved_us, notes });
    }
    Ok(incidents)
}

/// Tells of something, or tells more.
#[derive(Debug)]
struct Tell {
    /// None: the operator at the machine.
    by: Option<Principal>,
    /// None: of something new, with this title.
    incident: Option<u64>,
    title: String,
    text: String,
    resolved: bool,
}

impl Command for Tell {
    type Output = u64;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        if let Some(by) = &self.by
            && (!by.is_operator() || !still_good(tx, by.credential(), ctx.now_us)?)
        {
            return Err(Error::forbidden("only operators tell of incidents"));
        }
        let needed = |what: &str| Error::invalid(format!("say {what}"));
        let text = plain_text("a note", &self.text, INCIDENT_NOTE_CHARS_MAX)?.ok_or_else(|| needed("what is known"))?;
        let Some(incident) = self.incident else {
            let title = plain_text("a title", &self.title, INCIDENT_TITLE_CHARS_MAX)?;
            let title = title.ok_or_else(|| needed("in a few words what it is"))?;
            return Ok((vec![IncidentOpened { title, text }.into()], ctx.id(0)));
        };
        if tx.query_opt("SELECT id FROM incident WHERE id = ?1", &[incident.into()])?.is_none() {
            return Err(Error::not_found(format!("incident {incident}")));
        }
        Ok((vec![IncidentNoted { incident, text, resolved: self.resolved }.into()], incident))
    }
}

impl Site {
    /// The signed report of what happened since then: every entry with its proof, and every credential that was made, used or ended.
    /// For who reads the audit log.
    ///
    /// # Errors
    /// [`Error::Conflict`] when no entry since then is held; [`Error::Invalid`] when there are too many.
    pub async fn incident_report(&self, by: Option<&Principal>, since_us: i64) -> Result<String, Error> {
        if !self.may_audit(by).await? {
            return Err(Error::not_found("the audit log"));
        }
        let listed = self.inventory_since(since_us).await?.into_iter();
        let mut credentials: Vec<_> = listed.map(|(made, used)| ReportedCredential::of(made, used)).collect();
        credentials.sort_by_key(|made| made.credential);
        let (log, held) = (self.ledger().log().clone(), self.held());
        let make = move || {
            let report = IncidentReport { credentials, ..log.reported(since_us, held, now_us())? };
            report.sign(&log.keys().log_key)
        };
        tokio::task::spawn_blocking(make).await.map_err(|e| Error::internal(format!("the report broke off: {e}")))?
    }

    /// Incidents that are not over, and the last that are.
    pub async fn incident_list(&self, limit: u32) -> Result<Vec<Incident>, Error> {
        self.db().read_async(move |tx| incident_list(tx, limit)).await
    }

    /// An operator tells of an incident; None: the one at the machine. Gives its id.
    pub async fn incident_open(&self, by: Option<&Principal>, title: String, text: String) -> Result<u64, Error> {
        self.tell(by, None, title, text, false).await
    }

    /// An operator tells more of it, or that it is over; what was over is not any more when more is told of it.
    pub async fn incident_note(
        &self,
        by: Option<&Principal>,
        incident: u64,
        text: String,
        resolved: bool,
    ) -> Result<(), Error> {
        self.tell(by, Some(incident), String::new(), text, resolved).await.map(drop)
    }

    async fn tell(
        &self,
        by: Option<&Principal>,
        incident: Option<u64>,
        title: String,
        text: String,
        resolved: bool,
    ) -> Result<u64, Error> {
        let command = Tell { by: by.cloned(), incident, title, text, resolved };
        let submitter = by.map(Principal::submitter).unwrap_or_default();
        Ok(self.ledger().submit(submitter, command).await?.output)
    }
}
