//! `outlast officer key | sign | veto`: on an officer's own machine. No site is asked for anything here: what is signed is what the file
//! says, read by this program.

use crate::cli::guard::Signing;
use anyhow::{Context as _, bail};
use forge::orders::{OfficerSecret, Order, Verb};
use jiff::Timestamp;
use std::fs::OpenOptions;
use std::io::{BufRead as _, Read as _, Write as _};
use std::iter;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::ExitCode;

/// What an age file begins with.
const AGE: &[u8] = b"age-encryption.org/v1";
/// A key's file is far below this.
const KEY_BYTES_MAX: u64 = 64 * 1024;

pub(crate) fn make_key(out: &Path, passphrase: bool) -> anyhow::Result<ExitCode> {
    let secret = OfficerSecret::generate()?;
    let plain =
        format!("# An officer's key for signing orders. Its public half: {}\n{}\n", secret.public(), secret.reveal());
    let bytes = if passphrase { sealed(plain.as_bytes(), &line("a passphrase")?)? } else { plain.into_bytes() };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let mut file = file.with_context(|| format!("cannot make {}; it must not be there yet", out.display()))?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    if !passphrase {
        eprintln!(
            "outlast: {} is not encrypted: whoever reads it signs as you (--passphrase-stdin encrypts it)",
            out.display()
        );
    }
    eprintln!(
        "outlast: {} stays on this machine. Its public half, for `outlast officer enrol NAME KEY` at the site:",
        out.display()
    );
    say!("{}", secret.public());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn sign(signing: &Signing, verb: Verb) -> anyhow::Result<ExitCode> {
    let mut bytes = Vec::new();
    open(&signing.order)?.take(forge::orders::ORDER_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let order = Order::decode(&bytes).with_context(|| signing.order.display().to_string())?;
    let hash = Order::hash_of(&bytes);
    print(&order, &hash);
    let mut input = std::io::stdin().lock();
    let passphrase = if signing.passphrase_stdin { Some(one_line(&mut input, "the passphrase")?) } else { None };
    let secret = secret(&signing.key, passphrase)?;
    if !signing.yes {
        let word = match verb {
            Verb::Approve => "sign",
            Verb::Veto => "veto",
        };
        eprint!("Type {word:?} to {word} this order: ");
        if one_line(&mut input, word)? != word {
            bail!("not signed");
        }
    }
    eprintln!("outlast: hand this over on the order's page, or with `outlast order sign` or `outlast order veto`:");
    say!("{}", secret.sign(verb, hash));
    Ok(ExitCode::SUCCESS)
}

/// What the order says, on stderr: stdout is for the signature alone. What is no plain character is not printed.
fn print(order: &Order, hash: &[u8; 32]) {
    let time = |us| {
        Timestamp::from_microsecond(us).map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
    };
    let requester =
        order.requester.map_or("the operator at the site's machine".to_owned(), |id| format!("account {id}"));
    let mut lines = vec![format!("An order for the site {}:", order.site), String::new()];
    lines.extend(order.words().into_iter().map(|words| format!("  {words}")));
    lines.push(String::new());
    lines.push(format!("asked for by {requester} at {}", time(order.created_us)));
    lines.push(format!("not before {}, expires {}", time(order.not_before_us), time(order.expires_us)));
    lines.push(format!("sha256 {}", hash.iter().map(|b| format!("{b:02x}")).collect::<String>()));
    for line in lines {
        eprintln!(
            "{}",
            line.chars().map(|c| if forge::names::is_harmless(c) { c } else { '\u{fffd}' }).collect::<String>()
        );
    }
}

fn open(path: &Path) -> anyhow::Result<std::fs::File> {
    std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))
}

fn secret(path: &Path, passphrase: Option<String>) -> anyhow::Result<OfficerSecret> {
    let file = open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        bail!("others may read {0}: chmod 600 {0}, and think about whether it is still a secret", path.display());
    }
    let mut bytes = Vec::new();
    file.take(KEY_BYTES_MAX).read_to_end(&mut bytes)?;
    if bytes.starts_with(AGE) {
        let passphrase =
            passphrase.with_context(|| format!("{} is encrypted: use --passphrase-stdin", path.display()))?;
        bytes = opened(&bytes, &passphrase).with_context(|| path.display().to_string())?;
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{} holds no key", path.display()))?;
    text.parse().with_context(|| path.display().to_string())
}

fn line(what: &str) -> anyhow::Result<String> {
    one_line(&mut std::io::stdin().lock(), what)
}

fn one_line(input: &mut impl std::io::BufRead, what: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    input.take(KEY_BYTES_MAX).read_line(&mut text).with_context(|| format!("cannot read {what}"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("{what} is expected on standard input, on one line");
    }
    Ok(text.to_owned())
}

fn sealed(plain: &[u8], passphrase: &str) -> anyhow::Result<Vec<u8>> {
    let encryptor = age::Encryptor::with_user_passphrase(passphrase.to_owned().into());
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(out)
}

fn opened(sealed: &[u8], passphrase: &str) -> anyhow::Result<Vec<u8>> {
    let identity = age::scrypt::Identity::new(passphrase.to_owned().into());
    let reader = age::Decryptor::new(sealed)?.decrypt(iter::once(&identity as &dyn age::Identity));
    let mut plain = Vec::new();
    reader.context("the passphrase is wrong, or the file is damaged")?.take(KEY_BYTES_MAX).read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_opened_with_its_passphrase_alone() {
        let sealed = super::sealed(b"secret", "correct horse").unwrap();
        assert!(sealed.starts_with(super::AGE));
        assert_eq!(super::opened(&sealed, "correct horse").unwrap(), b"secret");
        assert!(super::opened(&sealed, "wrong").is_err());
    }
}
