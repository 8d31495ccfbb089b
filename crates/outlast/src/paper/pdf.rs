//! The little of PDF (ISO 32000-1) that a sheet of text and squares takes: one page, three of the fonts that every reader has.

use std::fmt::Write as _;

/// A font that need not be in the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Font {
    Plain,
    Bold,
    Mono,
}

/// One A4 page in the making. Places are in points from the lower left corner.
#[derive(Debug, Default)]
pub(super) struct Page {
    content: String,
}

impl Page {
    /// A line of text. What Latin-1 lacks is written as a question mark.
    pub(super) fn text(&mut self, x: f64, y: f64, size: f64, font: Font, text: &str) {
        let font = match font {
            Font::Plain => "F1",
            Font::Bold => "F2",
            Font::Mono => "F3",
        };
        let mut shown = String::new();
        for c in text.chars() {
            match c {
                '(' | ')' | '\\' => shown.extend(['\\', c]),
                ' '..='~' => shown.push(c),
                _ => shown.push('?'),
            }
        }
        self.add(format_args!("BT /{font} {size:.1} Tf {x:.2} {y:.2} Td ({shown}) Tj ET\n"));
    }

    /// A black square.
    pub(super) fn square(&mut self, x: f64, y: f64, side: f64) {
        self.add(format_args!("{x:.3} {y:.3} {side:.3} {side:.3} re\n"));
    }

    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String can't fail.
        let _ = self.content.write_fmt(text);
    }

    /// The file.
    pub(super) fn finish(self, title: &str) -> Vec<u8> {
        // All squares are one path, filled at its end: drawn one by one, a printer leaves hairlines between them.
        let (squares, texts): (Vec<_>, Vec<_>) = self.content.lines().partition(|line| line.ends_with(" re"));
        let fill = if squares.is_empty() { String::new() } else { format!("{}\nf\n", squares.join("\n")) };
        let content = format!("{}\n{fill}", texts.join("\n"));
        let font =
            |name: &str| format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>");
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R /F3 7 0 R >> >> >>".to_owned(),
            format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
            font("Helvetica"),
            font("Helvetica-Bold"),
            font("Courier"),
            format!("<< /Title ({title}) /Producer (Outlast) >>"),
        ];
        let (mut file, mut places) = ("%PDF-1.4\n".to_owned(), Vec::new());
        for (number, object) in (1..).zip(&objects) {
            places.push(file.len());
            file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
        }
        let table = file.len();
        file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
        places.iter().for_each(|at| file.push_str(&format!("{at:010} 00000 n \n")));
        file.push_str(&format!(
            "trailer\n<< /Size {} /Root 1 0 R /Info 8 0 R >>\nstartxref\n{table}\n%%EOF\n",
            objects.len() + 1
        ));
        file.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_points_at_the_objects() {
        let mut page = Page::default();
        page.text(10.0, 20.0, 12.0, Font::Plain, "a (b) \\ ü");
        page.square(1.0, 2.0, 3.0);
        let file = String::from_utf8(page.finish("Title")).unwrap();
        assert!(file.contains("(a \\(b\\) \\\\ ?) Tj") && file.contains("re\nf\n"), "{file}");
        let start: usize = file.lines().rev().nth(1).unwrap().parse().unwrap();
        let table = &file[start..];
        assert!(table.starts_with("xref\n0 9\n"));
        for (number, line) in (1..).zip(table.lines().skip(3).take(8)) {
            let at: usize = line[..10].parse().unwrap();
            assert!(file[at..].starts_with(&format!("{number} 0 obj\n")), "{number}");
            assert_eq!(line.len() + 1, 20);
        }
    }
}
