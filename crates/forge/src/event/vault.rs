//! The vaults a site writes to.

use super::{ApplyError, Payload, Stamp};
use crate::db::Tx;
use minicbor::{Decode, Encode};

/// A vault took this site's journal, or the site learned its new key. No credential is in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultEnrolled {
    /// Its name, unique on the site.
    #[n(0)]
    pub name: String,
    /// Who could destroy it: vaults of one trust domain count once.
    #[n(1)]
    pub domain: String,
    /// The key its cosignatures are checked with (vkey text).
    #[n(2)]
    pub vkey: String,
    /// SHA-256 of its TLS key, hexadecimal.
    #[n(3)]
    pub pin: String,
}

impl Payload for VaultEnrolled {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO vault (name, seq, domain, vkey, pin, enrolled_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, domain = excluded.domain, vkey = excluded.vkey,
                   pin = excluded.pin, enrolled_us = excluded.enrolled_us";
        let (name, domain) = (&self.name, &self.domain);
        let keys = [(&self.vkey).into(), (&self.pin).into(), at.time_us.into()];
        let [vkey, pin, time] = keys;
        tx.execute(sql, &[name.into(), at.seq.into(), domain.into(), vkey, pin, time])?;
        Ok(())
    }
}
