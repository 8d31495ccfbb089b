//! Orders that vaults read: which recovery keys there may be, and an order with its signatures, to be carried to the vaults' owners.

use super::officer::Counts;
use super::query::{State, order_fetch};
use super::{OfficerKey, SignatureLine, Verb};
use crate::db::Tx;
use crate::error::Error;
use crate::log::recovery_keys;
use journal::Origin;
use journal::epoch::{RECOVERY_KEYS_MAX, RecoveryPublic};
use journal::order::{RecoveryHalf, SignedOrder};
use vault::seal::Recipients;

/// Whether these may be the recovery keys. Invariant 6 of [orders](super).
pub(super) fn check(tx: &mut Tx, keys: &[RecoveryHalf]) -> Result<Counts, Error> {
    if keys.is_empty() || keys.len() > RECOVERY_KEYS_MAX {
        return Err(Error::invalid(format!("a site has from 1 to {RECOVERY_KEYS_MAX} recovery keys")));
    }
    let origin: String = tx.query_one("SELECT origin FROM site", &[])?.get(0)?;
    let origin: Origin = origin.parse().map_err(|e| Error::damaged(format!("the log's name: {e}")))?;
    let (now, mut new) = (recovery_keys(tx)?, Vec::new());
    for key in keys {
        let wrong = |e: &dyn std::fmt::Display| Error::invalid(format!("the recovery key {}: {e}", key.recipient));
        Recipients::parse(&key.recipient, &key.recipient).map_err(|e| wrong(&e))?;
        let public = RecoveryPublic::new(&origin, &key.signing, &key.recipient).map_err(|e| wrong(&e))?;
        if new.contains(&public.verifier) {
            return Err(Error::invalid("a recovery key is named twice"));
        }
        new.push(public.verifier);
    }
    if new.len() == now.len() && new.iter().all(|key| now.contains(key)) {
        return Err(Error::conflict("these are the recovery keys already"));
    }
    let stay = new.iter().filter(|key| now.contains(key)).count();
    Ok(vec![
        ("recovery keys that stay", stay as u64),
        ("recovery keys that no longer count", (now.len() - stay) as u64),
    ])
}

/// An order that was carried out here, with the signatures of officers' own keys: passkeys sign for the site's pages alone.
///
/// # Errors
/// [`Error::Conflict`] while it waits, or when it was stopped; [`Error::Invalid`] when it does not concern vaults.
pub fn order_signed(tx: &mut Tx, id: u64) -> Result<SignedOrder, Error> {
    let order = order_fetch(tx, None, id)?.ok_or_else(|| Error::not_found(format!("order {id}")))?;
    if order.state != State::Executed {
        return Err(Error::conflict(format!(
            "order {id} is {}: vaults are given what was carried out",
            order.state.as_str()
        )));
    }
    let sql = "SELECT s.signature, k.public_key FROM order_signature s JOIN officer_key k ON k.id = s.key
               WHERE s.order_id = ?1 AND s.passkey = ?2 ORDER BY s.officer";
    let mut lines = Vec::new();
    for row in tx.query(sql, &[id.into(), false.into()])? {
        let (signature, key): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let damaged = || Error::damaged(format!("a signature of order {id}"));
        let key = OfficerKey(key.try_into().map_err(|_| damaged())?);
        let signature = signature.try_into().map_err(|_| damaged())?;
        lines.push(SignatureLine { verb: Verb::Approve, hash: order.hash, key, signature });
    }
    Ok(SignedOrder::new(order.body, lines)?)
}

/// When officers ordered other recovery keys than there are; None: those that were ordered last are those that there are.
pub(crate) fn keys_wait(tx: &mut Tx) -> Result<Option<i64>, Error> {
    let sql = "SELECT signing, ordered_us FROM recovery_key_ordered
               WHERE seq = (SELECT max(seq) FROM recovery_key_ordered) ORDER BY recipient";
    let mut ordered = Vec::new();
    for row in tx.query(sql, &[])? {
        ordered.push((row.get::<Vec<u8>>(0)?, row.get::<i64>(1)?));
    }
    let now = recovery_keys(tx)?;
    let same = ordered.len() == now.len()
        && now.iter().all(|key| ordered.iter().any(|(signing, _)| signing.as_slice() == key.as_bytes()));
    Ok(ordered.first().filter(|_| !same).map(|(_, at_us)| *at_us))
}
