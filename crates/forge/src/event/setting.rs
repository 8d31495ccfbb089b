//! What operators set for the whole site.

use super::{ApplyError, Payload, Stamp};
use crate::db::Tx;
use minicbor::{Decode, Encode};

/// A setting of the site was given a value, or has its default again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SettingSet {
    /// Its name, as `site.name`. One that a release does not know is kept and means nothing to it.
    #[n(0)]
    pub name: String,
    /// Its value as text; None: the default.
    #[n(1)]
    pub value: Option<String>,
}

impl Payload for SettingSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM setting WHERE name = ?1", &[(&self.name).into()])?;
        if let Some(value) = &self.value {
            let sql = "INSERT INTO setting (name, value, seq) VALUES (?1, ?2, ?3)";
            tx.execute(sql, &[(&self.name).into(), value.into(), at.seq.into()])?;
        }
        Ok(())
    }
}
