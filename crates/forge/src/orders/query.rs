//! Reading orders, officers and their rule.

use super::{OfficerKey, Order};
use crate::db::{DbError, FromValue, Row, Tx, Value};
use crate::error::Error;
use crate::people::Principal;
use crate::people::factor::authenticator::{authenticator_by_id, authenticator_list};
use crate::people::query::user_by_id;
use crate::people::webauthn::{Assertion, RelyingParty, verify};

/// The rule, once the guard is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Officers who must sign.
    pub needed: u32,
    /// How long an order waits from its filing, microseconds.
    pub delay_us: i64,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits.
    Pending,
    /// It was carried out.
    Executed,
    /// An officer stopped it.
    Vetoed,
    /// Its time was over, or it had become impossible.
    Expired,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Executed => "executed",
            Self::Vetoed => "vetoed",
            Self::Expired => "expired",
        }
    }
}

impl FromValue for State {
    fn from_value(value: &Value) -> Option<Self> {
        let Value::Text(word) = value else { return None };
        [Self::Pending, Self::Executed, Self::Vetoed, Self::Expired].into_iter().find(|state| state.as_str() == word)
    }
}

/// An order, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledOrder {
    /// Its id: the entry that filed it.
    pub id: u64,
    /// The order.
    pub order: Order,
    /// Its canonical bytes.
    pub body: Vec<u8>,
    /// Their SHA-256.
    pub hash: [u8; 32],
    /// The name of who asked; None: the operator at the machine.
    pub requester: Option<String>,
    /// What became of it.
    pub state: State,
    /// When that was.
    pub closed_us: Option<i64>,
    /// The officer who stopped it.
    pub closed_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who signed it.
    pub signatures: Vec<SignatureInfo>,
}

impl FiledOrder {
    /// How many signatures count.
    #[must_use]
    pub fn signed(&self) -> usize {
        self.signatures.iter().filter(|signature| signature.counts).count()
    }
}

/// A signature of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureInfo {
    /// The officer.
    pub officer: u64,
    /// Their name.
    pub name: String,
    /// When.
    pub signed_us: i64,
    /// Whether it counts as things are: the key and the officer are still what they were, and the signature is right.
    pub counts: bool,
}

/// An officer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// The account.
    pub account: u64,
    /// Its name.
    pub name: String,
    /// The keys that count.
    pub keys: Vec<OfficerKeyInfo>,
    /// Authenticators (passkeys, security keys) that know their owner: they sign on the pages.
    pub passkeys: u64,
}

impl Officer {
    /// Whether the officer has anything to sign with.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        !self.keys.is_empty() || self.passkeys > 0
    }
}

/// An officer's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerKeyInfo {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub account: u64,
    /// What its owner calls it.
    pub name: String,
    /// The key.
    pub key: OfficerKey,
    /// Since when.
    pub added_us: i64,
}

/// The rule; None: the guard is not in force yet.
pub fn rule_fetch(tx: &mut Tx) -> Result<Option<Rule>, DbError> {
    let row = tx.query_opt("SELECT needed, delay_us FROM officer_rule WHERE id = 0", &[])?;
    row.map(|row| Ok(Rule { needed: row.get(0)?, delay_us: row.get(1)? })).transpose()
}

/// Whether an account is an officer.
pub(crate) fn is_officer(tx: &mut Tx, account: u64) -> Result<bool, DbError> {
    Ok(user_by_id(tx, account)?.is_some_and(|user| user.officer))
}

/// Whether somebody is an officer, and their credential may be used for that.
pub(crate) fn acts_as_officer(tx: &mut Tx, who: &Principal) -> Result<bool, DbError> {
    Ok(who.acts_for_the_site() && is_officer(tx, who.user())?)
}

/// All officers, by id, with their keys.
pub fn officers(tx: &mut Tx) -> Result<Vec<Officer>, DbError> {
    let sql = "SELECT a.id, n.name FROM account a JOIN namespace n ON n.id = a.id WHERE a.officer ORDER BY a.id";
    let rows = tx.query(sql, &[])?;
    let officer = |tx: &mut Tx, row: &Row| {
        let account = row.get(0)?;
        let keys = key_list(tx, account)?;
        let passkeys = authenticator_list(tx, account)?.iter().filter(|known| known.user_verified).count() as u64;
        Ok(Officer { account, name: row.get(1)?, keys, passkeys })
    };
    rows.iter().map(|row| officer(tx, row)).collect()
}

fn key_of(row: &Row) -> Result<OfficerKeyInfo, DbError> {
    let key: Vec<u8> = row.get(3)?;
    let key = key.try_into().map_err(|_| DbError::mistake("an officer's key has 32 bytes"))?;
    Ok(OfficerKeyInfo {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        key: OfficerKey(key),
        added_us: row.get(4)?,
    })
}

/// An account's keys that count, by id.
pub(super) fn key_list(tx: &mut Tx, account: u64) -> Result<Vec<OfficerKeyInfo>, DbError> {
    let sql = "SELECT id, account, name, public_key, added_us FROM officer_key
               WHERE account = ?1 AND removed_us IS NULL ORDER BY id";
    tx.query(sql, &[account.into()])?.iter().map(key_of).collect()
}

/// The key with this id, if it counts.
pub(super) fn key_by_id(tx: &mut Tx, id: u64) -> Result<Option<OfficerKeyInfo>, DbError> {
    let sql = "SELECT id, account, name, public_key, added_us FROM officer_key
               WHERE id = ?1 AND removed_us IS NULL";
    tx.query_opt(sql, &[id.into()])?.map(|row| key_of(&row)).transpose()
}

/// This public key, if it counts for somebody.
pub(super) fn key_by_public(tx: &mut Tx, key: &[u8; 32]) -> Result<Option<OfficerKeyInfo>, DbError> {
    let sql = "SELECT id, account, name, public_key, added_us FROM officer_key
               WHERE public_key = ?1 AND removed_us IS NULL";
    tx.query_opt(sql, &[key.into()])?.map(|row| key_of(&row)).transpose()
}

const ORDER: &str =
    "SELECT id, requester, body, hash, state, closed_us, closed_by, reason FROM filed_order WHERE id = ?1";

/// The order with this id.
pub fn order_fetch(tx: &mut Tx, rp: Option<&RelyingParty>, id: u64) -> Result<Option<FiledOrder>, Error> {
    let Some(row) = tx.query_opt(ORDER, &[id.into()])? else { return Ok(None) };
    let body: Vec<u8> = row.get(2)?;
    let stored: Vec<u8> = row.get(3)?;
    let damaged = |what: &dyn std::fmt::Display| Error::damaged(format!("order {id}: {what}"));
    let order = Order::decode(&body).map_err(|e| damaged(&e))?;
    let hash = Order::hash_of(&body);
    if stored != hash {
        return Err(damaged(&"its bytes are not those that were filed"));
    }
    let requester: Option<u64> = row.get(1)?;
    if requester != order.requester {
        return Err(damaged(&"its requester was edited"));
    }
    let name = |tx: &mut Tx, id: Option<u64>| -> Result<Option<String>, DbError> {
        let Some(id) = id else { return Ok(None) };
        Ok(Some(user_by_id(tx, id)?.map_or_else(|| format!("account {id}"), |user| user.name)))
    };
    let (requester, closed_by) = (name(tx, requester)?, name(tx, row.get(6)?)?);
    let signatures = signature_list(tx, rp, id, &hash, order.requester)?;
    let (state, closed_us, reason) = (row.get(4)?, row.get(5)?, row.get(7)?);
    Ok(Some(FiledOrder { id, order, body, hash, requester, state, closed_us, closed_by, reason, signatures }))
}

/// Orders, the newest first: those that wait, or all with ids below `before`.
pub fn order_list(
    tx: &mut Tx,
    rp: Option<&RelyingParty>,
    pending: bool,
    before: u64,
    limit: u32,
) -> Result<Vec<FiledOrder>, Error> {
    let sql = "SELECT id FROM filed_order WHERE id < ?1 AND (state = 'pending' OR NOT ?2) ORDER BY id DESC LIMIT ?3";
    let rows = tx.query(sql, &[before.into(), pending.into(), limit.into()])?;
    let mut orders = Vec::new();
    for row in rows {
        orders.extend(order_fetch(tx, rp, row.get(0)?)?);
    }
    Ok(orders)
}

/// Invariant 1 of [orders](super): each signature is checked again, against key and officer as they are now.
fn signature_list(
    tx: &mut Tx,
    rp: Option<&RelyingParty>,
    order: u64,
    hash: &[u8; 32],
    requester: Option<u64>,
) -> Result<Vec<SignatureInfo>, DbError> {
    let sql = "SELECT s.officer, n.name, s.key, s.signature, s.signed_us, s.passkey FROM order_signature s
               JOIN namespace n ON n.id = s.officer WHERE s.order_id = ?1 ORDER BY s.signed_us, s.officer";
    let rows = tx.query(sql, &[order.into()])?;
    let mut signatures = Vec::new();
    for row in rows {
        let (officer, key, signature): (u64, u64, Vec<u8>) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let right = match row.get(5)? {
            true => assertion_is_right(tx, rp, officer, key, hash, &signature)?,
            false => {
                let key = key_by_id(tx, key)?.filter(|key| key.account == officer);
                key.is_some_and(|key| key.key.verify(super::Verb::Approve, hash, &signature))
            }
        };
        let counts = right && requester != Some(officer) && is_officer(tx, officer)?;
        signatures.push(SignatureInfo { officer, name: row.get(1)?, signed_us: row.get(4)?, counts });
    }
    Ok(signatures)
}

/// Whether the officer's authenticator is still theirs, and made this assertion knowing its owner.
fn assertion_is_right(
    tx: &mut Tx,
    rp: Option<&RelyingParty>,
    officer: u64,
    authenticator: u64,
    hash: &[u8; 32],
    assertion: &[u8],
) -> Result<bool, DbError> {
    let known = authenticator_by_id(tx, authenticator)?;
    let known = known.filter(|known| known.account == officer && known.removed_us.is_none());
    let (Some(known), Some(rp)) = (known, rp) else { return Ok(false) };
    let Ok(assertion) = minicbor::decode::<Assertion>(assertion) else { return Ok(false) };
    let seen = verify(rp, hash, &known.public_key, &assertion);
    Ok(assertion.credential == known.credential && seen.is_ok_and(|seen| seen.user_verified))
}
