//! Making canaries, and taking them in.

use super::query::{canary_by_id, canary_list};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::alarm::{CanaryKind, CanaryMade, CanaryRemoved};
use crate::names::plain_text;
use crate::writer::{Command, Decide};

/// Canaries in use.
pub const CANARIES_MAX: usize = 1000;
/// Characters of where one was put.
const NOTE_CHARS_MAX: usize = 200;

/// Makes a canary. Gives its id. Whether the asker may is decided by who makes this.
#[derive(Debug)]
pub struct CanaryMake {
    /// What it looks like.
    pub kind: CanaryKind,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// Where it will be put.
    pub note: String,
}

impl Command for CanaryMake {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        if canary_list(tx)?.len() >= CANARIES_MAX {
            return Err(Error::invalid(format!("there are {CANARIES_MAX} canaries: take one in first")));
        }
        let note = plain_text("where it is put", &self.note, NOTE_CHARS_MAX)?;
        let note = note.ok_or_else(|| Error::invalid("say where the canary is put: who hears it must know"))?;
        Ok((vec![CanaryMade { kind: self.kind, hash: self.hash, note }.into()], ctx.id(0)))
    }
}

/// Takes a canary in: nobody hears it any more.
#[derive(Debug)]
pub struct CanaryRemove(pub u64);

impl Command for CanaryRemove {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        canary_by_id(tx, self.0)?.ok_or_else(|| Error::not_found(format!("canary {}", self.0)))?;
        Ok((vec![CanaryRemoved { canary: self.0 }.into()], ()))
    }
}
