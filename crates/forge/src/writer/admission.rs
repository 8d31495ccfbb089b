//! Whether a command is taken at all.

use super::command::Urgency;
use super::shipping::{Shipping, laggards};
use crate::error::Error;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Written batches that are not held yet, oldest first: the number after the last entry, and since when.
#[derive(Default)]
pub(super) struct Unheld {
    batches: VecDeque<(u64, Instant)>,
}

impl Unheld {
    pub(super) fn committed(&mut self, next_seq: u64, now: Instant) {
        self.batches.push_back((next_seq, now));
    }

    /// The oldest batch that has waited longer than `wait_max`.
    fn overdue(&mut self, held: u64, now: Instant, wait_max: Duration) -> Option<u64> {
        while self.batches.front().is_some_and(|(next_seq, _)| *next_seq <= held) {
            self.batches.pop_front();
        }
        self.batches.front().filter(|(_, since)| now.duration_since(*since) > wait_max).map(|(next_seq, _)| *next_seq)
    }
}

/// What the vaults allow, asked once for each batch.
pub(super) struct Admission {
    frozen: Option<String>,
    missing: Option<Vec<String>>,
}

impl Admission {
    pub(super) fn ask(shipping: &dyn Shipping, unheld: &mut Unheld, wait_max: Duration) -> Self {
        let held = *shipping.held().borrow();
        let overdue = unheld.overdue(held, Instant::now(), wait_max);
        let missing = shipping.quorum_reachable().err().or_else(|| overdue.map(|size| laggards(shipping, size)));
        Self { frozen: shipping.trouble(), missing }
    }

    /// A frozen site writes nothing: no vault would ever hold it. Without a quorum only what must not wait is admitted.
    pub(super) fn admit(&self, urgency: Urgency) -> Result<(), Error> {
        match (&self.frozen, &self.missing, urgency) {
            (Some(reason), ..) => Err(Error::Frozen { reason: reason.clone() }),
            (None, Some(missing), Urgency::Ordinary) => Err(Error::NoQuorum { missing: missing.clone() }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_overdue_when_it_has_waited_and_is_not_held() {
        let (mut unheld, start, wait) = (Unheld::default(), Instant::now(), Duration::from_secs(5));
        unheld.committed(3, start);
        unheld.committed(7, start + wait);
        let late = start + wait + Duration::from_secs(1);
        assert_eq!(unheld.overdue(0, start + wait, wait), None);
        assert_eq!(unheld.overdue(0, late, wait), Some(3));
        assert_eq!(unheld.overdue(3, late, wait), None);
        assert_eq!(unheld.overdue(7, late + wait * 9, wait), None);
    }

    #[test]
    fn revocations_pass_without_a_quorum_and_nothing_passes_when_frozen() {
        let lonely = Admission { frozen: None, missing: Some(vec!["eu".into()]) };
        assert!(matches!(lonely.admit(Urgency::Ordinary), Err(Error::NoQuorum { missing }) if missing == ["eu"]));
        assert!(lonely.admit(Urgency::Revocation).is_ok());
        let frozen = Admission { frozen: Some("rolled back".into()), missing: None };
        assert!(matches!(frozen.admit(Urgency::Revocation), Err(Error::Frozen { .. })));
    }
}
