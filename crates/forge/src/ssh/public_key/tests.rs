use super::*;
use proptest::prelude::*;

/// Made by `ssh-keygen`: what `ssh-keygen -l` says of each, and the key.
const GOOD: &str = include_str!("../../../tests/fixtures/ssh/good.txt");
/// RSA with 1,024 bits, and DSA.
const WEAK: &str = include_str!("../../../tests/fixtures/ssh/weak.txt");

fn parts(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat()).collect()
}

#[test]
fn keys_of_ssh_keygen_are_read_and_their_fingerprints_are_its() {
    for line in GOOD.lines() {
        let (fingerprint, text) = line.split_once(' ').unwrap();
        let key: SshPublicKey = format!("  {text}\r\n").parse().unwrap();
        assert_eq!(key.fingerprint(), fingerprint);
        assert_eq!(format!("{key} {}", key.comment()), text);
        assert_eq!(SshPublicKey::from_blob(key.blob()).unwrap().algorithm(), key.algorithm());
    }
    assert_eq!(GOOD.lines().count(), 5);
}

#[test]
fn security_keys_are_known_as_such() {
    let ed: SshPublicKey = GOOD.lines().next().unwrap().split_once(' ').unwrap().1.parse().unwrap();
    let point = &ed.blob()[ed.blob().len() - 32..];
    let sk = SshPublicKey::from_blob(&parts(&[b"sk-ssh-ed25519@openssh.com", point, b"ssh:"])).unwrap();
    assert!(sk.algorithm().in_hardware() && !ed.algorithm().in_hardware());
    let point = [&[4][..], &[7; 64]].concat();
    let sk = parts(&[b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", &point, b"ssh:"]);
    assert_eq!(SshPublicKey::from_blob(&sk).unwrap().algorithm(), KeyAlgorithm::SkEcdsa);
}

#[test]
fn weak_keys_are_refused_and_told_why() {
    for (line, words) in WEAK.lines().zip(["1024 bits is too weak", "DSA keys are broken"]) {
        let error = line.parse::<SshPublicKey>().unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("ssh-keygen -t ed25519"), "{error}");
    }
    let huge = [&[0x7f][..], &vec![0xff; RSA_BITS_MAX / 8]].concat();
    let error = SshPublicKey::from_blob(&parts(&[b"ssh-rsa", &[1, 0, 1], &huge])).unwrap_err().to_string();
    assert!(error.contains("at most 8192 bits"), "{error}");
    let neutral = [&[1][..], &[0; 31]].concat();
    assert!(SshPublicKey::from_blob(&parts(&[b"ssh-ed25519", &neutral])).is_err(), "of small order");
}

#[test]
fn what_people_paste_by_mistake_is_told_apart() {
    let ed = GOOD.lines().next().unwrap().split_once(' ').unwrap().1;
    for (bad, words) in [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----", "private key"),
        (&format!("{ed}\n{ed}"), "one public key at a time"),
        (&format!("no-pty {ed}"), "no public SSH key"),
        (&ed.replace("ssh-ed25519 ", "ssh-rsa "), "no public SSH key"),
        (&ed.replace("ssh-ed25519 ", "ssh-ed25519-cert-v01@openssh.com x"), "certificate"),
        (&ed[..40], "no public SSH key"),
        ("", "one public key at a time"),
        ("ssh-ed25519", "no public SSH key"),
    ] {
        let error = bad.parse::<SshPublicKey>().unwrap_err().to_string();
        assert!(error.contains(words), "{bad}: {error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_key_or_an_error(blob: Vec<u8>, text: String) {
        let _ = SshPublicKey::from_blob(&blob);
        let _ = text.parse::<SshPublicKey>();
    }

    #[test]
    fn a_changed_key_is_another_or_none(place in 0usize..51, bit in 0u8..8) {
        let key: SshPublicKey = GOOD.lines().next().unwrap().split_once(' ').unwrap().1.parse().unwrap();
        let mut blob = key.blob().to_vec();
        blob[place] ^= 1 << bit;
        if let Ok(other) = SshPublicKey::from_blob(&blob) {
            prop_assert_ne!(other.fingerprint(), key.fingerprint());
        }
    }
}
