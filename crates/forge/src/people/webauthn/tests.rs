//! Against an authenticator in software; tests/clients has an independent library and a real browser.

use super::*;
use proptest::prelude::*;

#[path = "../../../tests/support/passkey.rs"]
mod passkey;
use passkey::Passkey;

const ORIGIN: &str = "http://localhost:8080";

fn party() -> RelyingParty {
    RelyingParty::of("http://127.0.0.1:8080").unwrap()
}

fn assertion(json: &str) -> Assertion {
    Assertion::from_json(json).unwrap()
}

#[test]
fn the_party_follows_from_the_address() {
    let of = |url: &str| RelyingParty::of(url).map(|rp| (rp.id, rp.origin));
    let some = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
    assert_eq!(of("https://code.example.org"), some("code.example.org", "https://code.example.org"));
    assert_eq!(of("https://Code.example.org:443/"), some("code.example.org", "https://code.example.org"));
    assert_eq!(of("https://code.example.org:8443/x"), some("code.example.org", "https://code.example.org:8443"));
    assert_eq!(of("http://127.0.0.1:8080"), some("localhost", ORIGIN));
    assert_eq!(of("http://[::1]:8080"), some("localhost", ORIGIN));
    assert_eq!(of("http://localhost"), some("localhost", "http://localhost"));
    for none in ["http://code.example.org", "https://192.0.2.7", "https://[2001:db8::1]:8443", "x", "https://", ""] {
        assert_eq!(of(none), None, "{none}");
    }
}

#[test]
fn a_registered_key_signs_one_challenge_of_one_site() {
    let mut key = Passkey::new(ORIGIN);
    let made = Registration::from_json(&key.register(&[7; 32])).unwrap().verify(&party(), &[7; 32]).unwrap();
    assert!(made.user_verified && !made.backed_up && made.credential == key.id);
    let signed = assertion(&key.sign(&[9; 32]));
    let check = |rp: &RelyingParty, challenge: &[u8; 32], public: &[u8], assertion: &Assertion| {
        verify(rp, challenge, public, assertion)
    };
    let seen = check(&party(), &[9; 32], &made.public_key, &signed).unwrap();
    assert_eq!(seen, Seen { user_verified: true, sign_count: 2 });

    assert!(check(&party(), &[8; 32], &made.public_key, &signed).is_err(), "another challenge");
    let elsewhere = RelyingParty { origin: "http://localhost:8081".into(), ..party() };
    assert!(check(&elsewhere, &[9; 32], &made.public_key, &signed).is_err(), "another origin");
    let elsewhere = RelyingParty { id: "example.org".into(), ..party() };
    assert!(check(&elsewhere, &[9; 32], &made.public_key, &signed).is_err(), "another RP id");
    let other = Passkey::new(ORIGIN);
    assert!(check(&party(), &[9; 32], &other.cose(), &signed).is_err(), "another key");
    for part in 0..3 {
        let mut edited = signed.clone();
        let bytes = [&mut edited.authenticator_data, &mut edited.client_data, &mut edited.signature];
        let bytes = bytes.into_iter().nth(part).unwrap();
        let at = bytes.len() - 1;
        bytes[at] ^= 1;
        assert!(check(&party(), &[9; 32], &made.public_key, &edited).is_err(), "an edited part {part}");
    }
    let mut key = Passkey::new(ORIGIN);
    key.verifies = false;
    let signed = assertion(&key.sign(&[9; 32]));
    assert!(!check(&party(), &[9; 32], &key.cose(), &signed).unwrap().user_verified);
    let registration = key.register(&[7; 32]);
    assert!(Registration::from_json(&registration).unwrap().verify(&party(), &[6; 32]).is_err());
    // What makes a key is not what signs with it.
    let created = String::from_utf8(signed.client_data.clone()).unwrap().replace("webauthn.get", "webauthn.create");
    let confused = Assertion { client_data: created.into_bytes(), ..signed };
    assert!(check(&party(), &[9; 32], &key.cose(), &confused).is_err());
}

#[test]
fn only_three_kinds_of_keys_are_taken() {
    let cose = |kind: i64, algorithm: i64, curve: i64, x: usize, y: Option<usize>| {
        let mut key = minicbor::Encoder::new(Vec::new());
        key.map(4 + u64::from(y.is_some())).unwrap();
        key.i8(1).unwrap().i64(kind).unwrap().i8(3).unwrap().i64(algorithm).unwrap();
        key.i8(-1).unwrap().i64(curve).unwrap().i8(-2).unwrap().bytes(&vec![1; x]).unwrap();
        if let Some(y) = y {
            key.i8(-3).unwrap().bytes(&vec![1; y]).unwrap();
        }
        public_key::PublicKey::read(&key.into_writer())
    };
    assert!(matches!(cose(1, -8, 6, 32, None), Ok(public_key::PublicKey::EdDsa(_))));
    assert!(matches!(cose(2, -7, 1, 32, Some(32)), Ok(public_key::PublicKey::Es256(_))));
    for (kind, algorithm, curve, x, y) in [
        (2, -7, 1, 31, Some(32)),
        (2, -7, 1, 32, None),
        (2, -35, 2, 48, Some(48)),
        (2, -47, 8, 32, Some(32)),
        (1, -7, 1, 32, Some(32)),
        (1, -8, 6, 33, None),
        (3, -257, 1, 3, None),
        (3, -65535, 1, 3, None),
    ] {
        assert!(cose(kind, algorithm, curve, x, y).is_err(), "{kind} {algorithm} {curve} {x} {y:?}");
    }
    let mut twice = minicbor::Encoder::new(Vec::new());
    twice.map(2).unwrap().i8(1).unwrap().i8(1).unwrap().i8(1).unwrap().i8(2).unwrap();
    assert!(public_key::PublicKey::read(&twice.into_writer()).is_err());
}

/// RFC 8032, 7.1, test 2; the other two algorithms are tried with real authenticators' libraries in tests/clients.
#[test]
fn ed25519_is_that_of_the_rfc() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").try_into().unwrap();
    let signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    public_key::PublicKey::EdDsa(key).verify(&[0x72], &signature).unwrap();
    public_key::PublicKey::EdDsa(key).verify(&[0x73], &signature).unwrap_err();
}

#[test]
fn what_is_too_large_is_not_read() {
    assert!(Assertion::from_json(&" ".repeat(CEREMONY_BYTES_MAX + 1)).is_err());
    let long = "A".repeat(CREDENTIAL_ID_BYTES_MAX * 4 / 3 + 4);
    let json = format!(r#"{{"id":"{long}","authenticatorData":"","clientDataJSON":"","signature":""}}"#);
    assert!(Assertion::from_json(&json).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), flags in any::<u8>()) {
        let _ = public_key::PublicKey::read(&bytes);
        let mut data = <sha2::Sha256 as sha2::Digest>::digest(b"localhost").to_vec();
        data.push(flags);
        data.extend(&bytes);
        let _ = authenticator_data::AuthenticatorData::read(&data, &party());
        let made = Registration::from_json(&String::from_utf8_lossy(&bytes));
        prop_assert!(made.is_err());
    }
}
