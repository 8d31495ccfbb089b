//! Changing files in the browser, as commits: edited, made, uploaded, renamed, removed.
//!
//! Everything works without a script. What is shown before a commit is made from the commit that would be made, and the commit goes
//! the way of every push: authorized, compared with where the branch is, held before anybody sees it.

mod place;
mod remove;
mod text;
mod upload;
mod write;

pub(super) use remove::{remove, remove_do};
pub(super) use upload::{UPLOAD_FORM_BYTES_MAX, upload, upload_do};
pub(super) use write::{EDIT_FORM_BYTES_MAX, edit, edit_do, new, new_do};

use super::diff_view::{DiffView, How, Wanted};
use super::frame::Frame;
use crate::pages::error::PageError;
use code::{DiffOptions, FileDiff, Summary};
use forge::Error;
use http::StatusCode;
use render::Effort;
use serde::Deserialize;

/// What every form says of the commit.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct CommitFields {
    /// The commit that the form was made from.
    #[serde(default)]
    base: String,
    /// `new`: to a branch that it makes.
    #[serde(default)]
    to: String,
    /// That branch.
    #[serde(default)]
    branch: String,
    /// The message's first line; empty: what the page suggests.
    #[serde(default)]
    message: String,
    /// The rest of it.
    #[serde(default)]
    body: String,
    /// `preview`: show the difference, write nothing.
    #[serde(default)]
    act: String,
}

/// Why a form is shown again.
pub(super) struct Trouble {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

impl Trouble {
    /// The domain's answer as words for the form. What is the site's own fault is no matter of the form.
    pub(super) fn of(error: Error) -> Result<Self, PageError> {
        let status = match &error {
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::NoQuorum { .. } | Error::NotHeldYet { .. } | Error::Frozen { .. } | Error::Busy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            error if error.is_ours() => return Err(error.clone().into()),
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Ok(Self { status, text: error.to_string() })
    }
}

/// The difference that a commit would make, as the page of the commit will show it.
fn shown(frame: &Frame, base: Option<&str>, files: &[FileDiff]) -> DiffView {
    let count = |of: fn(&FileDiff) -> u32| files.iter().map(|file| u64::from(of(file))).sum();
    let summary = Summary {
        files: files.len(),
        added: count(|file| file.added),
        removed: count(|file| file.removed),
        uncounted: false,
    };
    let (wanted, sides) = (Wanted::default(), (base, base.unwrap_or_default()));
    let how = How { wanted: &wanted, options: DiffOptions::default(), effort: Effort::Whole };
    let mut diff = DiffView::new(&frame.base(), how, sides, files, summary);
    // There is no page yet of what is to be.
    diff.files.iter_mut().for_each(|file| (file.href, file.images) = (None, Vec::new()));
    diff.fixed = true;
    diff
}
