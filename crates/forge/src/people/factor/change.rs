//! Renaming and removing factors.

use super::{authenticator_list, factor_name, totp_list};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::{FactorNamed, FactorRemoved};
use crate::people::query;
use crate::writer::{Command, Decide, Urgency};

/// Removes a factor, with or without vaults.
#[derive(Debug)]
pub struct FactorRemove {
    /// Which.
    pub factor: u64,
    /// Whose it must be.
    pub owner: u64,
}

impl Command for FactorRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let user = query::user_by_id(tx, self.owner)?.ok_or_else(|| Error::not_found("the account"))?;
        let (keys, apps) = (authenticator_list(tx, self.owner)?, totp_list(tx, self.owner)?);
        let is_key = keys.iter().any(|key| key.id == self.factor);
        if !is_key && !apps.iter().any(|app| app.id == self.factor) {
            return Err(Error::not_found("the factor"));
        }
        // A new one sleeps for a day: without the last good one the role would be out of reach.
        let awake = keys.iter().filter(|key| key.id != self.factor && key.is_good(ctx.now_us)).count();
        if is_key && awake == 0 && (user.officer || user.operator) {
            return Err(Error::forbidden(
                "this is your last key that is awake, and your role needs one: add another first, and wait until it is awake",
            ));
        }
        if user.officer && is_key {
            crate::orders::signers_enough_without(tx, self.owner, self.factor)?;
        }
        if super::super::policy::required(tx)? && keys.len() + apps.len() == 1 {
            return Err(Error::forbidden("this site requires a second factor: add another one first"));
        }
        Ok((vec![FactorRemoved { factor: self.factor }.into()], ()))
    }
}

/// Gives a factor another name.
#[derive(Debug)]
pub struct FactorName {
    /// Which.
    pub factor: u64,
    /// Whose it must be.
    pub owner: u64,
    /// The new name.
    pub name: String,
}

impl Command for FactorName {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let keys = authenticator_list(tx, self.owner)?.into_iter().map(|key| (key.id, key.name));
        let apps = totp_list(tx, self.owner)?.into_iter().map(|app| (app.id, app.name));
        let found = keys.chain(apps).find(|(id, _)| *id == self.factor);
        let (factor, old) = found.ok_or_else(|| Error::not_found("the factor"))?;
        let name = factor_name(&self.name, &old)?;
        let event = (name != old).then(|| FactorNamed { factor, name }.into());
        Ok((event.into_iter().collect(), ()))
    }
}
