//! The client's side of fetching everything: what refs there are, and one pack of all of it.

use super::address::GitUrl;
use super::egress::Egress;
use super::http::{Asked, ask};
use crate::error::Error;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use git::pkt::{self, Line};
use http_body_util::BodyStream;
use hyper::Method;
use hyper::body::Incoming;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use tokio_util::io::StreamReader;

/// Refs of a repository that is taken in.
pub(super) const IMPORT_REFS_MAX: usize = 200_000;
/// Bytes of the list of them, with those that are left out.
pub(super) const IMPORT_REFS_BYTES_MAX: usize = 64 << 20;
/// Bytes that are read ahead of what is taken in.
const AHEAD_BYTES: usize = 1 << 18;
/// How long a server may say nothing in the middle.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Refs that are the other forge's own: changes that people proposed there. What was merged is in the branches.
const LEFT_OUT: [&str; 4] = ["refs/pull/", "refs/merge-requests/", "refs/keep-around/", "refs/pipelines/"];

/// What another forge has.
#[derive(Debug)]
pub(super) struct Remote {
    /// Where it is after redirects.
    pub(super) url: GitUrl,
    pub(super) refs: BTreeMap<String, String>,
    /// Refs that are not taken in.
    pub(super) left_out: u64,
    /// `refs/heads/...`, when it says so.
    pub(super) head: Option<String>,
    /// `sha1` or `sha256`.
    pub(super) format: String,
    capabilities: Vec<String>,
}

fn reader(body: Incoming) -> impl AsyncRead + Unpin + Send {
    let frames = BodyStream::new(body).map_err(io::Error::other);
    StreamReader::new(Box::pin(frames.try_filter_map(|frame| async move { Ok(frame.into_data().ok()) })))
}

async fn next_line<R: AsyncRead + Unpin>(reader: &mut R, url: &GitUrl) -> Result<Option<Line>, Error> {
    let line = tokio::time::timeout(SILENCE_MAX, pkt::read(reader)).await;
    let line = line.map_err(|_| Error::invalid(format!("{url} went silent")))?;
    line.map_err(|e| Error::invalid(format!("{url} does not speak Git's protocol: {e}")))
}

/// Asks what refs there are.
pub(super) async fn refs(egress: Egress, url: &GitUrl) -> Result<Remote, Error> {
    let below = "/info/refs?service=git-upload-pack".to_owned();
    let asked = Asked { method: Method::GET, below, content_type: None, body: Bytes::new() };
    let (url, response) = ask(egress, url, &asked).await?;
    let mut reader = reader(response.into_body());
    let mut remote = Remote {
        url,
        refs: BTreeMap::new(),
        left_out: 0,
        head: None,
        format: "sha1".to_owned(),
        capabilities: Vec::new(),
    };
    let (mut first, mut begun, mut bytes) = (true, false, 0);
    while let Some(line) = next_line(&mut reader, &remote.url).await? {
        match line {
            Line::Flush if begun => break,
            Line::Flush => {}
            line => {
                let Some(text) = line.text().map(str::to_owned) else { continue };
                bytes += text.len();
                if bytes > IMPORT_REFS_BYTES_MAX {
                    let url = &remote.url;
                    return Err(Error::invalid(format!("{url} lists refs of more than {IMPORT_REFS_BYTES_MAX} bytes")));
                }
                if text.starts_with('#') {
                    continue;
                }
                begun = true;
                remote.line(&text, first)?;
                first = false;
            }
        }
    }
    if !begun {
        return Err(Error::invalid(format!("{} is no Git repository that can be read", remote.url)));
    }
    Ok(remote)
}

impl Remote {
    fn line(&mut self, text: &str, first: bool) -> Result<(), Error> {
        let bad = || Error::invalid(format!("{} does not speak Git's protocol", self.url));
        let (text, capabilities) = text.split_once('\0').unwrap_or((text, ""));
        if first {
            self.capabilities = capabilities.split_whitespace().map(str::to_owned).collect();
            let value = |key: &str| capabilities.split_whitespace().find_map(|word| word.strip_prefix(key));
            self.head = value("symref=HEAD:").map(str::to_owned);
            self.format = value("object-format=").unwrap_or("sha1").to_owned();
        }
        let (id, name) = text.trim_end().split_once(' ').ok_or_else(bad)?;
        if name == "HEAD" || name.ends_with("^{}") {
            return Ok(());
        }
        if LEFT_OUT.iter().any(|prefix| name.starts_with(prefix)) {
            self.left_out += 1;
            return Ok(());
        }
        if id.len() != if self.format == "sha256" { 64 } else { 40 } || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        self.refs.insert(name.to_owned(), id.to_owned());
        if self.refs.len() > IMPORT_REFS_MAX {
            return Err(Error::invalid(format!("{} has more than {IMPORT_REFS_MAX} refs", self.url)));
        }
        Ok(())
    }

    fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|word| word == capability)
    }

    /// Asks for everything. The pack as it comes, and who brings it, with what went wrong. `bytes` counts.
    pub(super) async fn fetch(
        &self,
        egress: Egress,
        bytes: Arc<AtomicU64>,
    ) -> Result<(DuplexStream, JoinHandle<Result<(), Error>>), Error> {
        if !self.has("side-band-64k") {
            return Err(Error::invalid(format!("{} is too old a Git server", self.url)));
        }
        let mut words = String::from(" side-band-64k");
        for capability in ["ofs-delta", "no-progress"] {
            if self.has(capability) {
                words.push_str(&format!(" {capability}"));
            }
        }
        if self.format != "sha1" {
            words.push_str(&format!(" object-format={}", self.format));
        }
        let mut body = Vec::new();
        for (i, id) in self.refs.values().collect::<BTreeSet<_>>().into_iter().enumerate() {
            pkt::write(&mut body, format!("want {id}{}\n", if i == 0 { words.as_str() } else { "" }).as_bytes());
        }
        pkt::write_flush(&mut body);
        pkt::write(&mut body, b"done\n");
        let content_type = Some("application/x-git-upload-pack-request");
        let asked =
            Asked { method: Method::POST, below: "/git-upload-pack".to_owned(), content_type, body: body.into() };
        let (url, response) = ask(egress, &self.url, &asked).await?;
        let (near, far) = tokio::io::duplex(AHEAD_BYTES);
        Ok((near, tokio::spawn(pour(response.into_body(), far, url, bytes))))
    }
}

/// Takes the pack out of the bands it comes in.
async fn pour(body: Incoming, mut into: DuplexStream, url: GitUrl, bytes: Arc<AtomicU64>) -> Result<(), Error> {
    let mut reader = reader(body);
    let said = |text: &[u8]| Error::invalid(format!("{url} says: {}", String::from_utf8_lossy(text).trim()));
    while let Some(line) = next_line(&mut reader, &url).await? {
        let Line::Data(data) = line else { continue };
        match data.split_first() {
            Some((1, pack)) => {
                bytes.fetch_add(pack.len() as u64, Ordering::Relaxed);
                // Nobody listens: what takes it in has refused it, and says why.
                if into.write_all(pack).await.is_err() {
                    return Ok(());
                }
            }
            Some((2, _)) | None => {}
            Some((3, words)) => return Err(said(words)),
            Some(_) if data.starts_with(b"ERR ") => return Err(said(&data[4..])),
            // NAK, ACK.
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote() -> Remote {
        Remote {
            url: "https://forge.example/a/b".parse().unwrap(),
            refs: BTreeMap::new(),
            left_out: 0,
            head: None,
            format: "sha1".to_owned(),
            capabilities: Vec::new(),
        }
    }

    #[test]
    fn branches_and_tags_come_and_what_people_proposed_there_does_not() {
        let (mut remote, id) = (remote(), "1".repeat(40));
        let words = "side-band-64k ofs-delta symref=HEAD:refs/heads/dev agent=git/github-1";
        remote.line(&format!("{id} HEAD\0{words}"), true).unwrap();
        for name in [
            "refs/heads/dev",
            "refs/tags/v1",
            "refs/tags/v1^{}",
            "refs/notes/x",
            "refs/pull/1/head",
            "refs/pull/1/merge",
        ] {
            remote.line(&format!("{id} {name}"), false).unwrap();
        }
        let names: Vec<_> = remote.refs.keys().map(String::as_str).collect();
        assert_eq!(names, ["refs/heads/dev", "refs/notes/x", "refs/tags/v1"]);
        assert_eq!((remote.left_out, remote.head.as_deref()), (2, Some("refs/heads/dev")));
        assert!(remote.has("side-band-64k") && !remote.has("side-band"));
        assert!(remote.line("<html>", false).is_err() && remote.line("xyz refs/heads/a", false).is_err());
    }

    #[tokio::test]
    async fn a_list_of_refs_without_an_end_is_refused() {
        use tokio::io::AsyncReadExt as _;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: GitUrl = format!("http://{}/a/b", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let id = "1".repeat(40);
            for n in 0..2 * IMPORT_REFS_BYTES_MAX / 60_000 {
                let mut line = Vec::new();
                pkt::write(&mut line, format!("{id} refs/heads/{n}{}\n", "x".repeat(60_000)).as_bytes());
                if stream.write_all(&line).await.is_err() {
                    return;
                }
            }
            stream.write_all(b"0000").await.unwrap();
        });
        let refused = refs(Egress::Any, &url).await.unwrap_err().to_string();
        assert!(refused.contains("more than 67108864 bytes"), "{refused}");
    }

    #[test]
    fn an_empty_repository_has_no_refs() {
        let mut remote = remote();
        remote
            .line(&format!("{} capabilities^{{}}\0side-band-64k object-format=sha256", "0".repeat(64)), true)
            .unwrap();
        assert!(remote.refs.is_empty() && remote.format == "sha256");
    }
}
