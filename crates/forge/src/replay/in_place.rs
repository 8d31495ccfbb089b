//! Making a database's own tables again, when another release wrote them.

use super::CHUNK_EVENTS;
use super::rebuild::skipped_are_named;
use super::skips::Skips;
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::log;
use crate::schema;

/// Makes the tables in a new database, and makes them again in one that another release made.
pub fn make_ready(db: &Db) -> Result<(), Error> {
    db.write(schema::install)?;
    rebuild_in_place(db)?;
    Ok(())
}

/// If the projections were made by a release with other tables, makes them again from the journal, in one transaction.
/// True if so.
///
/// A database made from a snapshot that is not [filled](super::fill) yet has not all it takes: that is an error, and
/// nothing is changed.
pub fn rebuild_in_place(db: &Db) -> Result<bool, Error> {
    db.write(|tx| {
        if schema::is_current(tx)? {
            return Ok(false);
        }
        if let Some(gap) = log::unfilled(tx)? {
            return Err(Error::invalid(format!(
                "this release has other tables, and making them takes the entries {} to {}, which are not here yet: let the \
                 release that made this database run until it has filled them in, or recover from the vaults with this one",
                gap.start,
                gap.end - 1
            )));
        }
        let size = log::checkpoint_last(tx)?.map_or(0, |c| c.size);
        tracing::info!(entries = size, "making the tables again, as this release has them");
        schema::make_again(tx)?;
        apply_all(tx, size)?;
        Ok(true)
    })
}

fn apply_all(tx: &mut Tx, size: u64) -> Result<(), Error> {
    for first in (0..size).step_by(CHUNK_EVENTS) {
        let mut rows = Vec::with_capacity(CHUNK_EVENTS);
        log::entry_each(tx, first, size.min(first + CHUNK_EVENTS as u64), |row| {
            rows.push(row);
            Ok::<_, Error>(())
        })?;
        for row in rows {
            log::read_row(&row)?.1.apply(tx, &row.stamp)?;
        }
    }
    let known = Skips::known(tx)?;
    skipped_are_named(tx, size, &known)
}
