//! A repository's refs at one moment, and what clients ask of them, answered from memory without starting a process.

use crate::names::{ObjectFormat, ObjectId, RefName};
use crate::pkt;
use bytes::Bytes;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// What the server calls itself.
pub const AGENT: &str = concat!("outlast/", env!("CARGO_PKG_VERSION"));
/// The most `ref-prefix` lines that are looked at; Git's own server stops looking at as many.
pub const REF_PREFIXES_MAX: usize = 65_536;

/// A ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// Its name.
    pub name: RefName,
    /// What it points to.
    pub id: ObjectId,
    /// For an annotated tag, what the tag finally points to.
    pub peeled: Option<ObjectId>,
}

/// A repository's refs.
#[derive(Debug)]
pub struct RefSnapshot {
    generation: u64,
    format: ObjectFormat,
    head: RefName,
    refs: Vec<Ref>,
    upload_advertisement: OnceLock<Bytes>,
    receive_advertisement: OnceLock<Bytes>,
    all_refs: OnceLock<Bytes>,
}

/// What a client wants of `ls-refs` (gitprotocol-v2).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LsRefs {
    /// Say what tags point to.
    pub peel: bool,
    /// Say what symbolic refs point to.
    pub symrefs: bool,
    /// Say where an unborn HEAD points.
    pub unborn: bool,
    /// Only refs that begin so; all, if none are given.
    pub prefixes: Vec<String>,
}

impl RefSnapshot {
    /// A snapshot. `generation` differs from that of any other state of the same repository's refs.
    pub fn new(generation: u64, format: ObjectFormat, head: RefName, mut refs: Vec<Ref>) -> Self {
        refs.sort_by(|a, b| a.name.cmp(&b.name));
        let (upload_advertisement, receive_advertisement, all_refs) =
            (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { generation, format, head, refs, upload_advertisement, receive_advertisement, all_refs }
    }

    /// Which state of the refs this is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The objects' format.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The branch that HEAD names, born or not.
    pub fn head(&self) -> &RefName {
        &self.head
    }

    /// All refs, sorted by name.
    pub fn refs(&self) -> &[Ref] {
        &self.refs
    }

    /// One ref.
    pub fn get(&self, name: &RefName) -> Option<&Ref> {
        self.refs.binary_search_by(|r| r.name.cmp(name)).ok().map(|index| &self.refs[index])
    }

    fn head_id(&self) -> Option<ObjectId> {
        self.get(&self.head).map(|r| r.id)
    }

    /// The answer to `ls-refs`.
    pub fn ls_refs(&self, request: &LsRefs) -> Bytes {
        let common = LsRefs { peel: true, symrefs: true, ..LsRefs::default() };
        let same = request.prefixes.is_empty()
            && request.peel
            && request.symrefs
            && (!request.unborn || self.head_id().is_some());
        if same {
            return self.all_refs.get_or_init(|| self.render_ls_refs(&common)).clone();
        }
        self.render_ls_refs(request)
    }

    fn render_ls_refs(&self, request: &LsRefs) -> Bytes {
        let mut out = Vec::with_capacity(self.refs.len() * 64);
        let wanted = |name: &str| {
            request.prefixes.is_empty() || request.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
        };
        if wanted("HEAD") {
            self.render_head(request, &mut out);
        }
        let mut line = String::new();
        for r in self.refs.iter().filter(|r| wanted(r.name.as_str())) {
            line.clear();
            // Writing into a String does not fail.
            let _ = write!(line, "{} {}", r.id, r.name);
            if let Some(peeled) = r.peeled.filter(|_| request.peel) {
                let _ = write!(line, " peeled:{peeled}");
            }
            pkt::write_text(&mut out, &line);
        }
        pkt::write_flush(&mut out);
        out.into()
    }

    fn render_head(&self, request: &LsRefs, out: &mut Vec<u8>) {
        let target = if request.symrefs { format!(" symref-target:{}", self.head) } else { String::new() };
        match self.head_id() {
            Some(id) => pkt::write_text(out, &format!("{id} HEAD{target}")),
            None if request.unborn => pkt::write_text(out, &format!("unborn HEAD{target}")),
            None => {}
        }
    }

    /// The refs as `git-upload-pack` advertises them in protocol v0 and v1, with its capabilities.
    pub fn upload_advertisement(&self) -> Bytes {
        self.upload_advertisement.get_or_init(|| self.advertise_upload(" no-done")).clone()
    }

    /// The same for a connection that stays open, on which a client must say when it is done.
    pub fn stateful_advertisement(&self) -> Bytes {
        self.advertise_upload("")
    }

    fn advertise_upload(&self, no_done: &str) -> Bytes {
        let symref = if self.head_id().is_some() { format!(" symref=HEAD:{}", self.head) } else { String::new() };
        let capabilities = format!(
            "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative \
                 no-progress include-tag multi_ack_detailed{no_done}{symref} filter object-format={} agent={AGENT}",
            self.format.name()
        );
        let head = self.head_id().map(|id| (id, "HEAD".to_owned()));
        let refs = self.refs.iter().flat_map(|r| {
            let peeled = r.peeled.map(|id| (id, format!("{}^{{}}", r.name)));
            std::iter::once((r.id, r.name.to_string())).chain(peeled)
        });
        self.advertise(head.into_iter().chain(refs), &capabilities)
    }

    /// The refs as `git-receive-pack` advertises them.
    pub fn receive_advertisement(&self) -> Bytes {
        self.receive_advertisement.get_or_init(|| {
            let capabilities = format!(
                "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options object-format={} agent={AGENT}",
                self.format.name()
            );
            self.advertise(self.refs.iter().map(|r| (r.id, r.name.to_string())), &capabilities)
        }).clone()
    }

    fn advertise(&self, refs: impl Iterator<Item = (ObjectId, String)>, capabilities: &str) -> Bytes {
        let mut out = Vec::with_capacity(self.refs.len() * 80 + 512);
        let mut capabilities = Some(capabilities);
        for (id, name) in refs {
            let suffix = capabilities.take().map(|text| format!("\0{text}")).unwrap_or_default();
            pkt::write_text(&mut out, &format!("{id} {name}{suffix}"));
        }
        if let Some(text) = capabilities {
            pkt::write_text(&mut out, &format!("{} capabilities^{{}}\0{text}", self.format.zero()));
        }
        pkt::write_flush(&mut out);
        out.into()
    }
}

/// What the server can do in protocol v2.
pub fn capabilities_v2(format: ObjectFormat) -> Bytes {
    let mut out = Vec::new();
    let lines = [
        "version 2",
        concat!("agent=outlast/", env!("CARGO_PKG_VERSION")),
        "ls-refs=unborn",
        "fetch=shallow wait-for-done filter",
    ];
    lines.iter().for_each(|line| pkt::write_text(&mut out, line));
    pkt::write_text(&mut out, "server-option");
    pkt::write_text(&mut out, &format!("object-format={}", format.name()));
    pkt::write_text(&mut out, "object-info");
    pkt::write_flush(&mut out);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> ObjectId {
        ObjectId::Sha1([byte; 20])
    }

    fn snapshot() -> RefSnapshot {
        let r = |name: &str, byte, peeled: Option<u8>| Ref {
            name: name.parse().unwrap(),
            id: id(byte),
            peeled: peeled.map(id),
        };
        let refs = vec![r("refs/tags/v1", 3, Some(1)), r("refs/heads/main", 1, None), r("refs/heads/dev", 2, None)];
        RefSnapshot::new(1, ObjectFormat::Sha1, RefName::main(), refs)
    }

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let digits = bytes[at..at + 4].try_into().unwrap();
            let Some(length) = pkt::parse_length(digits).unwrap() else { break };
            lines.push(String::from_utf8_lossy(&bytes[at + 4..at + 4 + length]).trim_end().to_owned());
            at += 4 + length;
        }
        lines
    }

    #[test]
    fn ls_refs_says_what_was_asked() {
        let (one, two, three) = (id(1), id(2), id(3));
        let all = LsRefs { peel: true, symrefs: true, ..LsRefs::default() };
        assert_eq!(
            lines(&snapshot().ls_refs(&all)),
            [
                format!("{one} HEAD symref-target:refs/heads/main"),
                format!("{two} refs/heads/dev"),
                format!("{one} refs/heads/main"),
                format!("{three} refs/tags/v1 peeled:{one}"),
            ]
        );
        let tags = LsRefs { prefixes: vec!["refs/tags/".to_owned()], ..LsRefs::default() };
        assert_eq!(lines(&snapshot().ls_refs(&tags)), [format!("{three} refs/tags/v1")]);
    }

    #[test]
    fn an_empty_repository_says_where_its_first_branch_will_be() {
        let empty = RefSnapshot::new(0, ObjectFormat::Sha256, RefName::main(), vec![]);
        let unborn = LsRefs { symrefs: true, unborn: true, peel: true, prefixes: vec![] };
        assert_eq!(lines(&empty.ls_refs(&unborn)), ["unborn HEAD symref-target:refs/heads/main"]);
        assert_eq!(lines(&empty.ls_refs(&LsRefs::default())), Vec::<String>::new());
        let advertised = lines(&empty.receive_advertisement());
        assert!(advertised[0].starts_with(&format!("{} capabilities^{{}}\0", "0".repeat(64))));
    }

    #[test]
    fn version_0_peels_tags_on_lines_of_their_own() {
        let advertised = lines(&snapshot().upload_advertisement());
        assert!(
            advertised[0].starts_with(&format!("{} HEAD\0", id(1)))
                && advertised[0].contains(" symref=HEAD:refs/heads/main ")
        );
        assert_eq!(advertised.last().unwrap(), &format!("{} refs/tags/v1^{{}}", id(1)));
    }
}
