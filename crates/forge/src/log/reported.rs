//! What a report of an incident tells of the log: every entry since a time, with its proof.

use super::receipt::inclusion_proof;
use super::{Log, read_row, store};
use crate::audit::{AuditLine, words};
use crate::db::Tx;
use crate::error::Error;
use crate::incident::report::{INCIDENT_REPORT_ENTRIES_MAX, IncidentReport, ReportedEntry, is_opened};

impl Log {
    /// The report of what was written since then, unsigned and without credentials. `held`: entries below it are held. Blocks.
    pub(crate) fn reported(&self, since_us: i64, held: u64, made_us: i64) -> Result<IncidentReport, Error> {
        self.db.read(|tx| {
            let first = "SELECT min(seq) FROM journal WHERE time_us >= ?1";
            let first: Option<u64> = tx.query_one(first, &[since_us.into()])?.get(0)?;
            let none = || Error::conflict("nothing that a quorum holds was written since then");
            let first = first.filter(|first| *first < held).ok_or_else(none)?;
            let (size, checkpoint, policy) = self.held_checkpoint(tx, held - 1)?;
            if size - first > INCIDENT_REPORT_ENTRIES_MAX {
                return Err(Error::invalid(format!(
                    "{} entries were written since then, and a report has at most {INCIDENT_REPORT_ENTRIES_MAX}: choose a later time",
                    size - first
                )));
            }
            let mut entries = Vec::new();
            for seq in first..size {
                entries.push(self.reported_entry(tx, seq, size)?);
            }
            let (origin, log_key) = (self.keys.origin.to_string(), self.keys.log_key.verifier().clone());
            let policy = policy.to_string();
            let credentials = Vec::new();
            Ok(IncidentReport { origin, log_key, since_us, made_us, checkpoint, policy, entries, credentials })
        })
    }

    fn reported_entry(&self, tx: &mut Tx, seq: u64, size: u64) -> Result<ReportedEntry, Error> {
        let row = store::entry_fetch(tx, seq)?.ok_or_else(|| {
            Error::conflict(format!(
                "entry {seq} is not in this database, which began with a snapshot: choose a later time"
            ))
        })?;
        let (_, event) = read_row(&row)?;
        let opened = match is_opened(&event) {
            false => None,
            true => {
                let (epoch, envelope) = self.envelope_of(tx, &row)?;
                Some((envelope, self.keys.data_key(epoch)?.secret(&self.keys.origin, seq)))
            }
        };
        let proof = inclusion_proof(tx, seq, size)?;
        let AuditLine { seq: entry, time_us, actor, credential, address, event, about } =
            words(tx, &row.stamp, &event)?;
        let (event, leaf, proofs, envelope, secret) = (event.to_owned(), String::new(), Vec::new(), None, None);
        let told = ReportedEntry {
            entry,
            time_us,
            actor,
            credential,
            address,
            event,
            about,
            leaf,
            proof: proofs,
            envelope,
            secret,
        };
        Ok(told.proved(row.leaf_hash, &proof, opened))
    }
}
