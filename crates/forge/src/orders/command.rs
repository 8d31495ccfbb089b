//! Filing, signing and stopping orders.

use super::query::{FiledOrder, State, is_officer, key_by_public, order_fetch, rule_fetch};
use super::{Act, ORDER_AGE_MAX_US, ORDER_BYTES_MAX, ORDERS_PENDING_MAX, Order, SignatureLine, Verb, vaults};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{OrderFiled, OrderSigned, OrderVetoed};
use crate::event::vault::VaultsKept;
use crate::mutant::{Mutant, without};
use crate::names::plain_text;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::people::factor::signer as authenticator_of;
use crate::people::webauthn::{Assertion, RelyingParty};
use crate::writer::{Command, Decide, Urgency};

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// Asks for a guarded act. Gives the order's id. Whether the asker may ask is decided by who makes this.
#[derive(Debug)]
pub struct OrderFile {
    /// The site's log.
    pub site: String,
    /// What is asked for.
    pub act: Act,
    /// Chance.
    pub nonce: [u8; 16],
}

impl OrderFile {
    /// The event that files it, as things are.
    pub(crate) fn event(self, tx: &mut Tx, ctx: &Decide) -> Result<Event, Error> {
        let none = || Error::conflict("there is no officers' rule yet, and orders begin with it: outlast officer rule");
        let rule = rule_fetch(tx)?.ok_or_else(none)?;
        if !still_good(tx, ctx.by.credential, ctx.now_us)? {
            return Err(Error::Unauthenticated("your sign-in or token was ended meanwhile".into()));
        }
        few_enough(tx, ctx.by.actor, &self.act)?;
        let (effects, delay_us) = (self.act.effects(tx)?, self.act.delay_us(rule.delay_us));
        let mut order = Order::new(&self.site, self.act, self.nonce);
        order.effects = effects;
        order.created_us = ctx.now_us;
        order.not_before_us = ctx.now_us.saturating_add(delay_us);
        order.expires_us = ctx.now_us.saturating_add(ORDER_AGE_MAX_US);
        order.requester = ctx.by.actor;
        let body = order.encode();
        if body.len() > ORDER_BYTES_MAX {
            return Err(Error::invalid(format!(
                "an order has at most {ORDER_BYTES_MAX} bytes, and this would have {}: ask for less at a time",
                body.len()
            )));
        }
        Ok(OrderFiled { order: body }.into())
    }
}

/// One requester can't bury the officers in orders, and nothing is asked for twice.
fn few_enough(tx: &mut Tx, requester: Option<u64>, act: &Act) -> Result<(), Error> {
    let rows = tx.query("SELECT id, body FROM filed_order WHERE state = 'pending' ORDER BY id", &[])?;
    let mut own = 0;
    for row in rows {
        let (id, body): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let order = Order::decode(&body).map_err(|e| Error::damaged(format!("order {id}: {e}")))?;
        own += u64::from(order.requester == requester);
        vaults::one_at_a_time(act, &order.act, id)?;
        if order.act == *act {
            return Err(Error::conflict(format!("order {id} asks for this already")));
        }
    }
    if own >= ORDERS_PENDING_MAX {
        return Err(Error::invalid(format!("{own} orders of yours are waiting: have them signed or vetoed first")));
    }
    Ok(())
}

impl Command for OrderFile {
    type Output = u64;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let event = self.event(tx, ctx)?;
        Ok((vec![event], ctx.id(0)))
    }
}

/// The order, if it waits.
fn pending(tx: &mut Tx, rp: Option<&RelyingParty>, id: u64, now_us: i64) -> Result<FiledOrder, Error> {
    let order = order_fetch(tx, rp, id)?.ok_or_else(|| Error::not_found(format!("order {id}")))?;
    if order.state != State::Pending {
        return Err(Error::conflict(format!("order {id} is {} already", order.state.as_str())));
    }
    if now_us >= order.order.expires_us {
        return Err(Error::conflict(format!("order {id} has expired: file it anew")));
    }
    Ok(order)
}

/// The officer whose key made a signature over this order. The same answer whatever is wrong with who signed.
fn signer(tx: &mut Tx, order: &FiledOrder, line: &SignatureLine, verb: Verb) -> Result<(u64, u64), Error> {
    if line.verb != verb {
        return Err(Error::invalid("this signature is for the other: one approves, one vetoes"));
    }
    if line.hash != order.hash {
        return Err(Error::invalid("this signature is for another order, or for one that was edited"));
    }
    let refused = || Error::invalid("no officer's key made this signature");
    let key = key_by_public(tx, &line.key.0)?.ok_or_else(refused)?;
    if !key.key.verify(verb, &order.hash, &line.signature) || !is_officer(tx, key.account)? {
        return Err(refused());
    }
    Ok((key.account, key.id))
}

/// With what an officer signs.
#[derive(Clone, Debug)]
pub enum Signing {
    /// A key of theirs: it says itself whose it is, whoever brings it.
    Line(SignatureLine),
    /// An authenticator of somebody who is signed in.
    Passkey(Principal, Assertion),
}

/// An officer signs an order. Gives who it was.
#[derive(Debug)]
pub struct OrderSign {
    /// The site as authenticators know it.
    pub rp: Option<RelyingParty>,
    /// The order.
    pub order: u64,
    /// The signature.
    pub with: Signing,
}

impl OrderSign {
    /// Who signed, as an event; and what else is to be written of it.
    fn signed(&self, tx: &mut Tx, order: &FiledOrder, now_us: i64) -> Result<(OrderSigned, Option<Event>), Error> {
        let (id, hash) = (order.id, order.hash);
        let (who, assertion) = match &self.with {
            Signing::Line(line) => {
                let (officer, key) = signer(tx, order, line, Verb::Approve)?;
                let signature = line.signature.to_vec();
                return Ok((OrderSigned { order: id, officer, key, hash, signature, passkey: false }, None));
            }
            Signing::Passkey(who, assertion) => (who, assertion),
        };
        if !still_good(tx, who.credential(), now_us)? || !is_officer(tx, who.user())? {
            return Err(Error::forbidden("only an officer signs an order"));
        }
        let none =
            || Error::invalid("passkeys need an address with a name and https: sign with `outlast officer sign`");
        let rp = self.rp.as_ref().ok_or_else(none)?;
        let seen = authenticator_of(tx, rp, Some(who.user()), &hash, assertion, now_us)?;
        if !seen.user_verified {
            return Err(Error::forbidden("an order needs a passkey that knows its owner: by a PIN or a fingerprint"));
        }
        let signature = minicbor::to_vec(assertion).map_err(|e| Error::internal(e.to_string()))?;
        let (officer, key) = (who.user(), seen.authenticator);
        let signed = OrderSigned { order: id, officer, key, hash, signature, passkey: true };
        Ok((signed, Some(seen.used())))
    }
}

impl Command for OrderSign {
    type Output = u64;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let order = pending(tx, self.rp.as_ref(), self.order, ctx.now_us)?;
        let (signed, used) = self.signed(tx, &order, ctx.now_us)?;
        let officer = signed.officer;
        if order.order.requester == Some(officer) {
            return Err(Error::forbidden("who asks for an order does not sign it: others must"));
        }
        if order.signatures.iter().any(|signature| signature.officer == officer) {
            return Err(Error::conflict("you have signed this order: an officer counts once"));
        }
        Ok(([signed.into()].into_iter().chain(used).collect(), officer))
    }
}

/// Who stops an order.
#[derive(Clone, Debug)]
pub enum VetoBy {
    /// An officer who is signed in.
    SignedIn(Principal),
    /// An officer's signature, whoever brings it.
    Signature(SignatureLine),
}

/// An officer stops an order, with or without vaults: until it is carried out, and one that changes the vaults until that is confirmed.
#[derive(Debug)]
pub struct OrderVeto {
    /// The order.
    pub order: u64,
    /// Who.
    pub by: VetoBy,
    /// Why.
    pub reason: String,
}

impl Command for OrderVeto {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let changes = vaults::may_be_kept(tx, self.order)?;
        let order = match changes {
            Some(_) => order_fetch(tx, None, self.order)?.ok_or_else(|| Error::not_found("the order"))?,
            None => pending(tx, None, self.order, ctx.now_us)?,
        };
        let officer = match &self.by {
            VetoBy::SignedIn(who) => {
                if !still_good(tx, who.credential(), ctx.now_us)? || !is_officer(tx, who.user())? {
                    return Err(Error::forbidden("only an officer vetoes an order"));
                }
                who.user()
            }
            VetoBy::Signature(line) => signer(tx, &order, line, Verb::Veto)?.0,
        };
        let reason = plain_text("a reason", &self.reason, REASON_CHARS_MAX)?.unwrap_or_default();
        if without(Mutant::Veto) {
            return Ok((Vec::new(), ()));
        }
        let order = order.id;
        let vetoed = match changes {
            Some(ordered) => VaultsKept { ordered, order, officer, reason }.into(),
            None => OrderVetoed { order, officer, reason }.into(),
        };
        Ok((vec![vetoed], ()))
    }
}
