//! Public keys as COSE writes them (RFC 9052, 9053, 8812), and their signatures.

use super::Refused;
use minicbor::Decoder;
use minicbor::data::Type;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

/// A key that is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// ECDSA on P-256 with SHA-256: the point, uncompressed.
    Es256([u8; 65]),
    /// Ed25519.
    EdDsa([u8; 32]),
    /// RSA, PKCS #1 1.5, with SHA-256: modulus and exponent. 2,048 to 8,192 bits.
    Rs256(Vec<u8>, Vec<u8>),
}

/// Bits of an RSA modulus.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

#[derive(Default)]
struct Fields<'a> {
    key_type: Option<i64>,
    algorithm: Option<i64>,
    /// The curve; of an RSA key the modulus stands here.
    curve: Option<i64>,
    modulus: Option<&'a [u8]>,
    /// x; of an RSA key the exponent.
    x: Option<&'a [u8]>,
    y: Option<&'a [u8]>,
}

impl PublicKey {
    pub(super) fn read(cose: &[u8]) -> Result<Self, Refused> {
        let fields = fields(cose).map_err(|_| Refused("its key can't be read"))?;
        let x32 = || fields.x.and_then(|x| <[u8; 32]>::try_from(x).ok());
        let key = match (fields.key_type, fields.algorithm, fields.curve) {
            (Some(2), Some(-7), Some(1)) => x32().zip(fields.y.filter(|y| y.len() == 32)).map(|(x, y)| {
                let mut point = [4; 65];
                point[1..33].copy_from_slice(&x);
                point[33..].copy_from_slice(y);
                Self::Es256(point)
            }),
            (Some(1), Some(-8), Some(6)) => x32().map(Self::EdDsa),
            (Some(3), Some(-257), None) => {
                let modulus = fields.modulus.filter(|n| RSA_BYTES.contains(&n.len()));
                modulus.zip(fields.x).map(|(n, e)| Self::Rs256(n.to_vec(), e.to_vec()))
            }
            _ => return Err(Refused("its key is of a kind that is not taken: ES256, EdDSA and RS256 are")),
        };
        key.ok_or(Refused("its key has not the parts that it should have"))
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature),
            Self::Rs256(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| Refused("its signature is wrong"))
    }
}

/// The map, each label once; labels that mean nothing here are passed over.
fn fields(cose: &[u8]) -> Result<Fields<'_>, minicbor::decode::Error> {
    let wrong = minicbor::decode::Error::message;
    let mut decoder = Decoder::new(cose);
    let mut fields = Fields::default();
    let count = decoder.map()?.ok_or_else(|| wrong("a map of known length is wanted"))?;
    for _ in 0..count {
        let label = decoder.i64()?;
        let twice = match label {
            1 => fields.key_type.replace(decoder.i64()?).is_some(),
            3 => fields.algorithm.replace(decoder.i64()?).is_some(),
            -1 if decoder.datatype()? == Type::Bytes => fields.modulus.replace(decoder.bytes()?).is_some(),
            -1 => fields.curve.replace(decoder.i64()?).is_some(),
            -2 => fields.x.replace(decoder.bytes()?).is_some(),
            -3 => fields.y.replace(decoder.bytes()?).is_some(),
            _ => decoder.skip().map(|()| false)?,
        };
        if twice {
            return Err(wrong("a label stands twice"));
        }
    }
    if decoder.position() == cose.len() { Ok(fields) } else { Err(wrong("bytes are left over")) }
}
