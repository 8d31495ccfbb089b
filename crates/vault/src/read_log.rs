//! Reading a vault: every batch checked against the epochs' keys and the Merkle tree, in order.

use crate::client::{ClientError, VaultClient};
use crate::orders::Officers;
use crate::seal::{Identity, open_blob};
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::entry::{DataKey, Envelope, KeyId};
use journal::epoch::{Epoch, EpochError};
use journal::erasure::ErasureRecord;
use journal::merkle::Frontier;
use journal::note::VerifierKey;
use journal::{BlobName, Hash};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::Read as _;
use std::sync::Arc;

/// Why a log can't be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The vault could not be asked.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// What it gave is not the log.
    #[error("the vault's log is not good at entry {seq}: {what}")]
    Bad {
        /// Where.
        seq: u64,
        /// How.
        what: String,
    },
    /// The reader's recovery key is none of this log, or none any more.
    #[error("{0}")]
    Key(EpochError),
    /// No site is enrolled.
    #[error("this vault keeps no site's log yet")]
    Empty,
}

/// A batch that is what the log's key signed.
#[derive(Debug)]
pub struct VerifiedBatch {
    /// The batch.
    pub batch: Batch,
    /// Its bytes, as every vault has them.
    pub bytes: Vec<u8>,
    /// Its checkpoint.
    pub checkpoint: Checkpoint,
}

/// Reads a log from a vault, from its beginning or from where a frontier is known.
pub struct LogReader {
    client: Arc<VaultClient>,
    epochs: Vec<(Epoch, String)>,
    frontier: Frontier,
    waiting: VecDeque<Vec<u8>>,
}

impl LogReader {
    /// A reader that goes on after `frontier`. With `recovery_keys` only a log that goes on with one of them is read; without,
    /// the first epoch's own word is taken for it.
    ///
    /// # Errors
    /// When the vault can't be asked, or its epochs are not what recovery keys signed.
    pub async fn open(
        client: Arc<VaultClient>,
        frontier: Frontier,
        recovery_keys: &[VerifierKey],
    ) -> Result<Self, ReadError> {
        let epochs = epochs(&client, recovery_keys).await?;
        Ok(Self { client, epochs, frontier, waiting: VecDeque::new() })
    }

    /// The epochs, oldest first, with their signed statements.
    pub fn epochs(&self) -> &[(Epoch, String)] {
        &self.epochs
    }

    /// What has been read so far.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The next batch; `None` at the log's end.
    ///
    /// # Errors
    /// When the vault can't be asked, or the batch is not the log's.
    pub async fn next(&mut self) -> Result<Option<VerifiedBatch>, ReadError> {
        if self.waiting.is_empty() {
            self.waiting = self.client.batches(self.frontier.size()).await?.into();
        }
        let Some(bytes) = self.waiting.pop_front() else { return Ok(None) };
        self.verify(bytes).map(Some)
    }

    fn verify(&mut self, bytes: Vec<u8>) -> Result<VerifiedBatch, ReadError> {
        let seq = self.frontier.size();
        let bad = |what: String| ReadError::Bad { seq, what };
        let batch = Batch::decode(&bytes).map_err(|error| bad(error.to_string()))?;
        if batch.first != seq {
            return Err(bad(format!("a batch begins at {}", batch.first)));
        }
        let (note, checkpoint) = batch.checkpoint().map_err(|error| bad(error.to_string()))?;
        let epoch = self.epochs.iter().rev().map(|(epoch, _)| epoch).find(|epoch| epoch.size <= seq);
        let epoch = epoch.filter(|epoch| epoch.epoch == batch.epoch && epoch.origin == batch.origin);
        let epoch = epoch.ok_or_else(|| bad("it is of another epoch or log".to_owned()))?;
        note.verify(&epoch.log_key).map_err(|error| bad(error.to_string()))?;
        if self.epochs.iter().any(|(later, _)| seq < later.size && later.size < batch.end()) {
            return Err(bad("it goes on in an epoch that was over".to_owned()));
        }
        batch.entries.iter().for_each(|entry| self.frontier.push(Envelope::leaf(entry)));
        let (size, root) = (self.frontier.size(), self.frontier.root());
        if root != checkpoint.root {
            return Err(bad("its entries do not lead to the signed root".to_owned()));
        }
        // Whoever still held an older key signed something else than the recovery key did.
        if self.epochs.iter().any(|(later, _)| later.size == size && later.root != root) {
            return Err(bad(format!("an epoch began with {size} other entries")));
        }
        Ok(VerifiedBatch { batch, bytes, checkpoint })
    }
}

async fn epochs(client: &VaultClient, recovery_keys: &[VerifierKey]) -> Result<Vec<(Epoch, String)>, ReadError> {
    let notes = client.epochs().await?;
    if notes.is_empty() {
        return Err(ReadError::Empty);
    }
    let epochs = Epoch::verify_all(&notes, recovery_keys).map_err(|error| match error {
        EpochError::Replaced(_) | EpochError::AnotherKey => ReadError::Key(error),
        error => ReadError::Bad { seq: 0, what: error.to_string() },
    })?;
    Ok(epochs.into_iter().zip(notes.iter().map(ToString::to_string)).collect())
}

/// What `outlast verify --vault` finds.
#[derive(Debug, Clone)]
pub struct VaultReport {
    /// The vault's name.
    pub name: String,
    /// The log's name.
    pub origin: String,
    /// How many epochs.
    pub epochs: usize,
    /// How many entries are good.
    pub entries: u64,
    /// The root over them.
    pub root: Hash,
    /// How many blobs were read and hashed.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// The size and root of each checkpoint, in order, all signed by the log's key.
    pub checkpoints: Vec<(u64, Hash)>,
    /// The blobs that the log needs, without those that are lawfully missing.
    pub named: Vec<BlobName>,
    /// How many blobs are lawfully missing.
    pub erased: u64,
    /// What the vault says that it erased by order.
    pub erasures: Vec<ErasureSeen>,
    /// Whether entries and blobs were opened, too.
    pub opened: bool,
    /// Everything that is wrong.
    pub problems: Vec<String>,
    gone: BTreeSet<BlobName>,
}

/// Which blobs may be missing, and which a vault says it erased.
struct Missing {
    lawful: BTreeSet<BlobName>,
    claimed: HashMap<BlobName, Hash>,
}

impl Missing {
    async fn of(client: &VaultClient, excuse: Excuse<'_>, report: &mut VaultReport) -> Result<Self, ReadError> {
        let records = match client.erasures().await {
            Ok(records) => records,
            Err(error @ (ClientError::Unreachable(_) | ClientError::TimedOut(_))) => return Err(error.into()),
            Err(error) => {
                report.problems.push(error.to_string());
                Vec::new()
            }
        };
        let mut missing = Self { lawful: BTreeSet::new(), claimed: HashMap::new() };
        if let Excuse::Log(names) = excuse {
            missing.lawful.clone_from(names);
        }
        for record in records {
            let own = record.list.origin.as_str() == report.origin;
            let lawful = match excuse {
                Excuse::Officers(officers) => Some(own && officers.approve(&record.order).is_ok()),
                Excuse::Nothing | Excuse::Log(_) => None,
            };
            let order = record.order.hash();
            missing.claimed.extend(record.list.names().into_iter().map(|name| (name, order)));
            if lawful == Some(true) {
                missing.lawful.extend(record.list.names());
            }
            report.erasures.push(ErasureSeen { record, lawful });
        }
        Ok(missing)
    }

    fn problem(&self, name: &BlobName) -> String {
        match self.claimed.get(name) {
            None => format!("blob {name} is missing"),
            Some(order) => format!(
                "blob {name} is missing; the vault shows order {order} for that, and that officers signed it is not shown here"
            ),
        }
    }
}

/// What a vault shows of an erasure: its record is consistent with itself and signed by the vault.
#[derive(Debug, Clone)]
pub struct ErasureSeen {
    /// The record.
    pub record: ErasureRecord,
    /// Whether officers ordered it whom the reader knows; None: the reader knows none.
    pub lawful: Option<bool>,
}

/// What a reader takes for a lawful reason why a blob is missing.
#[derive(Debug, Clone, Copy)]
pub enum Excuse<'a> {
    /// None: every blob must be there. What the vault says of erasures is told.
    Nothing,
    /// An order that the vault shows, signed by officers whom the reader knows.
    Officers(&'a Officers),
    /// The log itself, which the reader can open, says that these were erased.
    Log(&'a BTreeSet<BlobName>),
}

/// [`verify_vault_but`] where every blob must be there.
///
/// # Errors
/// As there.
pub async fn verify_vault(client: Arc<VaultClient>, identities: &[Identity]) -> Result<VaultReport, ReadError> {
    verify_vault_but(client, identities, Excuse::Nothing).await
}

/// Reads all that a vault holds and checks it: each batch, each entry's place in the tree, each blob's bytes; with the
/// recovery key and what it opens, that each entry and blob opens.
///
/// # Errors
/// When the vault can't be asked at all; what is wrong in its log is in the report.
pub async fn verify_vault_but(
    client: Arc<VaultClient>,
    identities: &[Identity],
    excuse: Excuse<'_>,
) -> Result<VaultReport, ReadError> {
    let state = client.state().await?;
    let mut reader = LogReader::open(client.clone(), Frontier::new(), &[]).await?;
    let mut report = VaultReport {
        name: state.name,
        origin: state.origin.unwrap_or_default(),
        epochs: reader.epochs().len(),
        entries: 0,
        root: reader.frontier().root(),
        blobs: 0,
        blob_bytes: 0,
        checkpoints: Vec::new(),
        named: Vec::new(),
        erased: 0,
        erasures: Vec::new(),
        opened: !identities.is_empty(),
        problems: state.damaged.into_iter().collect(),
        gone: BTreeSet::new(),
    };
    let missing = Missing::of(&client, excuse, &mut report).await?;
    let mut keys = HashMap::new();
    let named = |(epoch, _): &(Epoch, String)| [Some(epoch.data_key), epoch.past];
    let mut seen: BTreeSet<BlobName> = reader.epochs().iter().flat_map(named).flatten().collect();
    for name in seen.clone() {
        let plain = check_blob(&client, name, identities, &missing, &mut report).await?;
        if let Some(key) = plain.and_then(|plain| <[u8; 32]>::try_from(plain).ok()).map(DataKey::new) {
            keys.insert(key.id(), key);
        }
    }
    loop {
        match reader.next().await {
            Ok(None) => break,
            Ok(Some(verified)) => {
                check_batch(&client, &verified.batch, identities, &keys, (&mut seen, &missing), &mut report).await?;
                report.checkpoints.push((verified.checkpoint.size, verified.checkpoint.root));
            }
            Err(ReadError::Client(error @ (ClientError::Unreachable(_) | ClientError::TimedOut(_)))) => {
                return Err(error.into());
            }
            Err(error) => {
                report.problems.push(error.to_string());
                break;
            }
        }
        report.entries = reader.frontier().size();
        report.root = reader.frontier().root();
    }
    let gone = std::mem::take(&mut report.gone);
    report.named = seen.into_iter().filter(|name| !gone.contains(name)).collect();
    if report.problems.is_empty() && report.entries != state.size {
        report.problems.push(format!("the vault says that it has {} entries and gave {}", state.size, report.entries));
    }
    Ok(report)
}

async fn check_batch(
    client: &VaultClient,
    batch: &Batch,
    identities: &[Identity],
    keys: &HashMap<KeyId, DataKey>,
    (seen, missing): (&mut BTreeSet<BlobName>, &Missing),
    report: &mut VaultReport,
) -> Result<(), ReadError> {
    for (seq, bytes) in (batch.first..).zip(&batch.entries) {
        let opened = Envelope::parse(bytes).map_err(|error| error.to_string()).and_then(|envelope| {
            if identities.is_empty() {
                return Ok(());
            }
            let key = keys.get(&envelope.key_id).ok_or("its data key is not here")?;
            envelope
                .open(&batch.origin, seq, &key.secret(&batch.origin, seq))
                .map(|_| ())
                .map_err(|error| error.to_string())
        });
        report.problems.extend(opened.err().map(|what| format!("entry {seq}: {what}")));
    }
    for name in batch.blobs_needed().unwrap_or_default() {
        if seen.insert(name) {
            check_blob(client, name, identities, missing, report).await?;
        }
    }
    Ok(())
}

/// Reads a blob; with the key, gives its content.
async fn check_blob(
    client: &VaultClient,
    name: BlobName,
    identities: &[Identity],
    missing: &Missing,
    report: &mut VaultReport,
) -> Result<Option<Vec<u8>>, ReadError> {
    let mut bytes = Vec::new();
    match client.blob(&name, &mut bytes).await {
        Ok(true) => {}
        Ok(false) if missing.lawful.contains(&name) => {
            report.erased += 1;
            report.gone.insert(name);
            return Ok(None);
        }
        Ok(false) => report.problems.push(missing.problem(&name)),
        Err(error @ (ClientError::Unreachable(_) | ClientError::TimedOut(_))) => return Err(error.into()),
        Err(error) => report.problems.push(format!("blob {name}: {error}")),
    }
    report.blobs += 1;
    report.blob_bytes += bytes.len() as u64;
    let mut last = None;
    for identity in identities {
        let mut plain = Vec::new();
        match open_blob(identity, bytes.as_slice()).and_then(|mut reader| Ok(reader.read_to_end(&mut plain)?)) {
            Ok(_) => return Ok(Some(plain)),
            Err(error) => last = Some(error),
        }
    }
    report.problems.extend(last.map(|error| format!("blob {name}: {error}")));
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{Credential, Role};
    use crate::url::VaultUrl;
    use journal::Origin;
    use journal::note::{KeyKind, SigningKey};

    fn key(seed: u64) -> SigningKey {
        SigningKey::from_seed("outlast/read", KeyKind::Ed25519, &[seed as u8; 32]).unwrap()
    }

    fn origin() -> Origin {
        "outlast/read".parse().unwrap()
    }

    fn tree(texts: &[&str]) -> Frontier {
        let mut tree = Frontier::new();
        texts.iter().for_each(|text| tree.push(Envelope::leaf(text.as_bytes())));
        tree
    }

    /// Two epochs, the second from where these entries end.
    fn reader(of: &[&str]) -> LogReader {
        let epoch = |number, size, root| Epoch {
            origin: origin(),
            epoch: number,
            size,
            root,
            log_key: key(number).verifier().clone(),
            data_key: BlobName::of(b"a key"),
            recovery: vec![key(9).verifier().clone().into()],
            past: None,
            order: None,
        };
        let second = tree(of);
        let epochs = [epoch(1, 0, Frontier::new().root()), epoch(2, second.size(), second.root())];
        let cosigner = SigningKey::from_seed("v", KeyKind::Cosignature, &[1; 32]).unwrap();
        let url = VaultUrl {
            role: Role::Recover,
            credential: Credential::generate().unwrap(),
            address: "127.0.0.1:1".to_owned(),
            name: "v".to_owned(),
            domain: "v".to_owned(),
            pin: Hash::of(b""),
            vkey: cosigner.verifier().clone(),
        };
        let epochs = epochs.map(|epoch| (epoch, String::new())).into();
        let client = Arc::new(VaultClient::new(url).unwrap());
        LogReader { client, epochs, frontier: Frontier::new(), waiting: VecDeque::new() }
    }

    /// A batch of the first epoch with these entries.
    fn batch(texts: &[&str]) -> Vec<u8> {
        let tree = tree(texts);
        let checkpoint = Checkpoint::new(origin(), 1, tree.size(), tree.root()).sign(&key(1)).unwrap().to_string();
        let entries = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let batch =
            Batch { origin: origin(), epoch: 1, first: 0, entries, checkpoint, snapshot_entry: None, inline: vec![] };
        batch.encode().unwrap()
    }

    #[test]
    fn what_an_epoch_began_with_is_not_what_an_older_key_says() {
        assert!(reader(&["one", "two"]).verify(batch(&["one", "two"])).is_ok());
        let bad = |texts: &[&str]| reader(&["one", "two"]).verify(batch(texts)).unwrap_err().to_string();
        assert!(bad(&["one", "forged"]).contains("other entries"));
        assert!(bad(&["one", "two", "three"]).contains("an epoch that was over"));
    }
}
