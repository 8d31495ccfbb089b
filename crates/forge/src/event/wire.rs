//! How events are written: CBOR through `minicbor`, and the few types that need their own form.

use minicbor::decode::Error;
use minicbor::{Decode, Decoder, Encode, Encoder};

pub(super) fn encode<T: Encode<()>>(event: &T) -> Vec<u8> {
    // Writing into a Vec cannot fail, and no event of ours has a field that refuses to be written.
    minicbor::to_vec(event).expect("an event always encodes")
}

pub(super) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, String> {
    let mut decoder = Decoder::new(bytes);
    let event = decoder.decode().map_err(|e| e.to_string())?;
    if decoder.position() == bytes.len() { Ok(event) } else { Err("bytes are left over after it".to_owned()) }
}

/// An object's id in a repository: 20 bytes (SHA-1) or 32 (SHA-256).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u8>);

impl Oid {
    /// None when it is of neither length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 20 | 32).then(|| Self(bytes.to_vec()))
    }

    /// The 20 or 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Oid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for Oid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl<C> Encode<C> for Oid {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Oid {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        Self::new(d.bytes()?).ok_or_else(|| Error::message("an object id has 20 or 32 bytes"))
    }
}

/// `#[cbor(with = "wire::hash32")]`: 32 bytes.
pub(super) mod hash32 {
    use super::{Decoder, Encoder, Error};

    pub(in crate::event) fn encode<C, W: minicbor::encode::Write>(
        value: &[u8; 32],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(value)?.ok()
    }

    pub(in crate::event) fn decode<C>(d: &mut Decoder, _: &mut C) -> Result<[u8; 32], Error> {
        d.bytes()?.try_into().map_err(|_| Error::message("32 bytes are wanted"))
    }
}

/// `#[cbor(with = "wire::blob")]`: a blob's name, 32 bytes.
pub(super) mod blob {
    use super::{Decoder, Encoder, Error, hash32};
    use journal::{BlobName, Hash};

    pub(in crate::event) fn encode<C, W: minicbor::encode::Write>(
        value: &BlobName,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        hash32::encode(&value.0.0, e, ctx)
    }

    pub(in crate::event) fn decode<C>(d: &mut Decoder, ctx: &mut C) -> Result<BlobName, Error> {
        hash32::decode(d, ctx).map(|bytes| BlobName(Hash(bytes)))
    }
}

/// A closed set of words, stored as numbers in events and as words in tables.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $number:literal $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(index_only)]
        pub enum $name { $($(#[$vdoc])* #[n($number)] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word tables and people use.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one with this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::db::FromValue for $name {
            fn from_value(value: &crate::db::Value) -> Option<Self> {
                if let crate::db::Value::Text(word) = value { Self::parse(word) } else { None }
            }
        }
    };
}
pub(super) use words;
