//! Bytes of strangers, for people's eyes.

/// Text to show: what is not UTF-8 becomes U+FFFD, and characters that are invisible or change the direction of what
/// stands around them become their code in brackets, such as `[U+202E]`, so that a name can't pose as another. Control
/// characters too, tabs and line feeds excepted.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.chars().any(deceives) {
        return text.into_owned();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if deceives(c) {
            shown.push_str(&format!("[U+{:04X}]", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a character is unseen or turns others around (Unicode TR 36, CVE-2021-42574).
fn deceives(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
        | '\u{2060}'..='\u{2064}' | '\u{061C}' | '\u{FEFF}' | '\u{00AD}' | '\u{E0000}'..='\u{E007F}')
        || (c.is_control() && c != '\t' && c != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_marks_and_escapes_are_shown() {
        assert_eq!(visible("a\u{202E}b".as_bytes()), "a[U+202E]b");
        assert_eq!(visible(b"\x1b[31mred"), "[U+001B][31mred");
        assert_eq!(visible(b"caf\xc3\xa9\n\tok"), "café\n\tok");
        assert_eq!(visible(b"\xff"), "\u{FFFD}");
    }
}
