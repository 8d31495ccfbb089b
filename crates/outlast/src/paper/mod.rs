//! What is printed for officers: one sheet for each share of the recovery key.

mod pdf;

use anyhow::Context as _;
use forge::keys::Share;
use pdf::{Font, Page};
use qrcodegen::{QrCode, QrCodeEcc};

/// A4, in points.
const HEIGHT: f64 = 842.0;
const LEFT: f64 = 64.0;
/// The side of the QR code.
const CODE_SIDE: f64 = 170.0;

/// The sheet of one share, as a PDF file.
///
/// # Errors
/// When the share does not fit a QR code, which it always does.
pub(crate) fn sheet(share: &Share, recipient: &str) -> anyhow::Result<Vec<u8>> {
    let mut page = Page::default();
    let mut y = HEIGHT - 80.0;
    page.text(
        LEFT,
        y,
        20.0,
        Font::Bold,
        &format!("Recovery key of an Outlast site: share {} of {}", share.number, share.of),
    );
    for line in [
        format!(
            "Any {} of the {} shares give the recovery key again. Fewer say nothing about it.",
            share.threshold, share.of
        ),
        "Keep this sheet where nobody who breaks into the site gets, apart from the other shares.".to_owned(),
        "Whoever finds it cannot use it alone. If it is lost or seen, make new shares.".to_owned(),
    ] {
        y -= if y > HEIGHT - 90.0 { 34.0 } else { 18.0 };
        page.text(LEFT, y, 11.0, Font::Plain, &line);
    }
    y -= 44.0;
    page.text(
        LEFT,
        y,
        12.0,
        Font::Bold,
        "The share, to be typed (capitals do not matter; the last word of each line checks it)",
    );
    for (number, line) in (1..).zip(share.words()) {
        y -= 28.0;
        page.text(LEFT, y, 11.0, Font::Plain, &format!("{number}"));
        page.text(LEFT + 24.0, y, 15.0, Font::Mono, &line.replace(' ', "  "));
    }
    y -= 44.0;
    page.text(LEFT, y, 12.0, Font::Bold, "The same, to be scanned: save the text in a file");
    y -= 12.0 + CODE_SIDE;
    code(&mut page, &share.code(), LEFT, y)?;
    let mut down = y - 34.0;
    page.text(LEFT, down, 12.0, Font::Bold, "When the site is lost, on any machine with the program");
    let keys = "--key SHARE ".repeat(usize::from(share.threshold));
    for line in [
        format!("outlast recover --vault URL --vault URL {keys}--to DIRECTORY"),
        "SHARE is a file with these words or the scanned text; - asks for the words.".to_owned(),
    ] {
        down -= 20.0;
        page.text(LEFT, down, 10.0, Font::Mono, &line);
    }
    down -= 28.0;
    page.text(LEFT, down, 9.0, Font::Plain, "Public half of the key:");
    page.text(LEFT + 110.0, down, 9.0, Font::Mono, recipient);
    down -= 14.0;
    page.text(LEFT, down, 9.0, Font::Plain, "Digest of this share:");
    page.text(LEFT + 110.0, down, 9.0, Font::Mono, &share.digest().to_string());
    down -= 26.0;
    page.text(
        LEFT,
        down,
        11.0,
        Font::Plain,
        "Checked (every three months: outlast officer share verify):  ________  ________  ________  ________",
    );
    Ok(page.finish(&format!("Share {} of {}", share.number, share.of)))
}

fn code(page: &mut Page, text: &str, x: f64, y: f64) -> anyhow::Result<()> {
    let code = QrCode::encode_text(text, QrCodeEcc::Quartile).context("the share does not fit a QR code")?;
    let module = CODE_SIDE / f64::from(code.size());
    for row in 0..code.size() {
        for column in (0..code.size()).filter(|column| code.get_module(*column, row)) {
            let top = y + CODE_SIDE - f64::from(row + 1) * module;
            page.square(x + f64::from(column) * module, top, module);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use forge::keys::{RecoveryKey, split};

    #[test]
    fn a_sheet_has_the_words_and_the_code_on_the_page() {
        let key = RecoveryKey::generate();
        for share in split(&key, 2, 3).unwrap() {
            let bytes = sheet(&share, &key.recipient()).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert!(share.words().iter().all(|line| text.contains(&line.replace(' ', "  "))));
            assert!(
                text.contains(&format!("share {} of 3", share.number)) && text.contains(&share.digest().to_string())
            );
            assert!(text.matches(" re").count() > 400, "the code's squares");
            let places: Vec<f64> =
                text.lines().filter_map(|line| line.strip_suffix(" re")?.split(' ').nth(1)?.parse().ok()).collect();
            assert!(places.iter().all(|y| (40.0..HEIGHT).contains(y)), "within the page");
        }
    }
}
