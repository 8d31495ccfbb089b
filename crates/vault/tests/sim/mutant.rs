//! One fsync or one check left out: each must turn a named check red, or the checks are worth nothing.
//!
//! They are made at the seams (disk, store, what a vault refuses, what a site counts), so that the code under test has no
//! switch that could be left on.

/// What is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Nothing.
    None,
    /// The fsync after batches are appended.
    AppendSync,
    /// The fsync before a started vault believes what it reads.
    LoadSync,
    /// The fsync of the directories before a started vault believes which files there are.
    LoadDirSync,
    /// The fsync of a new file: a blob, an epoch's statement.
    CreateSync,
    /// The fsync of the directory that a new segment is in.
    SegmentDirSync,
    /// The fsync of a directory in which a blob was not put well, before it is believed that the blob is there.
    NameSync,
    /// Reading back what was appended.
    ReadBack,
    /// Hashing a blob that was stored.
    BlobHash,
    /// Asking whether the blobs of an entry are there.
    BlobsThere,
    /// Telling a damaged record from one that was cut short.
    Damage,
    /// Keeping the epochs that were started.
    Epochs,
    /// Refusing a batch of an epoch that is over.
    OldEpoch,
    /// Refusing other entries than those cosigned.
    Fork,
    /// Refusing a batch that does not follow.
    Sequence,
    /// Refusing a checkpoint that the log's key did not sign.
    LogSignature,
    /// The site's look at a cosignature.
    Cosignature,
    /// Waiting for the quorum.
    Quorum,
    /// Counting copies of one owner as one.
    Domains,
    /// Waiting for most of an owner's vaults, and not any of them.
    MostOfDomain,
    /// Sending the same bytes again after a restart.
    SignOnce,
    /// Erasing what the list names, and not one blob more.
    ListAlone,
    /// Asking what else needs a blob before it is erased.
    StillNeeded,
    /// The record of an erasure.
    ErasureRecord,
    /// The fsync of the directory that something was removed from.
    ErasureSync,
    /// The fsync of a segment that is written anew.
    ReplaceSync,
    /// Reading it back before it takes the other's place.
    ReplaceReadBack,
    /// Refusing what was erased when it is brought again.
    Gone,
    /// Waiting for enough officers.
    Signatures,
    /// Looking for an officer's veto.
    Veto,
    /// Counting an order's delay by how long the vault has run.
    Delay,
}

/// All of them.
pub(crate) const ALL: [Mutant; 30] = [
    Mutant::AppendSync,
    Mutant::LoadSync,
    Mutant::LoadDirSync,
    Mutant::CreateSync,
    Mutant::SegmentDirSync,
    Mutant::NameSync,
    Mutant::ReadBack,
    Mutant::BlobHash,
    Mutant::BlobsThere,
    Mutant::Damage,
    Mutant::Epochs,
    Mutant::OldEpoch,
    Mutant::Fork,
    Mutant::Sequence,
    Mutant::LogSignature,
    Mutant::Cosignature,
    Mutant::Quorum,
    Mutant::Domains,
    Mutant::MostOfDomain,
    Mutant::SignOnce,
    Mutant::ListAlone,
    Mutant::StillNeeded,
    Mutant::ErasureRecord,
    Mutant::ErasureSync,
    Mutant::ReplaceSync,
    Mutant::ReplaceReadBack,
    Mutant::Gone,
    Mutant::Signatures,
    Mutant::Veto,
    Mutant::Delay,
];
