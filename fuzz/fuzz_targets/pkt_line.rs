//! Packet lines: any bytes are lines or an error, and lines that are written again are read the same.
#![no_main]

use futures_util::FutureExt as _;
use git::pkt::{self, Line};
use libfuzzer_sys::fuzz_target;

fn read_all(mut bytes: &[u8]) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    loop {
        // Bytes in memory are always ready.
        match pkt::read(&mut bytes).now_or_never()? {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => return Some(lines),
            Err(_) => return None,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(lines) = read_all(bytes) else { return };
    let mut out = Vec::new();
    for line in &lines {
        match line {
            Line::Data(payload) if payload.is_empty() => out.extend_from_slice(b"0004"),
            Line::Data(payload) => pkt::write(&mut out, payload),
            Line::Flush => pkt::write_flush(&mut out),
            Line::Delimiter => out.extend_from_slice(b"0001"),
            Line::ResponseEnd => out.extend_from_slice(b"0002"),
        }
    }
    assert_eq!(read_all(&out), Some(lines));
});
