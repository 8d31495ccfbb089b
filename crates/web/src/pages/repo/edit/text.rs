//! A file's text in a form, and back: browsers end the lines of what they send with CR LF, whatever they were given.

/// A file with more bytes is not edited on a page.
pub(super) const EDIT_TEXT_BYTES_MAX: u64 = 1 << 20;

/// A text as a form has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) content: String,
    /// Its lines end with CR LF, and shall.
    pub(super) crlf: bool,
    /// Some end so and some not: they will all end with LF.
    pub(super) mixed: bool,
}

impl Text {
    /// None for what would come back otherwise than it went: what is no UTF-8, or has bytes that forms change.
    pub(super) fn of(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let ends = text.matches('\n').count();
        let crlf_ends = text.matches("\r\n").count();
        if text.contains('\0') || text.matches('\r').count() != crlf_ends {
            return None;
        }
        let crlf = ends > 0 && crlf_ends == ends;
        let mixed = crlf_ends > 0 && !crlf;
        Some(Self { content: text.replace("\r\n", "\n"), crlf, mixed })
    }
}

/// What a form sent, as a file has it.
pub(super) fn from_form(text: &str, crlf: bool) -> Vec<u8> {
    let text = text.replace("\r\n", "\n");
    if crlf { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_ends_stay_what_they_are() {
        let of = |text: &str| Text::of(text.as_bytes()).map(|text| (text.crlf, text.mixed));
        assert_eq!(of("a\nb"), Some((false, false)));
        assert_eq!(of("a\r\nb\r\n"), Some((true, false)));
        assert_eq!(of("a\r\nb\n"), Some((false, true)));
        assert_eq!((of("a\rb\n"), of("\0"), Text::of(b"\xff")), (None, None, None));
    }

    proptest! {
        #[test]
        fn what_was_not_changed_comes_back_the_same(lines: Vec<String>, crlf: bool) {
            let end = if crlf { "\r\n" } else { "\n" };
            let content = lines.iter().map(|line| line.replace(['\r', '\n', '\0'], "")).collect::<Vec<_>>().join(end);
            let text = Text::of(content.as_bytes()).unwrap();
            let sent = text.content.replace('\n', "\r\n");
            prop_assert_eq!(from_form(&sent, text.crlf), content.into_bytes());
        }
    }
}
