//! Whether the vaults that answered know the same epochs, and whether those are to be believed.
//!
//! An epoch that changes the recovery keys may be signed by a key that it names itself, for the old ones may be lost: that officers
//! ordered it, a vault's owner has looked. So what one vault shows could have been made by whoever holds that vault and any key of his
//! own; and what is sealed from here on is sealed to all the keys that the newest epoch names.

use super::RecoverRequest;
use super::survey::{Source, Survey};
use crate::error::Error;
use journal::epoch::Epoch;
use journal::note::SignedNote;
use std::collections::BTreeSet;

/// A vault that shows an epoch's statement.
pub(super) struct Shown {
    vault: String,
    domain: String,
    /// What is signed.
    text: String,
    /// A vault without entries takes other recovery keys without asking for the order.
    has_entries: bool,
}

/// Nothing was begun, because vaults contradict one another.
pub(super) fn parted(what: &str) -> Error {
    Error::conflict(format!(
        "the vaults do not know the same epochs: {what}. Nothing was begun. Ask the vaults' owners which of them is wrong, and recover \
         without it (leave out its --vault)"
    ))
}

fn damaged(e: &dyn std::fmt::Display) -> Error {
    Error::damaged(format!("the epochs: {e}"))
}

impl Survey {
    /// Takes note that a vault shows an epoch: one number is one statement.
    pub(super) fn show(&mut self, source: &Source, epoch: &Epoch) -> Result<(), Error> {
        let (url, text) = (source.client.url(), epoch.to_string());
        let all = self.shown.entry(epoch.epoch).or_default();
        if let Some(other) = all.iter().find(|shown| shown.text != text) {
            let both = format!("vaults {} and {} show two different epochs {}", other.vault, url.name, epoch.epoch);
            return Err(parted(&both));
        }
        let (vault, domain, has_entries) = (url.name.clone(), url.domain.clone(), source.size > 0);
        all.push(Shown { vault, domain, text, has_entries });
        Ok(())
    }

    /// The epochs of all vaults together must be those of one log, as each vault's are.
    pub(super) fn verify_epochs(&self) -> Result<(), Error> {
        let (_, notes) = self.statements()?;
        let verified = Epoch::verify_all(&notes, &self.recovery_keys);
        verified
            .map(drop)
            .map_err(|e| parted(&format!("together they are not those of one log ({e}): {}", self.who_shows())))
    }

    fn who_shows(&self) -> String {
        let of = |(number, all): (&u64, &Vec<Shown>)| {
            let names: Vec<_> = all.iter().map(|shown| shown.vault.as_str()).collect();
            format!("epoch {number} is shown by {}", names.join(", "))
        };
        self.shown.iter().map(of).collect::<Vec<_>>().join("; ")
    }

    /// All epochs, oldest first.
    fn statements(&self) -> Result<(Vec<Epoch>, Vec<SignedNote>), Error> {
        let (mut epochs, mut notes) = (Vec::new(), Vec::new());
        for (record, _) in self.epochs.values() {
            let note: SignedNote = record.statement.parse().map_err(|e| damaged(&e))?;
            epochs.push(note.text().parse().map_err(|e| damaged(&e))?);
            notes.push(note);
        }
        Ok((epochs, notes))
    }

    /// The newest statement that a vault has given.
    pub(super) fn newest(&self) -> Result<Epoch, Error> {
        self.statements()?.0.pop().ok_or_else(|| damaged(&"there is none"))
    }

    fn signed_here(&self, note: &SignedNote) -> bool {
        self.recovery_keys.iter().any(|key| note.verify(key).is_ok())
    }

    /// Whether one of the keys at hand has signed an epoch: what it signed binds all that came before. Otherwise another key named it,
    /// and that this is the log one looks for is the word of the vaults that one was given.
    pub(super) fn has_signed(&self) -> bool {
        self.statements().is_ok_and(|(_, notes)| notes.iter().any(|note| self.signed_here(note)))
    }

    /// Whether the recovery keys of the newest epoch may be sealed to: all are at hand, or a key at hand has signed an epoch since they
    /// became these, or the order is at hand by which they did, or two owners' vaults took them, which ask for that order.
    ///
    /// # Errors
    /// When none of that is so.
    pub(super) fn keys_are_known(&self, request: &RecoverRequest) -> Result<(), Error> {
        let (epochs, notes) = self.statements()?;
        let change = (1..epochs.len()).rev().find(|at| epochs[*at].changes_keys(&epochs[at - 1]));
        let (Some(at), Some(newest)) = (change, epochs.last()) else { return Ok(()) };
        let own = newest.recovery.iter().all(|key| self.recovery_keys.contains(&key.verifier));
        if own || notes[at..].iter().any(|note| self.signed_here(note)) {
            return Ok(());
        }
        let changed = &epochs[at];
        if changed.order.is_some() && request.order.as_ref().map(|order| order.hash()) == changed.order {
            return Ok(());
        }
        let all = self.shown.get(&changed.epoch).map_or(&[][..], Vec::as_slice);
        let owners: BTreeSet<_> = all.iter().filter(|shown| shown.has_entries).map(|shown| &shown.domain).collect();
        if owners.len() > 1 {
            return Ok(());
        }
        let names: Vec<_> = all.iter().map(|shown| shown.vault.as_str()).collect();
        Err(Error::conflict(format!(
            "epoch {} names other recovery keys than the one before, the key at hand has signed none since, and only {} shows it: what \
             is recovered would be open to those keys. Nothing was begun. Give the order by which they were replaced (--order), or a \
             second owner's vault that has taken it; or, if nobody ordered that, recover without that vault",
            changed.epoch,
            names.join(", ")
        )))
    }
}
