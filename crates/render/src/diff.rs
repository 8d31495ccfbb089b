//! Lines of a difference as safe HTML, with the words that changed marked.

use crate::highlight::highlight;
use code::{FileDiff, Line, LineKind};

/// A difference's highlighted lines, a list for each hunk.
///
/// Each side of a hunk is highlighted by itself: what is before it in the file is not known, so a hunk that begins within
/// a comment is coloured as code, as everywhere.
#[must_use]
pub fn diff_lines(file: &FileDiff) -> Vec<Vec<String>> {
    let name = code::visible(file.change.path.name().unwrap_or_default());
    file.hunks.iter().map(|hunk| hunk_lines(&name, &hunk.lines)).collect()
}

fn hunk_lines(name: &str, lines: &[Line]) -> Vec<String> {
    let side = |gone: LineKind| {
        let text: String = lines.iter().filter(|line| line.kind != gone).map(|line| text_of(line) + "\n").collect();
        highlight(name, &text).lines
    };
    let (mut old, mut new) = (side(LineKind::Added).into_iter(), side(LineKind::Removed).into_iter());
    let mut html = Vec::with_capacity(lines.len());
    for line in lines {
        let (before, after) = match line.kind {
            LineKind::Added => (None, new.next()),
            LineKind::Removed => (old.next(), None),
            LineKind::Context => (old.next(), new.next()),
        };
        let coloured = after.or(before).unwrap_or_else(|| crate::escape(&text_of(line)));
        html.push(if line.words.is_empty() { coloured } else { marked(&coloured, line) });
    }
    html
}

/// A line's text on one line, whatever is in it.
fn text_of(line: &Line) -> String {
    code::visible(&line.text).replace(['\n', '\r'], " ")
}

/// Puts `<mark>` around the words that changed, within whatever spans there are. Offsets are of the line's own bytes; where making
/// text visible changed those, the line is marked as far as it is known to fit.
fn marked(html: &str, line: &Line) -> String {
    if code::visible(&line.text).as_bytes() != line.text.as_slice() {
        return html.to_owned();
    }
    let text = String::from_utf8_lossy(&line.text);
    let inside = |at: usize| line.words.iter().any(|(from, to)| (*from as usize..*to as usize).contains(&at));
    let (mut out, mut rest, mut at, mut open) = (String::with_capacity(html.len() + 32), html, 0, false);
    while !rest.is_empty() {
        if rest.starts_with('<') {
            let end = rest.find('>').map_or(rest.len(), |end| end + 1);
            out.push_str(if std::mem::take(&mut open) { "</mark>" } else { "" });
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let wanted = inside(at);
        if wanted != open {
            out.push_str(if wanted { "<mark>" } else { "</mark>" });
            open = wanted;
        }
        let shown = if rest.starts_with('&') { rest.find(';').map_or(1, |end| end + 1) } else { first_char(rest) };
        out.push_str(&rest[..shown]);
        rest = &rest[shown..];
        at += text.get(at..).map_or(1, |text| first_char(text).max(1));
    }
    out.push_str(if open { "</mark>" } else { "" });
    out
}

fn first_char(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// The lines of a file for showing: highlighted, by its name.
#[must_use]
pub fn file_lines(name: &str, content: &[u8]) -> crate::Highlighted {
    highlight(name, &String::from_utf8_lossy(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: LineKind, text: &str, words: &[(u32, u32)]) -> Line {
        let (old, new) = (Some(1), Some(1));
        Line { kind, old, new, text: text.into(), words: words.to_vec(), no_newline: false }
    }

    #[test]
    fn words_are_marked_within_spans() {
        let lines = [
            line(LineKind::Removed, "let a = \"é<\"; // x", &[(4, 5), (9, 12)]),
            line(LineKind::Added, "let b = 1;", &[(4, 5)]),
        ];
        let html = hunk_lines("a.rs", &lines);
        assert!(html[0].contains("<mark>a</mark>") && html[0].contains("<mark>é&lt;</mark>"), "{}", html[0]);
        assert!(html[1].contains("<mark>b</mark>"), "{}", html[1]);
        for html in html {
            assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
            assert_eq!(html.matches("<span").count(), html.matches("</span>").count());
        }
    }

    #[test]
    fn any_bytes_are_shown_on_their_own_line() {
        let lines = [
            line(LineKind::Context, "a\r", &[]),
            line(LineKind::Added, "<script>\u{202e}", &[(0, 3)]),
            Line { text: vec![0xff, b'<', 0], ..line(LineKind::Added, "", &[(0, 2)]) },
        ];
        let html = hunk_lines("a.txt", &lines);
        assert_eq!(html.len(), 3);
        assert!(html.iter().all(|html| !html.contains("<script") && !html.contains('\r')), "{html:?}");
    }
}
