//! Plain text.

/// Text as HTML, with what is unseen made visible.
#[must_use]
pub fn escape(text: &str) -> String {
    let text = code::visible(text.as_bytes());
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    push_escaped(&mut html, &text);
    html
}

/// Appends text with HTML's own characters escaped.
pub(crate) fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

/// Text as HTML, with http and https addresses as links.
#[must_use]
pub fn linked(text: &str) -> String {
    let text = code::visible(text.as_bytes());
    let mut html = String::with_capacity(text.len() + 64);
    let mut rest = text.as_str();
    while let Some(at) = address_start(rest) {
        push_escaped(&mut html, &rest[..at]);
        let address = &rest[at..at + address_len(&rest[at..])];
        html.push_str("<a rel=\"nofollow noopener ugc\" href=\"");
        push_escaped(&mut html, address);
        html.push_str("\">");
        push_escaped(&mut html, address);
        html.push_str("</a>");
        rest = &rest[at + address.len()..];
    }
    push_escaped(&mut html, rest);
    html
}

fn address_start(text: &str) -> Option<usize> {
    [text.find("https://"), text.find("http://")].into_iter().flatten().min()
}

/// Up to a blank, a quote or a bracket, without the punctuation that ends a sentence.
fn address_len(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || "<>\"'`[]{}|\\^".contains(c)).unwrap_or(text.len());
    let mut address = &text[..end];
    loop {
        let unbalanced = address.ends_with(')') && address.matches(')').count() > address.matches('(').count();
        let Some(shorter) = address
            .strip_suffix(['.', ',', ';', ':', '!', '?'])
            .or_else(|| unbalanced.then(|| &address[..address.len() - 1]))
        else {
            break;
        };
        address = shorter;
    }
    address.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links_and_nothing_else_does() {
        assert_eq!(
            linked("see https://a.test/x_(y)?q=1&r=2), or <b> javascript:alert(1)."),
            "see <a rel=\"nofollow noopener ugc\" href=\"https://a.test/x_(y)?q=1&amp;r=2\">https://a.test/x_(y)?q=1&amp;r=2</a>), \
             or &lt;b&gt; javascript:alert(1)."
        );
        assert_eq!(escape("a\u{202e}<b>\x1b"), "a[U+202E]&lt;b&gt;[U+001B]");
    }
}
