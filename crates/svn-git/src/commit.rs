//! What of a revision is in its commits: who, when, what was said, and which revision it is.

use crate::{Authors, ViewError};
use fsfs::{Fs, Properties, seconds};
use git::ObjectId;

/// The most bytes of a message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Who it was where a revision does not say.
pub(crate) const NOBODY: &str = "(no author)";

/// A revision as its commits tell it.
pub(crate) struct Told {
    rev: u64,
    person: String,
    message: String,
}

impl Told {
    pub(crate) fn of(fs: &Fs, authors: &Authors, rev: u64) -> Result<Self, ViewError> {
        let properties = fs.revision_properties(rev)?;
        let seconds = properties.text("svn:date").and_then(|date| seconds(&date)).unwrap_or(0);
        let person = person(&author(&properties), fs.uuid(), authors, seconds);
        Ok(Self { rev, person, message: message(properties.get("svn:log").unwrap_or_default()) })
    }

    pub(crate) fn commit(&self, tree: ObjectId, parents: &[ObjectId], branch: &[u8]) -> Vec<u8> {
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let (person, rest) = (&self.person, self.rest(branch));
        format!("tree {tree}\n{parents}author {person}\ncommitter {person}\n\n{rest}").into_bytes()
    }

    pub(crate) fn tag(&self, commit: ObjectId, name: &str, branch: &[u8]) -> Vec<u8> {
        let (person, rest) = (&self.person, self.rest(branch));
        format!("object {commit}\ntype commit\ntag {name}\ntagger {person}\n\n{rest}").into_bytes()
    }

    /// The message and the line that names the revision, `PATH@REVISION` as Subversion's own programs read it.
    fn rest(&self, branch: &[u8]) -> String {
        let path = String::from_utf8_lossy(branch).replace(char::is_control, "?");
        let path = if path == "/" { "/" } else { path.trim_start_matches('/') };
        let trailer = format!("Svn-Revision: {path}@{}\n", self.rev);
        if self.message.is_empty() { trailer } else { format!("{}\n\n{trailer}", self.message) }
    }
}

/// Whom Subversion names.
pub(crate) fn author(properties: &Properties) -> String {
    let name = properties.text("svn:author").unwrap_or_default();
    if name.trim().is_empty() { NOBODY.to_owned() } else { name }
}

fn person(name: &str, uuid: &str, authors: &Authors, seconds: i64) -> String {
    let clean =
        |text: &str| -> String { text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect() };
    // Git's own check has no time before 1970.
    let seconds = seconds.max(0);
    match authors.get(name) {
        Some((full, address)) => format!("{} <{}> {seconds} +0000", clean(full), clean(address)),
        None => {
            let name = clean(name);
            let name = if name.trim().is_empty() { NOBODY } else { name.trim() };
            format!("{name} <{name}@{}> {seconds} +0000", clean(uuid))
        }
    }
}

/// As it was said, less what Git can't have and white space at its ends.
fn message(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(&log[..log.len().min(MESSAGE_BYTES_MAX)]);
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_written_so_that_git_reads_them() {
        let authors = Authors::parse("ann = Ann Ex <a@example.org>").unwrap();
        assert_eq!(person("ann", "u", &authors, 12), "Ann Ex <a@example.org> 12 +0000");
        assert_eq!(person("bob", "u-1", &authors, -1), "bob <bob@u-1> 0 +0000");
        assert_eq!(person("<\n>", "u", &authors, 1), "(no author) <(no author)@u> 1 +0000");
    }

    #[test]
    fn a_message_ends_with_the_revision() {
        let told = |log: &[u8]| Told { rev: 7, person: String::new(), message: message(log) };
        assert_eq!(told(b" one\r\n\r\ntwo \n").rest(b"/branches/x"), "one\n\ntwo\n\nSvn-Revision: branches/x@7\n");
        assert_eq!(told(b"").rest(b"/"), "Svn-Revision: /@7\n");
        assert_eq!(told(b"a\0\xff").rest(b"/trunk"), "a\u{fffd}\n\nSvn-Revision: trunk@7\n");
    }
}
