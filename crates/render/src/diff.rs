//! Lines of a difference as safe HTML, with the words that changed marked.

use crate::highlight::{Deadline, Highlighter, Spans, push_spans};
use crate::language::syntax_of;
use code::{FileDiff, Hunk, Line, LineKind};
use std::borrow::Cow;
use syntect::parsing::SyntaxReference;

/// A difference's highlighted lines, a list for each hunk.
///
/// Each side of a hunk is highlighted by itself: what is before it in the file is not known, so a hunk that begins within
/// a comment is coloured as code, as everywhere. A carriage return at a line's end is shown where not all lines have one:
/// it may be all that changed.
#[must_use]
pub fn diff_lines(file: &FileDiff) -> Vec<Vec<String>> {
    let deadline = Deadline::new();
    let name =
        |path: &code::CodePath| path.name().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let first = first_line(file);
    let syntaxes = [&file.change.old_path, &file.change.path].map(|path| syntax_of(&name(path), &first));
    let returns = file.hunks.iter().flat_map(|hunk| &hunk.lines).all(|line| line.text.ends_with(b"\r"));
    file.hunks.iter().map(|hunk| hunk_lines(hunk, syntaxes, deadline, returns)).collect()
}

/// A line as safe HTML with its words marked, not highlighted.
#[must_use]
pub fn diff_line(line: &Line) -> String {
    marked(line, &line.text, &Spans::new())
}

/// The file's first line, if it is among those shown: it may say what the file is.
fn first_line(file: &FileDiff) -> String {
    let lines = file.hunks.first().map(|hunk| hunk.lines.as_slice()).unwrap_or_default();
    let first = lines.iter().find(|line| line.new == Some(1)).or_else(|| lines.iter().find(|line| line.old == Some(1)));
    first.map(|line| String::from_utf8_lossy(&line.text).into_owned()).unwrap_or_default()
}

fn hunk_lines(
    hunk: &Hunk,
    syntaxes: [Option<&'static SyntaxReference>; 2],
    deadline: Deadline,
    returns: bool,
) -> Vec<String> {
    let [mut old, mut new] = syntaxes.map(|syntax| Highlighter::new(syntax, deadline));
    let mut buffer = String::new();
    let mut html = Vec::with_capacity(hunk.lines.len());
    // Until the sides differ, one of them speaks for both, if both are of one language.
    let same = syntaxes[0].map(|syntax| &syntax.name) == syntaxes[1].map(|syntax| &syntax.name);
    let mut parted = !same;
    for line in &hunk.lines {
        let bytes = if returns { line.text.strip_suffix(b"\r").unwrap_or(&line.text) } else { &line.text };
        let text = on_one_line(bytes);
        if line.kind != LineKind::Context && !parted {
            parted = true;
            old = new.clone();
        }
        let spans = match line.kind {
            LineKind::Removed => old.spans(&text, &mut buffer),
            LineKind::Added => new.spans(&text, &mut buffer),
            LineKind::Context => {
                if parted {
                    old.spans(&text, &mut buffer);
                }
                new.spans(&text, &mut buffer)
            }
        };
        html.push(marked(line, bytes, &spans));
    }
    html
}

/// A line's text on one line, whatever is in it.
fn on_one_line(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains('\n') { Cow::Owned(text.replace('\n', " ")) } else { text }
}

fn marked(line: &Line, bytes: &[u8], spans: &Spans) -> String {
    let text = on_one_line(bytes);
    let mut html = String::with_capacity(text.len() + spans.len() * 24 + 16);
    push_spans(&mut html, &text, spans, &marks(line, bytes));
    html
}

/// The words as places in the text as it is shown: where bytes that are no UTF-8 were replaced, places move.
fn marks(line: &Line, bytes: &[u8]) -> Vec<(usize, usize)> {
    let words =
        line.words.iter().map(|(start, end)| (*start as usize, *end as usize)).filter(|(start, end)| start < end);
    let mut words: Vec<(usize, usize)> = words.collect();
    words.sort_unstable();
    if std::str::from_utf8(bytes).is_ok() {
        return words;
    }
    words.into_iter().map(|(start, end)| (moved(bytes, start), moved(bytes, end))).collect()
}

/// The place in the text with replacements of a place in its bytes.
fn moved(bytes: &[u8], at: usize) -> usize {
    String::from_utf8_lossy(&bytes[..at.min(bytes.len())]).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::{balanced, shown};
    use code::{Change, ChangeKind, CodePath};
    use proptest::prelude::*;

    fn line(kind: LineKind, text: &str, words: &[(u32, u32)]) -> Line {
        Line { kind, old: Some(2), new: Some(2), text: text.into(), words: words.to_vec(), no_newline: false }
    }

    fn file(name: &str, lines: Vec<Line>) -> FileDiff {
        let path: CodePath = name.parse().unwrap();
        let change = Change { kind: ChangeKind::Modified, old_path: path.clone(), path, old: None, new: None };
        let hunk = Hunk { old_start: 1, old_lines: 1, new_start: 1, new_lines: 1, heading: Vec::new(), lines };
        FileDiff { change, binary: false, sizes: (1, 1), added: 1, removed: 1, folded: false, hunks: vec![hunk] }
    }

    #[test]
    fn words_are_marked_within_spans() {
        let lines = vec![
            line(LineKind::Removed, "let a = \"é<\"; // x", &[(4, 5), (9, 12)]),
            line(LineKind::Added, "let b = 1;", &[(4, 5)]),
        ];
        let html = diff_lines(&file("a.rs", lines)).remove(0);
        assert!(html[0].contains("<mark>a</mark>"), "{}", html[0]);
        assert!(html[0].contains("<mark><span class=\"hs\">é&lt;</span></mark>"), "{}", html[0]);
        assert!(html[1].contains("<mark>b</mark>"), "{}", html[1]);
        assert!(html.iter().all(|html| balanced(html)));
        assert_eq!(diff_line(&line(LineKind::Added, "a<b", &[(1, 2)])), "a<mark>&lt;</mark>b");
    }

    #[test]
    fn each_side_is_highlighted_by_itself() {
        let lines = vec![
            line(LineKind::Removed, "/* a", &[]),
            line(LineKind::Added, "let a;", &[]),
            line(LineKind::Context, "let b;", &[]),
            line(LineKind::Removed, "let c;", &[]),
            line(LineKind::Added, "let d;", &[]),
        ];
        let html = diff_lines(&file("a.rs", lines)).remove(0);
        assert!(
            html[2].contains("hk") && html[3] == "<span class=\"hc\">let c;</span>" && html[4].contains("hk"),
            "{html:?}"
        );
    }

    #[test]
    fn a_changed_line_end_is_seen() {
        let both = vec![line(LineKind::Removed, "a\r", &[]), line(LineKind::Added, "b\r", &[])];
        assert_eq!(diff_lines(&file("a.txt", both)), [["a", "b"]]);
        let one = vec![line(LineKind::Removed, "a", &[]), line(LineKind::Added, "a\r", &[])];
        assert_eq!(diff_lines(&file("a.txt", one)), [["a", "a[U+000D]"]]);
    }

    #[test]
    fn any_bytes_are_shown_on_their_own_line() {
        let lines = vec![
            line(LineKind::Added, "<script>\u{202e}", &[(0, 3), (900, 1_000)]),
            Line { text: vec![0xff, b'<', 0, 0xe2, 0x82, b'x'], ..line(LineKind::Added, "", &[(1, 2), (5, 6)]) },
        ];
        let html = diff_lines(&file("a.txt", lines)).remove(0);
        assert_eq!(html[0], "<mark>&lt;sc</mark>ript&gt;[U+202E]");
        assert_eq!(html[1], "\u{FFFD}<mark>&lt;</mark>[U+0000]\u{FFFD}<mark>x</mark>");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_is_shown_is_what_came_in(
            lines in prop::collection::vec(
                (0u8..3, prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec((0u32..50, 0u32..50), 0..4)),
                0..6,
            ),
            name in prop::sample::select(vec!["a.rs", "a.html", "a.md", "a.bin"]),
        ) {
            let kinds = [LineKind::Context, LineKind::Added, LineKind::Removed];
            let lines: Vec<Line> = lines
                .into_iter()
                .map(|(kind, text, words)| Line { text, words, ..line(kinds[kind as usize], "", &[]) })
                .collect();
            let all_return = lines.iter().all(|line| line.text.ends_with(b"\r"));
            let html = diff_lines(&file(name, lines.clone())).remove(0);
            for (line, html) in lines.iter().zip(&html) {
                let text = if all_return { line.text.strip_suffix(b"\r").unwrap() } else { &line.text };
                prop_assert_eq!(shown(html), code::visible(text).replace('\n', " "));
                prop_assert!(balanced(html), "{}", html);
            }
        }
    }
}
