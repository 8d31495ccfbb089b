//! reStructuredText.

use super::{LINE_BYTES_MAX, Out, code_span, link, literal};
use std::collections::BTreeMap;

/// What a heading is underlined with: the line, and whether there is one above too.
type Style = (char, bool);

/// reStructuredText as Markdown.
pub(crate) fn rst(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut rewriter = Rewriter { targets: targets(&lines), styles: Vec::new(), out: Out::default() };
    let mut at = 0;
    while at < lines.len() {
        at += rewriter.step(&lines, at);
    }
    rewriter.out.text
}

struct Rewriter {
    targets: BTreeMap<String, String>,
    /// In the order in which they came: that is their rank.
    styles: Vec<Style>,
    out: Out,
}

/// `.. _name: address`
fn targets(lines: &[&str]) -> BTreeMap<String, String> {
    let of = |line: &&str| {
        let (name, address) = line.trim_start().strip_prefix(".. _")?.rsplit_once(": ")?;
        Some((name.trim_matches('`').to_lowercase(), address.trim().to_owned()))
    };
    lines.iter().filter_map(of).collect()
}

/// The mark of a line that is nothing but one, four times at least or as long as its title.
fn ruler(line: &str) -> Option<char> {
    let mark = line.chars().next().filter(|c| c.is_ascii_punctuation())?;
    (line.len() >= 3 && line.chars().all(|c| c == mark)).then_some(mark)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The lines from `at` on that are indented more than `than`, without that indentation and without empty ones at the ends; and how many
/// lines that was.
fn block<'a>(lines: &[&'a str], at: usize, than: usize) -> (Vec<&'a str>, usize) {
    let all = lines[at.min(lines.len())..].iter().take_while(|line| line.is_empty() || indent(line) > than);
    let all: Vec<&str> = all.copied().collect();
    let depth = all.iter().filter(|line| !line.is_empty()).map(|line| indent(line)).min().unwrap_or(0);
    let cut: Vec<_> = all.iter().map(|line| line.get(depth..).unwrap_or_default()).collect();
    let first = cut.iter().position(|line| !line.is_empty()).unwrap_or(cut.len());
    let last = cut.iter().rposition(|line| !line.is_empty()).map_or(first, |at| at + 1);
    (cut[first..last.max(first)].to_vec(), all.len())
}

impl Rewriter {
    /// Rewrites what begins at a line; how many lines that was.
    fn step(&mut self, lines: &[&str], at: usize) -> usize {
        let line = lines[at];
        let next = lines.get(at + 1).copied().unwrap_or_default();
        let fits = |mark: &str, title: &str| {
            ruler(mark).filter(|_| !title.is_empty() && mark.len() + 2 > title.chars().count())
        };
        if let (Some(mark), Some(below)) = (fits(line, next), lines.get(at + 2))
            && ruler(below) == Some(mark)
        {
            return self.heading((mark, true), next, 3);
        }
        if let Some(mark) = fits(next, line).filter(|_| ruler(line).is_none() && indent(line) == 0) {
            return self.heading((mark, false), line, 2);
        }
        if let Some(directive) = line.trim_start().strip_prefix(".. ") {
            let (inside, count) = block(lines, at + 1, indent(line));
            self.directive(directive, &inside);
            return 1 + count;
        }
        if line.trim_start() == ".." {
            return 1 + block(lines, at + 1, indent(line)).1;
        }
        if line.starts_with("+--") || (line.starts_with("==") && line.contains(' ')) {
            return self.drawn_table(lines, at);
        }
        if let Some(words) = line.strip_suffix("::") {
            let (inside, count) = block(lines, at + 1, indent(line));
            if !inside.is_empty() {
                if !words.trim().is_empty() {
                    let text = format!("{words}:");
                    self.text(&text);
                }
                self.out.code("", inside);
                return 1 + count;
            }
        }
        if ruler(line).is_some_and(|mark| mark != '.') && line.len() >= 4 {
            self.out.line("\n---\n");
        } else {
            self.text(line);
        }
        1
    }

    fn heading(&mut self, style: Style, title: &str, lines: usize) -> usize {
        let rank = self.styles.iter().position(|known| *known == style).unwrap_or_else(|| {
            self.styles.push(style);
            self.styles.len() - 1
        });
        let title = self.inline(title);
        self.out.heading(rank + 1, &title);
        lines
    }

    /// `name:: argument` with what is indented below it.
    fn directive(&mut self, directive: &str, inside: &[&str]) {
        let Some((name, argument)) = directive.split_once("::") else { return };
        let argument = argument.trim();
        let is_option = |line: &&&str| line.starts_with(':') && line[1..].contains(':');
        let options = inside.iter().take_while(is_option).count();
        let body: Vec<&str> = inside[options..].iter().copied().skip_while(|line| line.is_empty()).collect();
        let option = |name: &str| {
            let found = inside[..options].iter().find_map(|line| line.strip_prefix(name));
            found.map(str::trim).unwrap_or_default()
        };
        match name {
            "code" | "code-block" | "sourcecode" | "literalinclude" | "parsed-literal" => self.out.code(argument, body),
            "image" | "figure" => {
                let alt = option(":alt:");
                let image = link(if alt.is_empty() { argument } else { alt }, argument);
                self.out.line(&format!("\n!{image}\n"));
                body.iter().for_each(|line| self.text(line));
            }
            "note" | "tip" | "hint" | "important" | "warning" | "caution" | "danger" | "attention" => {
                let title = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
                self.out.line(&format!("\n> **{title}** {}", self.inline(argument)));
                for line in body {
                    let quoted = format!("> {}", self.inline(line));
                    self.out.line(&quoted);
                }
                self.out.line("");
            }
            // A table of contents, a setting, something this can't do: what it would show is not text.
            _ => {}
        }
    }

    /// A table that is drawn with characters stays as it is drawn.
    fn drawn_table(&mut self, lines: &[&str], at: usize) -> usize {
        let count = lines[at..].iter().take_while(|line| !line.is_empty()).count();
        self.out.code("", lines[at..at + count].iter().copied());
        count
    }

    fn text(&mut self, line: &str) {
        let (space, rest) = line.split_at(indent(line));
        let field =
            rest.strip_prefix(':').and_then(|rest| rest.split_once(": ")).filter(|(name, _)| !name.contains('`'));
        let rewritten = match (field, rest.strip_prefix("#. ")) {
            (Some((name, value)), _) => format!("**{name}**: {}  ", self.inline(value)),
            (None, Some(item)) => format!("1. {}", self.inline(item)),
            (None, None) => self.inline(rest),
        };
        // What is indented is a quotation there, and would be code here.
        let space = &space[..space.len().min(3)];
        self.out.line(&format!("{space}{rewritten}"));
    }

    /// ``code``, `text <address>`_, `text`_, :role:`text`; stars mean the same.
    fn inline(&self, text: &str) -> String {
        if text.len() > LINE_BYTES_MAX {
            return literal(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('`') {
            if let Some((code, after)) = tail.strip_prefix('`').and_then(|tail| tail.split_once("``")) {
                out.push_str(&literal(head));
                out.push_str(&code_span(code));
                rest = after;
                continue;
            }
            let Some((inside, after)) = tail.split_once('`').filter(|(inside, _)| !inside.is_empty()) else { break };
            let role = head.rfind(':').filter(|_| head.ends_with(':')).and_then(|end| head[..end].rfind(':'));
            if let Some(role) = role.filter(|at| !head[*at..].contains(' ')) {
                out.push_str(&literal(&head[..role]));
                out.push_str(&code_span(inside));
                rest = after;
                continue;
            }
            out.push_str(&literal(head));
            let named = after.starts_with('_');
            let (words, address) = match inside.rsplit_once('<').filter(|_| inside.ends_with('>')) {
                Some((words, address)) => (words.trim(), Some(address.trim_end_matches('>').to_owned())),
                None => (inside, self.targets.get(&inside.to_lowercase()).cloned()),
            };
            match address.filter(|_| named) {
                Some(address) => out.push_str(&link(words, &address)),
                None if named => out.push_str(&literal(words)),
                None => out.push_str(&code_span(inside)),
            }
            rest = after.trim_start_matches('_');
        }
        out.push_str(&literal(rest));
        out
    }
}
