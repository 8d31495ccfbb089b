//! Whether the site requires a second factor of everybody.

use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::FactorsRequired;
use crate::writer::{Command, Decide};

/// Whether it does.
pub fn required(tx: &mut Tx) -> Result<bool, DbError> {
    let row = tx.query_opt("SELECT required FROM factor_policy WHERE id = 0", &[])?;
    row.map_or(Ok(false), |row| row.get(0))
}

/// Requires a second factor of everybody from now on. Who has none sees the page that sets one up, and nothing else.
#[derive(Debug)]
pub struct FactorsRequire;

impl Command for FactorsRequire {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let event = (!required(tx)?).then(|| FactorsRequired { required: true }.into());
        Ok((event.into_iter().collect(), ()))
    }
}
