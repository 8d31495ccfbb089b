//! An SSH key as `ssh-keygen` writes it (OpenSSH's PROTOCOL.key), without a passphrase.

use crate::error::Error;
use crate::keys::random;
use crate::ssh::SshPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;

/// Letters on one line of such a file.
const LINE_CHARS: usize = 70;

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// A new Ed25519 key: the file, and the public half.
pub(crate) fn ssh_key(comment: &str) -> Result<(String, SshPublicKey), Error> {
    let key = SigningKey::from_bytes(&random()?);
    let public = key.verifying_key().to_bytes();
    let blob = [string(b"ssh-ed25519"), string(&public)].concat();
    let check: [u8; 4] = random()?;
    let secret = [key.to_bytes(), public].concat();
    let mut private =
        [&check[..], &check[..], &blob[..], &string(&secret)[..], &string(comment.as_bytes())[..]].concat();
    (1u8..).take((8 - private.len() % 8) % 8).for_each(|pad| private.push(pad));
    let file = [
        &b"openssh-key-v1\0"[..],
        &string(b"none")[..],
        &string(b"none")[..],
        &string(b"")[..],
        &1u32.to_be_bytes()[..],
        &string(&blob)[..],
        &string(&private)[..],
    ]
    .concat();
    let text = STANDARD.encode(file);
    let lines: Vec<&str> =
        text.as_bytes().chunks(LINE_CHARS).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let file =
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"));
    Ok((file, SshPublicKey::from_blob(&blob)?))
}
