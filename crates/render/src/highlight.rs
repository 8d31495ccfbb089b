//! Highlighting of code: classes, no colours; each line by itself, with its tags closed.

use crate::text::push_escaped;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Longer text is shown plainly.
pub const HIGHLIGHT_BYTES_MAX: usize = 1 << 20;
/// A longer line is shown plainly, and what is after it too: it is no code that somebody wrote.
pub const LINE_BYTES_MAX: usize = 4_000;
/// What takes longer is shown plainly from there on.
pub const HIGHLIGHT_TIME_MAX: Duration = Duration::from_millis(400);

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// The groups of scopes that are told apart, most telling first, and their classes.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let names = [
        ("comment", "hc"),
        ("string", "hs"),
        ("constant.character.escape", "he"),
        ("constant.numeric", "hn"),
        ("constant", "hn"),
        ("entity.name.function", "hf"),
        ("support.function", "hf"),
        ("variable.function", "hf"),
        ("entity.name.tag", "hk"),
        ("entity.other.attribute-name", "ha"),
        ("entity.name", "ht"),
        ("support.type", "ht"),
        ("storage", "hk"),
        ("keyword.operator", "ho"),
        ("keyword", "hk"),
        ("markup.heading", "hk"),
        ("markup.bold", "hb"),
        ("markup.italic", "hi"),
        ("markup.inserted", "hs"),
        ("markup.deleted", "he"),
        ("meta.annotation", "ha"),
        ("variable.language", "hk"),
    ];
    names.into_iter().filter_map(|(name, class)| Some((Scope::new(name).ok()?, class))).collect()
});

/// Loads what highlighting needs, which takes a few milliseconds, off anybody's way.
pub fn warm() {
    let _ = highlight("warm.rs", "fn main() {}\n");
}

/// Highlighted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlighted {
    /// Safe HTML, a string for each line.
    pub lines: Vec<String>,
    /// What it was taken for; None: plain text.
    pub language: Option<String>,
}

/// Highlights a file by its name, or by its first line.
#[must_use]
pub fn highlight(name: &str, text: &str) -> Highlighted {
    let text = code::visible(text.as_bytes());
    let syntax = (text.len() <= HIGHLIGHT_BYTES_MAX).then(|| syntax_of(name, &text)).flatten();
    let Some(syntax) = syntax else { return Highlighted { lines: plain(&text), language: None } };
    Highlighted { lines: colour(syntax, &text), language: Some(syntax.name.clone()) }
}

fn plain(text: &str) -> Vec<String> {
    text.lines().map(plain_line).collect()
}

fn plain_line(line: &str) -> String {
    let mut html = String::with_capacity(line.len() + 8);
    push_escaped(&mut html, line);
    html
}

fn syntax_of(name: &str, text: &str) -> Option<&'static SyntaxReference> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let by_token = |token: &str| SYNTAXES.find_syntax_by_extension(token);
    by_token(name)
        .or_else(|| extension.and_then(by_token))
        .or_else(|| extension.and_then(|extension| by_token(&extension.to_lowercase())))
        .or_else(|| SYNTAXES.find_syntax_by_first_line(text.lines().next().unwrap_or_default()))
        .filter(|syntax| syntax.name != "Plain Text")
}

/// The syntax of a code block by what stands behind its fence.
pub(crate) fn fenced(token: &str, text: &str) -> Option<String> {
    if text.len() > HIGHLIGHT_BYTES_MAX / 8 {
        return None;
    }
    let syntax = SYNTAXES.find_syntax_by_token(token)?;
    Some(colour(syntax, &code::visible(text.as_bytes())).join("\n"))
}

fn colour(syntax: &SyntaxReference, text: &str) -> Vec<String> {
    let until = Instant::now() + HIGHLIGHT_TIME_MAX;
    let (mut state, mut stack) = (ParseState::new(syntax), ScopeStack::new());
    let mut lines = Vec::new();
    let mut rest = text.split_inclusive('\n');
    for line in rest.by_ref() {
        let given_up = line.len() > LINE_BYTES_MAX || (lines.len() % 32 == 31 && Instant::now() > until);
        let parsed = if given_up { None } else { state.parse_line(line, &SYNTAXES).ok() };
        let Some(operations) = parsed else {
            lines.push(plain_line(line.trim_end_matches(['\n', '\r'])));
            break;
        };
        lines.push(coloured_line(line, &operations, &mut stack));
    }
    lines.extend(rest.map(|line| plain_line(line.trim_end_matches(['\n', '\r']))));
    lines
}

fn coloured_line(line: &str, operations: &[(usize, syntect::parsing::ScopeStackOp)], stack: &mut ScopeStack) -> String {
    let (mut html, mut open) = (String::with_capacity(line.len() * 2), None);
    let mut add = |text: &str, class: Option<&'static str>, html: &mut String| {
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return;
        }
        if open != class {
            html.push_str(if open.is_some() { "</span>" } else { "" });
            if let Some(class) = class {
                html.push_str("<span class=\"");
                html.push_str(class);
                html.push_str("\">");
            }
            open = class;
        }
        push_escaped(html, text);
    };
    let mut at = 0;
    for (position, operation) in operations {
        add(&line[at..*position], class_of(stack), &mut html);
        at = *position;
        // A grammar that pops more than there is shows its text plainly.
        if stack.apply(operation).is_err() {
            stack.scopes.clear();
        }
    }
    add(&line[at..], class_of(stack), &mut html);
    if open.is_some() {
        html.push_str("</span>");
    }
    html
}

fn class_of(stack: &ScopeStack) -> Option<&'static str> {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| CLASSES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser would show of it.
    fn shown(html: &str) -> String {
        let mut text = String::new();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            text.push_str(&rest[..at]);
            rest = &rest[at + rest[at..].find('>').unwrap() + 1..];
        }
        text.push_str(rest);
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn rust_is_highlighted_line_by_line() {
        let text = "// <script>\nfn main() { let s = \"a\n  b\"; }\n";
        let found = highlight("src/main.rs", text);
        assert_eq!(found.language.as_deref(), Some("Rust"));
        assert_eq!(found.lines.len(), 3);
        assert_eq!(found.lines[0], "<span class=\"hc\">// &lt;script&gt;</span>");
        for (line, html) in text.lines().zip(&found.lines) {
            assert_eq!(shown(html), line);
            assert_eq!(html.matches("<span").count(), html.matches("</span>").count(), "{html}");
        }
    }

    #[test]
    fn what_is_unknown_long_or_hostile_is_plain_and_whole() {
        assert_eq!(highlight("a.unknown", "<b>\n").lines, ["&lt;b&gt;"]);
        let long = format!("let a = 1;\n{}\nlet b = 2;\n", "x".repeat(LINE_BYTES_MAX + 1));
        let found = highlight("a.rs", &long);
        assert_eq!(found.lines.len(), 3);
        assert_eq!(found.lines[2], "let b = 2;");
        let odd = highlight("a.html", "</span><script>alert(1)</script>\u{202e}\x1b[31m\r\n");
        assert!(!odd.lines[0].contains("<script") && odd.lines[0].contains("[U+202E]"), "{:?}", odd.lines);
    }

    #[test]
    fn a_shebang_says_what_a_file_is() {
        assert_eq!(highlight("run", "#!/usr/bin/env python3\nprint(1)\n").language.as_deref(), Some("Python"));
        assert_eq!(highlight("Makefile", "all:\n\techo\n").language.as_deref(), Some("Makefile"));
    }
}
