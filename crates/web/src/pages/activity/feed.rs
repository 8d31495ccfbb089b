//! Atom (RFC 4287): the same rows for feed readers.
//!
//! Ids are made of the log's name, which outlives addresses and machines: an entry has one id for ever.

use super::Row;
use crate::app::App;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// A feed to be written.
pub(crate) struct Feed<'a> {
    /// What it is called.
    pub(crate) title: String,
    /// What it is of, for its id.
    pub(crate) subject: String,
    /// The page that shows the same, and the feed itself, without the site's address.
    pub(crate) page: String,
    pub(crate) this: String,
    pub(crate) rows: &'a [Row],
}

impl Feed<'_> {
    /// The answer.
    pub(crate) fn answer(&self, app: &App) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "application/atom+xml; charset=utf-8"),
            // What stands in it is for whoever asked.
            (header::CACHE_CONTROL, "private, no-cache"),
        ];
        (headers, self.text(app.site.base_url(), &app.site.origin())).into_response()
    }

    fn text(&self, site: &str, origin: &str) -> String {
        let updated = self.rows.first().map_or(0, |row| row.time_us);
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
             <id>{}</id>\n<title>{}</title>\n<updated>{}</updated>\n<author><name>Outlast</name></author>\n\
             <link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>\n<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n\
             <generator>Outlast</generator>\n",
            id(origin, &self.subject),
            escaped(&self.title),
            time(updated),
            escaped(&format!("{site}{}", self.this)),
            escaped(&format!("{site}{}", self.page)),
        );
        self.rows.iter().for_each(|row| out.push_str(&entry(row, site, origin)));
        out.push_str("</feed>\n");
        out
    }
}

fn entry(row: &Row, site: &str, origin: &str) -> String {
    let details: Vec<_> = row.details.iter().map(|(text, _)| text.as_str()).collect();
    let summary = if details.is_empty() { row.sentence() } else { details.join("\n") };
    format!(
        "<entry>\n<id>{}</id>\n<title>{}</title>\n<updated>{}</updated>\n<author><name>{}</name></author>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n<summary>{}</summary>\n</entry>\n",
        id(origin, &row.seq.to_string()),
        escaped(&row.sentence()),
        time(row.time_us),
        escaped(row.actor.as_deref().unwrap_or("operator")),
        escaped(&format!("{site}{}", row.address())),
        escaped(&summary),
    )
}

/// A UUID (RFC 9562, version 8) of the log and what in it: the same for ever, and nobody else's.
fn id(origin: &str, of: &str) -> String {
    let hash = Sha256::digest(format!("atom\n{origin}\n{of}").as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// RFC 3339.
fn time(us: i64) -> String {
    let at = Timestamp::from_second(us.div_euclid(1_000_000)).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Text for XML: what XML has no way to say is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Feed readers have no form to sign in with: they are asked for a name and a token. What is not there is answered the same.
pub(crate) fn challenge() -> Response {
    let mut response =
        (StatusCode::UNAUTHORIZED, "sign in with your name and an access token as the password\n").into_response();
    let value = HeaderValue::from_static("Basic realm=\"Outlast\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_their_own_and_text_is_escaped() {
        let (one, two) = (id("outlast/x", "1"), id("outlast/x", "2"));
        assert_ne!(one, two);
        assert_ne!(one, id("outlast/y", "1"));
        assert_eq!((one.len(), &one[..9], &one[23..24]), (45, "urn:uuid:", "8"));
        assert_eq!(escaped("<a href=\"x\">&\u{1}\u{ffff}"), "&lt;a href=&quot;x&quot;&gt;&amp;\u{fffd}\u{fffd}");
        assert_eq!(time(1_700_000_000_999_999), "2023-11-14T22:13:20Z");
    }
}
