//! The site's vaults: where their addresses are kept, and reading from them.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::vault::VaultEnrolled;
use crate::spool::Fetch;
use crate::writer::{Command, Decide, Urgency};
use journal::BlobName;
use journal::note::VerifierKey;
use journal::policy::Policy;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use vault::{Role, VaultClient, VaultUrl};

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

/// Whose cosignatures hold an entry: a majority of the trust domains of all vaults that the journal names, whether or not
/// this site can reach them now. A site that was recovered from one vault of three does not thereby need only one. A vault
/// that is given under the name of an enrolled one takes its place.
pub(crate) fn policy(logs: Vec<VerifierKey>, vaults: &[VaultUrl], enrolled: &[Enrolled]) -> Policy {
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
#[derive(Debug)]
pub(crate) struct Enrolled {
    name: String,
    domain: String,
    vkey: VerifierKey,
}

/// The vaults that the journal names.
pub(crate) fn enrolled(tx: &mut Tx) -> Result<Vec<Enrolled>, Error> {
    let rows = tx.query("SELECT name, domain, vkey FROM vault ORDER BY name", &[])?;
    let read = |row: &crate::db::Row| {
        let (name, domain, vkey): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let vkey = vkey.parse().map_err(|e| Error::damaged(format!("the key of vault {name}: {e}")))?;
        Ok(Enrolled { name, domain, vkey })
    };
    rows.iter().map(read).collect()
}

/// Writes which vaults there are, as far as the journal does not say so yet.
#[derive(Debug)]
pub(crate) struct VaultsEnrol(pub(crate) Vec<VaultUrl>);

impl Command for VaultsEnrol {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let mut events = Vec::new();
        for url in self.0 {
            let (name, domain, vkey, pin) = (url.name, url.domain, url.vkey.to_string(), url.pin.to_string());
            let sql = "SELECT name FROM vault WHERE name = ?1 AND domain = ?2 AND vkey = ?3 AND pin = ?4";
            let same = [(&name).into(), (&domain).into(), (&vkey).into(), (&pin).into()];
            if tx.query_opt(sql, &same)?.is_none() {
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

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("vaults", &self.clients.len()).finish_non_exhaustive()
    }
}
