//! A revision's files in one.

use super::frame::{RepoPage, Rest};
use crate::pages::error::PageError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use code::ArchiveFormat;
use git::read::ArchivePrefix;
use http::header;
use tokio_util::io::ReaderStream;

/// `/OWNER/NAME/-/archive/REVISION.zip` or `.tar.gz`
pub(crate) async fn archive(page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    let text = String::from_utf8(rest.0).map_err(|_| PageError::not_found())?;
    let (name, format, ending, content_type) = if let Some(name) = text.strip_suffix(".zip") {
        (name.to_owned(), ArchiveFormat::Zip, "zip", "application/zip")
    } else if let Some(name) = text.strip_suffix(".tar.gz") {
        (name.to_owned(), ArchiveFormat::TarGz, "tar.gz", "application/gzip")
    } else {
        return Err(PageError::not_found());
    };
    let wanted = name.clone();
    let revision = page.read(move |source| source.resolve(&wanted)).await?;
    let shown = if name == revision.id.0 { revision.id.short().to_owned() } else { name };
    let prefix = ArchivePrefix::near(&format!("{}-{shown}", page.code.repo().name));
    let made = page.code.archive(&revision.id, format, &prefix).await?;
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{ending}\"", prefix.as_str())),
        (header::CONTENT_ENCODING, "identity".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(made, 1 << 16))).into_response())
}
