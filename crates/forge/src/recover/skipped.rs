//! Entries that a recovery passes over, and what is believed of those that earlier recoveries passed over.
//!
//! Who writes the site may be who wants entries left out. So the list is signed by the recovery key that began the epoch, and the same
//! goes for what says that an epoch began: the tables take no other ([`Believed::vet`]).

use super::survey::Survey;
use crate::error::Error;
use crate::event::Event;
use crate::event::site::EpochStarted;
use crate::event::skipped::{EntriesSkipped, SkipStatement};
use crate::keys::RecoveryKey;
use crate::log::{LogKeys, Opened};
use crate::replay::Skips;
use crate::writer::{Command, Decide, Urgency};
use journal::epoch::Epoch;
use journal::note::SignedNote;
use journal::{BlobName, Origin};
use std::collections::BTreeMap;

/// The kind of [`EntriesSkipped`].
const KIND: u32 = 4;

/// A list that an earlier recovery signed, by the number of its entry.
type Lists = BTreeMap<u64, Skips>;

/// What the log's epochs bear out.
pub(super) struct Believed {
    /// The statements, and what each says.
    epochs: BTreeMap<u64, (SignedNote, Epoch)>,
    lists: Lists,
}

impl Believed {
    /// Reads ahead what earlier recoveries have passed over: it stands where their epochs begin, and counts from the log's first entry on.
    pub(super) async fn read(survey: &Survey, keys: &LogKeys) -> Result<Self, Error> {
        let mut epochs = BTreeMap::new();
        for (number, (record, _)) in &survey.epochs {
            let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("the statement of epoch {number}: {e}"));
            let note: SignedNote = record.statement.parse().map_err(|e| bad(&e))?;
            let epoch: Epoch = note.text().parse().map_err(|e| bad(&e))?;
            epochs.insert(*number, (note, epoch));
        }
        let mut believed = Self { epochs, lists: Lists::new() };
        for epoch in
            believed.epochs.values().map(|(_, epoch)| epoch.clone()).filter(|epoch| epoch.size > 0).collect::<Vec<_>>()
        {
            let seq = place_of_list(&epoch);
            for source in survey.sources.iter().filter(|source| source.size > seq) {
                // A vault that does not give it is no reason to stop: what is lacking then does not replay.
                let Ok(batch) = super::rebuild::batch_of(source, seq).await else { continue };
                let index = usize::try_from(seq.saturating_sub(batch.first)).unwrap_or(usize::MAX);
                let Some(envelope) = batch.entries.get(index) else { continue };
                let no_blobs = |_: &[BlobName]| Err(Error::damaged("a list of skipped entries has no blobs"));
                let opened = keys.open_of_kinds(batch.epoch, seq, envelope, &[KIND], &no_blobs);
                let Ok(Some(Opened { event: Event::EntriesSkipped(event), .. })) = opened else { continue };
                if let Ok(skips) = believed.list(seq, &event) {
                    believed.lists.insert(seq, skips);
                    break;
                }
            }
        }
        Ok(believed)
    }

    /// All that earlier recoveries have passed over.
    pub(super) fn skips(&self) -> Skips {
        self.lists.values().fold(Skips::default(), |all, list| all.with(list))
    }

    /// Whether a snapshot that was named by entry `seq` and is of the entries below `through` has in it what was passed over later.
    pub(super) fn outdates(&self, seq: u64, through: u64) -> bool {
        let mut later = self.lists.range(seq..).flat_map(|(_, list)| list.ranges());
        later.any(|(first, _)| *first < through)
    }

    /// What is wrong with an event that only whoever holds a recovery key may have caused, and that anybody who writes as the site can
    /// write.
    pub(super) fn vet(&self, opened: &Opened) -> Result<(), String> {
        let seq = opened.row.stamp.seq;
        match &opened.event {
            Event::SiteStarted(_) if seq > 0 => Err("a site begins with entry 0 and never again".to_owned()),
            Event::EpochStarted(event) => self.epoch(seq, event),
            // It must have been found before, or what it names is applied by now.
            Event::EntriesSkipped(event) => match self.list(seq, event) {
                Ok(_) if self.lists.contains_key(&seq) => Ok(()),
                Ok(_) => Err("it names entries to be passed over, and no vault gave it in time: try again".to_owned()),
                Err(why) => Err(why.to_owned()),
            },
            _ => Ok(()),
        }
    }

    fn epoch(&self, seq: u64, event: &EpochStarted) -> Result<(), String> {
        let none = || "it begins an epoch that no recovery key has begun here".to_owned();
        let (note, epoch) = self.epochs.get(&event.epoch).ok_or_else(none)?;
        let said: SignedNote = event.statement.parse().map_err(|_| none())?;
        let here = if epoch.size == 0 { seq <= 1 } else { seq == epoch.size };
        if here && said.text() == note.text() { Ok(()) } else { Err(none()) }
    }

    /// The entries that an event at this place passes over.
    fn list(&self, seq: u64, event: &EntriesSkipped) -> Result<Skips, &'static str> {
        const UNSIGNED: &str =
            "it names entries to be passed over, and not by the recovery key that began an epoch there";
        let note: SignedNote = event.statement.parse().map_err(|_| UNSIGNED)?;
        let said: SkipStatement = note.text().parse()?;
        let (begun, epoch) = self.epochs.get(&said.epoch).ok_or(UNSIGNED)?;
        let before =
            self.epochs.range(..said.epoch).next_back().into_iter().flat_map(|(_, (_, epoch))| &epoch.recovery);
        // Where the keys were replaced, one of those before may have begun it.
        let mut keys = epoch.recovery.iter().chain(before).map(|key| &key.verifier);
        let signed = keys.any(|key| begun.verify(key).is_ok() && note.verify(key).is_ok());
        let here = epoch.size > 0 && place_of_list(epoch) == seq && said.origin == epoch.origin;
        let earlier = said.skips.ranges().iter().all(|(_, last)| *last < epoch.size);
        if signed && here && earlier { Ok(said.skips) } else { Err(UNSIGNED) }
    }
}

/// Behind the entry that says that the epoch began.
fn place_of_list(epoch: &Epoch) -> u64 {
    epoch.size.saturating_add(1)
}

/// The entry that says what this recovery passed over.
#[derive(Debug)]
pub(super) struct Skipped(EntriesSkipped);

impl Skipped {
    pub(super) fn sign(key: &RecoveryKey, origin: &Origin, epoch: u64, skips: Skips) -> Result<Self, Error> {
        let statement = SkipStatement { origin: origin.clone(), epoch, skips };
        let signed = statement.sign(&key.signing_key(origin));
        Ok(Self(signed.map_err(|e| Error::invalid(format!("these entries can't be named: {e}")))?))
    }
}

impl Command for Skipped {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, _: &mut crate::db::Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        Ok((vec![self.0.into()], ()))
    }
}
