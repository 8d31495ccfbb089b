//! The acts that are guarded: a closed list.

mod carry;
mod words;

use crate::event::Oid;
use crate::event::protect::ProtectionSet;
use journal::order::RecoveryHalf;
use minicbor::{Decode, Encode};

/// A guarded act. Numbers and fields are for ever, as an event's are; names are beside ids so that a person can read them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Act {
    /// A repository goes into the trash.
    #[n(1)]
    #[cbor(map)]
    RepoDelete {
        /// The repository.
        #[n(0)]
        repo: u64,
        /// Its path when the order was filed.
        #[n(1)]
        path: String,
    },
    /// An account becomes, or is no longer, an officer or operator.
    #[n(2)]
    #[cbor(map)]
    RolesSet {
        /// The account.
        #[n(0)]
        account: u64,
        /// Its name.
        #[n(1)]
        name: String,
        /// May sign orders.
        #[n(2)]
        officer: bool,
        /// May run the site.
        #[n(3)]
        operator: bool,
    },
    /// An officer gets a key.
    #[n(3)]
    #[cbor(map)]
    KeyAdd {
        /// The officer's account.
        #[n(0)]
        account: u64,
        /// Its name.
        #[n(1)]
        name: String,
        /// What the key is called.
        #[n(2)]
        label: String,
        /// The ed25519 public key.
        #[cbor(n(3), with = "minicbor::bytes")]
        public_key: [u8; 32],
    },
    /// An officer's key no longer counts.
    #[n(4)]
    #[cbor(map)]
    KeyRemove {
        /// The key.
        #[n(0)]
        key: u64,
        /// Whose it is: the account's name.
        #[n(1)]
        name: String,
    },
    /// How many must sign, and how long orders wait.
    #[n(5)]
    #[cbor(map)]
    RuleSet {
        /// Officers who must sign.
        #[n(0)]
        needed: u32,
        /// How long an order waits, microseconds.
        #[n(1)]
        delay_us: i64,
    },
    /// The lockdown in force is lifted.
    #[n(6)]
    #[cbor(map)]
    LockdownLift {
        /// Which.
        #[n(0)]
        lockdown: u64,
    },
    /// From the next epoch on these are the recovery keys: what vaults read too (`journal::order`). The site itself only notes it;
    /// `outlast recover --order` does it.
    #[n(7)]
    #[cbor(map)]
    RecoveryKeys {
        /// All of them.
        #[n(0)]
        keys: Vec<RecoveryHalf>,
    },
    /// An account goes into the trash, with its repositories.
    #[n(8)]
    #[cbor(map)]
    UserDelete {
        /// The account.
        #[n(0)]
        account: u64,
        /// Its name.
        #[n(1)]
        name: String,
    },
    /// An organisation goes into the trash, with its repositories.
    #[n(9)]
    #[cbor(map)]
    OrgDelete {
        /// The organisation.
        #[n(0)]
        org: u64,
        /// Its path.
        #[n(1)]
        path: String,
    },
    /// A repository in the trash is forgotten.
    #[n(10)]
    #[cbor(map)]
    TrashEmpty {
        /// The repository.
        #[n(0)]
        repo: u64,
        /// The path it had.
        #[n(1)]
        path: String,
    },
    /// The site requires a second factor no longer.
    #[n(11)]
    #[cbor(map)]
    FactorsOptional {},
    /// Somebody's second factor is removed by others.
    #[n(12)]
    #[cbor(map)]
    FactorRemove {
        /// The factor.
        #[n(0)]
        factor: u64,
        /// Whose it is: the account.
        #[n(1)]
        account: u64,
        /// The account's name.
        #[n(2)]
        name: String,
        /// What the factor is called.
        #[n(3)]
        label: String,
    },
    /// Private repositories may leave in an export.
    #[n(13)]
    #[cbor(map)]
    Export {
        /// What: `everything`, an owner, or one repository's path.
        #[n(0)]
        subject: String,
    },
    /// A branch or tag is moved or deleted, whatever its protections say.
    #[n(14)]
    #[cbor(map)]
    RefRewrite {
        /// The repository.
        #[n(0)]
        repo: u64,
        /// Its path.
        #[n(1)]
        path: String,
        /// The ref's full name.
        #[n(2)]
        name: String,
        /// Where it is.
        #[n(3)]
        old: Oid,
        /// Where it shall be; None: it is deleted.
        #[n(4)]
        new: Option<Oid>,
    },
    /// The content of a repository that was deleted is erased, here and by the vaults' owners: what vaults read too (`journal::order`).
    #[n(15)]
    #[cbor(map)]
    Erase {
        /// The repository.
        #[n(0)]
        repo: u64,
        /// The path it had.
        #[n(1)]
        path: String,
        /// The hash of the list of its blobs (`journal::erasure`).
        #[cbor(n(2), with = "minicbor::bytes")]
        list: [u8; 32],
        /// How many they are.
        #[n(3)]
        blobs: u64,
        /// The bytes of what is in them.
        #[n(4)]
        bytes: u64,
        /// When it went into the trash, microseconds since 1970: if it came back since, there may be more of it.
        #[n(5)]
        trashed_us: i64,
    },
    /// A vault counts among those that hold the journal; or another key, under the name of one that does.
    #[n(16)]
    #[cbor(map)]
    VaultEnrol {
        /// Its name.
        #[n(0)]
        name: String,
        /// Who could destroy it.
        #[n(1)]
        domain: String,
        /// The key of its cosignatures (vkey text).
        #[n(2)]
        vkey: String,
        /// SHA-256 of its TLS key, hexadecimal.
        #[n(3)]
        pin: String,
    },
    /// A vault counts no longer.
    #[n(17)]
    #[cbor(map)]
    VaultRetire {
        /// Its name.
        #[n(0)]
        name: String,
        /// The trust domain that it is in.
        #[n(1)]
        domain: String,
    },
    /// A vault is in another trust domain: it is somebody else's to destroy.
    #[n(18)]
    #[cbor(map)]
    VaultDomain {
        /// Its name.
        #[n(0)]
        name: String,
        /// The domain that it is in.
        #[n(1)]
        before: String,
        /// The domain that it shall be in.
        #[n(2)]
        domain: String,
    },
    /// An organisation requires a second factor no longer.
    #[n(19)]
    #[cbor(map)]
    OrgFactorsOptional {
        /// The organisation.
        #[n(0)]
        org: u64,
        /// Its path.
        #[n(1)]
        path: String,
    },
    /// Branches or tags are protected less than they were.
    #[n(20)]
    #[cbor(map)]
    ProtectionLoosen {
        /// The repository.
        #[n(0)]
        repo: u64,
        /// Its path.
        #[n(1)]
        path: String,
        /// The rule; None: a new one.
        #[n(2)]
        id: Option<u64>,
        /// What it is from then on, as an event says it; None: it is gone.
        #[n(3)]
        rule: Option<Box<ProtectionSet>>,
        /// What is loosened, in a few words.
        #[n(4)]
        what: String,
        /// The rules that decide about the same names as they were when it was asked for: the entries that set them. None: of a release
        /// that did not say so, and never carried out.
        #[n(5)]
        rules: Option<Vec<u64>>,
    },
}

/// A guarded act, as people read of it.
#[derive(Debug)]
pub struct Guarded {
    /// Its number in orders.
    pub number: u32,
    /// What it is called.
    pub name: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// Whether it waits for the rule's delay: what gives everybody their rights back does not.
    pub waits: bool,
    /// What a [`Wish`](super::Wish) for it is about; None: it is asked for where it was done before there was a guard.
    pub about: Option<&'static str>,
}

const fn guarded(number: u32, name: &'static str, what: &'static str) -> Guarded {
    Guarded { number, name, what, waits: true, about: None }
}

const fn wished(number: u32, name: &'static str, what: &'static str, about: &'static str) -> Guarded {
    Guarded { number, name, what, waits: true, about: Some(about) }
}

/// Every guarded act there is. A test holds each to the invariants.
pub const GUARDED: &[Guarded] = &[
    guarded(1, "repository-delete", "a repository goes into the trash"),
    guarded(2, "roles-set", "somebody becomes, or is no longer, an officer or operator"),
    guarded(3, "officer-key-add", "an officer gets a key to sign with"),
    guarded(4, "officer-key-remove", "an officer's key no longer counts"),
    guarded(5, "rule-set", "how many officers must sign, and how long orders wait"),
    Guarded { number: 6, name: "lockdown-lift", what: "the lockdown in force is lifted", waits: false, about: None },
    guarded(7, "recovery-keys", "the recovery keys are replaced by others"),
    wished(8, "user-delete", "an account goes into the trash, with its repositories", "the account's name"),
    wished(9, "organisation-delete", "an organisation goes into the trash, with its repositories", "its path"),
    wished(10, "trash-empty", "a repository in the trash is forgotten", "its number in the trash"),
    wished(11, "factors-optional", "the site requires a second factor no longer", ""),
    wished(12, "factor-remove", "somebody's second factor is removed by others", "the factor's number"),
    wished(13, "export", "private repositories leave in an export", "everything, OWNER or OWNER/NAME"),
    wished(
        14,
        "ref-rewrite",
        "a protected branch or tag is moved back or deleted",
        "OWNER/NAME, the ref, and where to",
    ),
    wished(
        15,
        "erase",
        "the content of a deleted repository is erased, from the vaults too",
        "its number, or the OWNER/NAME it had",
    ),
    wished(16, "vault-enrol", "a vault counts among those that hold the journal", "the vault's name"),
    wished(17, "vault-retire", "a vault counts no longer", "the vault's name"),
    wished(18, "vault-domain", "a vault is in another trust domain", "the vault's name, and the domain as where to"),
    wished(19, "organisation-factors-optional", "an organisation requires a second factor no longer", "its path"),
    guarded(20, "protection-loosen", "branches or tags are protected less than they were"),
];

impl Act {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u32 {
        match self {
            Self::RepoDelete { .. } => 1,
            Self::RolesSet { .. } => 2,
            Self::KeyAdd { .. } => 3,
            Self::KeyRemove { .. } => 4,
            Self::RuleSet { .. } => 5,
            Self::LockdownLift { .. } => 6,
            Self::RecoveryKeys { .. } => 7,
            Self::UserDelete { .. } => 8,
            Self::OrgDelete { .. } => 9,
            Self::TrashEmpty { .. } => 10,
            Self::FactorsOptional {} => 11,
            Self::FactorRemove { .. } => 12,
            Self::Export { .. } => 13,
            Self::RefRewrite { .. } => 14,
            Self::Erase { .. } => 15,
            Self::VaultEnrol { .. } => 16,
            Self::VaultRetire { .. } => 17,
            Self::VaultDomain { .. } => 18,
            Self::OrgFactorsOptional { .. } => 19,
            Self::ProtectionLoosen { .. } => 20,
        }
    }

    /// How long its order waits under a rule with this delay.
    #[must_use]
    pub fn delay_us(&self, rule_us: i64) -> i64 {
        let waits = GUARDED.iter().find(|guarded| guarded.number == self.number()).is_none_or(|guarded| guarded.waits);
        if waits { rule_us } else { 0 }
    }
}
