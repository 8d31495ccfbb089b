//! A directory's README, and where its links lead.

use super::frame::{At, Frame, place};
use code::{CodePath, Entry, EntryKind, ReadError, Source};
use render::LinkBase;

/// A README that is larger is not shown.
const README_BYTES_MAX: u64 = 1 << 20;

/// The document a directory opens with: its name and HTML.
pub(crate) fn readme(
    source: &dyn Source,
    frame: &Frame,
    at: &At,
    entries: &[Entry],
) -> Result<Option<(String, String)>, ReadError> {
    let rank = |entry: &Entry| {
        let name = String::from_utf8_lossy(&entry.name).to_lowercase();
        let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
        let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
        let order = ["md", "markdown", "rst", "adoc", "org", "txt", ""].iter().position(|known| *known == extension)?;
        (is_file && stem == "readme").then_some(order)
    };
    let Some((_, entry)) = entries.iter().filter_map(|entry| Some((rank(entry)?, entry))).min_by_key(|(rank, _)| *rank)
    else {
        return Ok(None);
    };
    let Ok(path) = at.path.join(&entry.name) else { return Ok(None) };
    let file = source.file(&at.revision.id, &path, README_BYTES_MAX)?;
    let name = code::visible(&entry.name);
    let html = file.content.and_then(|content| render::document(&name, &content, &link_base(frame, at, &at.path)));
    Ok(html.map(|html| (name, html.to_string())))
}

/// Where the links of a document in a directory lead.
pub(crate) fn link_base(frame: &Frame, at: &At, directory: &CodePath) -> LinkBase {
    let below = |verb: &str, path: &CodePath| format!("{}/{verb}/{}/", frame.base(), place(&at.name, path));
    LinkBase {
        file: below("file", directory),
        raw: below("raw", directory),
        file_root: below("file", &CodePath::root()),
        raw_root: below("raw", &CodePath::root()),
    }
}
