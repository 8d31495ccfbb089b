//! Packet lines (gitprotocol-common): four hexadecimal digits of length, then the payload; three lengths are signals.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The most bytes of a packet line, length included.
pub const LINE_BYTES_MAX: usize = 65_520;
/// The most payload bytes of a packet line.
pub const PAYLOAD_BYTES_MAX: usize = LINE_BYTES_MAX - 4;

/// A packet line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A payload.
    Data(Vec<u8>),
    /// `0000`: the end of a message or section.
    Flush,
    /// `0001`: the end of a section within a message (protocol v2).
    Delimiter,
    /// `0002`: the end of a stateless answer (protocol v2).
    ResponseEnd,
}

/// Why bytes are not packet lines.
#[derive(Debug, thiserror::Error)]
pub enum PktError {
    /// The four bytes are not a length.
    #[error("protocol error: {:?} is not the length of a packet line", String::from_utf8_lossy(.0))]
    Length([u8; 4]),
    /// The stream ended within a line.
    #[error("the request ended within a packet line")]
    CutShort,
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Line {
    /// The payload as text without its newline, or `None` for a signal or bytes that are not UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Data(bytes) => std::str::from_utf8(bytes).ok().map(|text| text.strip_suffix('\n').unwrap_or(text)),
            _ => None,
        }
    }
}

/// What four bytes of length say.
pub fn parse_length(digits: [u8; 4]) -> Result<Option<usize>, PktError> {
    let bad = PktError::Length(digits);
    let value =
        digits.iter().try_fold(0usize, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)? as usize));
    match value {
        Some(0..=2) => Ok(None),
        Some(length @ 4..=LINE_BYTES_MAX) => Ok(Some(length - 4)),
        _ => Err(bad),
    }
}

/// Reads one line; `None` at a clean end of the stream.
///
/// # Errors
/// When the stream holds something else, ends within a line, or fails.
pub async fn read<R: AsyncRead + Unpin>(reader: &mut R) -> Result<Option<Line>, PktError> {
    let mut digits = [0; 4];
    let first = reader.read(&mut digits).await?;
    if first == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut digits[first..]).await.map_err(cut_short)?;
    let Some(length) = parse_length(digits)? else {
        return Ok(Some(match digits[3] {
            b'0' => Line::Flush,
            b'1' => Line::Delimiter,
            _ => Line::ResponseEnd,
        }));
    };
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).await.map_err(cut_short)?;
    Ok(Some(Line::Data(payload)))
}

fn cut_short(error: io::Error) -> PktError {
    if error.kind() == io::ErrorKind::UnexpectedEof { PktError::CutShort } else { PktError::Io(error) }
}

/// Appends a line. Payloads over [`PAYLOAD_BYTES_MAX`] become several lines, which is right for streams (bands) and never
/// happens for messages, whose parts are bounded when they are made.
pub fn write(out: &mut Vec<u8>, payload: &[u8]) {
    for chunk in payload.chunks(PAYLOAD_BYTES_MAX) {
        write_length(out, chunk.len() + 4);
        out.extend_from_slice(chunk);
    }
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend([12, 8, 4, 0].map(|shift| HEX[length >> shift & 15]));
}

/// Appends a line of text with a newline.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write_length(out, text.len() + 5);
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

/// Appends a flush.
pub fn write_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// A sideband's channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// The answer itself.
    Data = 1,
    /// Words for the person at the client.
    Progress = 2,
    /// The last words of a request that failed.
    Error = 3,
}

/// Appends bytes on a band, in as many lines as they need; no bytes are one empty line, which is a keep-alive.
pub fn write_band(out: &mut Vec<u8>, band: Band, bytes: &[u8]) {
    if bytes.is_empty() {
        write_length(out, 5);
        out.push(band as u8);
    }
    for chunk in bytes.chunks(PAYLOAD_BYTES_MAX - 1) {
        write_length(out, chunk.len() + 5);
        out.push(band as u8);
        out.extend_from_slice(chunk);
    }
}

/// The whole answer `ERR ...`: what a client shows as `fatal: remote error: ...`.
pub fn error_line(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, format!("ERR {}\n", text.replace(char::is_control, " ")).as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(bytes: &[u8]) -> Result<Vec<Line>, PktError> {
        let mut reader = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut lines = Vec::new();
            while let Some(line) = read(&mut reader).await? {
                lines.push(line);
            }
            Ok(lines)
        })
    }

    #[test]
    fn the_protocol_documents_examples() {
        let lines = read_all(b"0006a\n0005a000bfoobar\n00040000").unwrap();
        let data = |bytes: &[u8]| Line::Data(bytes.to_vec());
        assert_eq!(lines, [data(b"a\n"), data(b"a"), data(b"foobar\n"), data(b""), Line::Flush]);
        assert_eq!(read_all(b"00010002").unwrap(), [Line::Delimiter, Line::ResponseEnd]);
    }

    #[test]
    fn what_is_no_length_or_is_cut_short_is_an_error() {
        for bad in [&b"0003"[..], b"fff1", b"zzzz", b"-001", b"+00a1234567", b"000", b"0008ab"] {
            assert!(read_all(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_error_line_is_one_line() {
        assert_eq!(error_line("a\nb\x1b"), b"000dERR a b \n".to_vec());
    }

    proptest! {
        #[test]
        fn lines_round_trip(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8)) {
            let mut out = Vec::new();
            payloads.iter().for_each(|payload| write(&mut out, payload));
            let read: Vec<_> = read_all(&out).unwrap();
            prop_assert_eq!(read, payloads.into_iter().map(Line::Data).collect::<Vec<_>>());
        }

        #[test]
        fn bands_carry_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200_000)) {
            let mut out = Vec::new();
            write_band(&mut out, Band::Data, &bytes);
            let mut joined = Vec::new();
            for line in read_all(&out).unwrap() {
                let Line::Data(payload) = line else { panic!("a signal") };
                prop_assert_eq!(payload[0], 1);
                joined.extend_from_slice(&payload[1..]);
            }
            prop_assert_eq!(joined, bytes);
        }

        #[test]
        fn any_bytes_are_lines_or_an_error(bytes: Vec<u8>) {
            let _ = read_all(&bytes);
        }
    }
}
