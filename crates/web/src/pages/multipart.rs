//! Forms that bring files.

use axum::extract::multipart::{Field, MultipartError};
use forge::Error;

/// The text of a field that is no file, of so many bytes at most. `broken` says what a form that does not come whole is told.
pub(crate) async fn text(
    mut field: Field<'_>,
    bytes_max: usize,
    broken: impl Fn(MultipartError) -> Error,
) -> Result<String, Error> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(&broken)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > bytes_max {
            return Err(Error::invalid("a field of the form is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid("a field of the form is not UTF-8"))
}

/// What somebody is told whose form did not come whole.
pub(crate) fn broken(error: MultipartError) -> Error {
    Error::invalid(format!("the upload broke off: {}", error.body_text()))
}
