//! What shows that the vaults give everything back: drills.

use super::{ApplyError, Payload, Stamp, wire};
use crate::db::{Tx, Value};
use journal::order::RecoveryHalf;
use minicbor::{Decode, Encode};

wire::words! {
    /// What was practised.
    DrillKind {
        /// The site was rebuilt from its vaults in a throw-away place and compared with itself.
        0 Full = "full",
        /// Without keys: a vault has every object that its checkpoint reaches, whole.
        1 Blind = "blind",
        /// With the officers' recovery key, on a machine of theirs.
        2 Officer = "officer",
    }
}

/// A recovery key was split into shares, and everybody may know this of them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecoverySharesPublished {
    /// The recovery key's public half (age recipient).
    #[n(0)]
    pub recipient: String,
    /// How many shares it takes.
    #[n(1)]
    pub threshold: u8,
    /// The digest of each share, in hexadecimal, from number 1 on.
    #[n(2)]
    pub digests: Vec<String>,
}

impl Payload for RecoverySharesPublished {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        // Another splitting of the same key takes the place of the one before.
        tx.execute("DELETE FROM recovery_share WHERE recipient = ?1", &[(&self.recipient).into()])?;
        for (number, digest) in (1u64..).zip(&self.digests) {
            let sql = "INSERT INTO recovery_share (recipient, number, threshold, digest, published_us, seq)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let threshold = u64::from(self.threshold).into();
            let (recipient, digest, published_us) = ((&self.recipient).into(), digest.into(), at.time_us.into());
            let values = [recipient, number.into(), threshold, digest, published_us, at.seq.into()];
            tx.execute(sql, &values)?;
        }
        Ok(())
    }
}

/// By order of the officers the recovery keys are to be these, all of them, from the next epoch on. The epoch's statement makes them so.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecoveryKeysOrdered {
    /// Their public halves.
    #[n(0)]
    pub keys: Vec<RecoveryHalf>,
}

impl Payload for RecoveryKeysOrdered {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        for key in &self.keys {
            let sql = "INSERT INTO recovery_key_ordered (seq, recipient, signing, ordered_us) VALUES (?1, ?2, ?3, ?4)";
            let signing = (&key.signing).into();
            tx.execute(sql, &[at.seq.into(), (&key.recipient).into(), signing, at.time_us.into()])?;
        }
        Ok(())
    }
}

/// A drill came to an end, well or not.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DrillDone {
    /// What was practised.
    #[n(0)]
    pub kind: DrillKind,
    /// How many entries it got back: those below this number.
    #[n(1)]
    pub through: u64,
    /// When it began: microseconds since 1970.
    #[n(2)]
    pub started_us: i64,
    /// How long until a recovered site would have answered, milliseconds.
    #[n(3)]
    pub answers_ms: u64,
    /// How long it took to its end, milliseconds.
    #[n(4)]
    pub whole_ms: u64,
    /// How much of the newest would have been lost when it began: the age of what no quorum held yet, milliseconds.
    #[n(5)]
    pub data_age_ms: u64,
    /// Repositories filled and checked.
    #[n(6)]
    pub repositories: u64,
    /// How many differences were found; none is what is wanted.
    #[n(7)]
    pub differences: u64,
    /// The vaults it was done with.
    #[n(8)]
    pub vaults: Vec<String>,
    /// The whole report as it was signed (a signed note).
    #[n(9)]
    pub report: String,
}

impl Payload for DrillDone {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO drill (id, kind, through, started_us, answers_ms, whole_ms, data_age_ms, repositories,
                   differences, vaults, report, done_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let vaults = self.vaults.join(" ");
        let values: [Value; 12] = [
            at.seq.into(),
            self.kind.as_str().into(),
            self.through.into(),
            self.started_us.into(),
            self.answers_ms.into(),
            self.whole_ms.into(),
            self.data_age_ms.into(),
            self.repositories.into(),
            self.differences.into(),
            (&vaults).into(),
            (&self.report).into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}
