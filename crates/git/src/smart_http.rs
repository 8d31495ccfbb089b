//! The smart protocol over HTTP (gitprotocol-http): services, versions, content types, bodies. No HTTP library is used
//! here; whoever has one brings paths, headers and streams.

use crate::pkt;
use crate::snapshot::{RefSnapshot, capabilities_v2};
use bytes::Bytes;
use flate2::Decompress;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Fetch.
    UploadPack,
    /// Push.
    ReceivePack,
}

/// The version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The first.
    V0,
    /// The first, with its number said.
    V1,
    /// The second.
    V2,
}

impl Service {
    /// From the last part of a path.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    /// From the query of `info/refs`: `service=NAME` and nothing else.
    pub fn from_query(query: Option<&str>) -> Option<Self> {
        Self::parse(query?.strip_prefix("service=")?)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// The content type of its refs.
    pub fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    /// The content type of its requests.
    pub fn request_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-request",
            Self::ReceivePack => "application/x-git-receive-pack-request",
        }
    }

    /// The content type of its answers.
    pub fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }
}

impl Protocol {
    /// From the `Git-Protocol` header: the highest version that it names and we know.
    pub fn from_header(value: Option<&str>) -> Self {
        let versions = value.unwrap_or_default().split(':').filter_map(|part| part.strip_prefix("version="));
        versions.fold(Self::V0, |best, version| match (version, best) {
            ("2", _) | (_, Self::V2) => Self::V2,
            ("1", _) => Self::V1,
            _ => best,
        })
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::V0 => 0,
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// The answer to `GET info/refs`.
pub fn advertise(service: Service, protocol: Protocol, refs: &RefSnapshot) -> Bytes {
    let mut out = Vec::new();
    // Version 2 has no pushes: a push is answered in version 0 or 1, whatever was asked.
    if service == Service::UploadPack && protocol == Protocol::V2 {
        return capabilities_v2(refs.format());
    }
    pkt::write_text(&mut out, &format!("# service={}", service.name()));
    pkt::write_flush(&mut out);
    if protocol == Protocol::V1 {
        pkt::write_text(&mut out, "version 1");
    }
    out.extend_from_slice(&match service {
        Service::UploadPack => refs.upload_advertisement(),
        Service::ReceivePack => refs.receive_advertisement(),
    });
    out.into()
}

/// A body that came compressed in a way that is not known.
#[derive(Debug, thiserror::Error)]
#[error("the body's encoding is not known; send it plain or as gzip")]
pub struct UnknownEncoding;

/// A body as the client meant it: plain, or expanded when it says `gzip`. What it expands to is for the reader to bound.
///
/// # Errors
/// For other encodings.
pub fn decoded<R: AsyncBufRead + Send + Unpin>(
    body: R,
    encoding: Option<&[u8]>,
) -> Result<Decoded<R>, UnknownEncoding> {
    match encoding {
        None | Some(b"identity" | b"") => Ok(Decoded { body, gzip: None }),
        Some(b"gzip" | b"x-gzip") => Ok(Decoded { body, gzip: Some(Gunzip::Header(Vec::new())) }),
        Some(_) => Err(UnknownEncoding),
    }
}

/// A body, expanded as it is read.
pub struct Decoded<R> {
    body: R,
    gzip: Option<Gunzip>,
}

enum Gunzip {
    /// The ten bytes of a header without options, which is what clients send.
    Header(Vec<u8>),
    Data(Decompress),
    Done,
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Decoded<R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(gzip) = &mut this.gzip else {
            let available = ready!(Pin::new(&mut this.body).poll_fill_buf(context))?;
            let count = available.len().min(buf.remaining());
            buf.put_slice(&available[..count]);
            Pin::new(&mut this.body).consume(count);
            return Poll::Ready(Ok(()));
        };
        loop {
            let available = match gzip {
                Gunzip::Done => return Poll::Ready(Ok(())),
                _ => ready!(Pin::new(&mut this.body).poll_fill_buf(context))?,
            };
            let ended = available.is_empty();
            let filled = buf.filled().len();
            let consumed = gzip.feed(available, buf)?;
            Pin::new(&mut this.body).consume(consumed);
            if buf.filled().len() > filled || matches!(gzip, Gunzip::Done) {
                return Poll::Ready(Ok(()));
            }
            if ended && consumed == 0 {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the compressed body is cut short",
                )));
            }
        }
    }
}

impl Gunzip {
    /// Takes some of `input`, gives some output; says how much it took.
    fn feed(&mut self, input: &[u8], buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        match self {
            Self::Header(header) => {
                let count = input.len().min(10 - header.len());
                header.extend_from_slice(&input[..count]);
                if header.len() == 10 {
                    if header[..4] != [0x1f, 0x8b, 8, 0] {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            "the body is not gzip as clients send it",
                        ));
                    }
                    *self = Self::Data(Decompress::new(false));
                }
                Ok(count)
            }
            Self::Data(inflate) => {
                let before = (inflate.total_in(), inflate.total_out());
                let output = buf.initialize_unfilled();
                let status =
                    inflate.decompress(input, output, flate2::FlushDecompress::None).map_err(io::Error::other)?;
                let consumed = usize::try_from(inflate.total_in() - before.0).unwrap_or(0);
                let produced = usize::try_from(inflate.total_out() - before.1).unwrap_or(0);
                buf.advance(produced);
                if status == flate2::Status::StreamEnd {
                    // The trailer's checksum is not looked at: what follows is checked by its own, stronger ones.
                    *self = Self::Done;
                }
                Ok(consumed)
            }
            Self::Done => Ok(input.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use tokio::io::{AsyncReadExt as _, BufReader};

    #[test]
    fn versions_and_services() {
        assert_eq!(Protocol::from_header(None), Protocol::V0);
        assert_eq!(Protocol::from_header(Some("version=2")), Protocol::V2);
        assert_eq!(Protocol::from_header(Some("x=y:version=1")), Protocol::V1);
        assert_eq!(Protocol::from_header(Some("version=99")), Protocol::V0);
        assert_eq!(Service::from_query(Some("service=git-upload-pack")), Some(Service::UploadPack));
        for bad in [None, Some(""), Some("service=git-upload-archive"), Some("service=git-upload-pack&x=y")] {
            assert_eq!(Service::from_query(bad), None);
        }
    }

    async fn read(body: &[u8], encoding: Option<&[u8]>, capacity: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let reader = BufReader::with_capacity(capacity, body);
        decoded(reader, encoding).map_err(io::Error::other)?.read_to_end(&mut out).await?;
        Ok(out)
    }

    #[tokio::test]
    async fn bodies_come_plain_or_gzipped() {
        let text: Vec<u8> = (0..100_000u32).flat_map(|n| (n % 251).to_le_bytes()).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&text).unwrap();
        let gzipped = encoder.finish().unwrap();
        for capacity in [1, 7, 8192] {
            assert!(read(&text, None, capacity).await.unwrap() == text);
            assert!(read(&gzipped, Some(b"gzip"), capacity).await.unwrap() == text);
        }
        assert!(read(&gzipped[..gzipped.len() / 2], Some(b"gzip"), 100).await.is_err());
        assert!(read(&text, Some(b"gzip"), 100).await.is_err());
        assert!(read(&text, Some(b"br"), 100).await.is_err());
    }
}
