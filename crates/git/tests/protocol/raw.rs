//! Requests made by hand, for what the real `git` does not send.

use crate::server::Server;
use git::pkt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Opens a request and sends its head; the body is the caller's to send.
pub(crate) fn begin(server: &Server, method: &str, path: &str, headers: &[&str]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let mut head = format!("{method} /r.git/{path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n");
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads an answer to its end.
pub(crate) fn end(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = &bytes[head + 4..];
    let body = if text.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_vec() };
    Answer { status, body }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(line) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        out.extend_from_slice(&bytes[line + 2..line + 2 + size]);
        bytes = &bytes[line + 4 + size..];
    }
    out
}

pub(crate) fn get(server: &Server, path: &str, version: Option<u8>) -> Answer {
    let header = version.map(|version| format!("git-protocol: version={version}"));
    end(begin(server, "GET", path, &header.as_deref().into_iter().collect::<Vec<_>>()))
}

pub(crate) fn post(server: &Server, service: &str, version: Option<u8>, body: &[u8]) -> Answer {
    let length = format!("content-length: {}", body.len());
    let version = version.map(|version| format!("git-protocol: version={version}"));
    let headers: Vec<&str> = [length.as_str()].into_iter().chain(version.as_deref()).collect();
    let mut stream = begin(server, "POST", service, &headers);
    // A server that has heard enough may close before the body's end.
    let _ = stream.write_all(body);
    end(stream)
}

/// Packet lines: `.` is a flush, `|` a delimiter.
pub(crate) fn lines(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match *line {
            "." => pkt::write_flush(&mut out),
            "|" => out.extend_from_slice(b"0001"),
            text => pkt::write_text(&mut out, text),
        }
    }
    out
}

/// A push made by hand: commands, then whatever follows.
pub(crate) fn push(server: &Server, commands: &[String], capabilities: &str, rest: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (place, command) in commands.iter().enumerate() {
        let suffix = if place == 0 { format!("\0{capabilities}") } else { String::new() };
        pkt::write(&mut body, format!("{command}{suffix}").as_bytes());
    }
    pkt::write_flush(&mut body);
    body.extend_from_slice(rest);
    post(server, "git-receive-pack", None, &body)
}
