use super::*;
use crate::text::testing::{balanced, shown};
use proptest::prelude::*;

#[test]
fn rust_is_highlighted_line_by_line() {
    let text = "// <script>\nfn main() { let s = \"a\n  b\"; }\n";
    let found = highlight("src/main.rs", text);
    assert_eq!(found.language.as_deref(), Some("Rust"));
    assert_eq!(found.lines.len(), 2 + 1);
    assert_eq!(found.lines[0], "<span class=\"hc\">// &lt;script&gt;</span>");
    assert_eq!(found.lines[2].find("<span class=\"hs\">"), Some(0), "{}", found.lines[2]);
    for (line, html) in text.lines().zip(&found.lines) {
        assert_eq!(shown(html), line);
        assert!(balanced(html), "{html}");
    }
}

#[test]
fn code_within_a_string_is_code() {
    let html = &highlight("a.js", "const a = `b ${c(1)} d`;\n").lines[0];
    assert!(html.contains("<span class=\"hn\">1</span>") && html.contains("<span class=\"hf\">c</span>"), "{html}");
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
    assert!(shown(&odd.lines[0]).ends_with("[U+001B][31m"));
}

#[test]
fn lines_are_counted_as_git_does() {
    for (text, count) in [("", 0), ("a", 1), ("a\n", 1), ("\n", 1), ("a\n\n", 2), ("a\r\nb", 2)] {
        assert_eq!(highlight("a.rs", text).lines.len(), count, "{text:?}");
    }
    assert_eq!(highlight("a.txt", "a\r\nb\rc").lines, ["a", "b[U+000D]c"]);
}

#[test]
fn time_ends_it_and_nothing_is_lost() {
    let text = "let a = \"b\"; // c\n".repeat(50);
    let deadline = Deadline(Instant::now());
    let (lines, whole) = coloured(syntax_of("a.rs", ""), &text, deadline, Effort::Whole);
    assert!(whole, "it is never more");
    assert!(!coloured(syntax_of("a.rs", ""), &text, deadline, Effort::First).1, "later there is more time");
    assert_eq!(lines, vec!["let a = &quot;b&quot;; // c"; 50]);
}

#[test]
fn a_first_look_has_colours_at_the_beginning() {
    let of = |lines: usize, effort| file_lines("a.rs", "fn a() {} // b\n".repeat(lines).as_bytes(), effort);
    let (first, whole) = (of(FIRST_LINES_MAX + 1, Effort::First), of(FIRST_LINES_MAX + 1, Effort::Whole));
    assert_eq!(first.lines[..FIRST_LINES_MAX], whole.lines[..FIRST_LINES_MAX]);
    assert_eq!(first.lines[FIRST_LINES_MAX], "fn a() {} // b");
    assert!(!first.whole && whole.whole && of(FIRST_LINES_MAX, Effort::First).whole);
    let plain = file_lines("a.txt", "a\n".repeat(FIRST_LINES_MAX + 1).as_bytes(), Effort::First);
    assert!(plain.whole, "no grammar would do more");
}

#[test]
fn every_grammar_takes_anything() {
    let text = "<a href=\"b\">{{ c }} $d `e` 'f' /* g */ // h # i -- j\n\\k{l}[m](n) %o @p :q => 0x1f 1.5e3\n\t- r: |\n  s\n\n<?php end ?>\n";
    for syntax in SYNTAXES.syntaxes() {
        let lines = coloured(Some(syntax), text, Deadline::new(), Effort::Whole).0;
        for (line, html) in text.lines().zip(&lines) {
            assert_eq!(shown(html), line, "{}", syntax.name);
            assert!(balanced(html), "{}: {html}", syntax.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_shown_is_what_came_in(
        text in "([a-z(){}<>&\"'/*#\\\\ =.;`$\\[\\]!-]|\n|\t|\\PC|\u{202e}|\u{0}){0,120}",
        extension in prop::sample::select(vec!["rs", "js", "html", "py", "md", "sh", "c", "yaml", "php", "tex", "txt"]),
    ) {
        let found = highlight(&format!("a.{extension}"), &text);
        let expected: Vec<String> = text
            .split_inclusive('\n')
            .map(|line| line.strip_suffix('\n').unwrap_or(line))
            .map(|line| code::visible(line.strip_suffix('\r').unwrap_or(line).as_bytes()))
            .collect();
        prop_assert_eq!(found.lines.iter().map(|html| shown(html)).collect::<Vec<_>>(), expected);
        prop_assert!(found.lines.iter().all(|html| balanced(html)));
    }

    #[test]
    fn spans_and_marks_never_change_the_text(
        line in "\\PC{0,40}",
        places in prop::collection::vec((0usize..60, prop::option::of(prop::sample::select(crate::scopes::ALL.to_vec()))), 0..8),
        marks in prop::collection::vec((0usize..60, 0usize..60), 0..5),
    ) {
        let mut html = String::new();
        push_spans(&mut html, &line, &places, &marks);
        prop_assert_eq!(shown(&html), code::visible(line.as_bytes()));
        prop_assert!(balanced(&html), "{}", html);
    }
}
