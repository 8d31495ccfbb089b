//! What a message refers to in a repository of Subversion: revisions (`r12`), and issues that are kept elsewhere.
//!
//! Where issues are is said by properties that other clients and viewers read too: `bugtraq:url`, and how they are written by
//! `bugtraq:logregex` or `bugtraq:message` (without either: `#12`), on the main branch, or else on the repository's root.
//! All of it is strangers' words: patterns are of a kind that takes no time that grows faster than the text, and of a bounded size.

use code::{CodePath, Property, ReadError, Source};
use regex::{Regex, RegexBuilder};
use render::Reference;
use std::sync::LazyLock;

/// A longer property says nothing.
const PROPERTY_BYTES_MAX: usize = 2_000;
/// The most memory that a pattern takes, in bytes.
const PATTERN_MEMORY_BYTES_MAX: usize = 1 << 20;
/// So many places of one message are links at most.
const REFERENCES_MAX: usize = 500;
/// What stands for an issue's number or name.
const BUG_ID: &str = "%BUGID%";

static REVISION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\br([1-9][0-9]{0,9})\b").ok());

/// What messages of one repository refer to.
pub(crate) struct References {
    /// The repository's pages: `/OWNER/NAME/-`.
    base: String,
    newest: u64,
    issues: Option<Issues>,
}

struct Issues {
    url: String,
    /// What names issues; `ids` is the part that names nothing else, where there is such a part.
    whole: Regex,
    /// What of it is a number or a name, where that is not what `whole` says.
    bare: Option<Regex>,
}

impl References {
    /// Of a repository of Subversion. `base`: of its pages; `root`: `/OWNER/NAME.svn`.
    pub(crate) fn of(source: &dyn Source, base: String, root: &str) -> Result<Self, ReadError> {
        let head = source.resolve("HEAD")?.id;
        let newest = head.0.trim_start_matches('r').parse().unwrap_or(0);
        let mut issues = None;
        for place in [source.default_branch(), "HEAD".to_owned()] {
            let at = source.resolve(&place)?.id;
            issues = issues.or(Issues::of(&source.properties(&at, &CodePath::root())?, root));
        }
        Ok(Self { base, newest, issues })
    }

    /// The places of a text that are links.
    pub(crate) fn find(&self, text: &str) -> Vec<Reference> {
        let issues = self.issues.iter().flat_map(|issues| issues.find(text));
        issues.chain(self.revisions(text)).take(REFERENCES_MAX).collect()
    }

    fn revisions<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Reference> + 'a {
        let found = REVISION.iter().flat_map(|revision| revision.captures_iter(text));
        found.filter_map(|found| {
            let (at, number) = (found.get(0)?.range(), found[1].parse::<u64>().ok()?);
            // Parts of a path, or of a version.
            let in_a_path = text[..at.start].ends_with(['/', '.', '\\']) || text[at.end..].starts_with(['/', '\\']);
            let in_a_version =
                text[at.end..].strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
            let is_there = number <= self.newest && !in_a_path && !in_a_version;
            is_there.then(|| Reference { at, address: format!("{}/commit/r{number}", self.base) })
        })
    }
}

impl Issues {
    fn of(properties: &[Property], root: &str) -> Option<Self> {
        let value = |name: &str| {
            let found = properties.iter().find(|property| property.name == name)?;
            let text = std::str::from_utf8(&found.value).ok().filter(|text| text.len() <= PROPERTY_BYTES_MAX)?;
            Some(text.trim()).filter(|text| !text.is_empty())
        };
        let url = address(value("bugtraq:url")?, root)?;
        let (whole, bare) = match (value("bugtraq:logregex"), value("bugtraq:message")) {
            (Some(patterns), _) => {
                let mut patterns = patterns.lines().map(str::trim).filter(|pattern| !pattern.is_empty());
                (patterns.next()?.to_owned(), patterns.next().map(str::to_owned))
            }
            (None, Some(message)) => {
                let numbers = !value("bugtraq:number").is_some_and(|word| matches!(word, "false" | "no"));
                let (before, after) = message.lines().next()?.split_once(BUG_ID)?;
                let (names, name) =
                    if numbers { ("[0-9]+(?:, *[0-9]+)*", "[0-9]+") } else { (r"[^\s,]+(?:, *[^\s,]+)*", r"[^\s,]+") };
                (format!("{}(?<ids>{names}){}", regex::escape(before), regex::escape(after)), Some(name.to_owned()))
            }
            (None, None) => ("#([0-9]+)".to_owned(), None),
        };
        let bare = match bare {
            Some(bare) => Some(pattern(&bare)?),
            None => None,
        };
        Some(Self { url, whole: pattern(&whole)?, bare })
    }

    fn find<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Reference> + 'a {
        let ids = self.whole.captures_iter(text).flat_map(|found| match &self.bare {
            Some(bare) => {
                let whole =
                    found.name("ids").or(found.get(0)).map(|whole| (whole.start(), whole.as_str())).unwrap_or_default();
                let named = bare.captures_iter(whole.1).filter_map(|found| found.get(1).or(found.get(0)));
                named.map(|id| whole.0 + id.start()..whole.0 + id.end()).collect::<Vec<_>>()
            }
            None if found.len() == 1 => found.iter().flatten().map(|id| id.range()).collect(),
            None => found.iter().skip(1).flatten().map(|id| id.range()).collect(),
        });
        ids.map(|at| Reference { address: self.url.replace(BUG_ID, &encoded(&text[at.clone()])), at })
    }
}

/// An address with a place for the issue: of http or https, of this site (`/x`), or below the repository's root (`^/x`).
fn address(url: &str, root: &str) -> Option<String> {
    let address = match url.strip_prefix("^/") {
        Some(below) => format!("{root}/{below}"),
        None => url.to_owned(),
    };
    let path = match ["http://", "https://"].iter().find_map(|scheme| address.strip_prefix(scheme)) {
        Some(rest) => rest.split_once('/')?.1,
        None => address.strip_prefix('/').filter(|rest| !rest.starts_with(['/', '\\']))?,
    };
    // Who writes a message chooses a page, and no other server.
    let is_one = path.contains(BUG_ID) && !address.contains(|c: char| c.is_whitespace() || c.is_control());
    let before_path = &address[..address.len() - path.len()];
    (is_one && !before_path.contains(BUG_ID)).then_some(address)
}

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(PATTERN_MEMORY_BYTES_MAX).dfa_size_limit(PATTERN_MEMORY_BYTES_MAX).build().ok()
}

/// A part of an address that stands for itself.
fn encoded(id: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    id.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(properties: &[(&str, &str)]) -> References {
        let property =
            |(name, value): &(&str, &str)| Property { name: (*name).to_owned(), value: value.as_bytes().to_vec() };
        let properties: Vec<_> = properties.iter().map(property).collect();
        References { base: "/a/b/-".to_owned(), newest: 40, issues: Issues::of(&properties, "/a/b.svn") }
    }

    /// What is found, each with its address.
    fn found(properties: &[(&str, &str)], text: &str) -> Vec<(String, String)> {
        let found = references(properties).find(text);
        found.into_iter().map(|reference| (text[reference.at].to_owned(), reference.address)).collect()
    }

    fn ids(properties: &[(&str, &str)], text: &str) -> Vec<String> {
        let all = [properties, &[("bugtraq:url", "https://t.test/%BUGID%")]].concat();
        found(&all, text)
            .into_iter()
            .map(|(_, address)| address.trim_start_matches("https://t.test/").to_owned())
            .collect()
    }

    #[test]
    fn revisions_that_are_there_are_links() {
        let of = |text: &str| found(&[], text).into_iter().map(|(shown, _)| shown).collect::<Vec<_>>();
        assert_eq!(found(&[], "as in r12."), [("r12".to_owned(), "/a/b/-/commit/r12".to_owned())]);
        assert_eq!(of("reverts r1:r40, (r7) trunk@r3 -r2"), ["r1", "r40", "r7", "r3", "r2"]);
        assert!(of("r41 r0 r007 ar1 r1a x/r1 r1/x v.r1 r1.2 r99999999999999999999").is_empty());
    }

    #[test]
    fn issues_are_found_as_the_properties_say() {
        assert!(found(&[], "#12").is_empty(), "nothing says where");
        assert_eq!(ids(&[], "fixes #12, not 13"), ["12"]);
        assert_eq!(ids(&[("bugtraq:logregex", r"[A-Z]+-\d+")], "ABC-1 and X-22"), ["ABC-1", "X-22"]);
        assert_eq!(ids(&[("bugtraq:logregex", r"[Ii]ssue #?(\d+)")], "Issue 4, issue #5"), ["4", "5"]);
        let two = "[Ii]ssues?:?(\\s*(,|and)?\\s*#\\d+)+\r\n(\\d+)";
        assert_eq!(ids(&[("bugtraq:logregex", two)], "Issues #3, #4 and #5; 6"), ["3", "4", "5"]);
        assert_eq!(ids(&[("bugtraq:message", "Issue: %BUGID%")], "done\nIssue: 7, 8\n9"), ["7", "8"]);
        let named = [("bugtraq:message", "Issue: %BUGID%"), ("bugtraq:number", "false")];
        assert_eq!(ids(&named, "Issue: a/b, c"), ["a%2Fb", "c"]);
    }

    #[test]
    fn addresses_are_of_the_web_and_chosen_by_the_property_alone() {
        let of = |url: &str| found(&[("bugtraq:url", url)], "#1").pop().map(|(_, address)| address);
        assert_eq!(of("/t/%BUGID%?x").as_deref(), Some("/t/1?x"));
        assert_eq!(of("^/trunk/%BUGID%").as_deref(), Some("/a/b.svn/trunk/1"));
        assert_eq!(of("http://t.test/%BUGID%").as_deref(), Some("http://t.test/1"));
        for bad in [
            "javascript:alert(%BUGID%)",
            "//t.test/%BUGID%",
            "/\\t.test/%BUGID%",
            "https://%BUGID%/x",
            "https://%BUGID%/%BUGID%",
            "https://t.test/",
            "t/%BUGID%",
            "/a b/%BUGID%",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn patterns_that_are_none_or_take_too_much_find_nothing() {
        for bad in ["(", "(?=x)", "((a{500}){500}){500}"] {
            assert!(ids(&[("bugtraq:logregex", bad)], "(a").is_empty(), "{bad}");
        }
        assert!(
            ids(&[("bugtraq:logregex", &"a".repeat(PROPERTY_BYTES_MAX + 1))], "#1") == ["1"],
            "as if it were not there"
        );
        let all = ids(&[("bugtraq:logregex", r"\d")], &"1".repeat(10_000));
        assert_eq!(all.len(), REFERENCES_MAX);
        let began = std::time::Instant::now();
        assert!(ids(&[("bugtraq:logregex", "(a+)+b")], &"a".repeat(20_000)).is_empty());
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
