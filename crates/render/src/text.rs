//! Plain text.

use std::ops::Range;

/// Longer text has no links.
const LINKED_BYTES_MAX: usize = 1 << 20;
/// A longer address is no link.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// Text as HTML, with what is unseen made visible.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    push_visible(&mut html, text);
    html
}

/// Appends text, what is unseen made visible, escaped.
pub(crate) fn push_visible(html: &mut String, text: &str) {
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n')) {
        push_escaped(html, text);
    } else {
        push_escaped(html, &code::visible(text.as_bytes()));
    }
}

/// Appends text with HTML's own characters escaped, for content and for quoted attributes.
pub(crate) fn push_escaped(html: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'&' | b'<' | b'>' | b'"' | b'\'')) {
        html.push_str(&rest[..at]);
        html.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

/// A part of a text that stands for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which bytes of the text.
    pub at: Range<usize>,
    /// The address: a path of this site, or one of http or https. Who makes it sees to that.
    pub address: String,
}

/// Text as HTML, with http and https addresses as links.
#[must_use]
pub fn linked(text: &str) -> String {
    linked_with(text, |_| Vec::new())
}

/// As [`linked`], and with what `find` finds in the text, as it is shown, as links too. Of two that overlap the first is one.
#[must_use]
pub fn linked_with(text: &str, find: impl Fn(&str) -> Vec<Reference>) -> String {
    let text = code::visible(text.as_bytes()).replace("[U+000D]\n", "\n");
    let mut html = String::with_capacity(text.len() + 64);
    if text.len() > LINKED_BYTES_MAX {
        push_escaped(&mut html, &text);
        return html;
    }
    let mut references = find(&text);
    references.extend(addresses(&text));
    references.sort_by_key(|reference| (reference.at.start, std::cmp::Reverse(reference.at.end)));
    let mut written = 0;
    for Reference { at, address } in references {
        let Some((before, shown)) = text.get(written..at.start).zip(text.get(at.clone())) else { continue };
        if !shown.is_empty() {
            push_escaped(&mut html, before);
            push_link(&mut html, &address, shown);
            written = at.end;
        }
    }
    push_escaped(&mut html, &text[written..]);
    html
}

/// The addresses that are written in a text.
fn addresses(text: &str) -> Vec<Reference> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = text[at..].find("http") {
        let start = at + next;
        let length = address_length(text, start);
        at = start + length.max(4);
        if length > 0 {
            found.push(Reference { at: start..at, address: text[start..at].to_owned() });
        }
    }
    found
}

/// A commit's message as HTML, like [`linked`]: its white space is its form, for a `pre` or `white-space: pre-wrap`.
#[must_use]
pub fn commit_message(message: &str) -> String {
    linked(message.trim_end_matches(['\n', '\r', ' ']))
}

fn push_link(html: &mut String, address: &str, shown: &str) {
    html.push_str("<a rel=\"nofollow noopener ugc\" href=\"");
    push_escaped(html, address);
    html.push_str("\">");
    push_escaped(html, shown);
    html.push_str("</a>");
}

/// The bytes of the address that begins there; 0: none does. Up to a blank, a quote or a bracket, without the
/// punctuation that ends a sentence, and without a closing bracket that was not opened in it.
fn address_length(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let Some(scheme) = ["https://", "http://"].into_iter().find(|scheme| rest.starts_with(scheme)) else { return 0 };
    if text[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return 0;
    }
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"'`[]{}|\\^".contains(c);
    let end = rest.find(ends).unwrap_or(rest.len());
    // Only what is kept is looked at again, so that a text of brackets stays linear.
    if end > ADDRESS_BYTES_MAX {
        return 0;
    }
    let mut address = &rest[..end];
    let closed = |address: &str| address.matches(')').count() > address.matches('(').count();
    while let Some(shorter) = address
        .strip_suffix(['.', ',', ';', ':', '!', '?', '*', '_', '~'])
        .or_else(|| address.strip_suffix(')').filter(|_| closed(address)))
    {
        address = shorter;
    }
    let host = address.get(scheme.len()..).unwrap_or_default();
    if host.chars().next().is_some_and(char::is_alphanumeric) { address.len() } else { 0 }
}

#[cfg(test)]
pub(crate) mod testing {
    /// What a browser would show of it.
    pub(crate) fn shown(html: &str) -> String {
        let (mut text, mut rest) = (String::new(), html);
        while let Some(at) = rest.find('<') {
            text.push_str(&rest[..at]);
            rest = &rest[at + rest[at..].find('>').unwrap() + 1..];
        }
        text.push_str(rest);
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&#39;", "'").replace("&amp;", "&")
    }

    /// Whether each tag is closed, in order.
    pub(crate) fn balanced(html: &str) -> bool {
        let (mut open, mut rest) = (Vec::new(), html);
        while let Some(at) = rest.find('<') {
            let end = at + rest[at..].find('>').unwrap();
            let tag = &rest[at + 1..end];
            match tag.strip_prefix('/') {
                Some(name) if open.pop() != Some(name) => return false,
                Some(_) => {}
                None => {
                    let name = tag.split(' ').next().unwrap_or_default();
                    if !["br", "hr", "img", "input", "source"].contains(&name) {
                        open.push(name);
                    }
                }
            }
            rest = &rest[end + 1..];
        }
        open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{balanced, shown};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_found_is_a_link_and_nothing_overlaps() {
        let find = |text: &str| {
            let at = |what: &str| text.find(what).map(|at| at..at + what.len()).unwrap_or_default();
            let link = |at: Range<usize>, address: &str| Reference { at, address: address.to_owned() };
            vec![
                link(at("#7"), "/a\"b"),
                link(at("r12"), "/x"),
                link(at("12"), "/y"),
                link(0..0, "/none"),
                link(at("r12").start..10_000, "/beyond"),
                link(at("http"), "/in-an-address"),
            ]
        };
        assert_eq!(
            linked_with("<#7> r12 http://a.test/#7", find),
            "&lt;<a rel=\"nofollow noopener ugc\" href=\"/a&quot;b\">#7</a>&gt; \
             <a rel=\"nofollow noopener ugc\" href=\"/x\">r12</a> \
             <a rel=\"nofollow noopener ugc\" href=\"http://a.test/#7\">http://a.test/#7</a>"
        );
    }

    #[test]
    fn addresses_become_links_and_nothing_else_does() {
        assert_eq!(
            linked("see https://a.test/x_(y)?q=1&r=2), or <b> javascript:alert(1)."),
            "see <a rel=\"nofollow noopener ugc\" href=\"https://a.test/x_(y)?q=1&amp;r=2\">https://a.test/x_(y)?q=1&amp;r=2</a>), \
             or &lt;b&gt; javascript:alert(1)."
        );
        assert_eq!(escape("a\u{202e}<b>\x1b"), "a[U+202E]&lt;b&gt;[U+001B]");
    }

    #[test]
    fn an_address_ends_where_people_end_it() {
        for (text, address) in [
            ("<https://a.test/b>", Some("https://a.test/b")),
            ("(https://a.test/b)", Some("https://a.test/b")),
            ("https://a.test/b.", Some("https://a.test/b")),
            ("\"https://a.test\"", Some("https://a.test")),
            ("*https://a.test*", Some("https://a.test")),
            ("https://a.test/é?x=[1]", Some("https://a.test/é?x=")),
            ("x http://a.test:80/#b, c", Some("http://a.test:80/#b")),
            ("https://", None),
            ("https://)", None),
            ("xhttps://a.test", None),
            ("httpss://a.test", None),
            ("javascript:alert('https')", None),
            ("data:text/html,https", None),
        ] {
            let html = linked(text);
            let found = html.split("href=\"").nth(1).map(|rest| rest.split('"').next().unwrap_or_default());
            assert_eq!(found, address, "{text}");
        }
    }

    #[test]
    fn a_message_keeps_its_form_and_says_its_escapes() {
        let message = "subject\r\n\n  * a\n\x1b[31mred\u{202e}\n\n";
        assert_eq!(commit_message(message), "subject\n\n  * a\n[U+001B][31mred[U+202E]");
    }

    proptest! {
        #[test]
        fn links_never_change_the_text(text in "(\\PC|\n|http://|https://|[a-z.()<>\"'&]){0,80}") {
            let html = linked(&text);
            prop_assert_eq!(shown(&html), code::visible(text.as_bytes()));
            prop_assert!(balanced(&html), "{}", html);
        }
    }
}
