//! What goes into a statement and comes out of a row.

use std::borrow::Cow;

/// One value. Parameters may borrow; a [`Row`](super::Row) owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL's NULL.
    Null,
    /// `BIGINT`; on SQLite a `BOOLEAN` column comes back as this too.
    Int(i64),
    /// `TEXT`
    Text(Cow<'a, str>),
    /// `BYTEA`
    Bytes(Cow<'a, [u8]>),
    /// `BOOLEAN`
    Bool(bool),
}

impl Value<'_> {
    /// The same value, owning what it holds.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Int(n) => Value::Int(n),
            Value::Text(s) => Value::Text(Cow::Owned(s.into_owned())),
            Value::Bytes(b) => Value::Bytes(Cow::Owned(b.into_owned())),
            Value::Bool(b) => Value::Bool(b),
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::Int(_) => "BIGINT",
            Value::Text(_) => "TEXT",
            Value::Bytes(_) => "BYTEA",
            Value::Bool(_) => "BOOLEAN",
        }
    }
}

macro_rules! value_from {
    ($($from:ty, $v:ident => $make:expr;)*) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from($v: $from) -> Self {
                $make
            }
        }
    )*};
}

value_from! {
    i64, n => Value::Int(n);
    i32, n => Value::Int(i64::from(n));
    u32, n => Value::Int(i64::from(n));
    // Sequence numbers, sizes and ids stay far below 2^63; what is beyond names nothing, as the largest number does.
    u64, n => Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    bool, b => Value::Bool(b);
    String, s => Value::Text(Cow::Owned(s));
    Vec<u8>, b => Value::Bytes(Cow::Owned(b));
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(s: &'a str) -> Self {
        Value::Text(Cow::Borrowed(s))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(s: &'a String) -> Self {
        Value::Text(Cow::Borrowed(s))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(b: &'a [u8]) -> Self {
        Value::Bytes(Cow::Borrowed(b))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(b: &'a Vec<u8>) -> Self {
        Value::Bytes(Cow::Borrowed(b))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(b: &'a [u8; N]) -> Self {
        Value::Bytes(Cow::Borrowed(b))
    }
}

impl<'a> From<&'a journal::BlobName> for Value<'a> {
    fn from(name: &'a journal::BlobName) -> Self {
        Value::Bytes(Cow::Borrowed(&name.0.0))
    }
}

impl<'a> From<&'a journal::Hash> for Value<'a> {
    fn from(hash: &'a journal::Hash) -> Self {
        Value::Bytes(Cow::Borrowed(&hash.0))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Null, Into::into)
    }
}
