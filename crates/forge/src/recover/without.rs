//! `--without`: as if some acts had not been.
//!
//! The log can't be cut, and what was acknowledged stays in it. The site is recovered whole; then new entries, the first of the
//! new epoch, put back every ref and setting that the acts changed, before anybody is served. What others built on them, and
//! what can't be put back, is named. Afterwards it is planned again, and nothing may be left to do.

use crate::db::{Db, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::ledger::Ledger;
use crate::names::UserName;
use crate::people::query::user_fetch;
use crate::restore::{self, Acts, Plan, Restored, Selection};
use crate::writer::{Command, Decide, Submitter, Urgency};
use std::str::FromStr;

/// Whose acts, as a person says it: `user=NAME`, `credential=ENTRY` or `entries=FIRST..LAST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An account's.
    User(UserName),
    /// What was done with this token, session or key: the number of the entry that made it.
    Credential(u64),
    /// Entries, both ends with them.
    Entries(u64, u64),
}

/// What is left out.
#[derive(Clone, Debug)]
pub struct Without {
    /// Any of these.
    pub whose: Vec<Whose>,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
}

impl FromStr for Whose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::invalid(format!("{text:?} is none of user=NAME, credential=ENTRY and entries=FIRST..LAST"));
        let number = |text: &str| text.parse().map_err(|_| bad());
        match text.split_once('=').ok_or_else(bad)? {
            ("user", name) => Ok(Self::User(name.parse()?)),
            ("credential", entry) => Ok(Self::Credential(number(entry)?)),
            ("entries", range) => {
                let (first, last) = range.split_once("..").ok_or_else(bad)?;
                let (first, last) = (number(first)?, number(last)?);
                if first <= last { Ok(Self::Entries(first, last)) } else { Err(bad()) }
            }
            _ => Err(bad()),
        }
    }
}

/// Which acts these are in this database.
fn selection(database: &Db, without: &Without) -> Result<Selection, Error> {
    let one = |whose: &Whose| match whose {
        Whose::User(name) => {
            let account = database.read(|tx| Ok::<_, Error>(user_fetch(tx, name)?))?;
            let account = account.ok_or_else(|| Error::not_found(format!("the account {name}")))?;
            Ok(Acts::Account(account.id))
        }
        Whose::Credential(id) => Ok(Acts::Credential(*id)),
        Whose::Entries(first, last) => Ok(Acts::Entries(*first, *last)),
    };
    let acts = without.whose.iter().map(one).collect::<Result<_, Error>>()?;
    Ok(Selection { acts, since_us: without.since_us })
}

/// What is left to be put back.
fn look(database: &Db, without: &Without) -> Result<Restored, Error> {
    let selection = selection(database, without)?;
    let mut told = database.read(|tx| restore::plan(tx, &selection, false))?.report;
    told.name_revisions();
    Ok(told)
}

/// Puts back, and looks whether nothing is left.
pub(super) async fn put_back(ledger: &Ledger, without: &Without) -> Result<Restored, Error> {
    let selection = selection(ledger.db(), without)?;
    let mut whole = Restored::default();
    loop {
        let command = PutBack(selection.clone());
        let said = ledger.writer().submit(Submitter::default(), command).await?.output;
        let more = said.more;
        whole.add(said);
        if !more {
            break;
        }
    }
    whole.name_revisions();
    let left = look(ledger.db(), without)?.done;
    if left.is_empty() { Ok(whole) } else { Err(Error::internal(format!("not put back: {}", left.join("; ")))) }
}

/// The recovery's own: no vault is there yet to hold it, and nothing is served before one is.
#[derive(Debug)]
struct PutBack(Selection);

impl Command for PutBack {
    type Output = Restored;
    const URGENCY: Urgency = Urgency::Founding;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, Restored), Error> {
        let Plan { events, report, .. } = restore::plan(tx, &self.0, false)?;
        Ok((events, report))
    }
}

#[cfg(test)]
mod tests {
    use super::Whose;

    #[test]
    fn whose_acts() {
        assert_eq!("user=ada".parse::<Whose>().unwrap(), Whose::User("ada".parse().unwrap()));
        assert_eq!("credential=41".parse::<Whose>().unwrap(), Whose::Credential(41));
        assert_eq!("entries=41..43".parse::<Whose>().unwrap(), Whose::Entries(41, 43));
        for bad in ["ada", "user=", "credential=x", "entries=3..2", "entries=3", "until=3"] {
            assert!(bad.parse::<Whose>().is_err(), "{bad}");
        }
    }
}
