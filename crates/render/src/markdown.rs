//! Markdown, as people know it from other forges.

use crate::highlight::fenced;
use crate::markup;
use crate::text::push_escaped;
use comrak::nodes::NodeValue;
use comrak::{Arena, Options, format_html, parse_document};
use std::collections::{HashMap, HashSet};

/// More than this is shown as text.
pub const MARKDOWN_BYTES_MAX: usize = 128 << 10;

/// What relative links and images are taken from.
#[derive(Clone, Debug, Default)]
pub struct LinkBase {
    /// A directory's page of files, with a slash at its end: `/o/n/-/file/main/docs/`.
    pub file: String,
    /// The same for raw content, for images.
    pub raw: String,
    /// The root of both, for links that begin with a slash: `/o/n/-/file/main/` and raw.
    pub file_root: String,
    /// See `file_root`.
    pub raw_root: String,
}

/// A document by its name: Markdown, reStructuredText, AsciiDoc or Org, or other text, which is shown as it stands. None for what is
/// neither.
#[must_use]
pub fn document(name: &str, content: &[u8], base: &LinkBase) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let lower = name.to_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "md" | "markdown" | "mkd" | "mdown" => Some(markdown(text, base)),
        "rst" | "adoc" | "asciidoc" | "org" if text.len() <= MARKDOWN_BYTES_MAX => {
            let rewritten = match extension {
                "rst" => markup::rst(text),
                "org" => markup::org(text),
                _ => markup::adoc(text),
            };
            Some(markdown(&rewritten, base))
        }
        "txt" | "rst" | "adoc" | "asciidoc" | "org" | "" => {
            let mut html = "<pre class=\"plain\">".to_owned();
            push_escaped(&mut html, &code::visible(text.as_bytes()));
            Some(html + "</pre>")
        }
        _ => None,
    }
}

/// Whether a file of this name is shown as what it says rather than as its text.
#[must_use]
pub fn is_markup(name: &str) -> bool {
    let known = ["md", "markdown", "mkd", "mdown", "rst", "adoc", "asciidoc", "org"];
    name.to_lowercase().rsplit_once('.').is_some_and(|(_, extension)| known.contains(&extension))
}

/// Markdown to safe HTML.
#[must_use]
pub fn markdown(source: &str, base: &LinkBase) -> String {
    let source = code::visible(source.as_bytes());
    if source.len() > MARKDOWN_BYTES_MAX {
        return as_text(&source);
    }
    let options = options();
    let arena = Arena::new();
    let root = parse_document(&arena, &source, &options);
    let mut blocks = 0u32;
    let deadline = crate::highlight::Deadline::new();
    for node in root.descendants() {
        let mut data = node.data.borrow_mut();
        match &mut data.value {
            NodeValue::Link(link) => link.url = resolved(&link.url, &base.file, &base.file_root),
            NodeValue::Image(link) => link.url = resolved(&link.url, &base.raw, &base.raw_root),
            NodeValue::CodeBlock(block) => {
                let token = block.info.split([' ', ',', '{']).next().unwrap_or_default().to_owned();
                blocks += 1;
                if let Some(html) = (blocks <= 200).then(|| fenced(&token, &block.literal, deadline)).flatten() {
                    let literal = format!("<pre><code>{html}</code></pre>\n");
                    data.value = NodeValue::HtmlBlock(comrak::nodes::NodeHtmlBlock { block_type: 6, literal });
                }
            }
            _ => {}
        }
    }
    let mut html = String::new();
    if format_html(root, &options, &mut html).is_err() {
        return String::new();
    }
    if depth_max(&html) > DEPTH_MAX {
        return as_text(&source);
    }
    sanitized(&html)
}

/// Elements that are open at once. What is deeper costs a parser the square of it, because elements that format are
/// opened anew wherever they were not closed.
const DEPTH_MAX: usize = 200;

/// Tags that need not be closed, or can't be.
const OPEN_ENDED: [&str; 20] = [
    "area", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "p", "source", "tbody", "td",
    "th", "thead", "tr", "wbr",
];

/// The most elements that were open at once, by tags alone: a name's end closes one of that name, wherever it stands.
fn depth_max(html: &str) -> usize {
    let (mut open, mut depth, mut deepest) = (HashMap::<String, usize>::new(), 0usize, 0usize);
    for tag in html.split('<').skip(1) {
        let (end, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let length =
            tag.bytes().take_while(|b| !matches!(b, b'>' | b'/' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c)).count();
        let name = tag[..length].to_ascii_lowercase();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || OPEN_ENDED.contains(&name.as_str()) {
            continue;
        }
        let count = open.entry(name).or_default();
        if end {
            depth -= (*count).min(1);
            *count = count.saturating_sub(1);
        } else {
            (*count, depth) = (*count + 1, depth + 1);
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// A document that is too large or too deep.
fn as_text(source: &str) -> String {
    let mut html =
        "<p>Too large or too deeply nested to be shown as a page; this is its text.</p><pre class=\"plain\">"
            .to_owned();
    push_escaped(&mut html, source);
    html + "</pre>"
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.shortcodes = true;
    options.extension.header_id_prefix = Some("user-content-".to_owned());
    options.extension.front_matter_delimiter = Some("---".to_owned());
    // HTML is let through to the sanitiser, which knows what is harmless.
    options.render.r#unsafe = true;
    options
}

/// A link of the document as an address of the site; what has a scheme or a host stays as it is.
fn resolved(url: &str, base: &str, root: &str) -> String {
    let has_scheme = url.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':'));
    if has_scheme || url.starts_with("//") || url.starts_with('#') || url.is_empty() {
        return url.to_owned();
    }
    match url.strip_prefix('/') {
        Some(rest) => format!("{root}{rest}"),
        None => joined(base, root, url),
    }
}

/// `..` and `.` are followed here, and never above the root of the repository.
fn joined(base: &str, root: &str, url: &str) -> String {
    let (path, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let below = base.strip_prefix(root).unwrap_or_default();
    let mut parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{root}{}{rest}", parts.join("/"))
}

const TAGS: &[&str] = &[
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "input",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];

/// Classes that our own output has.
const DIV_CLASSES: [&str; 6] = [
    "markdown-alert",
    "markdown-alert-note",
    "markdown-alert-tip",
    "markdown-alert-important",
    "markdown-alert-warning",
    "markdown-alert-caution",
];

fn sanitized(html: &str) -> String {
    let mut cleaner = ammonia::Builder::empty();
    let tag_attributes: HashMap<&str, HashSet<&str>> = [
        ("a", ["href", "title", "id"].as_slice()),
        ("img", &["src", "alt", "title", "width", "height"]),
        ("input", &["type", "checked", "disabled"]),
        ("ol", &["start"]),
        ("td", &["align", "colspan", "rowspan"]),
        ("th", &["align", "colspan", "rowspan", "scope"]),
        ("details", &["open"]),
        ("li", &["id"]),
        ("h1", &["id", "align"]),
        ("h2", &["id", "align"]),
        ("h3", &["id", "align"]),
        ("h4", &["id"]),
        ("h5", &["id"]),
        ("h6", &["id"]),
        ("p", &["align"]),
        ("div", &["align"]),
    ]
    .into_iter()
    .map(|(tag, attributes)| (tag, attributes.iter().copied().collect()))
    .collect();
    let classes: HashMap<&str, HashSet<&str>> = HashMap::from([
        ("span", crate::scopes::ALL.into_iter().collect()),
        ("div", DIV_CLASSES.into_iter().collect()),
        ("p", HashSet::from(["markdown-alert-title"])),
        ("section", HashSet::from(["footnotes"])),
        ("li", HashSet::from(["task-list-item"])),
        ("ul", HashSet::from(["contains-task-list"])),
    ]);
    cleaner
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(HashSet::from([
            "script", "style", "svg", "math", "iframe", "object", "template", "noscript", "title",
        ]))
        .tag_attributes(tag_attributes)
        .allowed_classes(classes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(Some("nofollow noopener ugc"))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            // The only control there is, and nobody can use it.
            ("input", "type") => (value == "checkbox").then(|| "checkbox".into()),
            // A heading's id has a prefix, that it can't be one of the page's own; whoever links to it does not write that.
            ("a", "href") => match value.strip_prefix('#').filter(|id| !id.is_empty() && !ours(id)) {
                Some(id) => Some(format!("#user-content-{id}").into()),
                None => Some(value.into()),
            },
            (_, "id") => ours(value).then(|| value.into()),
            // A page loads nothing from elsewhere; the link to it is beside its words.
            ("img", "src") => (value.starts_with('/') && !value.starts_with("//")).then(|| value.into()),
            _ => Some(value.into()),
        })
        .set_tag_attribute_value("input", "disabled", "")
        .set_tag_attribute_value("input", "aria-label", "task")
        // What is wider than the page scrolls by itself, by keyboard too.
        .set_tag_attribute_value("pre", "tabindex", "0")
        .set_tag_attribute_value("table", "tabindex", "0");
    named(&cleaner.clean(html).to_string())
}

/// Gives a name to what a reader can't see: an empty link (as a heading's own is) and a picture without words.
fn named(html: &str) -> String {
    let html = html.replace("\"></a>", "\" aria-label=\"link\"></a>");
    let mut parts = html.split("<img");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let tag = part.split('>').next().unwrap_or_default();
        let alt = if tag.contains(" alt=\"") { "" } else { " alt=\"\"" };
        out.push_str(&format!("<img{alt}{part}"));
    }
    out
}

/// Ids that can't be those of the page's own elements.
fn ours(id: &str) -> bool {
    id.starts_with("user-content-") || id.starts_with("fn-") || id.starts_with("fnref-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> LinkBase {
        LinkBase {
            file: "/o/n/-/file/main/docs/".into(),
            raw: "/o/n/-/raw/main/docs/".into(),
            file_root: "/o/n/-/file/main/".into(),
            raw_root: "/o/n/-/raw/main/".into(),
        }
    }

    #[test]
    fn what_people_write_is_there() {
        let source = "# Héllo *you*\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] not\n\n~~gone~~ https://a.test :tada:[^1]\n\n\
                      [^1]: note\n\n```rust\nfn main() {}\n```\n\n> [!NOTE]\n> look\n";
        let html = markdown(source, &base());
        for part in [
            "user-content-",
            "<table tabindex=\"0\">",
            "type=\"checkbox\"",
            "<del>gone</del>",
            "href=\"https://a.test\"",
            "🎉",
            "footnotes",
            "<span class=\"hk\">fn</span>",
            "markdown-alert-note",
        ] {
            assert!(html.contains(part), "no {part} in {html}");
        }
    }

    #[test]
    fn links_stay_in_the_repository() {
        let html = markdown("[a](b.md#c) [d](../../../e) [f](/g) ![h](i.png) [j](https://k.test) [l](#m)", &base());
        for part in [
            "href=\"/o/n/-/file/main/docs/b.md#c\"",
            "href=\"/o/n/-/file/main/e\"",
            "href=\"/o/n/-/file/main/g\"",
            "src=\"/o/n/-/raw/main/docs/i.png\"",
            "href=\"https://k.test\"",
            "href=\"#user-content-m\"",
        ] {
            assert!(html.contains(part), "no {part} in {html}");
        }
    }

    #[test]
    fn nothing_runs() {
        let attempts = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>) [d](vbscript:x)",
            "<a href=\"java\tscript:alert(1)\">x</a> <a href=\"&#106;avascript:alert(1)\">y</a>",
            "<svg><script>alert(1)</script></svg> <math><mi xlink:href=\"javascript:x\"></mi></math>",
            "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe> <object data=x></object> <embed src=x>",
            "<form action=/x><input name=a><button>go</button></form> <input type=password>",
            "<style>*{display:none}</style> <p style=\"position:fixed\" class=\"bar\" id=\"content\">z</p>",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
            "```html\n</code></pre><script>alert(1)</script>\n```",
            "![x](https://tracker.test/pixel.png) <img src=\"//tracker.test/p\">",
            "<details ontoggle=alert(1) open>",
        ];
        for attempt in attempts {
            let html = markdown(attempt, &base());
            let code = html.replace("&lt;", "").to_lowercase();
            for bad in [
                "<script",
                "onerror=",
                "ontoggle=",
                "href=\"javascript",
                "href=\"data:",
                "href=\"vbscript",
                "<svg",
                "<iframe",
                "<form",
                "<button",
                "<style",
                "style=",
                "id=\"content\"",
                "class=\"bar\"",
                "type=\"password\"",
                "tracker.test/p\"",
            ] {
                assert!(!code.contains(bad), "{bad} in {html} from {attempt}");
            }
        }
    }

    #[test]
    fn deep_and_wide_input_ends() {
        for source in [">".repeat(20_000), "[a](".repeat(50_000), "*a_ ".repeat(50_000), "- ".repeat(5_000)] {
            let _ = markdown(&source, &base());
        }
    }

    #[test]
    fn what_would_take_a_parser_its_square_is_text() {
        let unclosed = (0..10_000).map(|i| format!("<div><b id={i}></div>")).collect::<String>();
        let nested = (0..10_000).map(|i| format!("<b id={i}>")).collect::<String>();
        for source in [unclosed, nested, ">".repeat(10_000)] {
            assert!(markdown(&source, &base()).starts_with("<p>Too large"));
        }
        let rows = "<tr><td>a<td>b".repeat(500);
        assert!(markdown(&format!("<table>{rows}</table>"), &base()).contains("<td>"));
    }
}
