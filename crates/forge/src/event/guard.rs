//! Guarded acts: officers' keys and rule, orders and what became of them, the trash.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use crate::orders::Order;
use minicbor::{Decode, Encode};

/// An officer's key was enrolled: what it signs counts as the officer's signature. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OfficerKeyAdded {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// The ed25519 public key.
    #[cbor(n(2), with = "wire::hash32")]
    pub public_key: [u8; 32],
}

impl Payload for OfficerKeyAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO officer_key (id, account, name, public_key, added_us, removed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        let values: [Value; 5] =
            [at.seq.into(), self.account.into(), (&self.name).into(), (&self.public_key).into(), at.time_us.into()];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// An officer's key no longer counts, nor does what it signed and was not executed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OfficerKeyRemoved {
    /// The key.
    #[n(0)]
    pub key: u64,
}

impl Payload for OfficerKeyRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE officer_key SET removed_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.key.into(), at.time_us.into()])?, "officer's key", at)
    }
}

/// How many officers must sign an order, and how long it then waits. The first one puts the guard in force.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OfficerRuleSet {
    /// Officers who must sign.
    #[n(0)]
    pub needed: u32,
    /// How long an order waits from its filing, microseconds.
    #[n(1)]
    pub delay_us: i64,
}

impl Payload for OfficerRuleSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO officer_rule (id, needed, delay_us, set_us) VALUES (0, ?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET needed = excluded.needed, delay_us = excluded.delay_us,
                   set_us = excluded.set_us";
        tx.execute(sql, &[self.needed.into(), self.delay_us.into(), at.time_us.into()])?;
        Ok(())
    }
}

/// What an account is to the site was changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RolesSet {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// May sign orders.
    #[n(1)]
    pub officer: bool,
    /// May run the site.
    #[n(2)]
    pub operator: bool,
}

impl Payload for RolesSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE account SET officer = ?2, operator = ?3 WHERE id = ?1";
        let changed = tx.execute(sql, &[self.account.into(), self.officer.into(), self.operator.into()])?;
        must_change_one(changed, "account", at)
    }
}

/// Somebody asked for a guarded act. The order's id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrderFiled {
    /// The order in its canonical form (docs/formats/order.md): the bytes whose hash is signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub order: Vec<u8>,
}

impl Payload for OrderFiled {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let missing = |_| ApplyError::Missing { seq: at.seq, what: "readable order" };
        let order = Order::decode(&self.order).map_err(missing)?;
        let sql = "INSERT INTO filed_order (id, requester, body, hash, not_before_us, expires_us, state, closed_us,
                   closed_by, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', NULL, NULL, NULL)";
        let values: [Value; 6] = [
            at.seq.into(),
            order.requester.into(),
            (&self.order).into(),
            Value::from(Order::hash_of(&self.order).to_vec()),
            order.not_before_us.into(),
            order.expires_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// An officer signed an order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrderSigned {
    /// The order.
    #[n(0)]
    pub order: u64,
    /// The officer's account.
    #[n(1)]
    pub officer: u64,
    /// What signed: an officer's key, or an authenticator.
    #[n(2)]
    pub key: u64,
    /// The order's hash, as it was signed.
    #[cbor(n(3), with = "wire::hash32")]
    pub hash: [u8; 32],
    /// The signature; of an authenticator the whole assertion, as CBOR.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub signature: Vec<u8>,
    /// Whether an authenticator signed.
    #[n(5)]
    pub passkey: bool,
}

impl Payload for OrderSigned {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO order_signature (order_id, officer, key, hash, signature, passkey, signed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values: [Value; 7] = [
            self.order.into(),
            self.officer.into(),
            self.key.into(),
            (&self.hash).into(),
            (&self.signature).into(),
            self.passkey.into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

pub(super) fn close(
    tx: &mut Tx,
    at: &Stamp,
    order: u64,
    state: &'static str,
    by: Option<u64>,
    reason: Option<&str>,
) -> Result<(), ApplyError> {
    let sql = "UPDATE filed_order SET state = ?2, closed_us = ?3, closed_by = ?4, reason = ?5 WHERE id = ?1";
    let values: [Value; 5] = [order.into(), state.into(), at.time_us.into(), by.into(), reason.into()];
    must_change_one(tx.execute(sql, &values)?, "order", at)
}

/// An officer stopped an order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrderVetoed {
    /// The order.
    #[n(0)]
    pub order: u64,
    /// The officer's account.
    #[n(1)]
    pub officer: u64,
    /// Why, for people.
    #[n(2)]
    pub reason: String,
}

impl Payload for OrderVetoed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        close(tx, at, self.order, "vetoed", Some(self.officer), Some(&self.reason))
    }
}

/// An order was carried out: what it does are the entries after this one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrderExecuted {
    /// The order.
    #[n(0)]
    pub order: u64,
}

impl Payload for OrderExecuted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        close(tx, at, self.order, "executed", None, None)
    }
}

/// An order ended without being carried out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrderExpired {
    /// The order.
    #[n(0)]
    pub order: u64,
    /// Why, for people: its time was over, or what it asks for is no longer possible.
    #[n(1)]
    pub reason: String,
}

impl Payload for OrderExpired {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        close(tx, at, self.order, "expired", None, Some(&self.reason))
    }
}

/// A repository went into the trash: nobody finds it, and all of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoTrashed {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The account that wanted it; None: the operator at the machine.
    #[n(1)]
    pub by: Option<u64>,
}

impl Payload for RepoTrashed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO trashed_repository (id, namespace, name, kind, format, visibility, head, created_us,
                   pushed_us, seq, description, website, trashed_us, trashed_by)
                   SELECT id, namespace, name, kind, format, visibility, head, created_us, pushed_us, seq, description,
                   website, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT) FROM repository WHERE id = ?1";
        let moved = tx.execute(sql, &[self.repo.into(), at.time_us.into(), self.by.into()])?;
        must_change_one(moved, "repository", at)?;
        must_change_one(tx.execute("DELETE FROM repository WHERE id = ?1", &[self.repo.into()])?, "repository", at)
    }
}

/// A repository came back from the trash, with all it had.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoRestored {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The namespace it is in from now on.
    #[n(1)]
    pub namespace: u64,
    /// Its name there.
    #[n(2)]
    pub name: String,
}

impl Payload for RepoRestored {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO repository (id, namespace, name, kind, format, visibility, head, created_us, pushed_us,
                   seq, description, website)
                   SELECT id, CAST(?2 AS BIGINT), CAST(?3 AS TEXT), kind, format, visibility, head, created_us,
                   pushed_us, seq, description, website FROM trashed_repository WHERE id = ?1";
        let moved = tx.execute(sql, &[self.repo.into(), self.namespace.into(), (&self.name).into()])?;
        must_change_one(moved, "repository in the trash", at)?;
        let sql = "DELETE FROM trashed_repository WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.repo.into()])?, "repository in the trash", at)
    }
}
