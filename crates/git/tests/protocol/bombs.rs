//! Packs that are small and become large: refused before Git expands them, and nothing stays.

use crate::client::Client;
use crate::raw;
use crate::server::Server;
use std::io::Write as _;

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn entry(kind: u8, size: usize, base: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut byte, mut rest) = (kind << 4 | (size & 15) as u8, size >> 4);
    while rest > 0 {
        out.push(byte | 0x80);
        (byte, rest) = ((rest & 127) as u8, rest >> 7);
    }
    out.push(byte);
    out.extend_from_slice(base);
    out.extend_from_slice(data);
    out
}

fn number(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 127 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A delta that copies its whole base `times` over.
fn copies(base: usize, times: usize) -> Vec<u8> {
    let mut out = [number(base), number(base * times)].concat();
    for _ in 0..times {
        let mut left = base;
        while left > 0 {
            let some = left.min(0x00ff_ffff);
            let offset = base - left;
            out.push(0xff);
            out.extend_from_slice(&(offset as u32).to_le_bytes());
            out.extend_from_slice(&(some as u32).to_le_bytes()[..3]);
            left -= some;
        }
    }
    out
}

fn pack(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"PACK\0\0\0\x02".to_vec();
    out.extend((entries.len() as u32).to_be_bytes());
    entries.iter().for_each(|entry| out.extend_from_slice(entry));
    // The trailer is the client's to compute; a bomb need not come so far.
    out.extend_from_slice(&[0; 20]);
    out
}

fn offset(mut back: usize) -> Vec<u8> {
    let mut out = vec![(back & 127) as u8];
    while back > 127 {
        back = (back >> 7) - 1;
        out.insert(0, (back & 127) as u8 | 0x80);
    }
    out
}

fn refused(server: &Server, client: &Client, pack: &[u8]) -> String {
    let before = server.accepted().len();
    let command = format!("{} {} refs/heads/bomb", "0".repeat(40), client.id("HEAD"));
    let answer = raw::push(server, &[command], "report-status side-band-64k", pack).text();
    assert!(answer.contains("ng refs/heads/bomb"), "{answer}");
    assert_eq!(server.accepted().len(), before);
    assert_eq!(server.leftovers(), Vec::<String>::new());
    answer
}

#[test]
fn a_few_bytes_of_deltas_that_become_gigabytes() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    let mut entries = vec![entry(3, 64, &[], &deflate(&[7; 64]))];
    let mut size = 64;
    for _ in 0..8 {
        let delta = copies(size, 16);
        let back = offset(entries.last().unwrap().len());
        entries.push(entry(6, delta.len(), &back, &deflate(&delta)));
        size *= 16;
    }
    let bomb = pack(&entries);
    assert!(bomb.len() < 100_000);
    assert!(refused(&server, &client, &bomb).contains("object_in_memory_bytes_max"));
}

#[test]
fn many_large_results_of_one_small_base() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    let base = entry(3, 1 << 20, &[], &deflate(&vec![1; 1 << 20]));
    let delta = copies(1 << 20, 100);
    let packed = deflate(&delta);
    let mut entries = vec![base];
    let mut distance = entries[0].len();
    for _ in 0..30 {
        let next = entry(6, delta.len(), &offset(distance), &packed);
        distance += next.len();
        entries.push(next);
    }
    assert!(refused(&server, &client, &pack(&entries)).contains("expanded_bytes_free"));
}

#[test]
fn a_blob_of_zeros_beyond_all_measure() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    let bomb = pack(&[entry(3, 3 << 30, &[], &deflate(&vec![0; 1 << 20]))]);
    assert!(refused(&server, &client, &bomb).contains("expands to over"));
}

#[test]
fn an_object_that_is_larger_than_it_says() {
    let server = Server::new();
    let client = Client::new(&server);
    client.commit("1");
    let bomb = pack(&[entry(3, 10, &[], &deflate(&vec![0; 64 << 20]))]);
    assert!(refused(&server, &client, &bomb).contains("longer than it says"));
}
