//! The vaults a site writes to.
//!
//! `vault` has those whose word makes an entry held; `vault_term` those that ever were, each from which entry to which; `vault_next`
//! those that are to be, while a change is under way.
//!
//! ```text
//! VaultsOrdered --both quorums hold it--> VaultsConfirmed --and that--> VaultsChanged: those to be alone count
//!       `---------an officer---------> VaultsKept: those before alone count
//! ```

use super::guard::close;
use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::Tx;
use minicbor::{Decode, Encode};

/// A vault took this site's journal, or the site learned its new key. No credential is in it. Only while there is no officers'
/// rule, and, later, for a vault that is known and has another TLS key.
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
        end_term(tx, &self.name, at)?;
        let one = VaultMember {
            name: self.name.clone(),
            domain: self.domain.clone(),
            vkey: self.vkey.clone(),
            pin: self.pin.clone(),
        };
        tx.execute("DELETE FROM vault WHERE name = ?1", &[(&self.name).into()])?;
        enrol(tx, &one, at)
    }
}

/// A vault among those whose word counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultMember {
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

/// Officers ordered other vaults. From this entry on an entry is held when a quorum of those before and one of these hold it, until
/// [`VaultsChanged`] says that these alone count, or [`VaultsKept`] that those before do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultsOrdered {
    /// All that are to be.
    #[n(0)]
    pub vaults: Vec<VaultMember>,
}

impl Payload for VaultsOrdered {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM vault_next", &[])?;
        for one in &self.vaults {
            let sql = "INSERT INTO vault_next (name, seq, domain, vkey, pin, confirmed_seq)
                       VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
            let [name, domain, vkey, pin] = [&one.name, &one.domain, &one.vkey, &one.pin].map(Into::into);
            tx.execute(sql, &[name, at.seq.into(), domain, vkey, pin])?;
        }
        Ok(())
    }
}

/// Both quorums hold the entry that ordered other vaults: from here on the change is not taken back. When both hold this one too,
/// [`VaultsChanged`] follows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultsConfirmed {
    /// The entry that ordered them.
    #[n(0)]
    pub ordered: u64,
}

impl Payload for VaultsConfirmed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE vault_next SET confirmed_seq = ?2 WHERE seq = ?1";
        let found = tx.execute(sql, &[self.ordered.into(), at.seq.into()])?;
        must_change_one(u64::from(found > 0), "order of vaults", at)
    }
}

/// An officer took a change of the vaults back before [`VaultsConfirmed`]: from this entry on those before alone count, as they did. Its order
/// is a vetoed one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultsKept {
    /// The entry that ordered others.
    #[n(0)]
    pub ordered: u64,
    /// The order that was carried out by it.
    #[n(1)]
    pub order: u64,
    /// The officer.
    #[n(2)]
    pub officer: u64,
    /// Why.
    #[n(3)]
    pub reason: String,
}

impl Payload for VaultsKept {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let found = tx.execute("DELETE FROM vault_next WHERE seq = ?1", &[self.ordered.into()])?;
        must_change_one(u64::from(found > 0), "order of vaults", at)?;
        close(tx, at, self.order, "vetoed", Some(self.officer), Some(&self.reason))
    }
}

/// Both quorums hold what ordered other vaults, and its confirmation: from this entry on those alone count.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultsChanged {
    /// The entry that ordered them.
    #[n(0)]
    pub ordered: u64,
}

impl Payload for VaultsChanged {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let rows = tx.query(
            "SELECT name, domain, vkey, pin FROM vault_next WHERE seq = ?1 ORDER BY name",
            &[self.ordered.into()],
        )?;
        let mut next = Vec::new();
        for row in rows {
            next.push(VaultMember { name: row.get(0)?, domain: row.get(1)?, vkey: row.get(2)?, pin: row.get(3)? });
        }
        must_change_one(u64::from(!next.is_empty()), "order of vaults", at)?;
        let rows = tx.query("SELECT name, domain, vkey, pin FROM vault ORDER BY name", &[])?;
        for row in rows {
            let one = VaultMember { name: row.get(0)?, domain: row.get(1)?, vkey: row.get(2)?, pin: row.get(3)? };
            match next.iter().position(|stays| *stays == one) {
                Some(stays) => drop(next.remove(stays)),
                None => {
                    end_term(tx, &one.name, at)?;
                    tx.execute("DELETE FROM vault WHERE name = ?1", &[(&one.name).into()])?;
                }
            }
        }
        next.iter().try_for_each(|one| enrol(tx, one, at))?;
        tx.execute("DELETE FROM vault_next", &[])?;
        Ok(())
    }
}

fn end_term(tx: &mut Tx, name: &str, at: &Stamp) -> Result<(), ApplyError> {
    let sql = "UPDATE vault_term SET until_seq = ?2 WHERE name = ?1 AND until_seq IS NULL";
    tx.execute(sql, &[name.into(), at.seq.into()])?;
    Ok(())
}

fn enrol(tx: &mut Tx, one: &VaultMember, at: &Stamp) -> Result<(), ApplyError> {
    let values = || [&one.name, &one.domain, &one.vkey, &one.pin].map(Into::into);
    let [name, domain, vkey, pin] = values();
    let sql = "INSERT INTO vault (name, seq, domain, vkey, pin, enrolled_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    tx.execute(sql, &[name, at.seq.into(), domain, vkey, pin, at.time_us.into()])?;
    let [name, domain, vkey, _] = values();
    let sql = "INSERT INTO vault_term (name, seq, domain, vkey, until_seq) VALUES (?1, ?2, ?3, ?4, NULL)";
    tx.execute(sql, &[name, at.seq.into(), domain, vkey])?;
    Ok(())
}
