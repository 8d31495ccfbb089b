//! Events: every change of state there is, as a format that must be readable in twenty years.
//!
//! Invariants:
//! 1. Variants and fields are added, never changed, reused or removed. A field added later is an `Option` or has a
//!    default.
//! 2. The bytes of an event are a CBOR map with integer keys, canonical: decoding and encoding gives the same bytes
//!    again for what this release wrote.
//! 3. Decoding is total: any bytes give an event or an error, in bounded memory; bytes left over are an error.
//! 4. [`Event::apply`] is pure: what it writes follows from the stamp, the event and the tables alone. No clock, no
//!    randomness, no network, no look at the disk.
//!
//! One file a subject: the events, and what each does to the subject's tables (`schema/<subject>.sql`). To add an
//! event: its struct with [`Payload`] in the subject's file, a line in the list below, a generator in
//! `tests/generic/generate.rs` (a test fails until it is there).

pub mod alarm;
pub mod certificate;
pub mod erase;
pub mod factor;
pub mod guard;
pub mod incident;
pub mod lockdown;
pub mod mail;
pub mod oidc;
pub mod openpgp;
pub mod org;
pub mod people;
pub mod proof;
pub mod protect;
pub mod push;
pub mod repo;
pub mod reset;
pub mod role;
pub mod setting;
pub mod site;
pub mod skipped;
pub mod ssh;
pub mod svn;
pub mod svn_mail;
pub mod svn_rules;
pub mod svn_view;
pub mod trash;
pub mod vault;
mod wire;

pub use wire::Oid;

use crate::db::{DbError, Tx};
use journal::BlobName;

/// When, where and by whom an event was written: the rest of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The entry's number; also the id of whatever the event creates.
    pub seq: u64,
    /// Microseconds since 1970, UTC.
    pub time_us: i64,
    /// The account that did it; None for the site itself.
    pub actor: Option<u64>,
    /// The token or key it was done with.
    pub credential: Option<u64>,
}

/// What every event can do.
pub trait Payload: Sized {
    /// Writes what follows from the event into the tables.
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError>;

    /// The blobs the event names: a vault must hold them before it takes the entry.
    fn blobs(&self) -> Vec<BlobName> {
        Vec::new()
    }
}

/// Why an event could not be applied: in a journal of ours, always a bug or damage.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database failed, or a constraint of it did.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The event speaks of something that is not there.
    #[error("entry {seq} names a {what} that does not exist")]
    Missing {
        /// The entry.
        seq: u64,
        /// What it names.
        what: &'static str,
    },
}

/// Why bytes are no event.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EventError {
    /// Written by a newer release, or not by us.
    #[error("no event of kind {0} is known to this release: use a newer one")]
    UnknownKind(u32),
    /// The bytes do not decode.
    #[error("an event of kind {kind} ({name}) does not decode: {reason}")]
    Malformed {
        /// The kind's number.
        kind: u32,
        /// The kind's name.
        name: &'static str,
        /// What is wrong with the bytes.
        reason: String,
    },
}

/// Fails with [`ApplyError::Missing`] unless exactly one row was changed.
pub(crate) fn must_change_one(changed: u64, what: &'static str, at: &Stamp) -> Result<(), ApplyError> {
    if changed == 1 { Ok(()) } else { Err(ApplyError::Missing { seq: at.seq, what }) }
}

macro_rules! events {
    ($($number:literal => $name:ident($path:path),)*) => {
        /// An event. The variants' numbers are for ever.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("See [`", stringify!($path), "`].")] $name($path),)*
        }

        /// Every kind there is: its number and its name.
        pub const KINDS: &[(u32, &str)] = &[$(($number, stringify!($name)),)*];

        impl Event {
            /// The kind's number, as entries carry it.
            #[must_use]
            pub fn kind(&self) -> u32 {
                match self { $(Event::$name(_) => $number,)* }
            }

            /// The kind's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Event::$name(_) => stringify!($name),)* }
            }

            /// The event's bytes, without its kind.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                match self { $(Event::$name(e) => wire::encode(e),)* }
            }

            /// The event of this kind in these bytes.
            pub fn decode(kind: u32, bytes: &[u8]) -> Result<Self, EventError> {
                match kind {
                    $($number => wire::decode(bytes).map(Event::$name).map_err(|reason| {
                        EventError::Malformed { kind, name: stringify!($name), reason }
                    }),)*
                    _ => Err(EventError::UnknownKind(kind)),
                }
            }

            /// Writes what follows from the event into the tables.
            pub fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
                let subject = crate::activity::subject(tx, self, at.seq)?;
                match self { $(Event::$name(e) => e.apply(tx, at)?,)* }
                crate::activity::record(tx, subject, at)?;
                crate::alarm::record(tx, self, at)
            }

            /// The blobs the event names.
            #[must_use]
            pub fn blobs(&self) -> Vec<BlobName> {
                match self { $(Event::$name(e) => e.blobs(),)* }
            }
        }

        $(impl From<$path> for Event {
            fn from(e: $path) -> Self { Event::$name(e) }
        })*
    };
}

events! {
    // 1-19: the site.
    1 => SiteStarted(site::SiteStarted),
    2 => EpochStarted(site::EpochStarted),
    3 => SnapshotTaken(site::SnapshotTaken),
    4 => EntriesSkipped(skipped::EntriesSkipped),
    // 20-29: vaults.
    20 => VaultEnrolled(vault::VaultEnrolled),
    // 30-39: settings.
    30 => SettingSet(setting::SettingSet),
    31 => OpenPgpKeyAdded(openpgp::OpenPgpKeyAdded),
    32 => OpenPgpKeyRemoved(openpgp::OpenPgpKeyRemoved),
    33 => PasswordResetMade(reset::PasswordResetMade),
    34 => PasswordResetEnded(reset::PasswordResetEnded),
    35 => MailSet(mail::MailSet),
    // 40-59: accounts, passwords, tokens, sessions.
    40 => UserCreated(people::UserCreated),
    41 => UserPasswordSet(people::UserPasswordSet),
    42 => TokenCreated(people::TokenCreated),
    43 => TokenRevoked(people::TokenRevoked),
    44 => CredentialsRevoked(people::CredentialsRevoked),
    45 => SessionStarted(people::SessionStarted),
    46 => SessionEnded(people::SessionEnded),
    47 => UserProfileSet(people::UserProfileSet),
    // 60-79: repositories.
    60 => RepoCreated(repo::RepoCreated),
    61 => RepoVisibilitySet(repo::RepoVisibilitySet),
    62 => RepoRenamed(repo::RepoRenamed),
    63 => HeadSet(repo::HeadSet),
    64 => CollaboratorSet(repo::CollaboratorSet),
    65 => CollaboratorRemoved(repo::CollaboratorRemoved),
    66 => RepoDescribed(repo::RepoDescribed),
    // 80-99: Git.
    80 => Pushed(push::Pushed),
    81 => PackConsolidated(push::PackConsolidated),
    // 100-139: organisations, teams, roles, protections.
    100 => OrgCreated(org::OrgCreated),
    101 => OrgSet(org::OrgSet),
    102 => OrgRenamed(org::OrgRenamed),
    103 => OrgMemberSet(org::OrgMemberSet),
    104 => OrgMemberRemoved(org::OrgMemberRemoved),
    105 => OrgMemberShown(org::OrgMemberShown),
    106 => TeamCreated(org::TeamCreated),
    107 => TeamSet(org::TeamSet),
    108 => TeamRemoved(org::TeamRemoved),
    109 => TeamMemberAdded(org::TeamMemberAdded),
    110 => TeamMemberRemoved(org::TeamMemberRemoved),
    111 => TeamRepoAdded(org::TeamRepoAdded),
    112 => TeamRepoRemoved(org::TeamRepoRemoved),
    120 => ProtectionSet(protect::ProtectionSet),
    121 => ProtectionRemoved(protect::ProtectionRemoved),
    125 => SiteRoleGranted(role::SiteRoleGranted),
    126 => SiteRoleRevoked(role::SiteRoleRevoked),
    130 => QuotaSet(role::QuotaSet),
    // 140-159: second factors, identities.
    140 => AuthenticatorAdded(factor::AuthenticatorAdded),
    141 => AuthenticatorUsed(factor::AuthenticatorUsed),
    142 => TotpAdded(factor::TotpAdded),
    143 => TotpUsed(factor::TotpUsed),
    144 => FactorRemoved(factor::FactorRemoved),
    145 => FactorNamed(factor::FactorNamed),
    146 => RecoveryCodesMade(factor::RecoveryCodesMade),
    147 => RecoveryCodeUsed(factor::RecoveryCodeUsed),
    148 => FactorsRequired(factor::FactorsRequired),
    149 => FactorWoken(factor::FactorWoken),
    150 => OrgFactorsRequired(factor::OrgFactorsRequired),
    151 => OidcProviderSet(oidc::OidcProviderSet),
    152 => OidcProviderRemoved(oidc::OidcProviderRemoved),
    153 => IdentityLinked(oidc::IdentityLinked),
    154 => IdentityUnlinked(oidc::IdentityUnlinked),
    // 160-179: SSH keys and certificates.
    160 => SshKeyAdded(ssh::SshKeyAdded),
    161 => SshKeyRemoved(ssh::SshKeyRemoved),
    162 => SshAuthorityAdded(certificate::SshAuthorityAdded),
    163 => SshAuthorityRemoved(certificate::SshAuthorityRemoved),
    164 => SshCertificateSeen(certificate::SshCertificateSeen),
    165 => SshCertificatesRevoked(certificate::SshCertificatesRevoked),
    // 180-219: orders, the trash, freezes, lockdown, alarms.
    180 => OfficerKeyAdded(guard::OfficerKeyAdded),
    181 => OfficerKeyRemoved(guard::OfficerKeyRemoved),
    182 => OfficerRuleSet(guard::OfficerRuleSet),
    183 => RolesSet(guard::RolesSet),
    184 => OrderFiled(guard::OrderFiled),
    185 => OrderSigned(guard::OrderSigned),
    186 => OrderVetoed(guard::OrderVetoed),
    187 => OrderExecuted(guard::OrderExecuted),
    188 => OrderExpired(guard::OrderExpired),
    189 => RepoTrashed(guard::RepoTrashed),
    190 => RepoRestored(guard::RepoRestored),
    191 => LockdownStarted(lockdown::LockdownStarted),
    192 => LockdownLifted(lockdown::LockdownLifted),
    193 => AccountFrozen(lockdown::AccountFrozen),
    194 => AccountUnfrozen(lockdown::AccountUnfrozen),
    195 => AlarmRaised(alarm::AlarmRaised),
    196 => AlarmAcknowledged(alarm::AlarmAcknowledged),
    197 => AlarmHookAdded(alarm::AlarmHookAdded),
    198 => AlarmHookRemoved(alarm::AlarmHookRemoved),
    199 => CanaryMade(alarm::CanaryMade),
    200 => CanaryRemoved(alarm::CanaryRemoved),
    201 => UserTrashed(trash::UserTrashed),
    202 => UserRestored(trash::UserRestored),
    203 => OrgTrashed(trash::OrgTrashed),
    204 => OrgRestored(trash::OrgRestored),
    205 => TrashEmptied(trash::TrashEmptied),
    206 => ExportAllowed(trash::ExportAllowed),
    207 => VaultsOrdered(vault::VaultsOrdered),
    208 => VaultsChanged(vault::VaultsChanged),
    209 => VaultsConfirmed(vault::VaultsConfirmed),
    210 => VaultsKept(vault::VaultsKept),
    // 220-249: Subversion.
    220 => SvnBegun(svn::SvnBegun),
    221 => SvnCommitted(svn::SvnCommitted),
    222 => SvnRevpropsSet(svn::SvnRevpropsSet),
    223 => SvnLocked(svn::SvnLocked),
    224 => SvnUnlocked(svn::SvnUnlocked),
    225 => SvnPathRulesSet(svn_rules::SvnPathRulesSet),
    226 => SvnCommitRulesSet(svn_rules::SvnCommitRulesSet),
    227 => SvnLoaded(svn::SvnLoaded),
    228 => SvnMailSet(svn_mail::SvnMailSet),
    229 => SvnLayoutSet(svn_view::SvnLayoutSet),
    // 250-279: drills, incidents, exports, imports.
    250 => DrillDone(proof::DrillDone),
    251 => RecoverySharesPublished(proof::RecoverySharesPublished),
    252 => IncidentOpened(incident::IncidentOpened),
    253 => IncidentNoted(incident::IncidentNoted),
    254 => RecoveryKeysOrdered(proof::RecoveryKeysOrdered),
    260 => RepoErased(erase::RepoErased),
}

/// The name of a kind, for people.
#[must_use]
pub fn kind_name(kind: u32) -> &'static str {
    KINDS.iter().find(|(number, _)| *number == kind).map_or("unknown", |(_, name)| name)
}

#[cfg(test)]
mod tests;
