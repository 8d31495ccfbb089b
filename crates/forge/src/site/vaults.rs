//! The site's vaults: where their addresses are kept, and reading from them.

use super::Site;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::vault::VaultEnrolled;
use crate::log;
use crate::orders::{VaultsChanging, VaultsSettle, changing, rule_fetch};
use crate::repo::FetchMany;
use crate::spool::Fetch;
use crate::writer::{Command, Decide, Submitter, Urgency};
use bytes::Bytes;
use journal::BlobName;
use journal::note::VerifierKey;
use journal::policy::Policy;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vault::{Quorum, Role, VaultClient, VaultUrl};

/// How often it is looked whether the vaults change.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a vault that is to be enrolled may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Where the vaults' addresses and credentials are, under the data directory: one `NAME.url` for each.
pub(crate) const VAULTS_DIR: &str = "vaults";

/// The vaults the site knows, together with those it is told of now, which are kept from now on.
///
/// The address of a known vault may be new; its right to read is kept when only a right to append is given.
pub(crate) fn known_with(data: &Path, given: &[VaultUrl]) -> Result<Vec<VaultUrl>, Error> {
    let dir = data.join(VAULTS_DIR);
    let mut known = read(&dir)?;
    for url in given {
        let mut url = url.clone();
        match known.get(&url.name) {
            Some(old) if old.vkey != url.vkey => {
                let (name, kept) = (&url.name, dir.join(format!("{}.url", url.name)));
                let kept = kept.display();
                let text = format!(
                    "there is another vault with the name {name} already; give each a name of its own, or, if this one \
                     takes the place of one that is lost, remove {kept} and start again"
                );
                return Err(Error::conflict(text));
            }
            Some(old) if old.role == Role::Recover && url.role == Role::Append => {
                (url.role, url.credential) = (old.role, old.credential.clone());
            }
            _ => {}
        }
        if known.get(&url.name) != Some(&url) {
            write(&dir, &url)?;
        }
        known.insert(url.name.clone(), url);
    }
    Ok(known.into_values().collect())
}

fn read(dir: &Path) -> Result<BTreeMap<String, VaultUrl>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::internal(format!("{}: {e}", dir.display()));
    fs::create_dir_all(dir).map_err(|e| failed(&e))?;
    let mut known = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(|e| failed(&e))? {
        let path = entry.map_err(|e| failed(&e))?.path();
        if path.extension().is_some_and(|extension| extension == "url") {
            let text = fs::read_to_string(&path).map_err(|e| failed(&e))?;
            let url: VaultUrl = text.trim().parse().map_err(|e| failed(&e))?;
            known.insert(url.name.clone(), url);
        }
    }
    Ok(known)
}

fn write(dir: &Path, url: &VaultUrl) -> Result<(), Error> {
    let (path, new) = (dir.join(format!("{}.url", url.name)), dir.join(format!("{}.new", url.name)));
    let write = || {
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        writeln!(file, "{}", url.expose())?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    write().map_err(|e| Error::internal(format!("{}: {e}", path.display())))
}

/// Which of the vaults that a site was told of it writes to, and whose cosignatures make an entry held.
pub(crate) struct Chosen {
    /// Those it writes to.
    pub(crate) vaults: Vec<VaultUrl>,
    /// Those that officers would have to enrol first.
    pub(crate) strangers: Vec<VaultUrl>,
    /// Whose word counts.
    pub(crate) quorum: Quorum,
}

/// While there is no officers' rule, whom the site was told of is enrolled; from then on those that the journal names are its vaults.
///
/// The quorum is a majority of the trust domains of all that the journal names, whether or not this site can reach them now. A site
/// that was recovered from one vault of three does not thereby need only one. Before there are officers, a vault that is given
/// under the name of an enrolled one takes its place.
pub(crate) fn choose(tx: &mut Tx, logs: Vec<VerifierKey>, told: Vec<VaultUrl>) -> Result<Chosen, Error> {
    let enrolled = enrolled(tx)?;
    if rule_fetch(tx)?.is_none() {
        let quorum = Quorum::of(policy(logs, &told, &enrolled));
        return Ok(Chosen { vaults: told, strangers: Vec::new(), quorum });
    }
    let (mut vaults, mut strangers) = (Vec::new(), Vec::new());
    for mut url in told {
        // Of those that are to be the name may be that of one that is.
        match enrolled.iter().rev().find(|vault| vault.name == url.name && vault.vkey == url.vkey) {
            Some(known) => {
                url.domain.clone_from(&known.domain);
                vaults.push(url);
            }
            None => strangers.push(url),
        }
    }
    Ok(Chosen { vaults, strangers, quorum: log::quorum(tx)? })
}

fn policy(logs: Vec<VerifierKey>, vaults: &[VaultUrl], enrolled: &[Enrolled]) -> Policy {
    let mut by_name: BTreeMap<&str, (&str, &VerifierKey)> = BTreeMap::new();
    by_name.extend(enrolled.iter().map(|vault| (vault.name.as_str(), (vault.domain.as_str(), &vault.vkey))));
    by_name.extend(vaults.iter().map(|url| (url.name.as_str(), (url.domain.as_str(), &url.vkey))));
    let mut domains: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
    for (domain, vkey) in by_name.into_values() {
        domains.entry(domain.to_owned()).or_default().push(vkey.clone());
    }
    Policy::majority(logs, &domains.into_iter().collect::<Vec<_>>())
}

/// A vault that the journal names.
#[derive(Debug, PartialEq, Eq)]
struct Enrolled {
    name: String,
    domain: String,
    vkey: VerifierKey,
}

/// The vaults that the journal names, and those that are to be.
fn enrolled(tx: &mut Tx) -> Result<Vec<Enrolled>, Error> {
    let mut rows = tx.query("SELECT name, domain, vkey FROM vault ORDER BY name", &[])?;
    rows.extend(tx.query("SELECT name, domain, vkey FROM vault_next ORDER BY name", &[])?);
    let read = |row: &crate::db::Row| {
        let (name, domain, vkey): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let vkey = vkey.parse().map_err(|e| Error::damaged(format!("the key of vault {name}: {e}")))?;
        Ok(Enrolled { name, domain, vkey })
    };
    rows.iter().map(read).collect()
}

/// Writes which vaults there are, as far as the journal does not say so yet. Once there is an officers' rule, only that a known one
/// has another TLS key: any other change is an order.
#[derive(Debug)]
pub(crate) struct VaultsEnrol(pub(crate) Vec<VaultUrl>);

impl Command for VaultsEnrol {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let (ruled, mut events) = (rule_fetch(tx)?.is_some(), Vec::new());
        for url in self.0 {
            let (name, domain, vkey, pin) = (url.name, url.domain, url.vkey.to_string(), url.pin.to_string());
            let known = tx.query_opt("SELECT domain, vkey, pin FROM vault WHERE name = ?1", &[(&name).into()])?;
            let known = known.map(|row| Ok::<_, Error>((row.get(0)?, row.get(1)?, row.get(2)?))).transpose()?;
            if known == Some((domain.clone(), vkey.clone(), pin.clone())) {
                continue;
            }
            let same = known.is_some_and(|(of, key, _): (String, String, String)| of == domain && key == vkey);
            if !ruled || same {
                events.push(VaultEnrolled { name, domain, vkey, pin }.into());
            }
        }
        Ok((events, ()))
    }
}

/// The vaults whose credential lets this site read: after a recovery.
pub(crate) struct Readers {
    runtime: tokio::runtime::Handle,
    clients: Vec<VaultClient>,
}

impl Readers {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(vaults: &[VaultUrl]) -> Result<Self, Error> {
        let readers = vaults.iter().filter(|url| url.role == Role::Recover).cloned();
        let clients = readers.map(VaultClient::new).collect::<Result<_, _>>();
        let clients = clients.map_err(|e| Error::internal(e.to_string()))?;
        Ok(Self { runtime: tokio::runtime::Handle::current(), clients })
    }
}

impl Fetch for Readers {
    fn fetch(&self, name: &BlobName, into: &mut File) -> Result<bool, Error> {
        let mut last = None;
        for client in &self.clients {
            into.set_len(0).and_then(|()| into.rewind()).map_err(|e| Error::internal(e.to_string()))?;
            match self.runtime.block_on(client.blob(name, into)) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(vault = client.url().name, blob = %name, %error, "a blob could not be read");
                    last = Some(error);
                }
            }
        }
        match last {
            None => Ok(false),
            Some(error) => Err(Error::internal(format!("blob {name} could not be read from any vault: {error}"))),
        }
    }
}

impl FetchMany for Readers {
    fn fetch_many(&self, names: &[BlobName]) -> Vec<Option<Bytes>> {
        let mut found = vec![None; names.len()];
        for client in &self.clients {
            let (places, asked): (Vec<_>, Vec<_>) = (0..)
                .zip(names)
                .filter(|(place, _)| found[*place].is_none())
                .map(|(place, name)| (place, *name))
                .unzip();
            match self.runtime.block_on(client.small_blobs(&asked)) {
                Ok(blobs) => places.into_iter().zip(blobs).for_each(|(place, blob): (usize, _)| found[place] = blob),
                Err(error) => tracing::warn!(vault = client.url().name, %error, "blobs could not be read together"),
            }
        }
        found
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("vaults", &self.clients.len()).finish_non_exhaustive()
    }
}

impl Site {
    /// The change of the vaults that is under way.
    pub async fn vaults_changing(&self) -> Result<Option<VaultsChanging>, Error> {
        self.db().read_async(changing).await
    }

    /// Refuses a vault that does not answer, or keeps another site's log: once it is enrolled, its word may be needed.
    pub(super) async fn vault_answers(&self, name: &str) -> Result<(), Error> {
        let url = known_with(self.data(), &[])?.into_iter().find(|url| url.name == name);
        let url = url.ok_or_else(|| Error::not_found(format!("the address of vault {name}")))?;
        let refused =
            |what: &dyn std::fmt::Display| Error::conflict(format!("the vault {name} cannot be enrolled: {what}"));
        let client = VaultClient::new(url).map_err(|e| refused(&e))?;
        let state = tokio::time::timeout(ANSWER_WAIT, client.state()).await;
        let state = state.map_err(|_| refused(&"it does not answer"))?.map_err(|e| refused(&e))?;
        match state.origin.filter(|origin| origin != self.keys.origin().as_str()) {
            Some(_) => Err(refused(&"it keeps another site's log")),
            None => Ok(()),
        }
    }
}

/// Follows what officers order about the vaults, until the site stops: ships to those that are to be, and says in the journal when both
/// quorums hold the order.
pub(super) fn following(site: &Arc<Site>) -> impl Future<Output = ()> + use<> {
    let (ledger, replicator, data) = (site.ledger.clone(), site.replicator.clone(), site.data.clone());
    async move {
        let held = ledger.shipping().held();
        let mut followed = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let follow = async {
                let named = ledger.db().read_async(enrolled).await?;
                if followed.as_ref() != Some(&named) {
                    let told = known_with(&data, &[])?;
                    // The epochs are those the site began with.
                    let chosen = ledger.db().read_async(move |tx| choose(tx, Vec::new(), told)).await?;
                    replicator.connect(&chosen.vaults).map_err(|e| Error::internal(e.to_string()))?;
                    followed = Some(named);
                }
                let held = *held.borrow();
                if ledger.db().read_async(changing).await?.is_some_and(|change| change.waits_for() < held) {
                    ledger.submit(Submitter::default(), VaultsSettle { held }).await?;
                }
                Ok::<_, Error>(())
            };
            if let Err(error) = follow.await {
                tracing::warn!(%error, "a change of the vaults waits");
            }
        }
    }
}
