//! A row of an answer, read by position.

use super::{DbError, Value};
use journal::{BlobName, Hash};

/// One row; columns are numbered from 0 in the order of the SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    values: Vec<Value<'static>>,
}

impl Row {
    pub(super) fn new(values: Vec<Value<'static>>) -> Self {
        Self { values }
    }

    /// The column `i` as a `T`: `i64`, `u64`, `u32`, `bool`, `String`, `Vec<u8>`, `Hash`, `BlobName`, or an `Option` of
    /// these.
    ///
    /// Fails when there is no such column or it holds something else: a mistake in our SQL, or a damaged database.
    pub fn get<T: FromValue>(&self, i: usize) -> Result<T, DbError> {
        let value = self.values.get(i).ok_or_else(|| DbError::mistake(format!("a row has no column {i}")))?;
        T::from_value(value).ok_or_else(|| {
            let (found, wanted) = (value.type_name(), std::any::type_name::<T>());
            DbError::mistake(format!("column {i} holds {found} that is no {wanted}"))
        })
    }

    /// All of it.
    #[must_use]
    pub fn values(&self) -> &[Value<'static>] {
        &self.values
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    /// None when the value is of another type or out of range.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(n) = value { Some(*n) } else { None }
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|n| Self::try_from(n).ok())
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|n| Self::try_from(n).ok())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(*b),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(s) = value { Some(s.to_string()) } else { None }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bytes(b) = value { Some(b.to_vec()) } else { None }
    }
}

impl FromValue for Hash {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bytes(b) = value { b.as_ref().try_into().ok().map(Hash) } else { None }
    }
}

impl FromValue for BlobName {
    fn from_value(value: &Value) -> Option<Self> {
        Hash::from_value(value).map(BlobName)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}
