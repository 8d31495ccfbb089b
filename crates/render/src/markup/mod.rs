//! Other markup than Markdown: reStructuredText, AsciiDoc and Org are rewritten as Markdown, line by line, and go its way from there, so
//! that what they may become is decided in one place. What a rewriter does not know stays as text: a README must be readable, not typeset.

mod adoc;
mod org;
mod rst;

pub(crate) use adoc::adoc;
pub(crate) use org::org;
pub(crate) use rst::rst;

/// Markdown in the making.
#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, level: usize, title: &str) {
        let marks = "#".repeat(level.clamp(1, 6));
        self.line("");
        self.line(&format!("{marks} {}", title.trim()));
        self.line("");
    }

    /// A block of code as it stands; the fence is longer than any in it.
    fn code<'a>(&mut self, language: &str, lines: impl IntoIterator<Item = &'a str>) {
        let lines: Vec<_> = lines.into_iter().collect();
        let longest = lines.iter().map(|line| run_of(line.trim_start(), '`')).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let language: String = language.chars().filter(|c| c.is_ascii_alphanumeric() || "+-#_".contains(*c)).collect();
        self.line("");
        self.line(&format!("{fence}{language}"));
        lines.iter().for_each(|line| self.line(line));
        self.line(&fence);
        self.line("");
    }

    fn table(&mut self, rows: &[Vec<String>]) {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        self.line("");
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().map(|cell| cell.trim().replace('|', "\\|")).collect();
            self.line(&format!("| {} |", cells.join(" | ")));
            if index == 0 {
                self.line(&format!("|{}", "---|".repeat(width)));
            }
        }
        self.line("");
    }
}

/// How many of this character a line begins with.
fn run_of(line: &str, mark: char) -> usize {
    line.chars().take_while(|c| *c == mark).count()
}

/// A longer line is text and nothing else: looking for what closes a mark takes the square of its length.
const LINE_BYTES_MAX: usize = 2_000;

/// Text whose `<` begins no HTML.
fn literal(text: &str) -> String {
    text.replace('<', "\\<")
}

/// A link of Markdown, when its address can be one.
fn link(text: &str, url: &str) -> String {
    let text = text.replace(['[', ']'], "");
    if url.is_empty() || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return text;
    }
    let url = url.replace('<', "%3C").replace('>', "%3E");
    format!("[{text}](<{url}>)")
}

/// Rewrites `MARKtextMARK` (at the edges of words, on one line) as `OPENtextOPEN`.
fn emphasis(text: &str, mark: char, open: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(at) = rest.find(mark) {
        let (head, tail) = (&rest[..at], &rest[at + mark.len_utf8()..]);
        before = head.chars().next_back().unwrap_or(before);
        out.push_str(head);
        let opens =
            !before.is_alphanumeric() && before != mark && tail.starts_with(|c: char| !c.is_whitespace() && c != mark);
        let end = opens.then(|| closing(tail, mark)).flatten();
        if let Some(end) = end {
            out.push_str(open);
            out.push_str(&tail[..end]);
            out.push_str(open);
            rest = &tail[end + mark.len_utf8()..];
        } else {
            out.push(mark);
            rest = tail;
        }
        before = mark;
    }
    out.push_str(rest);
    out
}

/// Where the mark stands that closes what begins here.
fn closing(text: &str, mark: char) -> Option<usize> {
    let fits = |at: usize| {
        let before = text[..at].chars().next_back().is_some_and(|c| !c.is_whitespace());
        let after = text[at + mark.len_utf8()..].chars().next().is_none_or(|c| !c.is_alphanumeric() && c != mark);
        before && after
    };
    text.match_indices(mark).map(|(at, _)| at).find(|at| fits(*at))
}

/// Applies a rewriting to what is outside spans of code, which begin and end with this mark and come out with backquotes.
fn outside_code(text: &str, mark: &str, rewrite: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(mark) {
        let Some((code, after)) = tail.split_once(mark).filter(|(code, _)| !code.is_empty()) else { break };
        out.push_str(&rewrite(head));
        out.push_str(&code_span(code));
        rest = after;
    }
    out.push_str(&rewrite(rest));
    out
}

fn code_span(code: &str) -> String {
    if code.contains('`') { format!("`` {code} ``") } else { format!("`{code}`") }
}

#[cfg(test)]
mod tests;
