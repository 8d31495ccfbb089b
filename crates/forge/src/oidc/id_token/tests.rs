use super::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::json;

const NOW: i64 = 1_800_000_000;
const EXPECTED: Expected<'_> =
    Expected { issuer: "https://id.example.org", client_id: "outlast", nonce: "n-1", now_s: NOW };

fn text(value: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(value)
}

fn claims() -> Value {
    json!({ "iss": EXPECTED.issuer, "sub": "kim-1", "aud": "outlast", "exp": NOW + 300, "iat": NOW, "nonce": "n-1",
            "email": "kim@example.org", "email_verified": true, "preferred_username": "kim" })
}

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": text(self.0.public_key().as_ref()) })
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", text(signature.as_ref()))
    }
}

fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn head() -> Value {
    json!({ "alg": "EdDSA", "kid": "1" })
}

#[test]
fn a_token_that_is_what_it_must_be_is_believed() {
    let signer = Signer::new(1);
    // A key of a kind that is not known stands beside it.
    let keys = jwks(&[json!({ "kty": "oct", "k": "AAAA" }), json!({ "odd": 1 }), signer.jwk()]);
    let subject = verify(&signer.token(&head(), &claims()), &keys, &EXPECTED).unwrap();
    assert_eq!(subject.subject, "kim-1");
    assert_eq!((subject.email.as_deref(), subject.name.as_deref()), (Some("kim@example.org"), Some("kim")));
    let mut several = claims();
    several["aud"] = json!(["outlast", "other"]);
    several["azp"] = json!("outlast");
    verify(&signer.token(&head(), &several), &keys, &EXPECTED).unwrap();
    let mut unverified = claims();
    unverified["email_verified"] = json!("true");
    assert_eq!(verify(&signer.token(&head(), &unverified), &keys, &EXPECTED).unwrap().email, None);
}

#[test]
fn es256_is_believed_and_its_key_signs_nothing_else() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let keys = jwks(&[json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })]);
    let token = |alg: &str| {
        let signed =
            format!("{}.{}", text(json!({ "alg": alg }).to_string().as_bytes()), text(claims().to_string().as_bytes()));
        format!("{signed}.{}", text(pair.sign(&random, signed.as_bytes()).unwrap().as_ref()))
    };
    verify(&token("ES256"), &keys, &EXPECTED).unwrap();
    for other in ["RS256", "EdDSA", "ES384", "none", "HS256"] {
        verify(&token(other), &keys, &EXPECTED).unwrap_err();
    }
}

/// Each check, broken alone.
#[test]
fn a_lie_is_not_believed() {
    let (signer, other) = (Signer::new(1), Signer::new(2));
    let keys = jwks(&[signer.jwk()]);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        signer.token(&head(), &claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        signer.token(&head(), &claims)
    };
    let unsigned = |alg: &str, signature: &str| {
        format!(
            "{}.{}.{signature}",
            text(json!({ "alg": alg }).to_string().as_bytes()),
            text(claims().to_string().as_bytes())
        )
    };
    let good = signer.token(&head(), &claims());
    let lies = [
        ("another issuer", with("iss", json!("https://id.example.org/"))),
        ("another audience", with("aud", json!("other"))),
        ("no audience", without("aud")),
        ("several audiences and nobody it was made for", with("aud", json!(["outlast", "other"]))),
        ("made for another", with("azp", json!("other"))),
        ("another nonce", with("nonce", json!("n-2"))),
        ("no nonce", without("nonce")),
        ("over", with("exp", json!(NOW - CLOCK_SKEW_S))),
        ("without an end", without("exp")),
        ("of the future", with("iat", json!(NOW + CLOCK_SKEW_S + 1))),
        ("not yet good", with("nbf", json!(NOW + CLOCK_SKEW_S + 1))),
        ("about nobody", with("sub", json!(""))),
        ("by another key", other.token(&head(), &claims())),
        ("by a key of another name", signer.token(&json!({ "alg": "EdDSA", "kid": "2" }), &claims())),
        ("by nobody", unsigned("none", "")),
        ("with a public key as a secret", unsigned("HS256", "AAAA")),
        (
            "with what must be understood and is not",
            signer.token(&json!({ "alg": "EdDSA", "crit": ["b64"] }), &claims()),
        ),
        ("in four parts", format!("{good}.AAAA")),
        (
            "edited",
            good.replacen(&text(claims().to_string().as_bytes())[..8], "eyJpc3Mi", 1).replace("EdDSA", "x") + "A",
        ),
        ("nothing", String::new()),
    ];
    for (what, token) in lies {
        assert!(verify(&token, &keys, &EXPECTED).is_err(), "{what}");
    }
    for no_keys in ["{}", "[]", "", r#"{"keys":[]}"#] {
        assert!(verify(&good, no_keys.as_bytes(), &EXPECTED).is_err(), "{no_keys}");
    }
    let mut encrypts = signer.jwk();
    encrypts["use"] = json!("enc");
    assert!(verify(&good, &jwks(&[encrypts]), &EXPECTED).is_err(), "a key for something else");
    verify(&good, &keys, &EXPECTED).unwrap();
}
