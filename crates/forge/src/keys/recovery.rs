//! The recovery key: an age identity that alone opens the vaults without the site, and alone may start an epoch.

use super::at;
use super::shares::{SHARE_LINES, SHARE_PREFIX, Share, combine};
use crate::error::Error;
use journal::epoch::{RecoveryPublic, recovery_signing_key};
use journal::note::SigningKey;
use journal::order::RecoveryHalf;
use journal::{Hash, Origin};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use vault::seal::{Identity, Recipients};

/// What the file is called in a new data directory.
pub const RECOVERY_FILE: &str = "recovery-key.txt";

/// What it is called while it is being written.
const UNFINISHED_FILE: &str = "recovery-key.new";

/// Bytes of the file: a few lines around the key.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The recovery key, in memory.
pub struct RecoveryKey(Identity);

impl RecoveryKey {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Identity::generate())
    }

    /// From a file with the key on a line of its own; lines with `#` are for people.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let length = path.metadata().map_err(at(path))?.len();
        if length > FILE_BYTES_MAX {
            return Err(Error::invalid(format!("{} is too long to be a recovery key's file", path.display())));
        }
        let text = std::fs::read_to_string(path).map_err(at(path))?;
        Self::parse(&text).map_err(|e| Error::invalid(format!("{}: {e}", path.display())))
    }

    /// From the key's own file, or from as many shares' files as it takes; `-` is standard input, where the words of one share
    /// are typed.
    ///
    /// # Errors
    /// [`Error::Invalid`], which says which file is wrong, and how many shares are lacking.
    pub fn read_all(paths: &[PathBuf]) -> Result<Self, Error> {
        let texts = paths.iter().map(|path| Ok((path, text_of(path)?))).collect::<Result<Vec<_>, Error>>()?;
        match texts.as_slice() {
            [(path, text)] if !text.to_ascii_uppercase().contains(SHARE_PREFIX) && text.contains("AGE-SECRET-KEY-") => {
                Self::parse(text).map_err(|e| Error::invalid(format!("{}: {e}", path.display())))
            }
            texts => {
                let share = |(path, text): &(&PathBuf, String)| {
                    Share::parse(text).map_err(|e| Error::invalid(format!("{}: {e}", path.display())))
                };
                combine(&texts.iter().map(share).collect::<Result<Vec<_>, _>>()?)
            }
        }
    }

    pub(super) fn from_identity(identity: Identity) -> Self {
        Self(identity)
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let mut keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (key, more) = (keys.next(), keys.next());
        let (Some(key), None) = (key, more) else {
            return Err(Error::invalid("it does not hold one key; it should have one line AGE-SECRET-KEY-1..."));
        };
        Identity::parse(key).map(Self).map_err(|e| Error::invalid(format!("not a recovery key: {e}")))
    }

    /// The identity: it opens everything in the vaults.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0
    }

    /// The age recipient: the half that the site keeps.
    #[must_use]
    pub fn recipient(&self) -> String {
        self.0.recipient()
    }

    /// Signs the epochs of this log.
    #[must_use]
    pub fn signing_key(&self, origin: &Origin) -> SigningKey {
        recovery_signing_key(&self.0.secret_bytes(), origin)
    }

    /// What everybody may know of it, as a key of this log.
    #[must_use]
    pub fn public(&self, origin: &Origin) -> RecoveryPublic {
        RecoveryPublic { verifier: self.signing_key(origin).verifier().clone(), recipient: Some(self.recipient()) }
    }

    /// The public half as text: what [`public_half`] reads.
    #[must_use]
    pub fn public_text(&self) -> String {
        // The key that signs epochs is the same for every log; only its name has the log's in it.
        let origin: Origin = "outlast".parse().expect("it is a usable name");
        let signing = Hash(*self.signing_key(&origin).verifier().as_bytes());
        format!("recipient {}\nsigning {signing}\n", self.recipient())
    }

    /// Writes the file, which must not be there, so that only its owner reads it: whole, or not at all.
    pub fn write(&self, data: &Path) -> Result<PathBuf, Error> {
        let (path, beside) = (data.join(RECOVERY_FILE), data.join(UNFINISHED_FILE));
        remove_unfinished(data)?;
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside).map_err(at(&beside))?;
        let written = file.write_all(self.text().as_bytes()).and_then(|()| file.sync_all());
        let written = written.and_then(|()| name_without_replacing(&beside, &path));
        remove_unfinished(data)?;
        written.map_err(at(&path))?;
        File::open(data).and_then(|dir| dir.sync_all()).map_err(at(data))?;
        Ok(path)
    }

    fn text(&self) -> String {
        format!(
            "# THE RECOVERY KEY of this Outlast site. Who has it reads everything in its vaults; without it, and without\n\
             # the site, nobody does.\n\
             #\n\
             # Now: copy this file to two places that do not depend on this machine (a printout, a password manager of\n\
             # somebody else, a safe), check that a copy can be read, then delete it here. The site runs without it.\n\
             #\n\
             # When the site is lost, on any machine:\n\
             #   outlast recover --vault URL [--vault URL ...] --key THIS-FILE --to NEW-DIRECTORY\n\
             # By hand, a single blob of a vault:\n\
             #   age -d -i THIS-FILE blob/AA/NAME\n\
             #\n\
             # public half: {}\n\
             {}\n",
            self.recipient(),
            self.0.expose(),
        )
    }
}

impl std::fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryKey(...)")
    }
}

/// The public half of a recovery key in a text that has it among other lines: `recovery-public.txt`.
///
/// # Errors
/// [`Error::Invalid`] when it has none.
pub fn public_half(text: &str) -> Result<RecoveryHalf, Error> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let signing = field("signing ").and_then(|text| text.parse::<Hash>().ok());
    let recipient = field("recipient ").filter(|text| Recipients::parse(text, text).is_ok() && !text.contains(' '));
    match (recipient, signing) {
        (Some(recipient), Some(Hash(signing))) => Ok(RecoveryHalf { recipient: recipient.to_owned(), signing }),
        _ => Err(Error::invalid(
            "no public half of a recovery key: lines `recipient age1...` and `signing ...`, as `outlast officer renew` writes them into recovery-public.txt",
        )),
    }
}

/// What a file says, or what is typed: the lines of one share.
pub(super) fn text_of(path: &Path) -> Result<String, Error> {
    if path != Path::new("-") {
        let length = path.metadata().map_err(at(path))?.len();
        if length > FILE_BYTES_MAX {
            return Err(Error::invalid(format!("{} is too long to be a recovery key or a share", path.display())));
        }
        return std::fs::read_to_string(path).map_err(at(path));
    }
    let (mut text, mut lines) = (String::new(), 0);
    for line in std::io::stdin().lines() {
        let line = line.map_err(at(path))?;
        let words = !line.trim().is_empty() && !line.starts_with('#');
        text.push_str(&line);
        text.push('\n');
        lines += usize::from(words);
        if lines == SHARE_LINES
            || line.to_ascii_uppercase().contains(SHARE_PREFIX)
            || text.len() as u64 > FILE_BYTES_MAX
        {
            break;
        }
    }
    Ok(text)
}

/// The recovery key of a new site: the one that lies there already (a first start that was cut short, or one that an officer
/// brought), or a new one, written.
pub(super) fn find_or_generate(data: &Path) -> Result<RecoveryKey, Error> {
    let path = data.join(RECOVERY_FILE);
    if path.exists() {
        remove_unfinished(data)?;
        return RecoveryKey::read(&path);
    }
    let key = RecoveryKey::generate();
    key.write(data)?;
    Ok(key)
}

/// Whoever brings a key in the same moment finds it as it was.
fn name_without_replacing(from: &Path, to: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems can't, and have links; others, as of a memory stick, have none.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::hard_link(from, to),
        other => other.map_err(Into::into),
    }
}

/// Removes what a start left that was cut short: nobody has seen this key, or it has its name already.
fn remove_unfinished(data: &Path) -> Result<(), Error> {
    let beside = data.join(UNFINISHED_FILE);
    match std::fs::remove_file(&beside) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(at(&beside)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_file_is_its_owners_and_gives_the_key_again() {
        let dir = tempfile::tempdir().unwrap();
        let (key, path) = (find_or_generate(dir.path()).unwrap(), dir.path().join(RECOVERY_FILE));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = find_or_generate(dir.path()).unwrap();
        assert_eq!(again.recipient(), key.recipient());
        let origin: Origin = "outlast/ab".parse().unwrap();
        assert_eq!(key.signing_key(&origin).verifier(), again.signing_key(&origin).verifier());
        assert!(std::fs::read_to_string(path).unwrap().contains("outlast recover"));
    }

    #[test]
    fn a_file_that_a_full_disk_cut_short_is_nobodys_key() {
        let dir = tempfile::tempdir().unwrap();
        let (beside, path) = (dir.path().join(UNFINISHED_FILE), dir.path().join(RECOVERY_FILE));
        std::fs::write(&beside, "# THE RECOVERY").unwrap();
        let key = find_or_generate(dir.path()).unwrap();
        assert_eq!(RecoveryKey::read(&path).unwrap().recipient(), key.recipient());
        assert!(!beside.exists());
    }

    #[test]
    fn a_key_that_lies_there_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let key = find_or_generate(dir.path()).unwrap();
        assert!(RecoveryKey::generate().write(dir.path()).is_err());
        assert_eq!(find_or_generate(dir.path()).unwrap().recipient(), key.recipient());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_says_so() {
        for text in ["", "# only words", "AGE-SECRET-KEY-1XYZ", "age1abc", "x\ny"] {
            assert!(RecoveryKey::parse(text).is_err(), "{text}");
        }
    }
}
