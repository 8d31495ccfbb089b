//! How far everything is: for what is found out once and believed until something changes.

use super::Site;

/// A state of the tables and of the repositories, by what it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Entries that were written.
    pub size: u64,
    /// Entries that are held.
    pub held: u64,
}

impl Site {
    /// The moment that goes on now: what follows from the tables alone is the same until there is another. To be asked for before they
    /// are read.
    pub(super) fn now(&self) -> Moment {
        Moment { size: self.ledger.log().size(), held: self.held() }
    }

    /// The same for what follows from repositories too. None while something that is held has yet to come into them.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        let moment = self.now();
        (self.position.get() == moment.held).then_some(moment)
    }
}
