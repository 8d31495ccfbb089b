//! What a vault's directory holds besides its store: keys, certificate, credentials, and the two URLs to hand out.

use super::{ServeError, Shared, StoreKind, VaultServeConfig, urls, ward};
use crate::core::Vault;
use crate::credential::{Credential, Role};
use crate::dir::DirStore;
use crate::disk::RealDisk;
use crate::orders::Orders;
use crate::s3::S3Store;
use crate::store::Store;
use crate::tls;
use crate::url::{PeerUrl, name_is_valid};
use journal::Hash;
use journal::note::{KeyKind, SignedNote, SigningKey};
use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(super) struct Opened {
    pub(super) shared: Shared,
    pub(super) tls: Arc<rustls::ServerConfig>,
    pub(super) lock: File,
    /// Whether the store withstood its probe.
    pub(super) passed: bool,
}

pub(super) fn open(config: &VaultServeConfig, address: SocketAddr) -> Result<Opened, ServeError> {
    for (what, name) in [("name", &config.name), ("domain", &config.domain)] {
        if !name_is_valid(name) {
            return Err(ServeError::Invalid(format!(
                "the {what} {name:?} is not usable: 1 to 64 letters, digits, dots and dashes"
            )));
        }
    }
    let dir = &config.dir;
    std::fs::create_dir_all(dir.join("private"))?;
    let lock = lock(dir)?;
    let key = cosigner_key(&dir.join("private/cosigner.seed"), &config.name)?;
    let (tls, pin) = tls::server(&dir.join("private"))?;
    let credentials = [Role::Append, Role::Recover].map(|role| (role, stored_credential(dir, role)));
    let [(_, append), (_, recover)] = credentials;
    let (append, recover) = (append?, recover?);
    let store: Arc<dyn Store> = match &config.store {
        StoreKind::Dir => Arc::new(DirStore::open(&dir.join("store"), RealDisk)?),
        StoreKind::S3 { url, credentials } => {
            let store = S3Store::open(url.clone(), credentials.clone(), &key.verifier().to_string())?;
            Arc::new(store.remembering(dir.join("private/lock-days")))
        }
    };
    let mut vault = Vault::open(store.clone(), key)?;
    let signed_path = dir.join("private/signed");
    if let Some(signed) = signed_before(&signed_path)? {
        vault.remember(signed)?;
    }
    if matches!(config.store, StoreKind::S3 { .. }) {
        vault.set_unfit(Some("it has not been probed yet; the vault's log says why".to_owned()));
    }
    let watch = ward::Watch::open(config.watch.clone(), dir);
    if let Some((origin, _)) = vault.epoch() {
        watch.remember_incidents(origin.as_str(), &vault.log_keys());
    }
    let passed = ward::probe(&mut vault, &*store, &watch);
    let shared = Shared {
        vault: Mutex::new(vault),
        store,
        name: config.name.clone(),
        domain: config.domain.clone(),
        about: crate::about::About::read(dir),
        append: append.digest(),
        recover: recover.digest(),
        kind: match config.store {
            StoreKind::Dir => "a directory",
            StoreKind::S3 { .. } => "a bucket with Object Lock",
        },
        fork_path: dir.join("private/fork.txt"),
        signed_path,
        orders: Orders::of(dir),
        watch,
        appending: Arc::default(),
        slowed: Arc::default(),
    };
    let public = config.public_address.clone().unwrap_or_else(|| address.to_string());
    let [site, recover] = urls(&shared, [(Role::Append, append), (Role::Recover, recover)], &public, pin);
    write_private(&dir.join("site.url"), format!("{}\n", site.expose()).as_bytes())?;
    write_private(&dir.join("recover.url"), format!("{}\n", recover.expose()).as_bytes())?;
    write_private(&dir.join("public.url"), format!("{}\n", PeerUrl::from(&site)).as_bytes())?;
    write_private(&dir.join("listening.json"), format!("{{\"https\":\"{address}\"}}\n").as_bytes())?;
    Ok(Opened { shared, tls, lock, passed })
}

/// Keeps every other process out of a vault's directory, as long as the file is open.
pub(crate) fn lock(dir: &Path) -> Result<File, ServeError> {
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(_) => Err(ServeError::Locked),
    }
}

/// The cosigner key of a vault that was served before.
pub(crate) fn opened_key(dir: &Path) -> Result<SigningKey, ServeError> {
    let url = std::fs::read_to_string(dir.join("public.url"))?;
    let url: PeerUrl = url.trim().parse().map_err(|error| ServeError::Invalid(format!("public.url: {error}")))?;
    let known = &url.as_client_url().vkey;
    let seed = dir.join("private/cosigner.seed");
    if !seed.exists() {
        return Err(ServeError::Invalid(format!("{} has no cosigner key: it is no vault's directory", dir.display())));
    }
    let key = cosigner_key(&seed, known.name())?;
    if key.verifier() == known {
        Ok(key)
    } else {
        Err(ServeError::Invalid("public.url is of another cosigner key".to_owned()))
    }
}

/// The newest checkpoint that was signed here before, as far as that was written down.
fn signed_before(path: &Path) -> Result<Option<SignedNote>, ServeError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let signed = text.parse().map_err(|error| ServeError::Invalid(format!("{}: {error}", path.display())))?;
            Ok(Some(signed))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The credential of a role: made on first start, and read back from the URL that was handed out then. An owner who takes
/// a URL file away from the vault's disk keeps the digest here, which is all that serving needs; then the file comes back
/// with a new credential only when the digest is removed too.
fn stored_credential(dir: &Path, role: Role) -> io::Result<Credential> {
    let path = dir.join("private").join(format!("{}.credential", role.as_str()));
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            Credential::parse(text.trim()).ok_or_else(|| io::Error::other(format!("{} is damaged", path.display())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let credential = Credential::generate()?;
            write_private(&path, credential.expose().as_bytes())?;
            Ok(credential)
        }
        Err(error) => Err(error),
    }
}

fn cosigner_key(path: &Path, name: &str) -> Result<SigningKey, ServeError> {
    let seed = match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map_err(|_| ServeError::Invalid(format!("{} is damaged", path.display())))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(io::Error::other)?;
            write_private(path, Hash(seed).to_string().as_bytes())?;
            Hash(seed)
        }
        Err(error) => return Err(error.into()),
    };
    SigningKey::from_seed(name, KeyKind::Cosignature, &seed.0).map_err(|error| ServeError::Invalid(error.to_string()))
}

/// Writes a small file that only its owner reads, whole or not at all, durably. These files are the server's own, not the
/// store's: they may be replaced.
///
/// A file that is as it should be is left alone, so that a full disk keeps no vault from starting.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let part = path.with_extension("part");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
