//! Alarms, who has seen them, and where they are posted.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// What is worth an alarm: a closed list, without learning.
    AlarmRule {
        /// Somebody asks for a guarded act.
        0 OrderFiled = "order-filed",
        /// An officer signed an order.
        1 OrderSigned = "order-signed",
        /// An officer stopped an order.
        2 OrderVetoed = "order-vetoed",
        /// An order was carried out.
        3 OrderExecuted = "order-executed",
        /// An order's time was over.
        4 OrderExpired = "order-expired",
        /// Somebody became, or is no longer, officer, operator or auditor.
        5 RoleChanged = "role-changed",
        /// What an officer or operator signs in or signs with was made, changed or removed.
        6 PrivilegedCredential = "privileged-credential",
        /// The site was locked down, or that was lifted.
        7 Lockdown = "lockdown",
        /// An account was frozen, by the fuse or a lockdown, or let go on.
        8 AccountFrozen = "account-frozen",
        /// What guards the site was changed: the officers' rule, second factors, mail, webhooks, canaries, sign-in providers.
        9 GuardChanged = "guard-changed",
        /// The site was recovered: a new epoch began.
        10 Recovered = "recovered",
        /// A drill found differences.
        11 DrillFailed = "drill-failed",
        /// No drill has succeeded for too long.
        12 DrillMissing = "drill-missing",
        /// A vault does not answer.
        13 VaultSilent = "vault-silent",
        /// A vault refuses this site's journal.
        14 VaultRefusing = "vault-refusing",
        /// The disk is filling.
        15 DiskFilling = "disk-filling",
        /// Too many wrong passwords.
        16 SignInsFailing = "sign-ins-failing",
        /// A canary was touched.
        17 CanaryUsed = "canary-used",
        /// Somebody could not be told of something.
        18 NotTold = "not-told",
        /// The clock was set back or forward.
        19 ClockStepped = "clock-stepped",
        /// An officer or operator signed in from a new place.
        20 NewPlace = "new-place",
        /// One account fetched many private repositories.
        21 BulkRead = "bulk-read",
        /// Many strangers at once were turned away.
        22 Flood = "flood",
        /// A witness saw another log than this one.
        23 WitnessDisagrees = "witness-disagrees",
        /// What somebody did was put back.
        24 PutBack = "put-back",
        /// A link was made that sets somebody's password.
        25 ResetLink = "reset-link",
        /// Rows that came with a snapshot are not what the journal explains.
        26 RowsUnexplained = "rows-unexplained",
    }
}

/// The site saw something that no other entry says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AlarmRaised {
    /// What kind of thing.
    #[n(0)]
    pub rule: AlarmRule,
    /// What it is about, such as a vault's name: one alarm of a rule and a subject is open at a time.
    #[n(1)]
    pub subject: String,
    /// For people.
    #[n(2)]
    pub about: String,
}

impl Payload for AlarmRaised {
    fn apply(&self, _: &mut Tx, _: &Stamp) -> Result<(), ApplyError> {
        // `alarm::record` makes the row, as it does for the entries that are alarms themselves.
        Ok(())
    }
}

/// An officer or operator has seen an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AlarmAcknowledged {
    /// Which: the entry that it is.
    #[n(0)]
    pub alarm: u64,
}

impl Payload for AlarmAcknowledged {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE alarm SET acknowledged_us = ?2, acknowledged_by = ?3 WHERE id = ?1";
        let values = [self.alarm.into(), at.time_us.into(), at.actor.unwrap_or(0).into()];
        must_change_one(tx.execute(sql, &values)?, "alarm", at)
    }
}

/// Alarms are posted to an address from now on. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AlarmHookAdded {
    /// The host alone: the rest of an address is often a secret.
    #[n(0)]
    pub host: String,
    /// Address and signing secret, sealed to the recovery key and the site (age).
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl Payload for AlarmHookAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO alarm_hook (id, host, sealed, added_us, removed_us) VALUES (?1, ?2, ?3, ?4, NULL)";
        let values: [Value; 4] = [at.seq.into(), (&self.host).into(), self.sealed.as_slice().into(), at.time_us.into()];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// Alarms are no longer posted to an address; this is the last that it hears.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AlarmHookRemoved {
    /// Which.
    #[n(0)]
    pub hook: u64,
}

impl Payload for AlarmHookRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE alarm_hook SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL";
        must_change_one(tx.execute(sql, &[self.hook.into(), at.time_us.into()])?, "webhook", at)
    }
}

wire::words! {
    /// What a canary looks like.
    CanaryKind {
        /// An access token.
        0 Token = "token",
        /// An SSH key.
        1 SshKey = "ssh-key",
    }
}

/// A credential that nobody has a reason to use was made: it is refused as any unknown one, and whoever tries it is an intruder.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CanaryMade {
    /// What it looks like.
    #[n(0)]
    pub kind: CanaryKind,
    /// SHA-256 of the token, or of the public key as SSH sends it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: [u8; 32],
    /// Where it was put.
    #[n(2)]
    pub note: String,
}

impl Payload for CanaryMade {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO canary (id, kind, hash, note, made_us, removed_us) VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        let values: [Value; 5] = [
            at.seq.into(),
            self.kind.as_str().into(),
            self.hash.as_slice().into(),
            (&self.note).into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// A canary is none any more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CanaryRemoved {
    /// Which.
    #[n(0)]
    pub canary: u64,
}

impl Payload for CanaryRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE canary SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL";
        must_change_one(tx.execute(sql, &[self.canary.into(), at.time_us.into()])?, "canary", at)
    }
}
