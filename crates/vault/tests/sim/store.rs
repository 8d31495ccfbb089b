//! The `dir` store over the simulated disk, with what a mutant leaves out.

use crate::disk::SimDisk;
use crate::mutant::Mutant;
use journal::{BlobName, Hash};
use std::io::Read;
use std::path::Path;
use vault::{DirStore, Judge, OpenBlob, Place, Probe, Put, Store, StoreError};

pub(crate) struct SimStore {
    dir: DirStore<SimDisk>,
    mutant: Mutant,
}

impl SimStore {
    pub(crate) fn open(disk: &SimDisk, mutant: Mutant) -> Result<Self, StoreError> {
        Ok(Self { dir: DirStore::open(Path::new("/"), disk.clone())?, mutant })
    }

    /// Whether the store itself has it, whatever the mutant says.
    pub(crate) fn really_has(&self, name: &BlobName) -> bool {
        let Ok(Some((mut reader, _))) = self.dir.blob(name) else { return false };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).is_ok() && BlobName::of(&bytes) == *name
    }
}

impl Store for SimStore {
    fn put_blob(&self, name: &BlobName, source: &mut dyn Read) -> Result<Put, StoreError> {
        self.dir.put_blob(name, source)
    }

    fn has_blob(&self, name: &BlobName) -> Result<bool, StoreError> {
        match self.mutant {
            Mutant::BlobsThere => Ok(true),
            Mutant::NameSync => Ok(self.dir.blob(name)?.is_some()),
            _ => self.dir.has_blob(name),
        }
    }

    fn blob(&self, name: &BlobName) -> Result<Option<OpenBlob>, StoreError> {
        self.dir.blob(name)
    }

    fn blobs(&self) -> Result<Vec<BlobName>, StoreError> {
        self.dir.blobs()
    }

    fn append(&self, batches: &[&[u8]]) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        match self.dir.append(batches) {
            Err(StoreError::Damaged(_)) if self.mutant == Mutant::ReadBack => {
                // What was asked for is taken for what is there.
                let place = |bytes: &&[u8]| Place { segment: 1, offset: 44, len: bytes.len() as u32 };
                Ok(batches.iter().map(|bytes| (place(bytes), bytes.to_vec())).collect())
            }
            other => other,
        }
    }

    fn batch(&self, place: &Place) -> Result<Vec<u8>, StoreError> {
        self.dir.batch(place)
    }

    fn load(&self, each: &mut Judge<'_>) -> Result<(), StoreError> {
        match self.dir.load(each) {
            Err(StoreError::Damaged(_)) if self.mutant == Mutant::Damage => Ok(()),
            other => other,
        }
    }

    fn put_epoch(&self, number: u64, statement: &str) -> Result<Put, StoreError> {
        if self.mutant == Mutant::Epochs && number > 1 {
            Ok(Put::Stored)
        } else {
            self.dir.put_epoch(number, statement)
        }
    }

    fn epochs(&self) -> Result<Vec<(u64, String)>, StoreError> {
        self.dir.epochs()
    }

    fn put_erasure(&self, order: &Hash, record: &str) -> Result<Put, StoreError> {
        if self.mutant == Mutant::ErasureRecord { Ok(Put::Stored) } else { self.dir.put_erasure(order, record) }
    }

    fn erasures(&self) -> Result<Vec<String>, StoreError> {
        self.dir.erasures()
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        self.dir.free_bytes()
    }

    fn probe(&self) -> Probe {
        Probe::default()
    }
}
