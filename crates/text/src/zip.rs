//! Zip archives (PKWARE APPNOTE 6.3), written as they come: sizes follow each file.

use crate::tar::ArchiveEntry;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Read, Write};

/// Names are UTF-8, sizes follow.
const FLAGS: u16 = 0x0808;
/// Version 2.0, made on Unix.
const MADE_BY: u16 = 0x0314;
const DEFLATED: u16 = 8;
/// What is larger would need extensions.
const BYTES_MAX: u64 = u32::MAX as u64;
/// The most files.
const FILES_MAX: usize = u16::MAX as usize;

/// What the directory at the end says of a file.
#[derive(Debug)]
struct Written {
    name: Vec<u8>,
    mode: u32,
    time: (u16, u16),
    crc: u32,
    packed: u32,
    size: u32,
    at: u32,
}

/// Writes a zip archive.
#[derive(Debug)]
pub struct ZipWriter<W: Write> {
    out: Counted<W>,
    files: Vec<Written>,
}

#[derive(Debug)]
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> ZipWriter<W> {
    /// Into this.
    pub fn new(out: W) -> Self {
        Self { out: Counted { out, bytes: 0 }, files: Vec::new() }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// Those of reading and writing; [`io::ErrorKind::FileTooLarge`] beyond 4 GiB or 65,535 files.
    pub fn add(&mut self, entry: &ArchiveEntry<'_>, content: &mut dyn Read) -> io::Result<()> {
        if self.files.len() >= FILES_MAX || entry.name.len() > usize::from(u16::MAX) {
            return Err(too_large());
        }
        let (at, time) = (small(self.out.bytes)?, dos(entry.time));
        let name_length = u16::try_from(entry.name.len()).unwrap_or(u16::MAX);
        let head = Fields::default().long(0x0403_4b50).short(20).short(FLAGS).short(DEFLATED);
        let head = head.short(time.1).short(time.0).long(0).long(0).long(0).short(name_length).short(0);
        self.out.write_all(&head.0)?;
        self.out.write_all(entry.name)?;
        let before = self.out.bytes;
        let mut packer = DeflateEncoder::new(&mut self.out, Compression::default());
        let (mut crc, mut buffer) = (Crc::new(), vec![0; 64 << 10]);
        let mut target = entry.link.unwrap_or_default();
        loop {
            let count = if entry.link.is_some() { target.read(&mut buffer)? } else { content.read(&mut buffer)? };
            if count == 0 {
                break;
            }
            crc.update(&buffer[..count]);
            packer.write_all(&buffer[..count])?;
        }
        packer.finish()?;
        let (packed, size) = (small(self.out.bytes - before)?, crc.amount());
        let tail = Fields::default().long(0x0807_4b50).long(crc.sum()).long(packed).long(size);
        self.out.write_all(&tail.0)?;
        if u64::from(size) != entry.size && entry.link.is_none() {
            return Err(too_large());
        }
        let mode = match (entry.link, entry.executable) {
            (Some(_), _) => 0o120_777,
            (None, true) => 0o100_755,
            (None, false) => 0o100_644,
        };
        self.files.push(Written { name: entry.name.to_vec(), mode, time, crc: crc.sum(), packed, size, at });
        Ok(())
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// As [`ZipWriter::add`].
    pub fn finish(mut self) -> io::Result<W> {
        let start = small(self.out.bytes)?;
        for file in &self.files {
            let name_length = u16::try_from(file.name.len()).unwrap_or(u16::MAX);
            let head = Fields::default().long(0x0201_4b50).short(MADE_BY).short(20).short(FLAGS).short(DEFLATED);
            let head = head.short(file.time.1).short(file.time.0).long(file.crc).long(file.packed).long(file.size);
            let head = head.short(name_length).short(0).short(0).short(0).short(0).long(file.mode << 16).long(file.at);
            self.out.write_all(&head.0)?;
            self.out.write_all(&file.name)?;
        }
        let bytes = small(self.out.bytes - u64::from(start))?;
        let count = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        let end = Fields::default().long(0x0605_4b50).short(0).short(0).short(count).short(count);
        self.out.write_all(&end.long(bytes).long(start).short(0).0)?;
        Ok(self.out.out)
    }
}

/// Numbers, the lowest byte first.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn short(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn long(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "this is too large for a zip archive: take the tar.gz")
}

fn small(bytes: u64) -> io::Result<u32> {
    if bytes >= BYTES_MAX { Err(too_large()) } else { u32::try_from(bytes).map_err(|_| too_large()) }
}

/// Date and time as DOS wrote them, UTC; from 1980 on.
fn dos(seconds: i64) -> (u16, u16) {
    let seconds = seconds.clamp(315_532_800, 4_354_819_198);
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    // Years that begin in March, in eras of 400.
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry - 1980;
    let date = (year << 9) | (month << 5) | day;
    let time = ((second / 3_600) << 11) | ((second / 60 % 60) << 5) | (second % 60 / 2);
    (u16::try_from(date).unwrap_or(0), u16::try_from(time).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_dos() {
        assert_eq!(dos(0), (0x21, 0));
        // 2000-02-29 12:00:00
        assert_eq!(dos(951_825_600), (20 << 9 | 2 << 5 | 29, 12 << 11));
    }
}
