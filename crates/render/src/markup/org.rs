//! Org.

use super::{LINE_BYTES_MAX, Out, emphasis, link, literal, outside_code, run_of};

/// Org as Markdown.
pub(crate) fn org(text: &str) -> String {
    let mut out = Out::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        let lower = trimmed.to_ascii_lowercase();
        if let Some(block) = lower.strip_prefix("#+begin_") {
            let kind = block.split_whitespace().next().unwrap_or_default().to_owned();
            let end = format!("#+end_{kind}");
            let inside: Vec<_> =
                lines.by_ref().take_while(|line| !line.trim_start().to_ascii_lowercase().starts_with(&end)).collect();
            match kind.as_str() {
                "comment" => {}
                "quote" | "verse" => inside.iter().for_each(|line| out.line(&format!("> {}", inline(line)))),
                _ => out.code(block.split_whitespace().nth(1).unwrap_or_default(), inside),
            }
        } else if let Some(title) = lower.strip_prefix("#+title:") {
            out.heading(1, &trimmed[trimmed.len() - title.len()..]);
        } else if trimmed == ":PROPERTIES:" {
            lines.by_ref().take_while(|line| line.trim() != ":END:").for_each(drop);
        } else if trimmed.starts_with("#+") || trimmed == "#" || trimmed.starts_with("# ") {
            // A setting, or a comment.
        } else if run_of(line, '*') > 0 && line.trim_start_matches('*').starts_with(' ') {
            out.heading(run_of(line, '*'), &inline(line.trim_start_matches('*')));
        } else if trimmed.starts_with('|') {
            let mut rows = vec![trimmed];
            while let Some(row) = lines.next_if(|line| line.trim_start().starts_with('|')) {
                rows.push(row.trim_start());
            }
            let cells = |row: &&str| row.trim_matches('|').split('|').map(inline).collect::<Vec<_>>();
            let rows: Vec<_> = rows.iter().filter(|row| !row.starts_with("|-")).map(cells).collect();
            out.table(&rows);
        } else {
            out.line(&inline(line));
        }
    }
    out.text
}

fn inline(text: &str) -> String {
    if text.len() > LINE_BYTES_MAX {
        return literal(text);
    }
    outside_code(text, "=", |text| outside_code(text, "~", |text| links(&literal(text))))
}

/// `[[address][text]]` and `[[address]]`; emphasis in what is between them.
fn links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("[[") {
        let Some((inside, after)) = tail.split_once("]]") else { break };
        out.push_str(&marks(head));
        let (address, words) =
            inside.split_once("][").map_or((inside, None), |(address, words)| (address, Some(words)));
        let address = address.strip_prefix("file:").unwrap_or(address);
        out.push_str(&link(words.unwrap_or(address), address));
        rest = after;
    }
    out.push_str(&marks(rest));
    out
}

fn marks(text: &str) -> String {
    let bold = emphasis(text, '*', "**");
    emphasis(&emphasis(&bold, '/', "_"), '+', "~~")
}
