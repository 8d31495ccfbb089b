//! Who answers, what each has, and which log is the site's.

use super::epochs::{self, Shown};
use super::opener::Opener;
use super::rebuild::Rebuilt;
use super::report::{Progress, Report, VaultFound};
use crate::error::Error;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::entry::DataKey;
use journal::epoch::{Epoch, EpochError};
use journal::merkle::Frontier;
use journal::note::{SignedNote, VerifierKey};
use journal::{BlobName, Hash, Origin};
use std::collections::BTreeMap;
use std::sync::Arc;
use vault::{EpochRecord, LogReader, ReadError, Role, VaultClient, VaultUrl};

/// A vault that answers and keeps this site's log.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) client: Arc<VaultClient>,
    /// What it has cosigned: size and root. A damaged vault signs nothing, and only says how many entries it has.
    pub(super) size: u64,
    pub(super) root: Option<Hash>,
}

/// What is known before anything is read.
pub(super) struct Survey {
    pub(super) origin: Origin,
    /// Those of whoever recovers.
    pub(super) recovery_keys: Vec<VerifierKey>,
    /// Those that can be read, the longest log first unless another is wanted.
    pub(super) sources: Vec<Source>,
    pub(super) found: Vec<VaultFound>,
    /// Every epoch any of them knows, with its data key.
    pub(super) epochs: BTreeMap<u64, (EpochRecord, DataKey)>,
    /// Who shows each of them.
    pub(super) shown: BTreeMap<u64, Vec<Shown>>,
    pub(super) warnings: Vec<String>,
}

pub(super) async fn survey(
    urls: &[VaultUrl],
    opener: &Opener,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Survey, Error> {
    if let Some(url) = urls.iter().find(|url| url.role != Role::Recover) {
        let text =
            format!("the URL of vault {} may only append: recovering needs the text of its recover.url", url.name);
        return Err(Error::invalid(text));
    }
    let (mut sources, mut found, mut origins) = (Vec::new(), Vec::new(), BTreeMap::new());
    for url in urls {
        let (name, domain) = (url.name.clone(), url.domain.clone());
        let looked = look(url).await;
        let vault = match &looked {
            Ok((_, source)) => VaultFound { name, domain, entries: Some(source.size), problem: None },
            Err(problem) => VaultFound { name, domain, entries: None, problem: Some(problem.clone()) },
        };
        progress(Progress::Vault(vault.clone()));
        found.push(vault);
        if let Ok((origin, source)) = looked {
            origins.entry(origin).or_insert_with(Vec::new).push(source.client.url().name.clone());
            sources.push(source);
        }
    }
    let origin = one_origin(&origins, &found)?;
    sources.sort_by_key(|source| std::cmp::Reverse(source.size));
    let recovery_keys = opener.recovery(&origin).into_iter().map(|key| key.verifier).collect();
    let (epochs, shown, warnings) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    let mut survey = Survey { origin, recovery_keys, sources, found, epochs, shown, warnings };
    survey.read_epochs(opener).await?;
    survey.verify_epochs()?;
    Ok(survey)
}

/// What a vault says of itself, as far as it can be believed already.
async fn look(url: &VaultUrl) -> Result<(Origin, Source), String> {
    let client = Arc::new(VaultClient::new(url.clone()).map_err(|e| e.to_string())?);
    let state = client.state().await.map_err(|e| e.to_string())?;
    let origin = state.origin.ok_or("it keeps no site's log")?.parse().map_err(|e| format!("{e}"))?;
    if state.damaged.is_some() {
        tracing::warn!(vault = url.name, "the vault reports damage; what is good in it is used");
    }
    let Some(checkpoint) = state.checkpoint else {
        // How far a damaged vault reaches, reading will show.
        let size = if state.damaged.is_some() { state.size } else { 0 };
        return Ok((origin, Source { client, size, root: None }));
    };
    let note: SignedNote = checkpoint.parse().map_err(|e| format!("its checkpoint: {e}"))?;
    let signed = note.signatures().iter().any(|line| cosignature::verify(&url.vkey, note.text(), line).is_ok());
    let value: Checkpoint = note.text().parse().map_err(|e| format!("its checkpoint: {e}"))?;
    if !signed || value.origin != origin {
        return Err("its checkpoint is not one it has cosigned".to_owned());
    }
    Ok((origin, Source { client, size: value.size, root: Some(value.root) }))
}

fn one_origin(origins: &BTreeMap<Origin, Vec<String>>, found: &[VaultFound]) -> Result<Origin, Error> {
    let mut all = origins.keys();
    match (all.next(), all.next()) {
        (Some(origin), None) => Ok(origin.clone()),
        (Some(_), Some(_)) => {
            let list: Vec<_> =
                origins.iter().map(|(origin, names)| format!("{} keeps {origin}", names.join(", "))).collect();
            Err(Error::invalid(format!(
                "these vaults belong to different sites: {}. Give those of one",
                list.join("; ")
            )))
        }
        (None, _) => {
            let list: Vec<_> = found.iter().map(ToString::to_string).collect();
            Err(Error::invalid(format!("no vault could be read: {}", list.join("; "))))
        }
    }
}

/// A small blob that an epoch's statement names.
async fn fetch(client: &VaultClient, epoch: u64, name: &BlobName) -> Result<Vec<u8>, Error> {
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("the keys of epoch {epoch}: {e}"));
    let mut sealed = Vec::new();
    if !client.blob(name, &mut sealed).await.map_err(|e| bad(&e))? {
        return Err(bad(&"the vault has them not"));
    }
    Ok(sealed)
}

impl Survey {
    /// Reads the epochs from all vaults; a vault whose epochs recovery keys did not sign is of another site, or the key is.
    async fn read_epochs(&mut self, opener: &Opener) -> Result<(), Error> {
        let (mut good, mut replaced) = (Vec::new(), None);
        for source in std::mem::take(&mut self.sources) {
            match LogReader::open(source.client.clone(), Frontier::new(), &self.recovery_keys).await {
                Ok(reader) => {
                    self.add_epochs(&source, opener, reader.epochs()).await?;
                    good.push(source);
                }
                Err(error) => {
                    let name = source.client.url().name.clone();
                    if let ReadError::Key(EpochError::Replaced(_)) = &error {
                        replaced = Some(format!("vault {name}: {error}"));
                    }
                    self.discard(&name, &error.to_string());
                }
            }
        }
        self.sources = good;
        if self.sources.is_empty() {
            let none = "no vault's log was begun with this recovery key: is it the right key for these vaults?";
            return Err(Error::invalid(replaced.unwrap_or_else(|| none.to_owned())));
        }
        match replaced {
            Some(text) => Err(epochs::parted(&format!("{text}; other vaults know of no such change"))),
            None => Ok(()),
        }
    }

    /// The epochs of one vault. Those before the recovery keys changed open with what the change left for the new ones.
    async fn add_epochs(&mut self, source: &Source, opener: &Opener, epochs: &[(Epoch, String)]) -> Result<(), Error> {
        let (client, mut past) = (&source.client, BTreeMap::new());
        for (epoch, statement) in epochs.iter().rev() {
            let sealed = match epoch.past {
                Some(name) => Some(fetch(client, epoch.epoch, &name).await?),
                None => None,
            };
            if let Some(sealed) = sealed.as_deref().filter(|_| past.is_empty()) {
                past = opener.past(sealed)?.unwrap_or_default();
            }
            self.show(source, epoch)?;
            self.add_epoch(client, opener, (epoch, statement, sealed), &past).await?;
        }
        Ok(())
    }

    async fn add_epoch(
        &mut self,
        client: &VaultClient,
        opener: &Opener,
        (epoch, statement, past): (&Epoch, &str, Option<Vec<u8>>),
        opened: &BTreeMap<u64, DataKey>,
    ) -> Result<(), Error> {
        if self.epochs.contains_key(&epoch.epoch) {
            return Ok(());
        }
        let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("the data key of epoch {}: {e}", epoch.epoch));
        let data_key = fetch(client, epoch.epoch, &epoch.data_key).await?;
        let key = match (opener.open(&data_key), opened.get(&epoch.epoch)) {
            (Ok(plain), _) => DataKey::new(plain.try_into().map_err(|_| bad(&"it has not 32 bytes"))?),
            (Err(_), Some(key)) => key.clone(),
            (Err(error), None) => return Err(bad(&error)),
        };
        let record = EpochRecord { number: epoch.epoch, statement: statement.to_owned(), data_key, past };
        self.epochs.insert(epoch.epoch, (record, key));
        Ok(())
    }

    /// A vault that cannot be used after all.
    pub(super) fn discard(&mut self, name: &str, problem: &str) {
        for found in self.found.iter_mut().filter(|found| found.name == name) {
            found.problem = Some(problem.to_owned());
        }
    }

    /// The number of the newest epoch any vault knows.
    pub(super) fn newest_epoch(&self) -> u64 {
        self.epochs.keys().next_back().copied().unwrap_or(0)
    }

    /// That a vault has cosigned more than could be read.
    fn unread(&self, rebuilt: &Rebuilt) -> Option<String> {
        let longest = self.found.iter().filter_map(|found| found.entries).max().unwrap_or(0);
        let missing = longest.checked_sub(rebuilt.read.frontier.size()).filter(|missing| *missing > 0)?;
        Some(format!("{missing} entries that a vault has cosigned could not be read from any"))
    }

    /// What is wrong with the vaults, apart from what they hold: a drill finds it, though others made up for it.
    pub(super) fn vault_problems(&self, rebuilt: &Rebuilt) -> Vec<String> {
        let unanswered = self.found.iter().filter(|found| found.problem.is_some()).map(ToString::to_string);
        unanswered.chain(rebuilt.read.warnings.iter().cloned()).chain(self.unread(rebuilt)).collect()
    }

    pub(super) fn report(&self, rebuilt: &Rebuilt) -> Report {
        let mut warnings = self.warnings.clone();
        warnings.extend(rebuilt.warnings.iter().chain(&rebuilt.read.warnings).cloned());
        let answering = self.found.iter().filter(|found| found.entries.is_some()).count();
        if answering == 1 {
            warnings.push(format!(
                "one vault alone was read. What it holds is verified, up to entry {}; what other vaults have cosigned beyond \
                 that is not known here: everything the site wrote since this vault last answered it may be missing",
                rebuilt.size.saturating_sub(1)
            ));
        } else if answering < self.found.len() {
            warnings.push(
                "not all vaults answered; nothing acknowledged is missing if those that did are a quorum".to_owned(),
            );
        }
        warnings.extend(self.unread(rebuilt));
        Report {
            origin: self.origin.to_string(),
            entries: rebuilt.size,
            last_time_us: rebuilt.last_time_us,
            epoch: None,
            vaults: self.found.clone(),
            snapshot: rebuilt.snapshot,
            repositories: 0,
            replaced: Vec::new(),
            credentials_revoked: false,
            warnings,
            full: None,
            view: None,
            undone: None,
            skipped: rebuilt.skipped.clone(),
            bad: rebuilt.bad.clone(),
        }
    }
}
