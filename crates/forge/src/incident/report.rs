//! The report of an incident: every entry since a time, in words, each with its proof, signed by the site. Format:
//! docs/formats/incident-report.md.
//!
//! Invariants:
//! 1. Its entries follow each other without a gap up to the end of the checkpoint, which a quorum holds: nothing is left out of it.
//! 2. Of an entry that is opened in it, the words are checked against what the log has: its time and its kind. Of one that is not, the
//!    proof shows that it is there and was not exchanged, and its words are the site's.
//! 3. What can hold a secret, or what is nobody's business, is never opened in it: a closed list says what is ([`is_opened`]).

use crate::error::Error;
use crate::event::{Event, KINDS};
use crate::names::is_harmless;
use crate::people::inventory::Credential;
use crate::people::last_use::LastUse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use journal::Hash;
use journal::entry::{EntrySecret, Envelope};
use journal::merkle::verify_inclusion;
use journal::note::{SignedNote, SigningKey, VerifierKey};
use journal::policy::Policy;
use journal::receipt::{Held, verify_held};
use serde::{Deserialize, Serialize};

/// How a report begins.
pub const INCIDENT_REPORT_HEADER: &str = "outlast/incident-report/v1";
/// Entries of one report.
pub const INCIDENT_REPORT_ENTRIES_MAX: u64 = 10_000;

/// An entry as a report tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedEntry {
    /// Its number.
    pub entry: u64,
    /// When, microseconds since 1970.
    pub time_us: i64,
    /// Who; None: the site, or the operator at the machine.
    pub actor: Option<String>,
    /// With what.
    pub credential: Option<String>,
    /// From where, as far as it is known.
    pub address: Option<String>,
    /// The event's name.
    pub event: String,
    /// What it is about, in words.
    pub about: String,
    /// The hash of the entry as vaults have it, base64.
    pub leaf: String,
    /// That it is in the checkpoint's tree, base64.
    pub proof: Vec<String>,
    /// The entry as vaults have it, base64, where it is opened.
    pub envelope: Option<String>,
    /// What opens it, base64.
    pub secret: Option<String>,
}

/// A credential that was made, used or ended since then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedCredential {
    /// The entry that made it.
    pub credential: u64,
    /// What kind.
    pub kind: String,
    /// Whose; empty: the site's own.
    pub owner: String,
    /// When it was made, microseconds since 1970.
    pub made_us: i64,
    /// The credential it was made with.
    pub made_by: Option<u64>,
    /// Since when it is no longer good.
    pub ended_us: Option<i64>,
    /// When it was used last, as far as the site noted it.
    pub used_us: Option<i64>,
    /// From where.
    pub used_from: Option<String>,
}

/// What all proofs lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Under {
    /// The checkpoint with its signatures.
    checkpoint: String,
    /// Whose signatures make it held, as the site says.
    policy: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Under(Under),
    Entry(Box<ReportedEntry>),
    Credential(ReportedCredential),
}

/// A report's parts.
#[derive(Clone, Debug)]
pub struct IncidentReport {
    /// The site's log.
    pub origin: String,
    /// The key that signs it: the log's.
    pub log_key: VerifierKey,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
    /// When it was made.
    pub made_us: i64,
    /// The checkpoint, with its signatures.
    pub checkpoint: SignedNote,
    /// Whose signatures make it held.
    pub policy: String,
    /// Every entry since then.
    pub entries: Vec<ReportedEntry>,
    /// Credentials made, used or ended since then.
    pub credentials: Vec<ReportedCredential>,
}

/// What a report proves.
#[derive(Debug)]
pub struct ReportVerified {
    /// What it says.
    pub report: IncidentReport,
    /// The checkpoint, and who holds it.
    pub held: Held,
    /// How many of its entries are opened: their words are checked too.
    pub opened: usize,
    /// Whether the keys came from the reader, and not from the report.
    pub policy_pinned: bool,
}

/// Whether an entry of this event is opened in a report. Whatever may hold a password's hash, a secret, an address of mail or what
/// somebody wrote is not in the list.
#[must_use]
pub fn is_opened(event: &Event) -> bool {
    use Event as E;
    matches!(
        event,
        E::Pushed(_)
            | E::TokenRevoked(_)
            | E::OfficerKeyAdded(_)
            | E::OfficerKeyRemoved(_)
            | E::OfficerRuleSet(_)
            | E::RolesSet(_)
            | E::OrderFiled(_)
            | E::OrderSigned(_)
            | E::OrderVetoed(_)
            | E::OrderExecuted(_)
            | E::OrderExpired(_)
            | E::RepoTrashed(_)
            | E::RepoRestored(_)
            | E::UserTrashed(_)
            | E::UserRestored(_)
            | E::OrgTrashed(_)
            | E::OrgRestored(_)
            | E::TrashEmptied(_)
            | E::ProtectionSet(_)
            | E::ProtectionRemoved(_)
            | E::LockdownStarted(_)
            | E::LockdownLifted(_)
            | E::AccountFrozen(_)
            | E::AccountUnfrozen(_)
            | E::VaultsOrdered(_)
            | E::VaultsConfirmed(_)
            | E::VaultsChanged(_)
            | E::VaultsKept(_)
            | E::EpochStarted(_)
            | E::EntriesSkipped(_)
    )
}

fn bad(what: impl Into<String>) -> Error {
    Error::invalid(format!("NOT PROVED: {}", what.into()))
}

fn hash(text: &str) -> Result<Hash, Error> {
    Hash::from_base64(text).ok_or_else(|| bad(format!("{text} is no hash")))
}

fn bytes(text: &str) -> Result<Vec<u8>, Error> {
    BASE64.decode(text).map_err(|_| bad("an entry is not base64"))
}

/// What is read in a report is printed, and whoever made it may have put in it what rules a terminal.
fn harmless<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
    match texts.into_iter().all(|text| text.chars().all(is_harmless)) {
        true => Ok(()),
        false => Err(bad("a line of it has characters that are none of a text")),
    }
}

impl ReportedCredential {
    pub(crate) fn of(made: Credential, used: Option<LastUse>) -> Self {
        Self {
            credential: made.id,
            kind: made.kind.as_str().to_owned(),
            owner: made.owner,
            made_us: made.made_us,
            made_by: made.made_by,
            ended_us: made.ended_us,
            used_us: used.as_ref().map(|used| used.time_us),
            used_from: used.map(|used| used.address),
        }
    }

    fn harmless(self) -> Result<Self, Error> {
        harmless([&self.kind, &self.owner].into_iter().chain(&self.used_from))?;
        Ok(self)
    }
}

impl ReportedEntry {
    fn harmless(self) -> Result<Self, Error> {
        harmless(
            [&self.event, &self.about].into_iter().chain(&self.actor).chain(&self.credential).chain(&self.address),
        )?;
        Ok(self)
    }

    pub(crate) fn proved(mut self, leaf: Hash, proof: &[Hash], opened: Option<(Vec<u8>, EntrySecret)>) -> Self {
        (self.leaf, self.proof) = (leaf.to_base64(), proof.iter().map(|hash| hash.to_base64()).collect());
        if let Some((envelope, secret)) = opened {
            (self.envelope, self.secret) = (Some(BASE64.encode(envelope)), Some(BASE64.encode(secret.0)));
        }
        self
    }

    /// Invariant 2. Says whether it is opened.
    fn verify(&self, held: &Held) -> Result<bool, Error> {
        let wrong = |what: &dyn std::fmt::Display| bad(format!("entry {}: {what}", self.entry));
        let (leaf, checkpoint) = (hash(&self.leaf)?, &held.checkpoint);
        let proof = self.proof.iter().map(|text| hash(text)).collect::<Result<Vec<_>, _>>()?;
        verify_inclusion(self.entry, checkpoint.size, &leaf, &proof, &checkpoint.root).map_err(|e| wrong(&e))?;
        let (Some(envelope), Some(secret)) = (&self.envelope, &self.secret) else { return Ok(false) };
        let (envelope, secret) = (bytes(envelope)?, bytes(secret)?);
        if Envelope::leaf(&envelope) != leaf {
            return Err(wrong(&"it is opened with the bytes of another"));
        }
        let secret = EntrySecret(secret.try_into().map_err(|_| wrong(&"what opens it has not 32 bytes"))?);
        let opened = Envelope::parse(&envelope).and_then(|e| e.open(&checkpoint.origin, self.entry, &secret));
        let opened = opened.map_err(|e| wrong(&e))?;
        let name = KINDS.iter().find(|(kind, _)| *kind == opened.kind).map(|(_, name)| *name);
        if opened.time_us != self.time_us || name != Some(self.event.as_str()) {
            return Err(wrong(&"it does not say what the report says of it"));
        }
        Ok(true)
    }
}

impl IncidentReport {
    fn body(&self) -> Result<String, Error> {
        let under = Under { checkpoint: self.checkpoint.to_string(), policy: self.policy.clone() };
        let entries = self.entries.iter().cloned().map(|entry| Line::Entry(Box::new(entry)));
        let credentials = self.credentials.iter().cloned().map(Line::Credential);
        let mut text = String::new();
        for line in std::iter::once(Line::Under(under)).chain(entries).chain(credentials) {
            text.push_str(&serde_json::to_string(&line).map_err(|e| Error::internal(e.to_string()))?);
            text.push('\n');
        }
        Ok(text)
    }

    fn head(&self, body: &str) -> String {
        format!(
            "{INCIDENT_REPORT_HEADER}\n{}\nlog-key {}\nsince-us {}\nmade-us {}\nentries {}\nsum {}\n",
            self.origin,
            self.log_key,
            self.since_us,
            self.made_us,
            self.entries.len(),
            Hash::of(body.as_bytes()).to_base64()
        )
    }

    /// The report, signed.
    ///
    /// # Errors
    /// [`Error::Internal`] when it can't be written as text.
    pub fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        let body = self.body()?;
        let note = key.sign(&self.head(&body)).map_err(|e| Error::internal(e.to_string()))?;
        Ok(format!("{note}\n{body}"))
    }

    /// Checks a report, offline. With `policy` the keys are the reader's own; without, the report's.
    ///
    /// # Errors
    /// [`Error::Invalid`] says what does not fit.
    pub fn verify(text: &str, policy: Option<&Policy>) -> Result<ReportVerified, Error> {
        let end = text.find("\n\n{").ok_or_else(|| bad("it is no report, or has nothing in it"))?;
        let (note, body) = (&text[..=end], &text[end + 2..]);
        let note: SignedNote = note.parse().map_err(|e| bad(format!("its head is no note: {e}")))?;
        let (report, entries) = Self::read(note.text(), body)?;
        note.verify(&report.log_key).map_err(|e| bad(format!("its signature: {e}")))?;
        let own: Policy = report.policy.parse().map_err(|e| bad(format!("its policy: {e}")))?;
        let pinned = policy.is_some();
        let policy = policy.unwrap_or(&own);
        if !policy.logs().contains(&report.log_key) {
            return Err(bad(format!("{} is no key of the log", report.log_key)));
        }
        let held = verify_held(&report.checkpoint, policy).map_err(|e| bad(e.to_string()))?;
        if held.checkpoint.origin.as_str() != report.origin {
            return Err(bad("it is of another log than its checkpoint"));
        }
        // Invariant 1.
        let first = held.checkpoint.size.checked_sub(entries).filter(|_| entries > 0);
        let first = first.ok_or_else(|| bad("it has no entries, or more than the log"))?;
        if !report.entries.iter().map(|entry| entry.entry).eq(first..held.checkpoint.size) {
            return Err(bad("entries are missing from it"));
        }
        let mut opened = 0;
        for entry in &report.entries {
            opened += usize::from(entry.verify(&held)?);
        }
        Ok(ReportVerified { report, held, opened, policy_pinned: pinned })
    }

    /// Its parts, and how many entries its head counts.
    fn read(head: &str, body: &str) -> Result<(Self, u64), Error> {
        let mut lines = head.lines();
        if lines.next() != Some(INCIDENT_REPORT_HEADER) {
            return Err(bad("it is of a form that this version does not know"));
        }
        let origin = lines.next().unwrap_or_default().to_owned();
        let mut field = |name: &str| {
            let value = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.ok_or_else(|| bad(format!("its head has no {name}")))
        };
        let number = |text: &str| text.parse::<i64>().map_err(|_| bad(format!("{text} is no number")));
        let log_key = field("log-key")?.parse().map_err(|_| bad("its head names no key"))?;
        let (since_us, made_us) = (number(field("since-us")?)?, number(field("made-us")?)?);
        let count = u64::try_from(number(field("entries")?)?).map_err(|_| bad("it counts no entries"))?;
        if hash(field("sum")?)? != Hash::of(body.as_bytes()) {
            return Err(bad("its lines are not those that were signed"));
        }
        let (mut under, mut entries, mut credentials) = (None, Vec::new(), Vec::new());
        for line in body.lines() {
            match serde_json::from_str(line).map_err(|e| bad(format!("a line of it: {e}")))? {
                Line::Under(found) => under = Some(found),
                Line::Entry(entry) => entries.push(entry.harmless()?),
                Line::Credential(credential) => credentials.push(credential.harmless()?),
            }
        }
        let Under { checkpoint, policy } = under.ok_or_else(|| bad("it has no checkpoint"))?;
        let checkpoint = checkpoint.parse().map_err(|e| bad(format!("its checkpoint: {e}")))?;
        Ok((Self { origin, log_key, since_us, made_us, checkpoint, policy, entries, credentials }, count))
    }
}
