//! A commit's bytes, read leniently: what a stranger wrote badly is shown as well as it can be, not refused.

use super::handle::Handle;
use super::signature::Carried;
use super::{GitSource, damaged, signature};
use code::{Person, ReadError, Revision, RevisionId, Signature, Time, visible};
use gix::ObjectId;
use std::sync::Arc;

/// The most of a message that is shown.
const MESSAGE_BYTES_MAX: usize = 256 << 10;
/// The most of a name or an address that is shown.
const PERSON_BYTES_MAX: usize = 1 << 10;
/// The most parents that are looked at; Git's own limit is about what an octopus has arms.
const PARENTS_MAX: usize = 1 << 10;

/// A commit's or a tag's parts, undecoded.
#[derive(Default)]
pub(crate) struct RawCommit<'a> {
    /// The tree's id in hex.
    pub(crate) tree: &'a [u8],
    /// The parents' ids in hex.
    pub(crate) parents: Vec<&'a [u8]>,
    author: &'a [u8],
    committer: &'a [u8],
    tagger: &'a [u8],
    encoding: Option<&'a [u8]>,
    /// The header with the signature, as it stands there with its continuation lines.
    signature: Option<&'a [u8]>,
    message: &'a [u8],
}

impl<'a> RawCommit<'a> {
    /// Takes a commit (or a tag) apart.
    pub(crate) fn parse(bytes: &'a [u8]) -> Self {
        let mut commit = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() && rest[0] != b'\n' {
            let end = header_end(rest);
            let header = rest[..end].strip_suffix(b"\n").unwrap_or(&rest[..end]);
            let (key, value) = split_once(header, b' ');
            match key {
                b"tree" => commit.tree = value,
                b"parent" if commit.parents.len() < PARENTS_MAX => commit.parents.push(value),
                b"author" => commit.author = value,
                b"committer" => commit.committer = value,
                b"tagger" => commit.tagger = value,
                b"encoding" => commit.encoding = Some(value),
                b"gpgsig" | b"gpgsig-sha256" => commit.signature = commit.signature.or(Some(value)),
                _ => {}
            }
            rest = &rest[end..];
        }
        commit.message = rest.strip_prefix(b"\n").unwrap_or(rest);
        commit
    }

    /// When it was committed, seconds.
    pub(crate) fn seconds(&self) -> i64 {
        person_time(self.committer).seconds
    }

    fn text(&self, bytes: &[u8], bytes_max: usize) -> String {
        let cut = &bytes[..bytes.len().min(bytes_max)];
        let mut text = match self.encoding.map(<[u8]>::to_ascii_lowercase).as_deref() {
            Some(
                b"iso-8859-1" | b"iso8859-1" | b"latin1" | b"latin-1" | b"iso-8859-15" | b"windows-1252" | b"cp1252",
            ) => visible(cut.iter().map(|byte| char::from(*byte)).collect::<String>().as_bytes()),
            _ => visible(cut),
        };
        if cut.len() < bytes.len() {
            text.push_str(" […]");
        }
        text
    }

    fn person(&self, line: &[u8]) -> Person {
        let (name, rest) = split_once(line, b'<');
        let (email, _) = split_once(rest, b'>');
        let text = |bytes: &[u8]| self.text(bytes, PERSON_BYTES_MAX).replace(['\n', '\t'], " ").trim().to_owned();
        Person { name: text(name), email: text(email), time: person_time(line) }
    }

    /// A tag's date and message without the signature that may follow it.
    pub(crate) fn tag(&self) -> (Option<Time>, String) {
        let when = (!self.tagger.is_empty()).then(|| person_time(self.tagger));
        let begins = |mark: &[u8]| find(self.message, mark).filter(|at| *at == 0 || self.message[at - 1] == b'\n');
        let marks: [&[u8]; 4] = [
            b"-----BEGIN PGP SIGNATURE-----",
            b"-----BEGIN PGP MESSAGE-----",
            b"-----BEGIN SSH SIGNATURE-----",
            b"-----BEGIN SIGNED MESSAGE-----",
        ];
        let end = marks.iter().filter_map(|mark| begins(mark)).min().unwrap_or(self.message.len());
        (when, self.text(self.message[..end].trim_ascii_end(), MESSAGE_BYTES_MAX))
    }
}

fn split_once(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    bytes.iter().position(|byte| *byte == at).map_or((bytes, &[]), |i| (&bytes[..i], &bytes[i + 1..]))
}

pub(super) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Where a header ends, continuation lines and the last line feed included.
fn header_end(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        end += bytes[end..].iter().position(|byte| *byte == b'\n').map_or(bytes.len() - end, |i| i + 1);
        if bytes.get(end) != Some(&b' ') {
            return end;
        }
    }
}

/// The time of `Name <address> 1700000000 +0100`.
fn person_time(line: &[u8]) -> Time {
    let after = line.iter().rposition(|byte| *byte == b'>').map_or(line, |i| &line[i + 1..]);
    let mut words = after.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<i64>().ok();
    let seconds = words.next().and_then(number).unwrap_or(0);
    let zone = words.next().and_then(number).and_then(|zone| i32::try_from(zone).ok()).filter(|z| z.abs() <= 9999);
    let zone = zone.unwrap_or(0);
    Time { seconds, offset: (zone / 100 * 60 + zone % 100) * 60 }
}

/// A commit without its signature headers: what was signed.
fn signed_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() && rest[0] != b'\n' {
        let (header, after) = rest.split_at(header_end(rest));
        if !matches!(split_once(header, b' ').0, b"gpgsig" | b"gpgsig-sha256") {
            signed.extend_from_slice(header);
        }
        rest = after;
    }
    signed.extend_from_slice(rest);
    signed
}

/// A commit's signature with what it signs.
pub(super) fn carried(source: &GitSource, id: &RevisionId) -> Result<Option<Carried>, ReadError> {
    let (handle, mut buffer) = (source.store.handle(), Vec::new());
    handle.read_commit(&source.object_id(id)?, &mut buffer)?;
    Ok(carried_in(&buffer))
}

fn carried_in(commit: &[u8]) -> Option<Carried> {
    // In a header each line but the first begins with a blank that is not the signature's.
    let lines = |armored: &[u8]| {
        armored
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_prefix(b" ").unwrap_or(line).to_vec())
            .collect::<Vec<_>>()
            .join(&b'\n')
    };
    let signature = RawCommit::parse(commit).signature;
    signature.map(|armored| Carried { armored: lines(armored), signed: signed_bytes(commit) })
}

/// The committer's mail address and the signature of a commit, out of its bytes.
pub(crate) fn signature_of(commit: &[u8]) -> (String, Option<(Signature, Carried)>) {
    let raw = RawCommit::parse(commit);
    let read = raw.signature.map(|armored| signature::read(armored, &signed_bytes(commit)));
    (raw.person(raw.committer).email, read.zip(carried_in(commit)))
}

/// A commit's bytes as a revision.
fn decode(id: &gix::oid, bytes: &[u8]) -> Revision {
    let raw = RawCommit::parse(bytes);
    let parents = raw.parents.iter().filter_map(|hex| ObjectId::from_hex(hex).ok());
    Revision {
        id: RevisionId(id.to_string()),
        parents: parents.map(|id| RevisionId(id.to_string())).collect(),
        author: raw.person(raw.author),
        committer: raw.person(raw.committer),
        message: raw.text(raw.message, MESSAGE_BYTES_MAX),
        signature: raw.signature.map(|armored| signature::read(armored, &signed_bytes(bytes))),
    }
}

impl GitSource {
    /// A full id in this repository's format.
    pub(crate) fn object_id(&self, id: &RevisionId) -> Result<ObjectId, ReadError> {
        let parsed = ObjectId::from_hex(id.0.as_bytes()).ok().filter(|parsed| parsed.kind() == self.store.hash_kind());
        parsed.ok_or_else(|| ReadError::NotFound(format!("revision {}", code::visible(id.0.as_bytes()))))
    }

    /// A commit as a revision; kept.
    pub(crate) fn revision(&self, handle: &Handle<'_>, id: &gix::oid) -> Result<Arc<Revision>, ReadError> {
        if let Some(kept) = self.caches.get(&self.store, "revision", id.as_bytes()) {
            return Ok(kept);
        }
        let mut buffer = Vec::new();
        handle.read_commit(id, &mut buffer)?;
        let revision = Arc::new(decode(id, &buffer));
        let bytes = 640 + revision.message.len() + 104 * revision.parents.len();
        self.caches.put(&self.store, "revision", id.as_bytes(), Arc::clone(&revision), bytes);
        Ok(revision)
    }

    /// A commit's message and author in small letters, for finding words. Not kept: a search passes by everything.
    pub(crate) fn searched_text(
        &self,
        handle: &Handle<'_>,
        id: &gix::oid,
        buffer: &mut Vec<u8>,
    ) -> Result<String, ReadError> {
        handle.read_commit(id, buffer)?;
        let raw = RawCommit::parse(buffer);
        let author = raw.author.rsplitn(2, |byte| *byte == b'>').last().unwrap_or_default();
        let author = raw.text(author, PERSON_BYTES_MAX);
        Ok(format!("{}\n{author}", raw.text(raw.message, MESSAGE_BYTES_MAX)).to_lowercase())
    }

    /// A commit's tree.
    pub(crate) fn commit_tree(&self, handle: &Handle<'_>, id: &gix::oid) -> Result<ObjectId, ReadError> {
        let graph = self.store.graph();
        if let Some(commit) = graph.as_ref().and_then(|graph| graph.graph.commit_by_id(id)) {
            return Ok(commit.root_tree_id().to_owned());
        }
        let mut buffer = Vec::new();
        handle.read_commit(id, &mut buffer)?;
        ObjectId::from_hex(RawCommit::parse(&buffer).tree).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_commit_is_read_however_badly_it_is_written() {
        let bytes =
            b"tree aa\nparent bb\nparent cc\nauthor A\xe9 <a@x> 12 -0130\ncommitter <> nothing\nencoding ISO-8859-1\n\
            gpgsig -----BEGIN\n abc\n -----END\nother x\n\nSubject \xfc\n";
        let raw = RawCommit::parse(bytes);
        assert_eq!((raw.tree, raw.parents.len()), (&b"aa"[..], 2));
        let author = raw.person(raw.author);
        assert_eq!((author.name.as_str(), author.email.as_str()), ("A\u{e9}", "a@x"));
        assert_eq!(author.time, Time { seconds: 12, offset: -5400 });
        assert_eq!(raw.person(raw.committer), Person::default());
        assert_eq!(raw.text(raw.message, 99), "Subject \u{fc}\n");
        assert_eq!(raw.signature, Some(&b"-----BEGIN\n abc\n -----END"[..]));
        let signed = signed_bytes(bytes);
        assert!(find(&signed, b"gpgsig").is_none() && find(&signed, b"other x\n\nSubject").is_some());
        for cut in 0..bytes.len() {
            RawCommit::parse(&bytes[..cut]);
            signed_bytes(&bytes[..cut]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_stop_the_reader(text in "(tree|parent|author|gpgsig|encoding|)[ <>a-z0-9\n+\\-]{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let whole = [text.as_bytes(), &bytes].concat();
            let id = ObjectId::null(gix::hash::Kind::Sha1);
            let revision = decode(&id, &whole);
            prop_assert!(!revision.author.name.contains('\n'));
            RawCommit::parse(&whole).tag();
        }
    }
}
