//! Who has every key of the lost site speaks to the vaults himself: no program of ours stands between.

use super::Story;
use crate::common::Vault;
use forge::keys::Keys;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::merkle::{Frontier, leaf_hash};
use tokio::runtime::Runtime;
use vault::{ClientError, VaultClient, VaultUrl};

/// One vault, with what the stolen data directory has for it.
pub(super) struct Forger {
    runtime: Runtime,
    keys: Keys,
    client: VaultClient,
    batches: Vec<Batch>,
}

fn client(url: &str) -> VaultClient {
    VaultClient::new(url.trim().parse::<VaultUrl>().unwrap()).unwrap()
}

impl Forger {
    pub(super) fn of(story: &Story, vault: &Vault) -> Self {
        let runtime = Runtime::new().unwrap();
        let read = client(&std::fs::read_to_string(vault.recover_url()).unwrap());
        let mut batches: Vec<Batch> = Vec::new();
        loop {
            let from = batches.last().map_or(0, Batch::end);
            let more = runtime.block_on(read.batches(from)).unwrap();
            if more.is_empty() {
                break;
            }
            batches.extend(more.iter().map(|bytes| Batch::decode(bytes).unwrap()));
        }
        let url = std::fs::read_to_string(story.stolen.join(format!("vaults/{}.url", vault.name))).unwrap();
        Self { runtime, keys: Keys::open(&story.stolen).unwrap(), client: client(&url), batches }
    }

    /// A batch with one entry, which another one was once, after the first `size` entries, signed with the site's own key.
    fn forged(&self, size: u64, first: u64, epoch: u64) -> Batch {
        let keys = self.keys.log_keys().unwrap();
        let (mut frontier, entry) = (Frontier::new(), self.batches[0].entries[0].clone());
        let before = self.batches.iter().flat_map(|batch| &batch.entries).take(usize::try_from(size).unwrap());
        before.for_each(|entry| frontier.push(leaf_hash(entry)));
        frontier.push(leaf_hash(&entry));
        let checkpoint = Checkpoint::new(keys.origin.clone(), epoch, first + 1, frontier.root());
        let checkpoint = checkpoint.sign(&keys.log_key).unwrap().to_string();
        let inline = self.batches[0].inline.clone();
        Batch { origin: keys.origin, epoch, first, entries: vec![entry], checkpoint, snapshot_entry: None, inline }
    }

    /// What he tries, and what each vault said. Nothing of it may be cosigned.
    pub(super) fn tries(&self) -> Vec<(&'static str, Result<(), ClientError>)> {
        let last = self.batches.last().unwrap();
        let (size, epoch) = (last.end(), self.keys.epoch());
        let tries = [
            ("another entry in the place of the last batch", self.forged(last.first, last.first, epoch)),
            ("the log cut back to its first entries", self.forged(1, 1, epoch)),
            ("a batch that leaves one out", self.forged(size, size + 1, epoch)),
            ("a batch of an epoch that was not begun", self.forged(size, size, epoch + 1)),
        ];
        tries.into_iter().map(|(what, batch)| (what, self.append(&batch))).collect()
    }

    /// After the recovery: what would come next, in the epoch that is over.
    pub(super) fn goes_on(&self) -> Result<(), ClientError> {
        let size = self.batches.last().unwrap().end();
        self.append(&self.forged(size, size, self.keys.epoch()))
    }

    fn append(&self, batch: &Batch) -> Result<(), ClientError> {
        let bytes = batch.encode().unwrap().into();
        self.runtime.block_on(self.client.append(&[bytes])).map(drop)
    }
}
