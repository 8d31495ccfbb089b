//! A difference as text that `patch` takes.

use code::{ChangeKind, FileDiff, Line, LineKind};

/// Writes the files' differences one after the other. What has no lines to show is named.
#[must_use]
pub fn unified(files: &[FileDiff]) -> Vec<u8> {
    let mut text = Vec::new();
    for file in files {
        let (old, new) = (file.change.old_path.as_bytes(), file.change.path.as_bytes());
        text.extend_from_slice(&[b"Index: ", new, b"\n"].concat());
        text.extend_from_slice(&[b"=".repeat(67).as_slice(), b"\n"].concat());
        if file.hunks.is_empty() {
            text.extend_from_slice(without_lines(file).as_bytes());
            continue;
        }
        let side = |mark: &[u8], path: &[u8], there: bool| match there {
            true => [mark, b" ", path, b"\n"].concat(),
            false => [mark, b" /dev/null\n"].concat(),
        };
        text.extend_from_slice(&side(b"---", old, file.change.kind != ChangeKind::Added));
        text.extend_from_slice(&side(b"+++", new, file.change.kind != ChangeKind::Removed));
        for hunk in &file.hunks {
            let places = (hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines);
            text.extend_from_slice(format!("@@ -{},{} +{},{} @@\n", places.0, places.1, places.2, places.3).as_bytes());
            hunk.lines.iter().for_each(|shown| line(&mut text, shown));
        }
    }
    text
}

fn line(text: &mut Vec<u8>, line: &Line) {
    text.push(match line.kind {
        LineKind::Context => b' ',
        LineKind::Added => b'+',
        LineKind::Removed => b'-',
    });
    text.extend_from_slice(&line.text);
    text.extend_from_slice(if line.no_newline { b"\n\\ No newline at end of file\n" } else { b"\n" });
}

fn without_lines(file: &FileDiff) -> String {
    let from = file.change.old_path.shown();
    let what = match file.change.kind {
        ChangeKind::Added => "Added.".to_owned(),
        ChangeKind::Removed => "Removed.".to_owned(),
        ChangeKind::Modified => "Changed.".to_owned(),
        ChangeKind::Renamed(_) => format!("Renamed from {from}."),
        ChangeKind::Copied(_) => format!("Copied from {from}."),
    };
    let why = if file.binary { " Not text: its content is not shown." } else { "" };
    format!("{what}{why}\n")
}
