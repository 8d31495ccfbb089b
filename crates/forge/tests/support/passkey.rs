//! An authenticator in software, for tests: ES256, one key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

/// One key for one site.
pub(crate) struct Passkey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    pub(crate) id: Vec<u8>,
    rp_id: String,
    pub(crate) origin: String,
    /// Of signatures so far; it stays 0 when `counts` is not set.
    pub(crate) count: u32,
    pub(crate) counts: bool,
    /// Whether it says that it verified the person.
    pub(crate) verifies: bool,
}

impl Passkey {
    /// For the site whose pages have this origin.
    pub(crate) fn new(origin: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let mut id = vec![0; 32];
        random.fill(&mut id).unwrap();
        let (_, host) = origin.split_once("://").unwrap();
        let rp_id = host.split(':').next().unwrap().to_owned();
        Self { pair, random, id, rp_id, origin: origin.to_owned(), count: 0, counts: true, verifies: true }
    }

    /// The public key as COSE writes it.
    pub(crate) fn cose(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let mut key = minicbor::Encoder::new(Vec::new());
        key.map(5).unwrap().i8(1).unwrap().i8(2).unwrap().i8(3).unwrap().i8(-7).unwrap();
        key.i8(-1).unwrap().i8(1).unwrap().i8(-2).unwrap().bytes(&point[1..33]).unwrap();
        key.i8(-3).unwrap().bytes(&point[33..]).unwrap();
        key.into_writer()
    }

    fn client_data(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        let origin = &self.origin;
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
    }

    fn data(&mut self, more: u8) -> Vec<u8> {
        self.count += u32::from(self.counts);
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(1 | if self.verifies { 4 } else { 0 } | more);
        data.extend(self.count.to_be_bytes());
        data
    }

    /// What the page's script sends after `navigator.credentials.create`.
    pub(crate) fn register(&mut self, challenge: &[u8]) -> String {
        let mut data = self.data(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        let mut object = minicbor::Encoder::new(Vec::new());
        object.map(3).unwrap().str("fmt").unwrap().str("none").unwrap().str("attStmt").unwrap().map(0).unwrap();
        object.str("authData").unwrap().bytes(&data).unwrap();
        let (object, client) = (object.into_writer(), self.client_data("webauthn.create", challenge));
        let (id, object, client) =
            (URL_SAFE_NO_PAD.encode(&self.id), URL_SAFE_NO_PAD.encode(object), URL_SAFE_NO_PAD.encode(client));
        format!(r#"{{"id":"{id}","attestationObject":"{object}","clientDataJSON":"{client}"}}"#)
    }

    /// What the page's script sends after `navigator.credentials.get`.
    pub(crate) fn sign(&mut self, challenge: &[u8]) -> String {
        let (data, client) = (self.data(0), self.client_data("webauthn.get", challenge));
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client));
        let signature = self.pair.sign(&self.random, &signed).unwrap();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (id, data, client, signature) = (text(&self.id), text(&data), text(&client), text(signature.as_ref()));
        format!(r#"{{"id":"{id}","authenticatorData":"{data}","clientDataJSON":"{client}","signature":"{signature}"}}"#)
    }
}
