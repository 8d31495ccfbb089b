//! What a new site begins with when its recovery key was made elsewhere: the keys of its first epoch, which the recovery key signed
//! there, so that the recovery key itself is never on the site.

use super::shares::Published;
use super::{KEYS_DIR, Keys, RecoveryKey, at};
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::order::RecoveryHalf;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path};

const FORMAT: &str = "outlast-site-start/1";
/// The file that says which shares there are, under [`KEYS_DIR`].
pub(super) const SHARES_FILE: &str = "recovery.shares";
/// Files in it; a new site's keys are seven.
const FILES_MAX: usize = 32;

#[derive(Serialize, Deserialize)]
struct Start {
    format: String,
    note: String,
    files: BTreeMap<String, String>,
}

/// Makes the keys of a new site and signs its first epoch; with `also` further recovery keys, each of which is enough. `scratch` is an empty directory of the caller's, who removes it.
///
/// What comes out is secret: who has it can write as the site. It opens nothing of what the site will have written before it is
/// given away, and is not needed any more when the site has started.
pub fn site_start(
    recovery: &RecoveryKey,
    also: &[RecoveryHalf],
    published: &Published,
    scratch: &Path,
) -> Result<String, Error> {
    Keys::begin(recovery, also)?.write(scratch)?;
    let dir = scratch.join(KEYS_DIR);
    fs::write(dir.join(SHARES_FILE), published.to_string()).map_err(at(&dir))?;
    let (mut files, mut dirs) = (BTreeMap::new(), vec![dir.clone()]);
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(&next).map_err(at(&next))? {
            let path = entry.map_err(at(&next))?.path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let name = path.strip_prefix(&dir).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, STANDARD.encode(fs::read(&path).map_err(at(&path))?));
        }
    }
    let note = "outlast serve --recovery-recipient THIS-FILE, on the first start; then delete it".to_owned();
    let start = Start { format: FORMAT.to_owned(), note, files };
    serde_json::to_string_pretty(&start).map_err(|e| Error::internal(e.to_string()))
}

/// Puts the keys where a site that starts finds them. Does nothing where a site was begun already with the same.
///
/// # Errors
/// [`Error::Conflict`] where another site was begun; [`Error::Invalid`] when the text is no such start.
pub fn accept_start(data: &Path, text: &str) -> Result<(), Error> {
    let bad = |what: &str| Error::invalid(format!("not what `outlast officer init` made for a site: {what}"));
    let start: Start = serde_json::from_str(text).map_err(|e| bad(&e.to_string()))?;
    if start.format != FORMAT || start.files.len() > FILES_MAX {
        return Err(bad("its form is of another version"));
    }
    let origin =
        start.files.get("origin").and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| bad("it names no log"))?;
    let dir = data.join(KEYS_DIR);
    if dir.exists() {
        let there = fs::read(dir.join("origin")).map_err(at(&dir))?;
        let text = format!("{} has another site already: name an empty data directory", data.display());
        return if there == origin { Ok(()) } else { Err(Error::conflict(text)) };
    }
    let beside = data.join("keys.start");
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(at(&beside))?;
    }
    fs::create_dir_all(beside.join(KEYS_DIR).join("epoch")).map_err(at(&beside))?;
    for (name, content) in &start.files {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let content = STANDARD.decode(content).map_err(|_| bad("a file in it is not base64"))?;
        if !plain {
            return Err(bad("a file in it has no plain name"));
        }
        let path = beside.join(KEYS_DIR).join(name);
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(at(&path))?;
        file.write_all(&content).and_then(|()| file.sync_all()).map_err(at(&path))?;
    }
    // What does not fit together is refused here, before there is a site.
    Keys::open(&beside)?;
    fs::rename(beside.join(KEYS_DIR), &dir).map_err(at(&dir))?;
    fs::remove_dir_all(&beside).map_err(at(&beside))
}

/// Which shares of its recovery key a site was told of.
pub(crate) fn published(data: &Path) -> Result<Option<Published>, Error> {
    let path = data.join(KEYS_DIR).join(SHARES_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => text.parse().map(Some),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at(&path)(e)),
    }
}
