//! AsciiDoc.

use super::{LINE_BYTES_MAX, Out, emphasis, link, literal, outside_code, run_of};

/// AsciiDoc as Markdown.
pub(crate) fn adoc(text: &str) -> String {
    let mut out = Out::default();
    let mut lines = text.lines();
    let mut language = String::new();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_end();
        let fence = ["----", "....", "```"].into_iter().find(|fence| trimmed.starts_with(fence));
        if let Some(fence) = fence.filter(|fence| trimmed.chars().all(|c| fence.starts_with(c)) || *fence == "```") {
            let said = trimmed.trim_start_matches('`').trim();
            let named = if said.is_empty() || fence != "```" { std::mem::take(&mut language) } else { said.to_owned() };
            let end = if fence == "```" { "```" } else { trimmed };
            let inside: Vec<_> = lines.by_ref().take_while(|line| line.trim_end() != end).collect();
            out.code(&named, inside);
        } else if trimmed == "|===" {
            let inside: Vec<_> = lines.by_ref().take_while(|line| line.trim_end() != "|===").collect();
            table(&mut out, &inside);
        } else if trimmed == "____" {
            let inside = lines.by_ref().take_while(|line| line.trim_end() != "____");
            inside.for_each(|line| out.line(&format!("> {}", inline(line))));
        } else if trimmed == "////" {
            lines.by_ref().take_while(|line| line.trim_end() != "////").for_each(drop);
        } else if let Some(attributes) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let mut words = attributes.split(',').map(str::trim);
            let is_source = words.next().is_some_and(|word| word.starts_with("source") || word.is_empty());
            language = if is_source { words.next().unwrap_or_default().to_owned() } else { String::new() };
        } else {
            one_line(&mut out, trimmed);
        }
    }
    out.text
}

fn one_line(out: &mut Out, line: &str) {
    let after = |mark: char| line.trim_start_matches(mark).strip_prefix(' ');
    let is_setting = line.starts_with(':') && line[1..].contains(':') && !line.contains("::");
    if line.starts_with("//") || is_setting || ["toc::[]", "<<<", "===="].contains(&line) {
        return;
    }
    for mark in ['=', '#'] {
        if let Some(title) = after(mark).filter(|_| run_of(line, mark) > 0) {
            return out.heading(run_of(line, mark), &inline(title));
        }
    }
    if let Some(item) = after('*').filter(|_| run_of(line, '*') > 0) {
        return out.line(&format!("{}- {}", "  ".repeat(run_of(line, '*') - 1), inline(item)));
    }
    if let Some(item) = after('.').filter(|_| run_of(line, '.') > 0) {
        return out.line(&format!("{}1. {}", "   ".repeat(run_of(line, '.') - 1), inline(item)));
    }
    let kinds = ["NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"];
    let told = line.split_once(": ").filter(|(kind, _)| kinds.contains(kind));
    match (told, line) {
        (Some((kind, text)), _) => {
            out.line(&format!("> **{}{}**: {}", &kind[..1], kind[1..].to_lowercase(), inline(text)));
        }
        (None, "'''") => out.line("\n---\n"),
        (None, "+") => out.line(""),
        (None, _) if line.starts_with('.') && line.len() > 1 && !line.starts_with("..") => {
            out.line(&format!("**{}**\n", inline(&line[1..])));
        }
        (None, _) if line.ends_with(" +") => out.line(&format!("{}  ", inline(line.trim_end_matches(" +")))),
        (None, _) => out.line(&inline(line)),
    }
}

/// The first line says how many cells a row has.
fn table(out: &mut Out, lines: &[&str]) {
    let cells = |line: &&str| line.split('|').skip(1).map(|cell| inline(cell.trim())).collect::<Vec<_>>();
    let rows: Vec<_> = lines.iter().filter(|line| line.contains('|')).map(cells).collect();
    let width = rows.first().map_or(1, Vec::len).max(1);
    let all: Vec<String> = rows.into_iter().flatten().collect();
    let rows: Vec<_> = all.chunks(width).map(<[String]>::to_vec).collect();
    out.table(&rows);
}

fn inline(text: &str) -> String {
    if text.len() > LINE_BYTES_MAX {
        return literal(text);
    }
    outside_code(text, "`", |text| {
        let bold = emphasis(&macros(&literal(text)), '*', "**");
        emphasis(&bold, '#', "")
    })
}

/// `https://...[text]`, `link:path[text]`, `image::path[text]`, `xref:place[text]`.
fn macros(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('[') {
        let Some((inside, after)) = tail.split_once(']') else { break };
        let begins = head.rfind(|c: char| c.is_whitespace() || c == '(').map_or(0, |at| at + 1);
        let (before, target) = head.split_at(begins);
        let words = inside.split(',').next().unwrap_or_default().trim_matches('"').trim_end_matches('^');
        let image = target.strip_prefix("image::").or_else(|| target.strip_prefix("image:"));
        let place = target.strip_prefix("link:").or_else(|| target.strip_prefix("mailto:").map(|_| target));
        let web = ["https://", "http://"].iter().any(|scheme| target.starts_with(scheme)).then_some(target);
        out.push_str(before);
        match (image, place.or(web), target.strip_prefix("xref:")) {
            (Some(path), ..) => out.push_str(&format!("!{}", link(if words.is_empty() { path } else { words }, path))),
            (None, Some(url), _) => out.push_str(&link(if words.is_empty() { url } else { words }, url)),
            (None, None, Some(place)) => out.push_str(if words.is_empty() { place } else { words }),
            (None, None, None) => out.push_str(&format!("{target}[{inside}]")),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
