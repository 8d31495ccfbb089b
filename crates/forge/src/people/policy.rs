//! Whether the site, or an organisation, requires a second factor of everybody.

use super::factor::factors;
use crate::access::{OrgProof, Own, up_from};
use crate::clock::now_us;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::{FactorsRequired, OrgFactorsRequired};
use crate::orders::rule_fetch;
use crate::org::query::org_by_id;
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

/// Whether an organisation itself requires a second factor, whatever those do that it lies in.
pub(crate) fn org_requires(tx: &mut Tx, org: u64) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM org_factor_policy WHERE organisation = ?1";
    Ok(tx.query_opt(sql, &[org.into()])?.is_some())
}

/// The organisation, at or above this namespace, that requires a second factor which the account has not; None: nothing is missing.
pub(crate) fn org_lacks(tx: &mut Tx, account: u64, namespace: u64) -> Result<Option<u64>, DbError> {
    let sql =
        up_from!("SELECT c.id FROM chain c JOIN org_factor_policy p ON p.organisation = c.id ORDER BY c.id LIMIT 1");
    let Some(row) = tx.query_opt(sql, &[namespace.into()])? else { return Ok(None) };
    Ok(if factors(tx, account, now_us())?.any() { None } else { Some(row.get(0)?) })
}

/// Refuses who has no second factor where one is required for what belongs to this namespace.
pub(crate) fn must_not_lack(tx: &mut Tx, account: u64, namespace: u64) -> Result<(), Error> {
    let Some(org) = org_lacks(tx, account, namespace)? else { return Ok(()) };
    let path = org_by_id(tx, org)?.map_or_else(String::new, |org| org.path);
    Err(Error::FactorRequired { org: path })
}

/// Says whether an organisation requires a second factor of everybody who has a part in it. Who has none reaches nothing in it that is not
/// everybody's.
#[derive(Debug)]
pub struct OrgFactorsRequire {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// Whether it does.
    pub required: bool,
}

impl Command for OrgFactorsRequire {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let org = self.proof.recheck(tx, ctx)?.id;
        if let Some(owner) = self.proof.by().filter(|_| self.required)
            && !factors(tx, owner.user(), ctx.now_us)?.any()
        {
            return Err(Error::invalid("you have no second factor yourself: add one first, in your settings"));
        }
        let changes = org_requires(tx, org)? != self.required;
        if changes && !self.required && rule_fetch(tx)?.is_some() {
            return Err(Error::conflict("officers let it go: outlast order ask organisation-factors-optional"));
        }
        Ok((changes.then(|| OrgFactorsRequired { org, required: self.required }.into()).into_iter().collect(), ()))
    }
}
