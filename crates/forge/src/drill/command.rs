//! Writing a drill's result.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::proof::DrillDone;
use crate::writer::{Command, Decide};

/// Writes the result of a drill, once.
#[derive(Debug)]
pub(super) struct DrillRecord(pub(super) DrillDone);

impl Command for DrillRecord {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let sql = "SELECT id FROM drill WHERE report = ?1 AND started_us = ?2";
        if let Some(row) = tx.query_opt(sql, &[(&self.0.report).into(), self.0.started_us.into()])? {
            let id: u64 = row.get(0)?;
            return Err(Error::conflict(format!("this drill is written already, as entry {id}")));
        }
        Ok((vec![self.0.into()], ()))
    }
}
