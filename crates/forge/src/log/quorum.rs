//! Whose cosignatures make an entry held: now, while it changes, and at each entry before.

use super::receipt::log_keys;
use crate::db::{Row, Tx};
use crate::error::Error;
use journal::note::VerifierKey;
use journal::policy::Policy;
use std::collections::BTreeMap;
use vault::Quorum;

/// A vault that counts, or did, or is to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counts {
    domain: String,
    vkey: VerifierKey,
    from: u64,
    until: Option<u64>,
}

fn counts_of(row: &Row) -> Result<Counts, Error> {
    let vkey: String = row.get(1)?;
    let vkey = vkey.parse().map_err(|e| Error::damaged(format!("a stored key: {e}")))?;
    Ok(Counts { domain: row.get(0)?, vkey, from: row.get(2)?, until: row.get(3)? })
}

fn read(tx: &mut Tx, sql: &'static str) -> Result<Vec<Counts>, Error> {
    tx.query(sql, &[])?.iter().map(counts_of).collect()
}

/// A majority of the trust domains of these, each by a majority of its vaults.
fn majority<'a>(logs: &[VerifierKey], vaults: impl Iterator<Item = &'a Counts>) -> Policy {
    let mut domains: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
    for vault in vaults {
        domains.entry(vault.domain.clone()).or_default().push(vault.vkey.clone());
    }
    Policy::majority(logs.to_vec(), &domains.into_iter().collect::<Vec<_>>())
}

const NOW: &str = "SELECT domain, vkey, seq, CAST(NULL AS BIGINT) FROM vault ORDER BY name";
const NEXT: &str = "SELECT domain, vkey, seq, CAST(NULL AS BIGINT) FROM vault_next ORDER BY name";
const EVER: &str = "SELECT domain, vkey, seq, until_seq FROM vault_term ORDER BY name, seq";

/// Who must have cosigned what is held now: a majority of the trust domains of the vaults that the journal names, each by a majority
/// of its vaults, whether or not they can be reached. While they change these are the vaults before.
pub fn policy(tx: &mut Tx) -> Result<Policy, Error> {
    let vaults = read(tx, NOW)?;
    Ok(majority(&log_keys(tx)?, vaults.iter()))
}

/// Who must cosign what is written now: while the vaults change, two quorums.
pub fn quorum(tx: &mut Tx) -> Result<Quorum, Error> {
    let (policy, next) = (policy(tx)?, read(tx, NEXT)?);
    let Some(entry) = next.first().map(|one| one.from) else { return Ok(Quorum::of(policy)) };
    Ok(Quorum { policy, next: Some((entry, majority(&log_keys(tx)?, next.iter()))) })
}

/// The quorums that there were.
#[derive(Debug)]
pub(crate) struct Terms {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    vaults: Vec<Counts>,
    /// The one made last, with the entries for which it holds.
    made: Option<(std::ops::Range<u64>, Policy)>,
}

impl Terms {
    /// With these keys of witnesses, whose word counts for no quorum.
    pub(crate) fn read(tx: &mut Tx, witnesses: &[VerifierKey]) -> Result<Self, Error> {
        Ok(Self { logs: log_keys(tx)?, witnesses: witnesses.to_vec(), vaults: read(tx, EVER)?, made: None })
    }

    /// Who had to cosign an entry.
    pub(crate) fn policy_at(&mut self, seq: u64) -> &Policy {
        let made = self.made.take().filter(|(entries, _)| entries.contains(&seq));
        let (_, policy) = self.made.insert(made.unwrap_or_else(|| {
            let counted = |vault: &&Counts| vault.from <= seq && vault.until.is_none_or(|until| until > seq);
            let policy = majority(&self.logs, self.vaults.iter().filter(counted));
            (self.around(seq), policy.with_witnesses(&self.witnesses))
        }));
        policy
    }

    /// From which entry on today's count.
    pub(crate) fn since(&self) -> u64 {
        self.around(u64::MAX - 1).start
    }

    /// The entries around one for which the same vaults counted.
    fn around(&self, seq: u64) -> std::ops::Range<u64> {
        let changes = self.vaults.iter().flat_map(|vault| std::iter::once(vault.from).chain(vault.until));
        let (before, after): (Vec<u64>, Vec<u64>) = changes.partition(|change| *change <= seq);
        before.into_iter().max().unwrap_or(0)..after.into_iter().min().unwrap_or(u64::MAX)
    }
}

/// Who had to cosign an entry, when it was written.
pub fn policy_at(tx: &mut Tx, seq: u64) -> Result<Policy, Error> {
    Ok(Terms::read(tx, &[])?.policy_at(seq).clone())
}
