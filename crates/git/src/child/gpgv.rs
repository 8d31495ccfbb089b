//! `gpgv`, GnuPG's program that only verifies: an OpenPGP signature against keys that are given, and no others.
//!
//! It is a child as `git` is: in the sandbox, without network, with limits, its arguments constants and paths of this program. Signature
//! and keys are files in a directory made for one call; what is signed goes in on standard input.

use super::{ChildError, ChildLimits, Git, GitChild, limit, spawn_bound};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::process::Command;

/// Where Debian has it.
const PROGRAM: &str = "/usr/bin/gpgv";
/// What it may say.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;
const LIMITS: ChildLimits = ChildLimits {
    address_space_bytes_max: 512 << 20,
    cpu_seconds_max: 5,
    files_max: 64,
    wall_time_max: Duration::from_secs(10),
};

/// What it says of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right, and made with the key of this fingerprint (a subkey's own).
    Good(String),
    /// It is right, but the key has expired or was revoked.
    Expired,
    /// It is of one of the keys and does not fit what is signed.
    Bad,
    /// It is of none of the keys, or can't be read.
    Unknown,
}

/// Asks it whether `signature` (as it stands in a commit) is one of `signed` by one of `keys` (OpenPGP packets, not armored). `scratch`:
/// a directory in which it gets one of its own.
///
/// # Errors
/// When it is not installed, or can't be run.
pub async fn verify(
    git: &Git,
    scratch: &Path,
    keys: &[u8],
    signature: &[u8],
    signed: &[u8],
) -> Result<Verdict, ChildError> {
    if !Path::new(PROGRAM).is_file() {
        let text = "gpgv is not installed; install it (Debian: apt install gpgv) to have OpenPGP signatures verified";
        return Err(ChildError::NoGit(text.to_owned()));
    }
    let place = Place::new(scratch)?;
    let (keyring, file) = (place.0.join("keys.gpg"), place.0.join("signature"));
    fs::write(&keyring, keys)?;
    fs::write(&file, signature)?;
    let mut command = Command::new(PROGRAM);
    // Whoever can make two texts with one SHA-1 has one signed and shows the other.
    command.args(["--status-fd", "1", "--weak-digest", "SHA1", "--homedir"]).arg(&place.0);
    command.arg("--keyring").arg(&keyring).arg(&file).arg("-").current_dir(&place.0).env_clear().env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let spawned = spawn_bound(command, git.sandboxed, vec![place.0.clone()], vec![place.0.clone()]).await;
    let child = spawned.map_err(|error| ChildError::Start { command: "gpgv", error })?;
    limit(&child, LIMITS, LIMITS.cpu_seconds_max);
    let mut child = GitChild::new(child, "gpgv", LIMITS.wall_time_max);
    let said = child.talk(signed, OUTPUT_BYTES_MAX).await?;
    match child.wait().await {
        // It ends with an error for every signature that is not right: what it said tells.
        Ok(()) | Err(ChildError::Failed { .. }) => Ok(verdict(&String::from_utf8_lossy(&said))),
        Err(error) => Err(error),
    }
}

/// GnuPG's doc/DETAILS: lines that begin with `[GNUPG:] `. One commit has one signature; of several none is believed.
fn verdict(said: &str) -> Verdict {
    let lines: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("[GNUPG:] ")).collect();
    let has = |word: &str| lines.iter().any(|line| line.split(' ').next() == Some(word));
    if lines.iter().filter(|line| line.split(' ').next() == Some("NEWSIG")).count() > 1 || has("ERRSIG") {
        return Verdict::Unknown;
    }
    if has("BADSIG") {
        return Verdict::Bad;
    }
    if has("EXPKEYSIG") || has("REVKEYSIG") || has("EXPSIG") {
        return Verdict::Expired;
    }
    let valid = lines.iter().find_map(|line| line.strip_prefix("VALIDSIG ")?.split(' ').next());
    match valid {
        Some(fingerprint) if has("GOODSIG") => Verdict::Good(fingerprint.to_owned()),
        _ => Verdict::Unknown,
    }
}

/// A directory that is gone when this is.
struct Place(PathBuf);

impl Place {
    fn new(scratch: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("gpgv-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let place = scratch.join(name);
        fs::create_dir_all(&place)?;
        Ok(Self(place))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a directory of gpgv's was left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, verdict};

    #[test]
    fn only_a_good_signature_that_is_valid_counts() {
        let good = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG AB x\n[GNUPG:] VALIDSIG 0123 2026-01-01 1 0 4 0 22 8 00 4567\n";
        assert_eq!(verdict(good), Verdict::Good("0123".into()));
        assert_eq!(verdict(&format!("{good}{good}")), Verdict::Unknown);
        assert_eq!(verdict(&good.replace("GOODSIG", "EXPKEYSIG")), Verdict::Expired);
        assert_eq!(verdict(&good.replace("GOODSIG", "REVKEYSIG")), Verdict::Expired);
        assert_eq!(verdict("[GNUPG:] NEWSIG\n[GNUPG:] BADSIG AB x\n"), Verdict::Bad);
        assert_eq!(
            verdict("[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG AB 22 8 00 1 9 -\n[GNUPG:] NO_PUBKEY AB\n"),
            Verdict::Unknown
        );
        // A name that says it is good is no line of its own.
        assert_eq!(verdict("[GNUPG:] BADSIG AB [GNUPG:] GOODSIG VALIDSIG 0123\n"), Verdict::Bad);
        assert_eq!(verdict("gpgv: [GNUPG:] GOODSIG\n"), Verdict::Unknown);
    }
}
