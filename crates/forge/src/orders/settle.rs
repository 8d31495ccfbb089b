//! Carrying out what is due, and closing what is over.

use super::query::{FiledOrder, State, order_fetch, rule_fetch};
use super::{Act, erase_list};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{OrderExecuted, OrderExpired};
use crate::mutant::{Mutant, without};
use crate::people::webauthn::RelyingParty;
use crate::writer::{Command, Decide};
use journal::erasure::EraseList;
use std::collections::BTreeMap;

/// Closes the first order that is due: carried out, or expired. Says whether there may be another.
///
/// One at a time, because what one does can make the next impossible.
#[derive(Clone, Debug)]
pub struct OrdersSettle {
    /// The site as authenticators know it; None: their signatures don't count.
    rp: Option<RelyingParty>,
    /// What the erasures among them erase, by order: found by reading the journal, for which the writer has no time.
    lists: BTreeMap<u64, EraseList>,
}

impl OrdersSettle {
    /// With what must be read beforehand: outside of the writer.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(tx: &mut Tx, rp: Option<RelyingParty>, now_us: i64) -> Result<Self, Error> {
        let mut lists = BTreeMap::new();
        let Some(rule) = rule_fetch(tx)? else { return Ok(Self { rp, lists }) };
        let sql = "SELECT id FROM filed_order WHERE state = 'pending' AND not_before_us <= ?1 ORDER BY id";
        for row in tx.query(sql, &[now_us.into()])? {
            let id = row.get(0)?;
            let Some(order) = order_fetch(tx, rp.as_ref(), id)? else { continue };
            if matches!(order.order.act, Act::Erase { .. }) && order.signed() >= rule.needed as usize {
                match erase_list(tx, &order.order) {
                    Ok(list) => drop(lists.insert(id, list)),
                    Err(e @ Error::Db(_)) => return Err(e),
                    // It waits, or has become impossible: the writer sees which.
                    Err(error) => tracing::debug!(order = id, %error, "what an erasure erases can't be said now"),
                }
            }
        }
        Ok(Self { rp, lists })
    }
}

impl Command for OrdersSettle {
    type Output = bool;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, bool), Error> {
        let Some(rule) = rule_fetch(tx)? else { return Ok((Vec::new(), false)) };
        let sql = "SELECT id FROM filed_order WHERE state = 'pending' AND (not_before_us <= ?1 OR expires_us <= ?1)
                   ORDER BY id";
        for row in tx.query(sql, &[ctx.now_us.into()])? {
            let id = row.get(0)?;
            let Some(order) = order_fetch(tx, self.rp.as_ref(), id)? else { continue };
            let events = settle(tx, ctx.now_us, rule.needed, &order, self.lists.get(&id))?;
            if !events.is_empty() {
                return Ok((events, true));
            }
        }
        Ok((Vec::new(), false))
    }
}

/// What becomes of one order now; nothing: it goes on waiting. Invariants 1, 2 and 6 of [orders](super).
fn settle(
    tx: &mut Tx,
    now_us: i64,
    needed: u32,
    order: &FiledOrder,
    list: Option<&EraseList>,
) -> Result<Vec<Event>, Error> {
    let expired = |reason: String| vec![OrderExpired { order: order.id, reason }.into()];
    if order.state != State::Pending {
        return Ok(Vec::new());
    }
    if now_us >= order.order.expires_us {
        let signed = order.signed();
        return Ok(expired(format!("its time was over: {signed} of {needed} officers had signed")));
    }
    let signed = order.signed();
    if now_us < order.order.not_before_us || (signed < needed as usize && !without(Mutant::Signatures)) {
        return Ok(Vec::new());
    }
    match order.order.act.effects(tx) {
        Ok(_) => {}
        Err(e @ Error::Db(_)) => return Err(e),
        Err(impossible) => return Ok(expired(format!("it is no longer possible: {impossible}"))),
    }
    if matches!(order.order.act, Act::Erase { .. }) && list.is_none() {
        // It became due after the reading: the next time.
        return Ok(Vec::new());
    }
    let mut events = vec![OrderExecuted { order: order.id }.into()];
    events.extend(order.order.act.events(tx, order.order.requester, now_us, list)?);
    Ok(events)
}
