//! Highlighting of code: classes, no colours; each line by itself, with its tags closed.
//!
//! Spans never nest: text has one class or none. What a grammar makes of a line is a list of places; what is written of
//! it has the same characters, whatever the places are.

use crate::language::{SYNTAXES, syntax_of, syntax_of_token};
use crate::scopes::{Class, Scopes};
use crate::text::{push_escaped, push_visible};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use syntect::parsing::{ParseState, SyntaxReference};

/// Longer text is shown plainly.
pub const HIGHLIGHT_BYTES_MAX: usize = 1 << 20;
/// A longer line is shown plainly, and what is after it too: it is no code that somebody wrote.
pub const LINE_BYTES_MAX: usize = 5_000;
/// What takes longer is shown plainly from there on: while somebody waits.
pub const HIGHLIGHT_TIME_MAX: Duration = Duration::from_millis(400);
/// The same for what is made while they look at the page already.
pub const HIGHLIGHT_WHOLE_TIME_MAX: Duration = Duration::from_secs(3);
/// Lines that are highlighted while somebody waits for the first look; more than a screen shows.
pub const FIRST_LINES_MAX: usize = 50;

/// How much of something is highlighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// What a first look shows: [`FIRST_LINES_MAX`].
    First,
    /// All of it.
    Whole,
}

impl Effort {
    /// The most lines.
    #[must_use]
    pub fn lines_max(self) -> usize {
        match self {
            Self::First => FIRST_LINES_MAX,
            Self::Whole => usize::MAX,
        }
    }
}

/// Loads what highlighting needs, off anybody's way: the grammars, and the patterns of some that are seen everywhere.
pub fn warm() {
    for (name, text) in [
        ("a.rs", "//! a\n#[a]\npub fn main() -> u8 { let a = \"b\\n\"; println!(\"{a}\", 1.0); }\n"),
        ("a.md", "# a\n\n*a* `b` [c](d)\n\n```sh\na\n```\n"),
        ("a.toml", "[a]\nb = \"c\" # d\n"),
        ("a.sh", "#!/bin/sh\na=\"$b\"; if [ -n \"$a\" ]; then echo 1; fi # c\n"),
    ] {
        let _ = highlight(name, text);
    }
}

/// Highlighted text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Highlighted {
    /// Safe HTML, a string for each line, without what ends it (a line feed, with a carriage return or without).
    pub lines: Vec<String>,
    /// What it was taken for; None: plain text.
    pub language: Option<String>,
    /// It was highlighted to its end, or as far as it ever is: otherwise it looks better with [`Effort::Whole`].
    pub whole: bool,
}

/// The lines of a file for showing: highlighted, by its name. What is not UTF-8 is replaced.
#[must_use]
pub fn file_lines(name: &str, content: &[u8], effort: Effort) -> Highlighted {
    by_name(name, &String::from_utf8_lossy(content), effort)
}

/// Highlights a file by its name, or by its first line.
#[must_use]
pub fn highlight(name: &str, text: &str) -> Highlighted {
    by_name(name, text, Effort::Whole)
}

fn by_name(name: &str, text: &str, effort: Effort) -> Highlighted {
    let syntax = syntax_of(name, text);
    let language = syntax.map(|syntax| syntax.name.clone());
    let (lines, whole) = coloured(syntax, text, Deadline::of(effort), effort);
    Highlighted { lines, language, whole }
}

/// A code block by what stands behind its fence, its lines joined. None: not known, so plain.
pub(crate) fn fenced(token: &str, text: &str, deadline: Deadline) -> Option<String> {
    let syntax = syntax_of_token(token)?;
    Some(coloured(Some(syntax), text, deadline, Effort::Whole).0.join("\n"))
}

/// When work on one page must be over.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// From now, for a first look.
    pub(crate) fn new() -> Self {
        Self(Instant::now() + HIGHLIGHT_TIME_MAX)
    }

    /// From now, for so much.
    pub(crate) fn of(effort: Effort) -> Self {
        match effort {
            Effort::First => Self::new(),
            Effort::Whole => Self(Instant::now() + HIGHLIGHT_WHOLE_TIME_MAX),
        }
    }

    /// Whether it is past.
    fn past(self) -> bool {
        Instant::now() > self.0
    }
}

/// The lines, and whether more effort would not have changed them.
fn coloured(
    syntax: Option<&'static SyntaxReference>,
    text: &str,
    deadline: Deadline,
    effort: Effort,
) -> (Vec<String>, bool) {
    let syntax = syntax.filter(|_| text.len() <= HIGHLIGHT_BYTES_MAX);
    let mut highlighter = Highlighter::new(syntax, deadline);
    let mut with_feed = String::new();
    let mut lines = Vec::with_capacity(text.len() / 32 + 1);
    let mut whole = true;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if at == effort.lines_max() {
            whole = highlighter.state.take().is_none();
        }
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let spans = highlighter.spans(line, &mut with_feed);
        let mut html = String::with_capacity(line.len() + spans.len() * 24 + 8);
        push_spans(&mut html, line, &spans, &[]);
        lines.push(html);
    }
    // Later there is more time.
    (lines, whole && !(highlighter.out_of_time && effort == Effort::First))
}

/// From its place on, up to the next one's, text has this class.
pub(crate) type Spans = Vec<(usize, Class)>;

/// A grammar on its way through a text.
#[derive(Clone)]
pub(crate) struct Highlighter {
    /// None: there is no grammar, or it was given up.
    state: Option<ParseState>,
    scopes: Scopes,
    deadline: Deadline,
    /// It was given up because the deadline was past.
    out_of_time: bool,
}

impl Highlighter {
    pub(crate) fn new(syntax: Option<&SyntaxReference>, deadline: Deadline) -> Self {
        Self { state: syntax.map(ParseState::new), scopes: Scopes::default(), deadline, out_of_time: false }
    }

    /// The next line's spans; `line` has no line feed, and `buffer` is anything. None of them: plain.
    pub(crate) fn spans(&mut self, line: &str, buffer: &mut String) -> Spans {
        let Some(state) = &mut self.state else { return Spans::new() };
        self.out_of_time = self.deadline.past();
        if line.len() > LINE_BYTES_MAX || self.out_of_time {
            self.state = None;
            return Spans::new();
        }
        buffer.clear();
        buffer.push_str(line);
        buffer.push('\n');
        // A grammar's pattern that doesn't compile panics when it is first used; the page is shown all the same.
        let parsed = catch_unwind(AssertUnwindSafe(|| state.parse_line(buffer, &SYNTAXES)));
        let Ok(Ok(operations)) = parsed else {
            self.state = None;
            return Spans::new();
        };
        let mut spans = Spans::with_capacity(operations.len() / 2 + 1);
        push_span(&mut spans, 0, self.scopes.class());
        for (at, operation) in &operations {
            self.scopes.apply(operation);
            push_span(&mut spans, *at, self.scopes.class());
        }
        spans
    }
}

fn push_span(spans: &mut Spans, at: usize, class: Class) {
    if let Some(last) = spans.last_mut() {
        if last.0 == at {
            last.1 = class;
            return;
        }
        if last.1 == class {
            return;
        }
    }
    spans.push((at, class));
}

/// Appends a line, its spans and its marks. Offsets that are no boundary of a character, out of order or beyond the line
/// change nothing about the text.
pub(crate) fn push_spans(html: &mut String, line: &str, spans: &Spans, marks: &[(usize, usize)]) {
    let (mut at, mut next_span, mut next_mark) = (0, 0, 0);
    let (mut class, mut open_class, mut marked) = (None, None, false);
    while at < line.len() {
        while let Some((start, new)) = spans.get(next_span).filter(|(start, _)| *start <= at) {
            let _ = start;
            class = *new;
            next_span += 1;
        }
        while marks.get(next_mark).is_some_and(|(_, end)| *end <= at) {
            next_mark += 1;
        }
        let mark = marks.get(next_mark);
        let inside = mark.is_some_and(|(start, _)| *start <= at);
        let mark_change = mark.map_or(line.len(), |(start, end)| if inside { *end } else { *start });
        let span_change = spans.get(next_span).map_or(line.len(), |(start, _)| *start);
        let mut end = mark_change.min(span_change).min(line.len()).max(at + 1);
        while !line.is_char_boundary(end) {
            end += 1;
        }
        let piece = &line[at..end];
        let wanted = class.filter(|_| !piece.bytes().all(|b| b == b' ' || b == b'\t') || class == open_class);
        if inside != marked {
            close(html, &mut open_class);
            html.push_str(if inside { "<mark>" } else { "</mark>" });
            marked = inside;
        }
        if wanted != open_class {
            close(html, &mut open_class);
            if let Some(name) = wanted {
                html.push_str("<span class=\"");
                push_escaped(html, name);
                html.push_str("\">");
            }
            open_class = wanted;
        }
        push_visible(html, piece);
        at = end;
    }
    close(html, &mut open_class);
    html.push_str(if marked { "</mark>" } else { "" });
}

fn close(html: &mut String, open_class: &mut Class) {
    if open_class.take().is_some() {
        html.push_str("</span>");
    }
}

#[cfg(test)]
mod tests;
