//! `/-/new/import/dump`: a repository of Subversion, from a dump that is uploaded. It is loaded while it comes.

use super::owners;
use crate::app::App;
use crate::imports::{Begin, Counts, Done, Imports};
use crate::pages::error::PageError;
use crate::pages::multipart::{broken, text};
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use bytes::Bytes;
use forge::event::repo::Visibility;
use forge::site::SvnImportTo;
use forge::{Error, Principal, RepoPath};
use http::StatusCode;
use std::io;
use tokio::io::AsyncRead;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_util::io::StreamReader;

/// The most bytes of a field that is no file.
const FIELD_BYTES_MAX: usize = 4 << 10;
/// Pieces that are read ahead of what is loaded.
const PIECES_AHEAD: usize = 8;

#[derive(Default)]
struct Wanted {
    owner: String,
    name: String,
    visibility: String,
}

#[derive(Template)]
#[template(path = "site/import_dump.html")]
struct DumpPage {
    shell: Shell,
    owners: Vec<String>,
    wanted: Wanted,
    error: String,
    missing: String,
}

async fn page(app: &App, visitor: Visitor, wanted: Wanted, error: String) -> Result<Response, PageError> {
    let owners = owners(app, visitor.signed_in()?).await?;
    let missing = app.site.subversion().missing().unwrap_or_default().to_owned();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = DumpPage { shell: visitor.shell, owners, wanted, error, missing };
    Ok((status, Html(page.render()?)).into_response())
}

pub(super) async fn form(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, visitor, Wanted::default(), String::new()).await
}

pub(super) async fn begin(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let form = Multipart::from_request(request, &app).await.map_err(|e| PageError::invalid(e.body_text()))?;
    let mut wanted = Wanted::default();
    match received(&app, &who, form, &mut wanted).await {
        Ok(id) => Ok(Redirect::to(&format!("/-/new/import?job={id}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => page(&app, visitor, wanted, error.to_string()).await,
    }
}

/// The form's fields, and then the dump, which is handed on while it comes. The number of the import.
async fn received(app: &App, who: &Principal, mut form: Multipart, wanted: &mut Wanted) -> Result<u64, Error> {
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "owner" => wanted.owner = text(field, FIELD_BYTES_MAX, broken).await?,
            "name" => wanted.name = text(field, FIELD_BYTES_MAX, broken).await?,
            "visibility" => wanted.visibility = text(field, FIELD_BYTES_MAX, broken).await?,
            "dump" if field.file_name().is_some_and(|name| !name.is_empty()) => {
                return load(app, who, field, wanted).await;
            }
            _ => {}
        }
    }
    Err(Error::invalid("choose the dump to upload"))
}

async fn load(app: &App, who: &Principal, mut field: Field<'_>, wanted: &Wanted) -> Result<u64, Error> {
    let owner = if wanted.owner.is_empty() { who.name() } else { wanted.owner.as_str() };
    let path: RepoPath =
        format!("{owner}/{}", wanted.name.trim()).parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let to = SvnImportTo {
        path: path.clone(),
        visibility: Visibility::parse(&wanted.visibility),
        progress: std::sync::Arc::default(),
    };
    let begin = Begin {
        account: who.user(),
        from: code::visible(field.file_name().unwrap_or_default().as_bytes()),
        path,
        counts: Counts::Svn(to.progress.clone()),
    };
    let (pieces, coming) = channel(PIECES_AHEAD);
    let (site, by) = (app.site.clone(), who.clone());
    let work = async move { site.svn_import(Some(&by), to, reader(coming)).await.map(Done::Svn) };
    let id = Imports::begin(&app.imports, begin, work)?;
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        // It was refused: the import's own page says why.
        if pieces.send(Some(piece)).await.is_err() {
            return Ok(id);
        }
    }
    // Only now it is whole.
    let _ = pieces.send(None).await;
    Ok(id)
}

/// What comes, up to its end. One that only stops coming breaks off.
fn reader(coming: Receiver<Option<Bytes>>) -> impl AsyncRead + Send + Unpin {
    let next = |mut coming: Receiver<Option<Bytes>>| async move {
        match coming.recv().await {
            Some(Some(piece)) => Some((Ok(piece), coming)),
            Some(None) => None,
            None => {
                let broken = io::Error::new(io::ErrorKind::UnexpectedEof, "the upload did not come to its end");
                Some((Err(broken), coming))
            }
        }
    };
    StreamReader::new(Box::pin(futures_util::stream::unfold(coming, next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn a_dump_that_stops_coming_is_not_taken_for_a_whole_one() {
        for whole in [true, false] {
            let (pieces, coming) = channel(4);
            for piece in ["ab", "c"] {
                pieces.send(Some(Bytes::from_static(piece.as_bytes()))).await.unwrap();
            }
            if whole {
                pieces.send(None).await.unwrap();
            }
            drop(pieces);
            let mut read = Vec::new();
            let done = reader(coming).read_to_end(&mut read).await;
            assert_eq!((done.is_ok(), read.as_slice()), (whole, &b"abc"[..]));
        }
    }
}
